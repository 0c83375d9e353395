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


class Origin(Enum):
    """Where a memory came from; what was recalled can never be stored as observed."""

    OBSERVED = "observed"
    DERIVED = "derived"
    RECALLED = "recalled"
    HUMAN = "human"
    FEDERATED = "federated"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEntry:
    """One remembered thing: its text, its vector and what came of it.

    ``id`` is a content key, so storing the same thing twice adds no row. ``helped`` and
    ``action`` are the outcome of what was done, once it was checked. Two clocks: it is true of
    the world in [valid_from, valid_to) and was known to us in [known_from, known_to); None is
    open on that side.
    """

    id: str
    kind: str  # incident | template | note | signature | fact | window | action | outcome | rule
    text: str
    vector: tuple[float, ...]
    tier: Tier
    service: str
    created_at: datetime  # first seen, world time
    trust: float
    action: str = ""
    helped: bool | None = None
    count: int = 1
    attributes: Mapping[str, str] = field(default_factory=dict)
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    known_from: datetime | None = None
    known_to: datetime | None = None
    origin: Origin = Origin.OBSERVED
    labels: tuple[str, ...] = ()
    source_ids: tuple[str, ...] = ()
    surprise: float = 0.0  # quantile in [0, 1] among what was seen
    stability: float = 0.1  # grows with reinforcement, see memory.tiers
    is_pinned: bool = False
    is_quarantined: bool = False
    embedder: str = ""  # model that made the vector


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """What a recall may find; an empty field asks nothing, all that ask must hold.

    ``as_of`` is world time and ``known_at`` system time: without them entries are found
    whatever their intervals. Quarantined entries are found only on request.
    """

    kinds: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    tiers: tuple[Tier, ...] = ()
    labels: tuple[str, ...] = ()  # every one of them
    min_trust: float = 0.0
    since: datetime | None = None  # first seen at or after
    until: datetime | None = None  # first seen before
    as_of: datetime | None = None
    known_at: datetime | None = None
    with_quarantined: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A move of an entry between tiers, and why."""

    entry_id: str
    before: Tier
    after: Tier
    why: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeProof:
    """What a purge rewrote, and that no file holds the text any more.

    ``files_searched`` files of ``bytes_searched`` bytes were read after the rewrite;
    ``files_holding`` names those that still hold any of the needles, and is empty when it held.
    """

    ids: tuple[str, ...]
    rows_removed: int
    files_rewritten: int
    versions_dropped: tuple[str, ...]  # versions and tags that went, by name
    files_searched: int
    bytes_searched: int
    files_holding: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a memory verb did: to which entries, between which versions, and why not."""

    verb: str
    at: datetime
    ids: tuple[str, ...]
    version_before: int
    version_after: int
    merged: tuple[str, ...] = ()  # ids that were known already and only counted
    refused: Mapping[str, str] = field(default_factory=dict)  # id -> reason
    transitions: tuple[Transition, ...] = ()
    proof: PurgeProof | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A recalled entry with the parts of its score; ``score`` is their weighted sum."""

    entry: MemoryEntry
    score: float
    parts: Mapping[str, float]  # similarity, recency, trust, outcome ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """What a recall found, how far its columns agree, and whether it knows at all.

    ``consensus`` in [0, 1] is the agreement of the columns (vector, text, graph) that were
    asked; ``confidence`` the calibrated probability that the best hit is the same thing.
    ``is_abstained`` says "new to me": the hits are only the nearest there are.
    """

    hits: tuple[Hit, ...]
    consensus: float
    confidence: float
    is_abstained: bool
    version: int
    columns: tuple[str, ...] = ()  # that answered


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
    """A typed, evidenced link from a cause to an effect, with the two clocks of an entry."""

    cause: str
    effect: str
    relation: str
    confidence: float
    evidence: tuple[str, ...]
    observed_at: datetime
    valid_to: datetime | None = None  # true of the world in [observed_at, valid_to)
    known_from: datetime | None = None
    known_to: datetime | None = None


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
