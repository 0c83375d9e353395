"""Facts in the order of time under every key by which a pattern may look for them."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping

from tam_workbench.causal.matching import SORTS, Keys
from tam_workbench.records import Fact

Row = tuple[float, str]  # stamp, fact id
Name = tuple[str, str]  # key, kind
HIGH = "\uffff"
ASKING = frozenset({"consumed", "called", "target", "because", "preemptor", "hosted"})
"""Sorts of key that name somebody else: kept apart from the keys of those who are named."""


class Known:
    """A fact as the index holds it: its stamp in seconds and its place in the order of facts."""

    __slots__ = ("_keys", "at", "fact", "order")

    def __init__(self, fact: Fact, *, at: float, order: tuple[float, int, float, str]) -> None:
        self.fact = fact
        self.at = at
        self.order = order
        self._keys: dict[str, Keys] | None = None

    def keys(self, sort: str) -> Keys:
        """Return the fact's keys of one sort."""
        held = self._keys
        if held is None:
            held = self._keys = {}
        found = held.get(sort)
        if found is None:
            found = held[sort] = SORTS[sort](self.fact)
        return found

    def rest(self) -> None:
        """Let go of the keys; they are found again when they are asked for."""
        self._keys = None


class Index:
    """Buckets of rows by (key, kind), each in the order of time.

    Parameters
    ----------
    sorts
        Kind of fact -> sorts of key under which it is looked for.
    """

    def __init__(self, sorts: Mapping[str, tuple[str, ...]]) -> None:
        self.known: dict[str, Known] = {}
        self._sorts = {
            kind: tuple((sort, "~" if sort in ASKING else "") for sort in found)
            for kind, found in sorts.items()
        }
        self._buckets: dict[Name, list[Row]] = {}

    def add(self, known: Known) -> None:
        """Put a fact under all its keys."""
        fact = known.fact
        self.known[fact.id] = known
        row = (known.at, fact.id)
        buckets = self._buckets
        for name in self._names(known):
            bucket = buckets.get(name)
            if bucket is None:
                buckets[name] = [row]
            elif bucket[-1] < row:
                bucket.append(row)
            else:
                insort(bucket, row)

    def remove(self, fact_id: str) -> None:
        """Take a fact out from under all its keys."""
        known = self.known.pop(fact_id)
        row = (known.at, fact_id)
        for name in self._names(known):
            bucket = self._buckets[name]
            del bucket[bisect_left(bucket, row)]
            if not bucket:
                del self._buckets[name]

    def _names(self, known: Known) -> set[Name]:
        kind = known.fact.kind
        return {
            (prefix + key, kind)
            for sort, prefix in self._sorts.get(kind, ())
            for key in known.keys(sort)
        }

    def asking(self, key: str, kind: str) -> Name:
        """Return the name of the bucket of facts of a kind that name somebody by a key."""
        return (f"~{key}", kind)

    def between(self, name: Name, low: float, high: float) -> Iterator[Known]:
        """Yield facts of a bucket stamped in [low, high], the earliest first."""
        bucket = self._buckets.get(name)
        if bucket is None or bucket[-1][0] < low:
            return
        known = self.known
        for place in range(bisect_left(bucket, (low, "")), len(bucket)):
            at, fact_id = bucket[place]
            if at > high:
                return
            yield known[fact_id]

    def before(self, name: Name, high: float, low: float) -> Iterator[Known]:
        """Yield facts of a bucket stamped in [low, high], the latest first."""
        bucket = self._buckets.get(name)
        if bucket is None or bucket[0][0] > high:
            return
        known = self.known
        for place in range(bisect_right(bucket, (high, HIGH)) - 1, -1, -1):
            at, fact_id = bucket[place]
            if at < low:
                return
            yield known[fact_id]

    def has_since(self, name: Name, low: float) -> bool:
        """Return whether a bucket holds a fact stamped at ``low`` or later."""
        bucket = self._buckets.get(name)
        return bucket is not None and bucket[-1][0] >= low
