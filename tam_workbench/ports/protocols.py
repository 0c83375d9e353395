"""The outside, as small Protocols; `checks` says what each promises."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from tam_workbench.records import (
    AuditEntry,
    Batch,
    Channel,
    Hit,
    MemoryEntry,
    Outcome,
    Proposal,
)


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
        self, vector: npt.NDArray[np.float32], *, k: int, where: Mapping[str, str]
    ) -> list[Hit]:
        """Return the k most similar by cosine that match ``where`` (kind, service, tier)."""

    def delete(self, ids: Sequence[str]) -> int:
        """Remove by id and return how many were there."""

    def count(self) -> int:
        """Return how many entries are kept."""

    def version(self) -> int:
        """Return a number that grows with every change."""

    def close(self) -> None:
        """Let go of everything; may be called twice."""


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
