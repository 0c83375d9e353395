"""Rows of hot memory: entries as columns, and back."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, NamedTuple, TypeVar

import numpy as np

from tam_workbench.errors import BadInputError
from tam_workbench.memory.hot_columns import OPEN_FUTURE, OPEN_PAST, Asked, Columns
from tam_workbench.memory.hot_gate import Gate
from tam_workbench.memory.hot_kernels import Singles
from tam_workbench.records import Ints, MemoryEntry, Origin, Tier, Where

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIERS: Final = tuple(Tier)
_KIND, _SERVICE, _TIER, _LABELS, _QUARANTINED = range(5)
_CREATED, _VALID_FROM, _VALID_TO, _KNOWN_FROM, _KNOWN_TO = range(5)
_NOTHING: Final[Mapping[str, str]] = {}
_SHARED: Final = 65_536
_AT_HAND: Final = 1024  # entries kept whole, about 10 kB each: what is asked for is asked again


Name = TypeVar("Name", str, tuple[str, ...])


class Codebook(Generic[Name]):
    """Gives every name a number, in the order in which they come."""

    def __init__(self) -> None:
        self.names: list[Name] = []
        self._codes: dict[Name, int] = {}

    def code(self, name: Name) -> int:
        """Return the number of a name, -1 if it has none."""
        return self._codes.get(name, -1)

    def coded(self, name: Name) -> int:
        """Return the number of a name, a new one if need be."""
        code = self._codes.setdefault(name, len(self.names))
        if code == len(self.names):
            self.names.append(name)
        return code


class Rest(NamedTuple):
    """What nothing is filtered on; entries that are alike share one."""

    is_always_valid: bool  # no valid_from
    action: str
    helped: bool | None
    seen: int  # the entry's count
    origin: Origin
    source_ids: tuple[str, ...]
    surprise: float
    stability: float
    is_pinned: bool
    embedder: str


class HotRows:
    """Keeps all of an entry but its vector: numbers in columns, texts and the rest in lists."""

    def __init__(self) -> None:
        self.columns = Columns(codes=5, times=5)
        self.ids: list[str] = []
        self.texts: list[str] = []
        self._rest: list[Rest | None] = []
        self._attributes: list[Mapping[str, str]] = []
        self._at_hand: dict[int, MemoryEntry] = {}
        self._shared: dict[Rest, Rest] = {}
        self._kinds: Codebook[str] = Codebook()
        self._services: Codebook[str] = Codebook()
        self._labels: Codebook[tuple[str, ...]] = Codebook()
        self._labelled: dict[str, set[int]] = {}  # label sets by label

    def reserve(self) -> int:
        """Return the number of a new, empty row."""
        self.ids.append("")
        self.texts.append("")
        self._rest.append(None)
        self._attributes.append(_NOTHING)
        return len(self.ids) - 1

    def times(self, entries: Sequence[MemoryEntry]) -> Ints:
        """Return the times of entries as `put` wants them, (entries, 5) in microseconds.

        Raises
        ------
        BadInputError
            A time has no zone.
        """
        return np.array([_times(entry) for entry in entries], np.int64).reshape(-1, 5)

    def put(self, rows: Sequence[int], entries: Sequence[MemoryEntry], *, times: Ints) -> None:
        """Insert or replace what reserved rows hold."""
        for row, entry in zip(rows, entries, strict=True):
            self.ids[row], self.texts[row] = entry.id, entry.text
            self._rest[row] = self._one(_rest(entry))
            self._at_hand.pop(row, None)
            self._attributes[row] = dict(entry.attributes) if entry.attributes else _NOTHING
        self.columns.put(
            np.asarray(rows, np.int64),
            codes=[self._codes(entry) for entry in entries],
            times=times,
            trust=[entry.trust for entry in entries],
        )

    def remove(self, rows: Ints) -> None:
        """Forget what rows hold."""
        self.columns.remove(rows)
        for row in rows.tolist():
            self.ids[row], self.texts[row], self._rest[row] = "", "", None
            self._attributes[row] = _NOTHING
            self._at_hand.pop(row, None)

    def entry(self, row: int, vector: Singles) -> MemoryEntry:
        """Return the entry of a row, with its vector; the same one until the row changes."""
        found = self._at_hand.get(row)
        if found is None:
            found = self._at_hand[row] = self._made(row, vector)
            if len(self._at_hand) > _AT_HAND:
                del self._at_hand[next(iter(self._at_hand))]
        return found

    def _made(self, row: int, vector: Singles) -> MemoryEntry:
        rest, columns = self._rest[row], self.columns
        assert rest is not None, "only rows that are there are asked for"
        kind, service, tier, labels, quarantined = columns.codes[:, row].tolist()
        created, valid_from, valid_to, known_from, known_to = columns.times[:, row].tolist()
        return MemoryEntry(
            id=self.ids[row],
            kind=self._kinds.names[kind],
            text=self.texts[row],
            vector=tuple(vector.tolist()),
            tier=_TIERS[tier],
            service=self._services.names[service],
            created_at=_EPOCH + timedelta(microseconds=created),
            trust=float(columns.trust[row]),
            action=rest.action,
            helped=rest.helped,
            count=rest.seen,
            attributes=dict(self._attributes[row]),
            valid_from=None if rest.is_always_valid else _datetime(valid_from),
            valid_to=_datetime(valid_to),
            known_from=_datetime(known_from),
            known_to=_datetime(known_to),
            origin=rest.origin,
            labels=self._labels.names[labels],
            source_ids=rest.source_ids,
            surprise=rest.surprise,
            stability=rest.stability,
            is_pinned=rest.is_pinned,
            is_quarantined=bool(quarantined),
            embedder=rest.embedder,
        )

    def gate(self, where: Where) -> Gate:
        """Return what a search needs to know to see only what ``where`` admits."""
        return self.columns.gate(self._asked(where))

    def _asked(self, where: Where) -> Asked:
        codes: dict[int, set[int]] = {}
        if where.kinds:
            codes[_KIND] = {self._kinds.code(kind) for kind in where.kinds}
        if where.services:
            codes[_SERVICE] = {self._services.code(service) for service in where.services}
        if where.tiers:
            codes[_TIER] = {_TIERS.index(tier) for tier in where.tiers}
        if where.labels:
            sets = [self._labelled.get(label, set()) for label in where.labels]
            codes[_LABELS] = set.intersection(*sets)
        if not where.with_quarantined:
            codes[_QUARANTINED] = {0}
        return Asked(codes=codes, spans=_spans(where), min_trust=where.min_trust)

    def _codes(self, entry: MemoryEntry) -> tuple[int, int, int, int, int]:
        labels = self._labels.coded(entry.labels)
        if labels == len(self._labels.names) - 1:  # the newest: perhaps not indexed yet
            for label in entry.labels:
                self._labelled.setdefault(label, set()).add(labels)
        return (
            self._kinds.coded(entry.kind),
            self._services.coded(entry.service),
            _TIERS.index(entry.tier),
            labels,
            int(entry.is_quarantined),
        )

    def _one(self, rest: Rest) -> Rest:
        if len(self._shared) >= _SHARED:
            self._shared.clear()
        return self._shared.setdefault(rest, rest)


def _rest(entry: MemoryEntry) -> Rest:
    return Rest(
        is_always_valid=entry.valid_from is None,
        action=entry.action,
        helped=entry.helped,
        seen=entry.count,
        origin=entry.origin,
        source_ids=entry.source_ids,
        surprise=entry.surprise,
        stability=entry.stability,
        is_pinned=entry.is_pinned,
        embedder=entry.embedder,
    )


def _times(entry: MemoryEntry) -> tuple[int, int, int, int, int]:
    ends = (entry.valid_to, entry.known_to)
    valid_to, known_to = (OPEN_FUTURE if at is None else _microseconds(at) for at in ends)
    return (
        _microseconds(entry.created_at),
        _microseconds(entry.valid_from or entry.created_at),
        valid_to,
        OPEN_PAST if entry.known_from is None else _microseconds(entry.known_from),
        known_to,
    )


def _microseconds(at: datetime) -> int:
    if at.tzinfo is None:
        raise BadInputError(f"time {at.isoformat()} has no zone: give an aware one, such as UTC")
    gap = at - _EPOCH
    return (gap.days * 86_400 + gap.seconds) * 1_000_000 + gap.microseconds


def _datetime(microseconds: int) -> datetime | None:
    if microseconds in (OPEN_PAST, OPEN_FUTURE):
        return None
    return _EPOCH + timedelta(microseconds=microseconds)


def _spans(where: Where) -> dict[int, tuple[int, int]]:
    """Return the first and last time that ``where`` admits, by time column."""
    spans: dict[int, tuple[int, int]] = {}
    if where.since is not None or where.until is not None:
        since = OPEN_PAST if where.since is None else _microseconds(where.since)
        until = OPEN_FUTURE if where.until is None else _microseconds(where.until) - 1
        spans[_CREATED] = (since, until)
    for at, start, end in (
        (where.as_of, _VALID_FROM, _VALID_TO),
        (where.known_at, _KNOWN_FROM, _KNOWN_TO),
    ):
        if at is not None:
            spans[start] = (OPEN_PAST, _microseconds(at))
            spans[end] = (_microseconds(at) + 1, OPEN_FUTURE)
    return spans
