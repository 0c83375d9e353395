"""What is remembered and what is recorded: memory entries, ledger entries, health."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum


class Tier(Enum):
    """The tiers of memory."""

    SHORT_TERM = "short_term"
    WORKING = "working"
    EPISODIC = "episodic"
    SEMANTIC = "semantic"
    LONG_TERM = "long_term"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEntry:
    """One remembered thing: its text, its vector and what came of it.

    ``id`` is a content key, so storing the same thing twice adds no row. ``helped`` and
    ``action`` are the outcome of what was done, once it was checked.
    """

    id: str
    kind: str  # incident | template | note
    text: str
    vector: tuple[float, ...]
    tier: Tier
    service: str
    created_at: datetime
    trust: float
    action: str = ""
    helped: bool | None = None
    count: int = 1
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A recalled entry with the parts of its score; ``score`` is their weighted sum."""

    entry: MemoryEntry
    score: float
    parts: Mapping[str, float]  # similarity, recency, trust, outcome ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One line of the ledger, chained to the one before by its hash.

    ``hash`` = SHA-256 over (number, kind, at, body, previous); see ``audit``.
    """

    number: int
    kind: str
    at: datetime
    body: str  # canonical JSON
    previous: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A typed, evidenced link from a cause to an effect."""

    cause: str
    effect: str
    relation: str
    confidence: float
    evidence: tuple[str, ...]
    observed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the loop itself is doing; ``faults`` are what the supervisor caught."""

    is_running: bool
    is_paused: bool
    breaker: str
    batches: int
    rows_in: int
    rows_scored: int
    rows_quarantined: int
    events_per_s: float
    lag_s: float
    rss_bytes: int
    stage_seconds: Mapping[str, float]
    faults: tuple[str, ...] = ()
