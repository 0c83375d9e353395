"""What a cluster shows: objects as they were seen, facts read out of them, what they explain."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from sys import intern
from typing import Any


class Change(Enum):
    """What a watch said of an object; GAP is what a watcher knows that it did not see."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    GAP = "GAP"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ObjectRef:
    """An object of a cluster; ``uid`` is who it is, the names are what people call it.

    >>> ObjectRef(cluster="c", kind="Pod", namespace="shop", name="web-1", uid="u1").path
    'shop/Pod/web-1'
    """

    cluster: str
    kind: str
    name: str
    namespace: str = ""  # empty for what belongs to the whole cluster
    uid: str = ""  # empty when only the name is known

    @property
    def key(self) -> str:
        """Return who it is: by uid where there is one, else by its names."""
        # interned: an object's key stands in many tables, and so once in memory
        return intern(f"{self.cluster}/{self.uid}" if self.uid else f"{self.cluster}/{self.path}")

    @property
    def path(self) -> str:
        """Return how people name it: namespace/Kind/name, or Kind/name."""
        own = f"{self.kind}/{self.name}"
        return f"{self.namespace}/{own}" if self.namespace else own


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One thing that a watcher saw: an object as it stood, or a gap in what it saw.

    ``manifest`` is the object as the API gives it, in JSON's types, without ``managedFields``;
    of a ConfigMap or a Secret it holds ``hashes`` (key -> salted hash) in place of ``data``. Of a
    gap it holds ``reason``, ``from_version``, ``to_version``, ``began_at`` and ``ended_at``, and
    its ``ref`` names the kind and the namespace only.
    """

    change: Change
    ref: ObjectRef
    observed_at: datetime  # by our own clock
    resource_version: str = ""  # opaque: compare for equality only
    manifest: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that happened in a cluster, once, however often it was told.

    ``id`` is a content key of who and what (never of when we were told), so the same kill seen
    in an event, in a status and after a restart of ours is one fact. ``involved`` names other
    objects by their role: node, owner, workload, config, source ...
    """

    id: str
    kind: str  # see `causal.FACTS`
    subject: ObjectRef
    happened_at: datetime  # by the cluster's clocks
    observed_at: datetime  # by our own, the first time
    involved: Mapping[str, ObjectRef] = field(default_factory=dict)
    payload: Mapping[str, Any] = field(default_factory=dict)  # JSON's types
    told_by: str = "status"  # status | spec | event | absence | telemetry | gap
    expires_at: datetime | None = None  # when the cluster forgets it, if nothing happens before
    expires_with: str = ""  # what makes it forget sooner: next_restart | pod_deletion | event_ttl
    trust: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A candidate for why something happened, with the way from it to the effect.

    ``path`` are the edges from the cause to the effect, ``confidence`` is calibrated over it.
    """

    fact: Fact
    confidence: float
    path: tuple[str, ...]  # fact ids, the cause first, the effect last
    relations: tuple[str, ...]  # of the edges between them
    evidence: tuple[str, ...] = ()
    pattern: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiring:
    """Evidence that a cluster is about to forget, and whether it was saved in time."""

    fact: str  # its id
    subject: ObjectRef
    what: str
    expires_at: datetime | None
    expires_with: str
    is_saved: bool
    is_gone: bool
