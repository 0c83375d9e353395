"""Upkeep: what memory does by itself between two questions, a page of entries at a time."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from tam_workbench import memory as room
from tam_workbench.engine.remembering.memory import Memory
from tam_workbench.errors import TransientError
from tam_workbench.ports import VersionedStore
from tam_workbench.records import MemoryEntry, Receipt, Tier, Transition, Where

IsOpen = Callable[[MemoryEntry], bool]
"""Whether an entry belongs to an incident that still runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpkeepRules:
    """How often memory is kept in order."""

    every_s: float = 60.0
    """Seconds of the stream between two turns; 0 keeps order at every batch."""

    settled_every_s: float = 3600.0
    """Seconds of the stream until a settled entry that did not change is judged again: what time
    alone does to it takes days. 0 judges it each time its page comes."""

    page: int = 500
    """Entries looked at in a turn beside short-term and working memory, which are always
    looked at; bounds what a turn costs."""

    compact_every: int = 256
    """Writes between two compactions; more is faster and leaves more files behind."""

    budget_rows: int | None = 200_000
    """Entries kept at most; the least worth go first. ``None`` keeps all."""

    budget_bytes: int | None = 268_435_456
    """Bytes of text, attributes and vectors kept at most (256 MiB). ``None`` keeps all."""

    budget_every: int = 60
    """Turns between two looks at the budget, which reads every entry."""

    keep_versions: int = 64
    """Untagged versions that a compaction leaves, so that recent decisions can be replayed."""


class Upkeep:
    """Moves entries between tiers, lets expired ones go, and keeps the store compact."""

    def __init__(self, memory: Memory, *, rules: UpkeepRules) -> None:
        self._memory = memory
        self._rules = rules
        self._due_at: datetime | None = None
        self._pages: Iterator[list[MemoryEntry]] = iter(())
        self._compacted = memory.shelf.version
        self._turns = 0
        self._judged: dict[str, int] = {}  # settled entries, as they were when nothing was due
        self._judged_since: datetime | None = None

    def turn(self, *, now: datetime, is_open: IsOpen) -> list[Receipt]:
        """Keep order if it is time to."""
        if self._due_at is not None:
            waited_s = (now - self._due_at).total_seconds()
            if 0.0 <= waited_s < self._rules.every_s:
                return []
        self._due_at = now
        return self.consolidate(now=now, is_open=is_open)

    def consolidate(self, *, now: datetime, is_open: IsOpen) -> list[Receipt]:
        """Move and expire what is due among those in mind and one page of the rest."""
        memory, tiers = self._memory, self._memory.rules.tiers
        mind = Where(tiers=(Tier.SHORT_TERM, Tier.WORKING), with_quarantined=True)
        inmind = [entry for page in memory.shelf.scan(mind) for entry in page]
        settled = self._unjudged(self._page(), now=now)
        at_hand = {entry.id: entry for entry in (*inmind, *settled) if entry.known_to is None}
        moves: list[Transition] = []
        changed: dict[str, MemoryEntry] = {}
        for entry in at_hand.values():
            evidence = room.Evidence(is_open=is_open(entry))
            moved = self._moved(entry, now, evidence, moves)
            if moved is not entry:
                changed[entry.id] = moved
        still = [changed.get(entry.id, entry) for entry in inmind]
        open_ids = {entry.id for entry in still if is_open(entry)}
        for move in room.crowded(
            [entry for entry in still if entry.id not in open_ids], now=now, rules=tiers
        ):
            before = changed.get(move.entry_id, at_hand[move.entry_id])
            changed[move.entry_id] = room.moved(before, move)
            moves.append(move)
        receipts = []
        if changed:
            told = tuple(moves)
            receipts.append(
                memory.put("consolidate", list(changed.values()), now=now, transitions=told)
            )
        receipts += self._expire(list(at_hand.values()), changed, now, is_open)
        self._turns += 1
        if self._turns % self._rules.budget_every == 0:
            receipts += self.fit(now=now, audited=open_ids)
        return receipts

    def fit(self, *, now: datetime, audited: Collection[str] = ()) -> list[Receipt]:
        """Delete what is worth least until the budget holds, 5 % of the rows at a time.

        Pinned entries and ``audited`` ones stay whatever they are worth.
        """
        memory, rules = self._memory, self._rules
        budget = room.Budget(rows=rules.budget_rows, bytes=rules.budget_bytes)
        uses = {entry_id: use.count for entry_id, use in memory.usage.all().items()}
        everything = Where(with_quarantined=True)
        entries = [entry for page in memory.shelf.scan(everything) for entry in page]
        usage = room.Usage(uses=uses, audited=frozenset(audited) | memory.cited())
        receipts: list[Receipt] = []
        while True:
            plan = room.cleanup(entries, budget, now=now, usage=usage)
            if not plan.ids:
                return receipts
            why = f"budget: {plan.bytes} bytes worth least"
            receipts.append(memory.drop(plan.ids, now=now, reason=why))
            gone = set(plan.ids)
            entries = [entry for entry in entries if entry.id not in gone]

    def compact(self) -> bool:
        """Fold the store together if enough was written since; safe from any thread."""
        store = self._memory.shelf.store
        is_due = self._memory.shelf.version - self._compacted >= self._rules.compact_every
        if not is_due or not isinstance(store, VersionedStore):
            return False
        try:
            store.compact(keep_versions=self._rules.keep_versions)
        except TransientError:
            return False  # a writer or an index build holds it; due again at the next turn
        build = getattr(store, "build_index", None)
        if build is not None:
            build()  # seconds to minutes where there are many rows
        self._compacted = self._memory.shelf.version
        return True

    def _moved(
        self,
        entry: MemoryEntry,
        now: datetime,
        evidence: room.Evidence,
        moves: list[Transition],
    ) -> MemoryEntry:
        while due := room.move(entry, now=now, rules=self._memory.rules.tiers, evidence=evidence):
            moves.append(due)
            entry = room.moved(entry, due)
        return entry

    def _expire(
        self,
        at_hand: list[MemoryEntry],
        changed: dict[str, MemoryEntry],
        now: datetime,
        is_open: IsOpen,
    ) -> list[Receipt]:
        tiers = self._memory.rules.tiers
        gone: dict[str, list[MemoryEntry]] = {}
        for entry in at_hand:
            if entry.id in changed:
                continue
            evidence = room.Evidence(is_open=is_open(entry))
            why = room.expired(entry, now=now, rules=tiers, evidence=evidence)
            if why:
                gone.setdefault(why, []).append(replace(entry, valid_to=now, known_to=now))
        return [
            self._memory.put("expire", entries, now=now, detail=why)
            for why, entries in sorted(gone.items())
        ]

    def _unjudged(self, page: list[MemoryEntry], *, now: datetime) -> list[MemoryEntry]:
        """Return the entries that changed since they were judged, or were so long ago."""
        since = self._judged_since
        wait_s = 0.0 if since is None else (now - since).total_seconds()
        if since is None or not 0.0 <= wait_s < self._rules.settled_every_s:
            self._judged, self._judged_since = {}, now
        found = []
        for entry in page:
            mark = _mark(entry)
            if self._judged.get(entry.id) != mark:
                self._judged[entry.id] = mark
                found.append(entry)
        return found

    def _page(self) -> list[MemoryEntry]:
        """Return the next page of settled memory; begin again after the last."""
        found = next(self._pages, None)
        if found is None:
            self._pages = self._settled()
            found = next(self._pages, [])
        return found

    def _settled(self) -> Iterator[list[MemoryEntry]]:
        rest = Where(tiers=(Tier.EPISODIC, Tier.SEMANTIC, Tier.LONG_TERM), with_quarantined=True)
        return self._memory.shelf.pages(rest, size=self._rules.page)


def _mark(entry: MemoryEntry) -> int:
    """Return a number that differs when anything changed that moves or expires an entry."""
    told = entry.attributes
    return hash(
        (
            entry.tier.value,
            entry.count,
            entry.stability,
            entry.surprise,
            entry.is_pinned,
            entry.is_quarantined,
            entry.known_to,
            entry.helped,
            entry.action,
            told.get("last_seen"),
            told.get("reinforced_at"),
            told.get("outcomes"),
        )
    )
