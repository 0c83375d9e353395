"""What every `VersionedStore` promises on top, as a function that anyone can run on their own."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from tam_workbench.ports.protocols import EVERYTHING, VersionedStore
from tam_workbench.ports.store_purge_checks import PURGED, holding
from tam_workbench.ports.store_samples import (
    demand,
    full_sample,
    ids_of,
    near,
    refused,
    sample,
    scanned,
)

MakeVersioned = Callable[[str], VersionedStore]


def check_versions(make: MakeVersioned, *, folder: Callable[[str], Path] | None = None) -> None:
    """Run every promise that a `VersionedStore` makes beyond those of a `Store`.

    Parameters
    ----------
    make
        Opens the store of a name, as for `check_store`; the same name again is the same place.
    folder
        Where the files of the store of a name are: then they are read after a purge.

    Raises
    ------
    PromiseBrokenError
        The first promise that is not kept.
    """
    for promise in (
        _reads_the_past,
        _past_is_to_read_only,
        _tags_keep,
        _untagging_lets_go,
        _branches,
        _restores,
        _compacts,
        _names_are_checked,
    ):
        store = make(promise.__name__)
        try:
            promise(store)
        finally:
            store.close()
    _tags_survive_reopening(make)
    _purges_the_past(make, folder)


def _reads_the_past(store: VersionedStore) -> None:
    first, second = sample("a", text="alpha words"), full_sample("f")
    store.put([first, second])
    then = store.version()
    store.put([sample("a", 0.0, 1.0, text="omega words"), sample("b", text="alpha too")])
    store.delete(["f"])
    made = store.versions()
    demand({then, store.version()} <= set(made), "versions lists what can be read")
    demand(list(made) == sorted(made), "versions come in order")
    demand(all(at.tzinfo is not None for at in made.values()), "versions have aware times")
    past = store.at(then)
    demand(past.version() == then, "a past version says its number")
    demand(past.count() == 2 and past.get(["a", "f", "b"]) == [first, second], "at reads the past")
    demand(scanned(past, EVERYTHING) == ["a", "f"], "the past is scanned as it was")
    demand(near(past, where=EVERYTHING) == ["a", "f"], "the past is searched as it was")
    demand(ids_of(past.matching("alpha", k=9)) == ["a"], "by its own words")
    past.close()
    demand(store.get(["a"])[0].text == "omega words", "reading the past changes nothing")


def _past_is_to_read_only(store: VersionedStore) -> None:
    store.put([sample("a")])
    past = store.at(store.version())
    refused(partial(past.put, [sample("b")]), "a put into the past")
    refused(partial(past.delete, ["a"]), "a delete in the past")
    refused(partial(past.purge, ["a"], needles=["a"]), "a purge of the past alone")
    demand(store.count() == 1, "a refused write changes nothing")


def _tags_keep(store: VersionedStore) -> None:
    store.put([sample("a", text="as it was")])
    number = store.tag("incident 42/ä")
    demand(number == store.version(), "tag names the present version and returns it")
    later = []
    for at in range(4):
        store.put([sample("a", text=f"later {at}"), sample(f"b{at}")])
        later.append(store.tag(f"later-{at}"))
    store.tag("again", version=number)
    demand(
        store.tags().get("incident 42/ä") == store.tags().get("again") == number,
        "a version can have two tags",
    )
    store.compact(keep_versions=1)
    for name in ("incident 42/ä", number):
        demand(_past_ids(store, name) == ["a"], "a tagged version outlives compaction")
    demand(store.at(number).get(["a"])[0].text == "as it was", "with its text")
    demand(store.at("later-2").count() == 4, "each tag keeps its own version")
    demand(set(later) | {number} <= set(store.versions()), "versions lists the tagged ones")
    store.tag("again", version=later[0])
    demand(store.at("again").count() == 2, "a tag can be moved")


def _untagging_lets_go(store: VersionedStore) -> None:
    store.put([sample("a")])
    number = store.tag("once")
    store.put([sample("b")])
    store.untag("once")
    store.untag("never")
    store.compact(keep_versions=1)
    demand(store.tags() == {}, "an untagged name is gone")
    demand(number not in store.versions(), "its version goes with the others")
    refused(partial(store.at, number), "a version that is gone")
    refused(partial(store.at, "once"), "a tag that is gone")
    demand(store.count() == 2, "the present stays")


def _branches(store: VersionedStore) -> None:
    store.put([sample("a"), sample("b")])
    then = store.tag("then")
    store.put([sample("c")])
    what_if, past = store.branch("what-if"), store.branch("past", version="then")
    demand(scanned(what_if) == ["a", "b", "c"], "a branch starts as the present")
    demand(scanned(past) == ["a", "b"], "or as a past version")
    what_if.put([sample("d"), replace(sample("a"), text="tried")])
    what_if.delete(["b"])
    demand(scanned(what_if) == ["a", "c", "d"], "a branch can be written")
    demand(scanned(store) == ["a", "b", "c"], "which changes nothing here")
    demand(store.get(["a"])[0].text == "text of a", "in no entry")
    store.put([sample("e")])
    store.compact(keep_versions=1)
    demand(scanned(what_if) == ["a", "c", "d"], "nor does the present change the branch")
    demand(scanned(past) == ["a", "b"], "nor its compaction")
    demand(store.at(then).count() == 2, "branching leaves the tag")
    what_if.close()
    past.close()


def _restores(store: VersionedStore) -> None:
    store.put([sample("a", text="first words")])
    first = store.tag("first")
    store.put([sample("a", text="second words"), sample("b")])
    second = store.version()
    now = store.restore(first)
    demand(now == store.version() > second, "a restore is a new version")
    demand(scanned(store) == ["a"], "with the old content")
    demand(ids_of(store.matching("first", k=9)) == ["a"], "that can be found")
    demand(store.at(second).count() == 2, "and what was restored over is still there")
    store.put([sample("c")])
    demand(scanned(store) == ["a", "c"], "a restored store can be written")
    store.compact(keep_versions=1)
    store.restore("first")
    demand(scanned(store) == ["a"] and near(store) == ["a"], "a tag is restored after compaction")
    demand(ids_of(store.matching("words", k=9)) == ["a"], "and found by its words")


def _compacts(store: VersionedStore) -> None:
    for at in range(12):
        store.put([sample(f"m{at:02d}", text=f"line {at}")])
    before = store.figures()
    store.compact(keep_versions=3)
    after = store.figures()
    demand(after["rows"] == before["rows"] == 12, "compaction keeps the rows")
    demand(after["fragments"] <= max(1, before["fragments"] // 2), "it folds fragments together")
    demand(after["versions"] < before["versions"], "it drops old versions")
    demand(1 <= after["versions"] <= 6, "it keeps about as many versions as asked")
    demand(min(after["bytes"], after["files"]) > 0, "figures count bytes and files")
    demand(scanned(store) == [f"m{at:02d}" for at in range(12)], "nothing is lost")
    demand(ids_of(store.matching("line", k=99)) == scanned(store), "words are found as before")
    store.put([sample("new", text="line new")])
    demand(len(store.matching("line", k=99)) == 13, "and new ones beside them")


def _names_are_checked(store: VersionedStore) -> None:
    store.put([sample("a")])
    store.branch("b").close()
    for name in ("b", "", "../b", "x/y", ".", "b c"):
        refused(partial(store.branch, name), f"a branch named {name!r}")
    refused(partial(store.tag, ""), "a tag without a name")
    refused(partial(store.tag, "t", version=999), "a tag on a version that never was")
    refused(partial(store.at, 999), "a version that never was")
    refused(partial(store.restore, "nothing"), "a tag that never was")
    demand(store.tags() == {} and store.count() == 1, "a refusal changes nothing")


def _tags_survive_reopening(make: MakeVersioned) -> None:
    store = make("reopened_tags")
    store.put([sample("a")])
    number = store.tag("kept")
    store.put([sample("b")])
    store.compact(keep_versions=1)
    store.close()
    again = make("reopened_tags")
    try:
        demand(again.tags() == {"kept": number}, "tags are there after reopening")
        demand(again.at("kept").count() == 1, "and can be read")
    finally:
        again.close()


def _purges_the_past(make: MakeVersioned, folder: Callable[[str], Path] | None) -> None:
    name = "purged_past"
    store = make(name)
    try:
        secret = replace(sample("secret", text=f"of {PURGED}"), attributes={"who": PURGED})
        store.put([sample("a", text="calm")])
        store.tag("before")
        store.put([secret, sample("b", text=f"quotes {PURGED}")])
        store.tag("quoting")
        store.put([sample("b", text="calm again")])
        store.compact(keep_versions=9)
        with_it = store.tag("with it")
        branch = store.branch("what-if")
        branch.put([sample("c")])
        store.delete(["secret"])
        store.put([sample("d")])
        store.tag("after")
        proof = store.purge(["secret"], needles=[PURGED])
        demand(proof.files_holding == (), f"after a purge no version holds the text: {proof}")
        demand("tag:quoting" in proof.versions_dropped, "the proof names the tags that went")
        demand(proof.versions_dropped != ("tag:quoting",), "and the versions")
        demand(set(store.tags()) == {"before", "with it", "after"}, "other tags stay")
        demand(_past_ids(store, "before") == ["a"], "those without the entry as they were")
        demand(_past_ids(store, "with it") == ["a", "b"], "those with it without it")
        demand(_past_ids(store, with_it) == ["a", "b"], "by their number too")
        demand(ids_of(store.at("with it").matching("quokka calm", k=9)) == ["a", "b"], "and words")
        demand(scanned(branch) == ["a", "b", "c"], "branches lose it as well")
        demand(scanned(store) == ["a", "b", "d"], "the present keeps the rest")
        demand(folder is None or holding(folder(name)) == [], "no file holds it, tagged or not")
        branch.close()
    finally:
        store.close()


def _past_ids(store: VersionedStore, version: int | str) -> list[str]:
    past = store.at(version)
    try:
        return scanned(past)
    finally:
        past.close()
