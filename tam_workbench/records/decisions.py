"""Decisions: what is proposed, what is permitted, what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, IntEnum


class Autonomy(IntEnum):
    """The ladder: watch, suggest, ask, act."""

    OBSERVE = 0
    SUGGEST = 1
    CONFIRM = 2
    ACT = 3


class Permission(Enum):
    """What the gate says to a proposal."""

    ALLOW = "allow"
    NEEDS_APPROVAL = "needs_approval"
    DENY = "deny"


class Result(Enum):
    """What came of an action."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


class Phase(Enum):
    """Where an incident stands."""

    OPEN = "open"
    PROPOSED = "proposed"
    ACTING = "acting"
    CHECKING = "checking"
    RESOLVED = "resolved"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """An action that a policy would take, and why.

    ``key`` makes it idempotent: the same key is never executed twice.
    """

    key: str
    incident: str
    action: str
    target: str
    rationale: str
    confidence: float
    blast_radius: int  # resources it touches
    proposed_at: datetime
    rollback: str = ""  # the action that undoes it, empty when nothing does
    arguments: Mapping[str, str] = field(default_factory=dict)
    memory_version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the gate says, and every reason for it."""

    key: str
    permission: Permission
    reasons: tuple[str, ...]
    decided_at: datetime
    expires_at: datetime | None = None  # of an approval request
    decided_by: str = "gate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of an action; ``helped`` stays None until the effect was checked."""

    key: str
    result: Result
    detail: str
    finished_at: datetime
    helped: bool | None = None


class UpdateDecision(Enum):
    """What the gate does with a candidate model."""

    COMMIT = "commit"
    REFUSE = "refuse"
    ROLL_BACK = "roll_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateVerdict:
    """The gate's word on a model update: the decision, why, and what it measured.

    ``before`` and ``after`` are mean absolute attributions per feature of ``features``.
    """

    version: int
    decision: UpdateDecision
    reasons: tuple[str, ...]
    tick: int
    measured: Mapping[str, float]
    features: tuple[str, ...] = ()
    before: tuple[float, ...] = ()
    after: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A stretch of trouble in one service, from the alert to the check that it is over."""

    id: str
    service: str
    opened_at: datetime
    opened_tick: int
    phase: Phase
    probability: float
    anomaly: float
    trust: float
    evidence: tuple[str, ...] = ()
    similar: tuple[str, ...] = ()  # ids of recalled memory entries
    proposal: Proposal | None = None
    verdict: Verdict | None = None
    outcome: Outcome | None = None
    closed_at: datetime | None = None
    label: str | None = None  # a person's verdict: real | false_alarm
    explanation: str = ""
