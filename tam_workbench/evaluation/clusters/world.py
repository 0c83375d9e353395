"""World: the API server of a simulated cluster, and everything that its components share."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tam_workbench.evaluation.clusters.clockwork import Clockwork, moment
from tam_workbench.evaluation.clusters.parts import Config, Manifest, Node, Pod, Workload
from tam_workbench.evaluation.clusters.truth import Book
from tam_workbench.records import Change, Fact, ObjectRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One change of an object as the API server told it; ``tells`` are happenings it shows."""

    at: float  # true seconds
    change: Change
    ref: ObjectRef
    version: str
    manifest: Manifest
    tells: tuple[int, ...] = ()


@dataclass(slots=True, kw_only=True)
class World:
    """A cluster: its clock and chance, its objects, and the book of what truly happened."""

    name: str
    rng: np.random.Generator
    clock: Clockwork
    book: Book = field(default_factory=Book)
    writes: list[Write] = field(default_factory=list)
    facts: list[tuple[Fact, int]] = field(default_factory=list)  # telemetry, and its happening
    unexplained: list[int] = field(default_factory=list)  # happenings without any cause
    absences: list[int] = field(default_factory=list)  # happenings that only a timer can tell
    told: dict[tuple[str, str, str], int] = field(default_factory=dict)  # telemetry's episodes
    nodes: dict[str, Node] = field(default_factory=dict)
    workloads: dict[tuple[str, str], Workload] = field(default_factory=dict)
    configs: dict[tuple[str, str, str], Config] = field(default_factory=dict)
    pods: dict[str, Pod] = field(default_factory=dict)
    events: dict[tuple[str, str, str], Manifest] = field(default_factory=dict)
    endpoints: dict[tuple[str, str], Manifest] = field(default_factory=dict)
    scalers: dict[tuple[str, str], Manifest] = field(default_factory=dict)
    expired: dict[str, int] = field(default_factory=dict)  # service -> why callers are refused
    missing_images: dict[str, str] = field(default_factory=dict)  # image -> the registry's words
    no_pull: dict[str, int] = field(default_factory=dict)  # namespace -> why none may pull
    quotas: dict[str, tuple[int, int]] = field(default_factory=dict)  # namespace -> pods, why
    waiting: list[Pod] = field(default_factory=list)  # that no node would take
    losses: dict[tuple[str, ...], int] = field(default_factory=dict)  # config or key -> why
    reconcile: Callable[[Workload], None] | None = None  # what controllers do on a change
    version: int = 100_000
    count: int = 0

    def uid(self) -> str:
        """Return a new identity, in the shape of a UUID."""
        self.count += 1
        text = hashlib.sha256(f"{self.name} {self.count}".encode()).hexdigest()
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:32]}"

    def suffix(self, length: int = 5) -> str:
        """Return random letters as the API server appends them to a generated name."""
        letters = "bcdfghjklmnpqrstvwxz2456789"
        return "".join(letters[int(i)] for i in self.rng.integers(len(letters), size=length))

    def create(self, manifest: Manifest, *, tells: Iterable[int] = ()) -> ObjectRef:
        """Store a new object: it gets its uid, version and time of creation."""
        meta = manifest["metadata"]
        meta["uid"] = self.uid()
        meta["creationTimestamp"] = self.clock.stamp("apiserver")
        self._tell(Change.ADDED, manifest, tells)
        return self.ref(manifest)

    def update(self, manifest: Manifest, *, tells: Iterable[int] = ()) -> None:
        """Store an object as it is now."""
        self._tell(Change.MODIFIED, manifest, tells)

    def delete(self, manifest: Manifest, *, tells: Iterable[int] = ()) -> None:
        """Remove an object."""
        self._tell(Change.DELETED, manifest, tells)

    def ref(self, manifest: Manifest) -> ObjectRef:
        """Return who an object is."""
        meta = manifest["metadata"]
        return ObjectRef(
            cluster=self.name,
            kind=manifest["kind"],
            name=meta["name"],
            namespace=meta.get("namespace", ""),
            uid=meta.get("uid", ""),
        )

    def _tell(self, change: Change, manifest: Manifest, tells: Iterable[int]) -> None:
        self.version += 1 + int(self.rng.integers(3))
        manifest["metadata"]["resourceVersion"] = str(self.version)
        self.writes.append(
            Write(
                at=self.clock.now,
                change=change,
                ref=self.ref(manifest),
                version=str(self.version),
                manifest=copied(manifest),
                tells=tuple(number for number in tells if number >= 0),
            )
        )

    def happen(self, kinds: str | tuple[str, ...], refs: Any, **why: Any) -> int:  # noqa: ANN401
        """Write down a happening of this moment; see `Book.write`."""
        return self.book.write(kinds, refs, at=moment(self.clock.now), **why)

    def series(
        self,
        held: dict[str, int],
        kind: str,
        ref: ObjectRef | tuple[ObjectRef, ...],
        **why: Any,  # noqa: ANN401
    ) -> int:
        """Write down a thing that comes again and again as one happening."""
        if kind in held:
            because = why.get("because", ())
            return self.book.prolong(held[kind], at=moment(self.clock.now), because=because)
        held[kind] = self.happen(kind, ref, **why)
        return held[kind]

    def notify(self, workload: Workload | None) -> None:
        """Let the controllers look at a workload in a moment."""
        if workload is not None and (reconcile := self.reconcile) is not None:
            self.clock.later(self.clock.between(0.1, 0.8), lambda: reconcile(workload))

    def chance(self, probability: float) -> bool:
        """Return true as often as that."""
        return float(self.rng.random()) < probability


def copied(value: Any) -> Any:  # noqa: ANN401 - any of JSON's types
    """Return a deep copy of JSON's types."""
    if isinstance(value, dict):
        return {key: copied(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [copied(inner) for inner in value]
    return value
