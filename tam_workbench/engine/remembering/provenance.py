"""Provenance: all that is known about one memory, for `explain`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tam_workbench import memory
from tam_workbench.engine.remembering.usage import Use
from tam_workbench.records import MemoryEntry, Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a memory comes from, why it stands where it stands, and what hangs on it."""

    entry: MemoryEntry
    stability: float
    reinforcements: Mapping[str, int]
    outcomes: Mapping[str, tuple[int, int]]  # action -> (helped, tried)
    use: Use
    sources: tuple[MemoryEntry, ...]
    missing_sources: tuple[str, ...]
    associated: Mapping[str, float]
    next_move: str
    is_current: bool

    @property
    def lines(self) -> tuple[str, ...]:
        """The same in words, one fact a line."""
        entry, use = self.entry, self.use
        seen = f"seen {entry.count} times, trust {entry.trust:.2f}"
        last = f", last {use.last_at:%Y-%m-%d %H:%M}" if use.last_at else ""
        told = [
            f"{entry.kind} of {entry.service or 'no service'}, {entry.origin.value}, {seen}",
            f"{entry.tier.value}, stability {self.stability:.2f}; next: {self.next_move}",
            f"recalled {use.count} times{last}",
        ]
        told += [f"{action}: helped {h} of {n} times" for action, (h, n) in self.outcomes.items()]
        told += [f"from {source.id[:12]}: {source.text[:80]}" for source in self.sources]
        told += [f"source {missing[:12]} is gone" for missing in self.missing_sources]
        if not self.is_current:
            told.append("no longer true or forgotten: found only with as_of or known_at")
        return tuple(told)


def next_move(entry: MemoryEntry, *, now: datetime, rules: memory.TierRules) -> str:
    """Return what upkeep would do with an entry now, in words."""
    due = memory.move(entry, now=now, rules=rules)
    if due is not None:
        return f"{due.after.value} ({due.why})"
    why = memory.expired(entry, now=now, rules=rules)
    stays = "stays for the long term" if entry.tier is Tier.LONG_TERM else "stays"
    return f"expires ({why})" if why else stays
