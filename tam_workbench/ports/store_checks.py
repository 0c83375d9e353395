"""What every `Store` promises, as a function that anyone can run on a store of their own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from tam_workbench.errors import PromiseBrokenError, TamError
from tam_workbench.ports.protocols import Store
from tam_workbench.records import MemoryEntry, Tier, Where

CHECK_DIMENSION: Final = 8
"""Numbers in the vectors of the suite: the store that ``make`` opens must keep such."""

Make = Callable[[str], Store]

_AWKWARD: Final = ("it's", 'say "hi"', "50 %_*", "a;--", "line\nbreak", "täm→", "back\\slash", "")
_NONE: Final = Where()


def check_store(make: Make, *, is_persistent: bool = True) -> None:
    """Run every promise of the `Store` port.

    Parameters
    ----------
    make
        Opens the store of a name, for vectors of ``CHECK_DIMENSION`` numbers; the same name
        again is the same place when the store is persistent. Names are new to the caller.
    is_persistent
        Whether what was put is there after closing and opening again.

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
        _filters,
        _survives_awkward_text,
        _deletes,
        _version_grows,
        _ties_are_settled,
        _refuses_bad_vectors,
        _holds_many,
        _closes_twice,
    ):
        store = make(promise.__name__)
        try:
            promise(store)
        finally:
            store.close()
    if is_persistent:
        _keeps_after_reopening(make)


def _demand(kept: object, promise: str) -> None:
    if not kept:
        raise PromiseBrokenError(f"store: {promise}")


def _unit(*numbers: float) -> npt.NDArray[np.float32]:
    vector = np.zeros(CHECK_DIMENSION, np.float32)
    vector[: len(numbers)] = numbers
    return vector / np.float32(np.linalg.norm(vector))


def _entry(name: str, *numbers: float) -> MemoryEntry:
    return MemoryEntry(
        id=name,
        kind="incident",
        text=f"text of {name}",
        vector=tuple(_unit(*(numbers or (1.0,))).tolist()),
        tier=Tier.EPISODIC,
        service="checkout",
        created_at=datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=UTC),
        trust=0.75,
        action="restart",
        helped=True,
        count=3,
        attributes={"why": "it's a test"},
    )


def _ids(store: Store, *, k: int = 10, where: Where = _NONE) -> list[str]:
    return [hit.entry.id for hit in store.nearest(_unit(1.0), k=k, where=where)]


def _empty_is_calm(store: Store) -> None:
    _demand(store.count() == 0, "a new store is empty")
    _demand(store.get(["a"]) == [] and store.get([]) == [], "nothing is found in an empty store")
    _demand(_ids(store) == [], "nothing is near in an empty store")
    _demand(store.delete(["a"]) == 0 and store.delete([]) == 0, "nothing is deleted from nothing")
    store.put([])
    _demand(store.count() == 0, "putting nothing keeps nothing")


def _gives_back_what_was_put(store: Store) -> None:
    full = _entry("a", 3.0, 4.0)
    bare = replace(_entry("b"), action="", helped=None, attributes={}, tier=Tier.LONG_TERM)
    failed = replace(_entry("c"), helped=False, vector=(2.0,) + (0.25,) * (CHECK_DIMENSION - 1))
    store.put([full, bare, failed])
    _demand(store.get(["a", "b", "c"]) == [full, bare, failed], "get returns what was put")
    _demand(store.get(["c", "x", "a"]) == [failed, full], "get keeps order, skips the unknown")
    _demand(store.count() == 3, "count counts")


def _replaces_by_id(store: Store) -> None:
    store.put([_entry("a"), _entry("b")])
    changed = replace(_entry("a", 0.0, 1.0), text="other", count=4)
    store.put([changed])
    _demand(store.count() == 2, "a known id adds no row")
    _demand(store.get(["a"]) == [changed], "a known id is replaced")
    store.put([replace(changed, count=5), replace(changed, count=6)])
    _demand(store.count() == 2, "one id twice in one put is one row")
    _demand(store.get(["a"])[0].count == 6, "the last of equal ids wins")
    _demand(_ids(store) == ["b", "a"], "a replaced vector is not found any more")


def _finds_the_nearest(store: Store) -> None:
    store.put([_entry("far", -1.0), _entry("near", 1.0, 0.1), _entry("side", 0.0, 1.0)])
    hits = store.nearest(_unit(1.0), k=2, where=Where())
    _demand([hit.entry.id for hit in hits] == ["near", "side"], "nearest returns k, best first")
    expected = [1 / np.sqrt(1.01), 0.0]
    _demand(
        np.allclose([hit.parts["similarity"] for hit in hits], expected, atol=1e-5)
        and np.allclose([hit.score for hit in hits], expected, atol=1e-5),
        "similarity is the cosine and the score",
    )
    _demand(hits[0].entry == store.get(["near"])[0], "a hit carries the whole entry")
    _demand(_ids(store, k=99) == ["near", "side", "far"], "k beyond count returns all")
    _demand(_ids(store, k=0) == [], "k of zero returns none")
    tripled = store.nearest(3 * _unit(1.0), k=1, where=Where())[0]
    _demand(abs(tripled.score - expected[0]) < 1e-5, "the length of a query does not matter")


def _filters(store: Store) -> None:
    store.put(
        [
            _entry("a", 0.0, 1.0),
            replace(_entry("b"), kind="note"),
            replace(_entry("c"), service="it's"),
            replace(_entry("d"), tier=Tier.LONG_TERM),
        ]
    )
    _demand(_ids(store, k=1, where=Where(kinds=("note",))) == ["b"], "where filters on kind")
    _demand(_ids(store, k=9, where=Where(services=("it's",))) == ["c"], "where filters on service")
    _demand(
        _ids(store, k=9, where=Where(tiers=(Tier.LONG_TERM,))) == ["d"], "where filters on tier"
    )
    both = Where(kinds=("incident",), services=("checkout",), tiers=(Tier.EPISODIC,))
    _demand(_ids(store, k=1, where=both) == ["a"], "filters hold before k is counted, all of them")
    _demand(
        _ids(store, where=Where(services=("x' OR '1'='1",))) == [], "a filter is a value, not code"
    )


def _survives_awkward_text(store: Store) -> None:
    entries = [
        replace(_entry(f"id {text}"), text=text, service=text, action=text, attributes={text: text})
        for text in _AWKWARD
    ]
    store.put([*entries, _entry("plain")])
    for entry in entries:
        _demand(store.get([entry.id]) == [entry], f"{entry.id!r} is kept as it is")
        found = _ids(store, where=Where(services=(entry.service,)))
        _demand(found == [entry.id], f"service {entry.service!r} can be filtered on")
    _demand(store.delete([entry.id for entry in entries]) == len(entries), "awkward ids delete")
    _demand(store.count() == 1, "deleting awkward ids takes no other row")


def _deletes(store: Store) -> None:
    store.put([_entry("a"), _entry("b"), _entry("c")])
    _demand(store.delete(["a", "x", "a"]) == 1, "delete counts what was there, once")
    _demand(store.delete(["a"]) == 0, "what is gone is gone")
    _demand(store.get(["a", "b"]) == [_entry("b")], "a deleted entry is not returned")
    _demand(_ids(store) == ["b", "c"] and store.count() == 2, "a deleted entry is not found")
    store.put([_entry("a", 1.0, 1.0)])
    _demand(store.get(["a"]) == [_entry("a", 1.0, 1.0)], "a deleted id can be put again")


def _version_grows(store: Store) -> None:
    versions = [store.version()]
    for change in (
        lambda: store.put([_entry("a")]),
        lambda: store.put([replace(_entry("a"), text="other")]),
        lambda: store.put([_entry("b"), _entry("c")]),
        lambda: store.delete(["b"]),
    ):
        change()
        versions.append(store.version())
    _demand(versions == sorted(set(versions)), "the version grows with every change")
    _ids(store)
    store.get(["a"])
    _demand(store.version() == versions[-1], "reading changes no version")


def _ties_are_settled(store: Store) -> None:
    names = [f"tie-{number:03d}" for number in range(60)]
    for start in (40, 0, 20):
        store.put([_entry(name) for name in reversed(names[start : start + 20])])
    _demand(_ids(store, k=7) == names[:7], "equally near entries come in order of id")
    _demand(_ids(store, k=60) == names, "ties beyond k change nothing")


def _refuses_bad_vectors(store: Store) -> None:
    store.put([_entry("a")])
    for vector in ((1.0,), (0.0,) * CHECK_DIMENSION, (float("nan"),) * CHECK_DIMENSION):
        put = partial(store.put, [_entry("b"), replace(_entry("bad"), vector=vector)])
        _refused(put, f"an entry with {vector}")
        recall = partial(store.nearest, np.array(vector, np.float32), k=1, where=Where())
        _refused(recall, f"a query with {vector}")
    _demand(store.count() == 1, "a refused put keeps nothing of it")


def _holds_many(store: Store) -> None:
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(1200, CHECK_DIMENSION)).astype(np.float32)
    names = [f"m{number:05d}" for number in range(len(vectors))]
    entries = [
        replace(_entry(name), vector=tuple(vector.tolist()))
        for name, vector in zip(names, vectors, strict=True)
    ]
    store.put(entries[:1199])
    store.put(entries[1199:])
    query = rng.normal(size=CHECK_DIMENSION).astype(np.float32)
    cosine = vectors @ query / (np.linalg.norm(vectors, axis=1) * np.linalg.norm(query))
    expected = [names[at] for at in np.argsort(-cosine)[:20]]
    found = [hit.entry.id for hit in store.nearest(query, k=20, where=Where())]
    _demand(
        len(set(found) & set(expected)) >= 19, "of 20 nearest among 1,200 at least 19 are found"
    )
    _demand(store.get(names) == entries, "1,200 entries come back in one get")
    _demand(store.delete(names) == 1200 and store.count() == 0, "1,200 entries go in one delete")


def _closes_twice(store: Store) -> None:
    store.put([_entry("a")])
    store.close()
    store.close()
    _refused(store.count, "use after close")


def _keeps_after_reopening(make: Make) -> None:
    store = make("reopened")
    store.put([_entry("a"), _entry("b")])
    store.delete(["b"])
    version = store.version()
    store.close()
    again = make("reopened")
    try:
        _demand(again.get(["a", "b"]) == [_entry("a")], "what was put is there after reopening")
        _demand(again.version() >= version, "the version does not go back on reopening")
    finally:
        again.close()


def _refused(attempt: Callable[[], object], what: str) -> None:
    try:
        attempt()
    except TamError as error:
        _demand("\n" not in str(error), f"{what} is refused in one line")
        return
    raise PromiseBrokenError(f"store: {what} is refused with a TamError")
