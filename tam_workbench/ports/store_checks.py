"""What every `Store` promises, as a function that anyone can run on a store of their own."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from tam_workbench.ports import store_purge_checks, store_search_checks
from tam_workbench.ports.protocols import Store
from tam_workbench.ports.store_samples import (
    CHECK_DIMENSION,
    demand,
    full_sample,
    near,
    refused,
    sample,
    unit,
)
from tam_workbench.records import Tier, Where

Make = Callable[[str], Store]

_AWKWARD: Final = ("it's", 'say "hi"', "50 %_*", "a;--", "line\nbreak", "täm→", "back\\slash", "")


def check_store(
    make: Make, *, is_persistent: bool = True, folder: Callable[[str], Path] | None = None
) -> None:
    """Run every promise of the `Store` port.

    A word is a run of letters and digits, whatever its case; which ranking orders the matches
    is free, so order is demanded only where more shared words in an equally long text win.

    Parameters
    ----------
    make
        Opens the store of a name, for vectors of ``CHECK_DIMENSION`` numbers; the same name
        again is the same place when the store is persistent. Names are new to the caller.
    is_persistent
        Whether what was put is there after closing and opening again.
    folder
        Where the files of the store of a name are: then they are read after a purge, without
        trust in its proof.

    Raises
    ------
    PromiseBrokenError
        The first promise that is not kept.
    """
    for promise in (
        _empty_is_calm,
        _gives_back_what_was_put,
        _replaces_by_id,
        _finds_the_nearest,
        store_search_checks.finds_the_nearest_of_its_kind,
        store_search_checks.finds_the_words,
        store_search_checks.ranks_the_words,
        store_search_checks.follows_changed_words,
        store_search_checks.admits_by_where,
        store_search_checks.pages_in_order,
        _survives_awkward_text,
        _deletes,
        store_purge_checks.purges,
        store_purge_checks.proves_no_more_than_it_did,
        _version_grows,
        _ties_are_settled,
        _refuses_bad_vectors,
        _holds_many,
        _closes_twice,
    ):
        _run(make, promise.__name__, promise)
    if folder is not None:
        place = folder("leaves_no_bytes")
        leaves = partial(store_purge_checks.leaves_no_bytes, folder=place)
        _run(make, "leaves_no_bytes", leaves)
    if is_persistent:
        _keeps_after_reopening(make)


def _run(make: Make, name: str, promise: Callable[[Store], None]) -> None:
    store = make(name)
    try:
        promise(store)
    finally:
        store.close()


def _empty_is_calm(store: Store) -> None:
    demand(store.count() == 0, "a new store is empty")
    demand(store.get(["a"]) == [] and store.get([]) == [], "nothing is found in an empty store")
    demand(near(store) == [], "nothing is near in an empty store")
    demand(store.matching("a", k=3) == [], "no word is in an empty store")
    demand(store.delete(["a"]) == 0 and store.delete([]) == 0, "nothing is deleted from nothing")
    store.put([])
    demand(store.count() == 0, "putting nothing keeps nothing")


def _gives_back_what_was_put(store: Store) -> None:
    full = sample("a", 3.0, 4.0)
    bare = replace(sample("b"), action="", helped=None, attributes={}, tier=Tier.LONG_TERM)
    failed = replace(sample("c"), helped=False, vector=(2.0,) + (0.25,) * (CHECK_DIMENSION - 1))
    store.put([full, bare, failed])
    every = full_sample("d")
    store.put([every])
    demand(store.get(["a", "b", "c"]) == [full, bare, failed], "get returns what was put")
    demand(store.get(["d"]) == [every], "every field comes back, to the microsecond")
    demand(store.get(["c", "x", "a"]) == [failed, full], "get keeps order, skips the unknown")
    demand(store.count() == 4, "count counts")


def _replaces_by_id(store: Store) -> None:
    store.put([sample("a"), sample("b")])
    changed = replace(sample("a", 0.0, 1.0), text="other", count=4)
    store.put([changed])
    demand(store.count() == 2, "a known id adds no row")
    demand(store.get(["a"]) == [changed], "a known id is replaced")
    store.put([replace(changed, count=5), replace(changed, count=6)])
    demand(store.count() == 2, "one id twice in one put is one row")
    demand(store.get(["a"])[0].count == 6, "the last of equal ids wins")
    demand(near(store) == ["b", "a"], "a replaced vector is not found any more")


def _finds_the_nearest(store: Store) -> None:
    store.put([sample("far", -1.0), sample("near", 1.0, 0.1), sample("side", 0.0, 1.0)])
    hits = store.nearest(unit(1.0), k=2, where=Where())
    demand([hit.entry.id for hit in hits] == ["near", "side"], "nearest returns k, best first")
    expected = [1 / np.sqrt(1.01), 0.0]
    demand(
        np.allclose([hit.parts["similarity"] for hit in hits], expected, atol=1e-5)
        and np.allclose([hit.score for hit in hits], expected, atol=1e-5),
        "similarity is the cosine and the score",
    )
    demand(hits[0].entry == store.get(["near"])[0], "a hit carries the whole entry")
    demand(near(store, k=99) == ["near", "side", "far"], "k beyond count returns all")
    demand(near(store, k=0) == [], "k of zero returns none")
    tripled = store.nearest(3 * unit(1.0), k=1, where=Where())[0]
    demand(abs(tripled.score - expected[0]) < 1e-5, "the length of a query does not matter")


def _survives_awkward_text(store: Store) -> None:
    entries = [
        replace(sample(f"id {text}"), text=text, service=text, action=text, attributes={text: text})
        for text in _AWKWARD
    ]
    store.put([*entries, sample("plain")])
    for entry in entries:
        demand(store.get([entry.id]) == [entry], f"{entry.id!r} is kept as it is")
        found = near(store, where=Where(services=(entry.service,)))
        demand(found == [entry.id], f"service {entry.service!r} can be filtered on")
    demand(store.delete([entry.id for entry in entries]) == len(entries), "awkward ids delete")
    demand(store.count() == 1, "deleting awkward ids takes no other row")


def _deletes(store: Store) -> None:
    store.put([sample("a"), sample("b"), sample("c")])
    demand(store.delete(["a", "x", "a"]) == 1, "delete counts what was there, once")
    demand(store.delete(["a"]) == 0, "what is gone is gone")
    demand(store.get(["a", "b"]) == [sample("b")], "a deleted entry is not returned")
    demand(near(store) == ["b", "c"] and store.count() == 2, "a deleted entry is not found")
    store.put([sample("a", 1.0, 1.0)])
    demand(store.get(["a"]) == [sample("a", 1.0, 1.0)], "a deleted id can be put again")


def _version_grows(store: Store) -> None:
    versions = [store.version()]
    for change in (
        lambda: store.put([sample("a")]),
        lambda: store.put([replace(sample("a"), text="other")]),
        lambda: store.put([sample("b"), sample("c")]),
        lambda: store.delete(["b"]),
    ):
        change()
        versions.append(store.version())
    demand(versions == sorted(set(versions)), "the version grows with every change")
    near(store)
    store.get(["a"])
    demand(store.version() == versions[-1], "reading changes no version")


def _ties_are_settled(store: Store) -> None:
    names = [f"tie-{number:03d}" for number in range(60)]
    for start in (40, 0, 20):
        store.put([sample(name) for name in reversed(names[start : start + 20])])
    demand(near(store, k=7) == names[:7], "equally near entries come in order of id")
    demand(near(store, k=60) == names, "ties beyond k change nothing")


def _refuses_bad_vectors(store: Store) -> None:
    store.put([sample("a")])
    for vector in ((1.0,), (0.0,) * CHECK_DIMENSION, (float("nan"),) * CHECK_DIMENSION):
        put = partial(store.put, [sample("b"), replace(sample("bad"), vector=vector)])
        refused(put, f"an entry with {vector}")
        recall = partial(store.nearest, np.array(vector, np.float32), k=1, where=Where())
        refused(recall, f"a query with {vector}")
    demand(store.count() == 1, "a refused put keeps nothing of it")


def _holds_many(store: Store) -> None:
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(1200, CHECK_DIMENSION)).astype(np.float32)
    names = [f"m{number:05d}" for number in range(len(vectors))]
    entries = [
        replace(sample(name), vector=tuple(vector.tolist()))
        for name, vector in zip(names, vectors, strict=True)
    ]
    store.put(entries[:1199])
    store.put(entries[1199:])
    query = rng.normal(size=CHECK_DIMENSION).astype(np.float32)
    cosine = vectors @ query / (np.linalg.norm(vectors, axis=1) * np.linalg.norm(query))
    expected = [names[at] for at in np.argsort(-cosine)[:20]]
    found = [hit.entry.id for hit in store.nearest(query, k=20, where=Where())]
    demand(len(set(found) & set(expected)) >= 19, "of 20 nearest among 1,200 at least 19 are found")
    demand(store.get(names) == entries, "1,200 entries come back in one get")
    demand(store.delete(names) == 1200 and store.count() == 0, "1,200 entries go in one delete")


def _closes_twice(store: Store) -> None:
    store.put([sample("a")])
    store.close()
    store.close()
    refused(store.count, "use after close")


def _keeps_after_reopening(make: Make) -> None:
    store = make("reopened")
    store.put([sample("a", text="disk full"), sample("b", text="disk slow"), full_sample("f")])
    store.delete(["b"])
    version = store.version()
    store.close()
    again = make("reopened")
    try:
        kept = [sample("a", text="disk full"), full_sample("f")]
        demand(again.get(["a", "b", "f"]) == kept, "what was put is there after reopening")
        words = [hit.entry.id for hit in again.matching("disk", k=9)]
        demand(words == near(again) == ["a"], "and found after reopening")
        demand(again.version() >= version, "the version does not go back on reopening")
    finally:
        again.close()
