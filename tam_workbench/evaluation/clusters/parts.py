"""Parts: what a simulated cluster is made of, behind what its API shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tam_workbench.records import ObjectRef

Manifest = dict[str, Any]
"""An object as the API gives it, in JSON's types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ill:
    """How a program goes wrong: ``oom``, ``exit``, ``liveness`` or ``readiness``, and how soon."""

    how: str
    after_s: tuple[float, float] = (4.0, 40.0)  # after its container started
    exit_code: int = 1
    rises: bool = False  # a memory metric shows it coming


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """That a pod reads a config, and by which way."""

    kind: str  # ConfigMap | Secret
    name: str
    how: str  # env | env_from | volume | sub_path
    key: str = ""  # of env and sub_path


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """What pods of a revision run; ``why`` is the happening that brought the revision."""

    image: str
    limit_mib: int = 256
    request_mib: int = 128
    cpu_m: int = 100
    reads: tuple[Reads, ...] = ()
    priority: int = 0
    policy: str = "Always"
    restarted_at: str = ""
    ready_s: float = 3.0
    path: str = "/healthz"
    ill: Ill | None = None
    why: int = -1


@dataclass(slots=True, kw_only=True)
class Config:
    """A ConfigMap or a Secret; ``ill`` says which keys make those who read them go wrong."""

    ref: ObjectRef
    data: dict[str, str]
    manifest: Manifest
    ill: dict[str, Ill] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)  # key -> happening


@dataclass(slots=True, kw_only=True)
class Node:
    """A node: what it holds and how it is."""

    ref: ObjectRef
    manifest: Manifest
    memory_mib: int = 8192
    cpu_m: int = 4000
    is_ready: bool = True
    is_cordoned: bool = False
    why: int = -1  # the happening that closed it


@dataclass(slots=True, kw_only=True)
class Workload:
    """A Deployment, StatefulSet or Job (or a bare pod's stand-in), and its live manifest."""

    ref: ObjectRef
    manifest: Manifest
    replicas: int
    template: Template
    revision: int = 1
    born: int = -1  # the happening of its creation
    calls: tuple[str, ...] = ()  # names of services
    sets: dict[str, Manifest] = field(default_factory=dict)  # template hash -> ReplicaSet
    templates: dict[str, Template] = field(default_factory=dict)  # template hash -> what it was
    scaled: dict[str, int] = field(default_factory=dict)  # template hash -> last happening
    denied: dict[str, int] = field(default_factory=dict)
    stalled: int = -1
    failures: int = 0
    ready_before: int = 0
    rollout_began: float = 0.0
    lost: int = -1  # the happening of having no endpoint, while it lasts


@dataclass(slots=True, kw_only=True)
class Pod:
    """A pod, its live manifest, and what its kubelet knows of it."""

    ref: ObjectRef
    manifest: Manifest
    workload: Workload | None
    template: Template
    hash: str
    created: int  # the happening
    node: str = ""
    promised: str = ""  # the node that is kept for it
    started: int = -1
    restarts: int = 0
    backoffs: int = 0
    last_kill: tuple[int, ...] = ()
    series: dict[str, int] = field(default_factory=dict)  # kind -> its happening
    read: dict[tuple[str, str, str], int] = field(default_factory=dict)  # config key -> version
    unready: int = -1
    marked: int = -1  # the happening of its deletion
    readied: int = -1
    is_ready: bool = False
    is_running: bool = False
    is_going: bool = False
    is_gone: bool = False
    life: int = 0  # grows with every start and stop, so that stale deeds know that they are


def owner_of(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an ownerReferences entry for an object."""
    meta = manifest["metadata"]
    return {
        "apiVersion": manifest["apiVersion"],
        "blockOwnerDeletion": True,
        "controller": True,
        "kind": manifest["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
    }
