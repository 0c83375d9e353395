"""The outside, as small Protocols; `checks` says what each promises."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from tam_workbench.records import (
    AuditEntry,
    Batch,
    Channel,
    Edge,
    Hit,
    MemoryEntry,
    Outcome,
    Proposal,
    PurgeProof,
    Where,
)

EVERYTHING: Final = Where(with_quarantined=True)
"""Admits every entry."""


@runtime_checkable
class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> datetime:
        """Return the aware UTC time."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


@runtime_checkable
class Source(Protocol):
    """Where telemetry comes from; see `check_source` for what every source promises."""

    name: str
    tick_s: float

    def open(self, offset: str | None) -> None:
        """Start, or resume after ``offset`` as a batch gave it."""

    def channels(self) -> Sequence[Channel]:
        """Return the channels as this adapter authenticated them."""

    def read(self) -> Batch | None:
        """Return the next batch, one without rows when nothing is there yet, None at the end."""

    def acknowledge(self, offset: str) -> None:
        """Be told that everything up to ``offset`` is safely kept."""

    def close(self) -> None:
        """Let go of everything; may be called twice."""


@runtime_checkable
class Store(Protocol):
    """Keeps memory entries by id; see `check_store` for what every store promises."""

    name: str

    def put(self, entries: Sequence[MemoryEntry]) -> None:
        """Insert or replace by id."""

    def get(self, ids: Sequence[str]) -> list[MemoryEntry]:
        """Return those that exist, in the order asked."""

    def nearest(
        self, vector: npt.NDArray[np.float32], *, k: int, where: Where = EVERYTHING
    ) -> list[Hit]:
        """Return the k most similar by cosine among those that ``where`` admits."""

    def matching(self, text: str, *, k: int, where: Where = EVERYTHING) -> list[Hit]:
        """Return the k best by words (BM25 or alike, ``parts["words"]``) that share any word."""

    def scan(self, where: Where = EVERYTHING) -> Iterator[list[MemoryEntry]]:
        """Yield what ``where`` admits, page by page, in order of id."""

    def delete(self, ids: Sequence[str]) -> int:
        """Remove by id and return how many were there."""

    def purge(self, ids: Sequence[str], *, needles: Sequence[str]) -> PurgeProof:
        """Remove for good: after it no file of the store holds any of ``needles``.

        ``needles`` are the texts that must be gone; versions and tags that still hold them go
        too, and the proof names them.
        """

    def count(self) -> int:
        """Return how many entries are kept."""

    def version(self) -> int:
        """Return a number that grows with every change."""

    def close(self) -> None:
        """Let go of everything; may be called twice."""


@runtime_checkable
class VersionedStore(Store, Protocol):
    """A store that can go back; see `check_versions`."""

    def versions(self) -> dict[int, datetime]:
        """Return the versions that can still be read, with when they were made."""

    def tags(self) -> dict[str, int]:
        """Return the tagged versions by name."""

    def tag(self, name: str, *, version: int | None = None) -> int:
        """Name a version (the present one), so that it is kept; return it."""

    def untag(self, name: str) -> None:
        """Let a named version go with the others."""

    def at(self, version: int | str) -> Store:
        """Return a past version by number or tag, to read only."""

    def branch(self, name: str, *, version: int | str | None = None) -> Store:
        """Return a writable copy of a version that changes nothing here: what if."""

    def restore(self, version: int | str) -> int:
        """Make a past version the present one, as a new version; return it."""

    def compact(self, *, keep_versions: int) -> None:
        """Fold fragments together, bring indexes up to date, drop old untagged versions."""

    def figures(self) -> dict[str, int]:
        """Return rows, bytes, fragments, versions and files, for the memory audit."""


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into unit vectors; see `check_embedder`."""

    name: str
    dimension: int

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return an array (len(texts), dimension) of rows with norm 1."""


@runtime_checkable
class Actuator(Protocol):
    """Does things to the world, once per key; see `check_actuator`."""

    name: str

    def actions(self) -> Sequence[str]:
        """Return the actions it can do."""

    def act(self, proposal: Proposal, *, now: datetime) -> Outcome:
        """Do it, or return the first outcome when this key was done before."""

    def outcome_of(self, key: str) -> Outcome | None:
        """Return what came of ``key``, None when it was never begun."""


@runtime_checkable
class Journal(Protocol):
    """Keeps ledger entries, documents and the checkpoint in ONE atomic commit."""

    name: str

    def commit(
        self,
        entries: Sequence[AuditEntry],
        *,
        checkpoint: bytes | None = None,
        documents: Mapping[tuple[str, str], str] | None = None,
    ) -> None:
        """Append entries, replace checkpoint and (kind, id) -> JSON documents: all or nothing."""

    def entries(self, *, after: int = 0, limit: int = 1000) -> list[AuditEntry]:
        """Return entries with number > ``after``, in order."""

    def head(self) -> AuditEntry | None:
        """Return the last entry."""

    def checkpoint(self) -> bytes | None:
        """Return the last committed checkpoint."""

    def documents(self, kind: str) -> dict[str, str]:
        """Return the JSON documents of a kind by id."""

    def close(self) -> None:
        """Let go of everything; may be called twice."""


@runtime_checkable
class Documents(Protocol):
    """Keeps JSON documents by kind and id, with both clocks; see `check_documents`."""

    name: str

    def put(self, kind: str, documents: Mapping[str, str]) -> None:
        """Insert or replace (id -> JSON text), all or nothing."""

    def get(self, kind: str, ids: Sequence[str]) -> dict[str, str]:
        """Return those that exist."""

    def all(self, kind: str) -> dict[str, str]:
        """Return every document of a kind by id, in order of id."""

    def delete(self, kind: str, ids: Sequence[str]) -> int:
        """Remove by id and return how many were there; no file holds them afterwards."""

    def close(self) -> None:
        """Let go of everything; may be called twice."""


@runtime_checkable
class GraphStore(Protocol):
    """Keeps typed, bi-temporal edges; see `check_graph`."""

    name: str

    def put(self, edges: Sequence[Edge]) -> None:
        """Insert, or replace by (cause, effect, relation, observed_at)."""

    def edges(
        self, node: str = "", *, as_of: datetime | None = None, known_at: datetime | None = None
    ) -> list[Edge]:
        """Return the edges (of ``node``), true at ``as_of`` and known at ``known_at``."""

    def around(
        self,
        node: str,
        *,
        hops: int,
        as_of: datetime | None = None,
        known_at: datetime | None = None,
    ) -> dict[str, int]:
        """Return the nodes within ``hops`` edges, either way, by distance; without ``node``."""

    def path(
        self,
        start: str,
        end: str,
        *,
        as_of: datetime | None = None,
        known_at: datetime | None = None,
    ) -> list[str]:
        """Return a shortest path along the direction of the edges; empty when there is none."""

    def remove(self, nodes: Sequence[str]) -> int:
        """Remove nodes with their edges and return how many edges went."""

    def close(self) -> None:
        """Let go of everything; may be called twice."""
