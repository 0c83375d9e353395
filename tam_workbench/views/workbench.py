"""What the screens ask of a workbench: the engine's façade as they see it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

import polars as pl

from tam_workbench.causal import ClusterIncident
from tam_workbench.engine.cluster import (
    Caused,
    ClusterQuestions,
    ClusterSummary,
    SeenBefore,
    Undertaking,
)
from tam_workbench.engine.remembering import Memory
from tam_workbench.records import (
    AuditEntry,
    Expiring,
    Explanation,
    Health,
    Hit,
    Incident,
    MemoryEntry,
    Reputation,
    UpdateVerdict,
)


class Verification(Protocol):
    """What the proof of the ledger says."""

    @property
    def holds(self) -> bool:
        """Whether every link fits."""

    @property
    def checked(self) -> int:
        """How many entries were looked at."""

    @property
    def broken_at(self) -> int | None:
        """The first entry that does not fit."""

    @property
    def reason(self) -> str:
        """Why it does not fit."""


class Feed(Protocol):
    """The bus: a cursor in, what is newer and the next cursor out."""

    def read(self, topic: str, after: int = 0, limit: int = 1000) -> tuple[list[Any], int]:
        """Return what is newer than ``after`` on ``topic``, oldest first, and the new cursor."""


class Observed(Protocol):
    """The part of a workbench that is looked at."""

    @property
    def name(self) -> str:
        """What the workbench is called."""

    @property
    def tick_s(self) -> float:
        """Seconds a tick."""

    @property
    def horizon(self) -> int:
        """Ticks ahead that a prediction speaks of."""

    @property
    def is_demo(self) -> bool:
        """Whether faults can be injected."""

    @property
    def bus(self) -> Feed:
        """Where everything new is read."""

    def trust(self) -> pl.DataFrame:
        """Return time, tick, rows, trust, trust_low and one column a reason."""

    def quarantine(self) -> pl.DataFrame:
        """Return what could not be taken in, in the REJECTS schema."""

    def reputations(self) -> Sequence[Reputation]:
        """Return the belief in every channel."""

    def predictions(self) -> pl.DataFrame:
        """Return recent predictions per tick and service."""

    def drift(self) -> pl.DataFrame:
        """Return tick, detector, statistic and response."""

    def updates(self) -> Sequence[UpdateVerdict]:
        """Return what the gate said to model updates."""

    def incidents(self) -> Sequence[Incident]:
        """Return incidents, newest first."""

    def pending(self) -> Sequence[Incident]:
        """Return incidents whose proposal waits for a person."""

    def memory_stats(self) -> Mapping[str, int | float | str]:
        """Return figures about the memory."""

    def memory_entries(self, limit: int = 500) -> Sequence[MemoryEntry]:
        """Return remembered entries."""

    @property
    def memory(self) -> Memory:
        """Memory with all its verbs."""

    def explain(self, incident_id: str | None = None) -> Explanation | None:
        """Return the explanation of an incident, None for the latest one."""

    def health(self) -> Health:
        """Return how the loop does."""

    def audit_entries(self, after: int = 0, limit: int = 1000) -> Sequence[AuditEntry]:
        """Return ledger entries with number > ``after``."""

    def fault_kinds(self) -> Sequence[str]:
        """Return the faults that can be injected."""


class Clusters(Protocol):
    """The part of a workbench that speaks of watched clusters."""

    @property
    def cluster(self) -> ClusterQuestions:
        """All that may be asked; the loop's own thread asks it best."""

    def cause(self, what: str, *, at: datetime | str | None = None, k: int = 5) -> Caused:
        """Return what caused the last trouble of an object, or a fact; the root first."""

    def seen_before(self, what: str) -> SeenBefore:
        """Return how often the last trouble of an object came before, and what helped."""

    def state_at(self, when: datetime | str, what: str) -> dict[str, Any] | None:
        """Return an object as it stood at a moment."""

    def state_diff(
        self, what: str, a: datetime | str, b: datetime | str
    ) -> list[tuple[str, Any, Any]]:
        """Return what differs in an object between two moments: (path, before, after)."""

    def cluster_incidents(self) -> Sequence[ClusterIncident]:
        """Return the incidents of watched clusters, the newest first."""

    def acts(self) -> Sequence[Undertaking]:
        """Return what was done, asked for or refused about clusters, the oldest first."""

    def cluster_summary(self) -> Sequence[ClusterSummary]:
        """Return how much is known of each watched cluster."""

    def expiring(self) -> Sequence[Expiring]:
        """Return the evidence that the clusters are about to forget, the soonest first."""


@runtime_checkable
class Workbench(Observed, Clusters, Protocol):
    """A workbench that can be looked at and told something."""

    def start(self) -> Any:  # noqa: ANN401 - the engine may return itself
        """Start the loop."""

    def stop(self) -> None:
        """Stop the loop."""

    def pause(self) -> None:
        """Hold the loop."""

    def resume(self) -> None:
        """Let the loop go on."""

    def recall(self, text: str, service: str | None = None, k: int = 5) -> Sequence[Hit]:
        """Return the remembered entries most like ``text``."""

    def approve(self, key: str, *, reason: str, by: str = "person") -> None:
        """Allow a proposal by its key or its incident's id."""

    def reject(self, key: str, *, reason: str, by: str = "person") -> None:
        """Refuse a proposal by its key or its incident's id."""

    def label(self, incident_id: str, *, verdict: str) -> None:
        """Say whether an incident was ``real`` or a ``false_alarm``."""

    def block(self, source: str, *, reason: str) -> None:
        """Ban a channel."""

    def release(self, source: str) -> None:
        """Trust a channel again."""

    def inject(self, kind: str, service: str | None = None) -> None:
        """Cause a fault, in demo mode only."""

    def verify_audit(self) -> Verification:
        """Prove the ledger."""

    def snapshot(self, name: str) -> Any:  # noqa: ANN401 - opaque
        """Keep the present state under a name."""

    def roll_back(self, name: str) -> Any:  # noqa: ANN401 - opaque
        """Return to a kept state."""
