"""Retention: what a memory is worth keeping, and what would go if there were too many.

Returns plans, never acts: the ids that would go, lowest worth first, within a limit on how much
one cleanup may take. What is pinned or stands in the ledger is not on the list.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from tam_workbench.memory.admission import row_bytes
from tam_workbench.memory.entries import last_seen, outcomes
from tam_workbench.memory.tiers import reinforcements
from tam_workbench.records import MemoryEntry, Tier

_HALF_LIVES_S = MappingProxyType(
    {
        Tier.SHORT_TERM: 600.0,
        Tier.WORKING: 21_600.0,
        Tier.EPISODIC: 604_800.0,
        Tier.SEMANTIC: 2_592_000.0,
        Tier.LONG_TERM: 7_776_000.0,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRules:
    """What makes a memory worth keeping; the four weights are relative."""

    outcome: float = 0.35
    """Weight of a verified outcome."""

    recency: float = 0.25
    """Weight of how lately it was seen."""

    surprise: float = 0.2
    """Weight of how surprising it was."""

    use: float = 0.2
    """Weight of how often it was recalled and used."""

    half_lives_s: Mapping[Tier, float] = field(default_factory=lambda: _HALF_LIVES_S)
    """Seconds after which recency weighs half, by tier: 10 min, 6 h, 7, 30 and 90 days."""

    use_half: float = 3.0
    """Uses that make half of the part of use."""

    max_share: float = 0.05
    """Share of the rows that one cleanup may take (its blast radius); 1 is no limit."""

    least_factor: float = 0.3
    """Factor on the score of a recalled memory that is faded and unused: lower, never hidden."""

    most_factor: float = 1.5
    """Factor on the score of one that is fresh and much used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much may be kept; None is no limit."""

    rows: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Who needs what: how often each memory was used, and which the ledger or another cites."""

    uses: Mapping[str, int] = field(default_factory=dict)
    audited: Collection[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanupPlan:
    """What would go, in order, and what would be left.

    ``is_limited`` says that the blast radius or what may not go kept it short of the budget:
    ``rows_over`` and ``bytes_over`` remain.
    """

    ids: tuple[str, ...]
    bytes: int
    rows_left: int
    bytes_left: int
    rows_over: int = 0
    bytes_over: int = 0
    protected: int = 0

    @property
    def is_limited(self) -> bool:
        """Whether the budget is still exceeded afterwards."""
        return self.rows_over > 0 or self.bytes_over > 0


def retention(
    entry: MemoryEntry, *, now: datetime, uses: int = 0, rules: RetentionRules | None = None
) -> dict[str, float]:
    """Return the parts of a memory's worth in [0, 1], and their weighted mean as ``score``.

    outcome: n / (n + 2) * the best action's mean, or half where nothing helped (that is worth
    knowing too); recency: 0.5^(idle / half life of its tier); use: u / (u + 3).

    Examples
    --------
    >>> from datetime import UTC
    >>> entry = MemoryEntry(id="a", kind="incident", text="oom", vector=(1.0,), service="db",
    ...     tier=Tier.EPISODIC, created_at=datetime(2024, 1, 1, tzinfo=UTC), trust=1.0,
    ...     action="scale", helped=True, surprise=0.5)
    >>> parts = retention(entry, now=datetime(2024, 1, 8, tzinfo=UTC), uses=3)
    >>> {name: round(part, 3) for name, part in parts.items()}
    {'outcome': 0.222, 'recency': 0.5, 'surprise': 0.5, 'use': 0.5, 'score': 0.403}
    """
    rules = rules or RetentionRules()
    parts = {
        "outcome": _outcome(entry),
        "recency": _recency(entry, now, rules),
        "surprise": min(1.0, max(0.0, entry.surprise)),
        "use": _use(entry, uses, rules),
    }
    weights = {name: float(getattr(rules, name)) for name in parts}
    total = sum(weights.values())
    parts["score"] = sum(weights[name] * parts[name] for name in weights) / total
    return parts


def rank_factor(
    entry: MemoryEntry, *, now: datetime, uses: int = 0, rules: RetentionRules | None = None
) -> float:
    """Return what to multiply a recall's score by: from 0.3 (faded, unused) to 1.5.

    Linear in the mean of recency and use; decay ranks, it never hides. A pinned memory has
    at least 1.
    """
    rules = rules or RetentionRules()
    alive = (_recency(entry, now, rules) + _use(entry, uses, rules)) / 2.0
    factor = rules.least_factor + (rules.most_factor - rules.least_factor) * alive
    return max(1.0, factor) if entry.is_pinned else factor


def cleanup(
    entries: Sequence[MemoryEntry],
    budget: Budget,
    *,
    now: datetime,
    usage: Usage | None = None,
    rules: RetentionRules | None = None,
) -> CleanupPlan:
    """Return the plan that brings ``entries`` within ``budget``, least worth first.

    At most ``max_share`` of the rows, at least one, go at a time; ask again for the rest.
    """
    rules, usage = rules or RetentionRules(), usage or Usage()
    sizes = {entry.id: row_bytes(entry) for entry in entries}
    rows, held = len(sizes), sum(sizes.values())
    kept = set(usage.audited)
    free = [entry for entry in entries if not entry.is_pinned and entry.id not in kept]
    scores = {
        entry.id: retention(entry, now=now, uses=usage.uses.get(entry.id, 0), rules=rules)["score"]
        for entry in free
    }
    most = max(1, int(rules.max_share * rows)) if rows else 0
    gone: list[str] = []
    for id_ in sorted(scores, key=lambda id_: (scores[id_], id_)):
        if len(gone) >= most or not _over(budget, rows, held):
            break
        gone.append(id_)
        rows, held = rows - 1, held - sizes[id_]
    return CleanupPlan(
        ids=tuple(gone),
        bytes=sum(sizes[id_] for id_ in gone),
        rows_left=rows,
        bytes_left=held,
        rows_over=max(0, rows - budget.rows) if budget.rows is not None else 0,
        bytes_over=max(0, held - budget.bytes) if budget.bytes is not None else 0,
        protected=len(entries) - len(free),
    )


def _over(budget: Budget, rows: int, held: int) -> bool:
    over_rows = budget.rows is not None and rows > budget.rows
    return over_rows or (budget.bytes is not None and held > budget.bytes)


def _outcome(entry: MemoryEntry) -> float:
    tally = outcomes(entry)
    n = sum(tried for _, tried in tally.values())
    best = max(((h + 1) / (t + 2) for h, t in tally.values()), default=0.0)
    return n / (n + 2.0) * max(best, 0.5) if n else 0.0


def _recency(entry: MemoryEntry, now: datetime, rules: RetentionRules) -> float:
    idle_s = max(0.0, (now - last_seen(entry)).total_seconds())
    return float(0.5 ** (idle_s / rules.half_lives_s[entry.tier]))


def _use(entry: MemoryEntry, uses: int, rules: RetentionRules) -> float:
    known = max(uses, reinforcements(entry).get("retrieval", 0))
    return known / (known + rules.use_half)
