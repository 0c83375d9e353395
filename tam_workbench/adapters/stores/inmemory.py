"""Memory in this process: a matrix and exact search; gone when the process ends."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tam_workbench.errors import PermanentError
from tam_workbench.memory import check_vectors, check_where, top
from tam_workbench.records import Hit, MemoryEntry


class InMemoryStore:
    """Keeps entries in a dictionary and their vectors, as float32, in one matrix.

    Parameters
    ----------
    dimension
        Numbers in every vector: the embedder's ``dimension``.

    Examples
    --------
    >>> store = InMemoryStore(dimension=2)
    >>> store.count(), store.nearest(np.array([1.0, 0.0], np.float32), k=3, where={})
    (0, [])
    """

    name = "inmemory"

    def __init__(self, *, dimension: int) -> None:
        self._dimension = dimension
        self._lock = threading.Lock()
        self._entries: list[MemoryEntry] = []  # their vectors are rows of the matrix
        self._rows: dict[str, int] = {}
        self._units = np.empty((16, dimension), np.float32)
        self._norms = np.empty(16, np.float32)
        self._version = 0
        self._is_closed = False

    def put(self, entries: Sequence[MemoryEntry]) -> None:
        """Insert or replace by id."""
        vectors = check_vectors(
            [entry.vector for entry in entries],
            [entry.id for entry in entries],
            dimension=self._dimension,
        )
        norms = np.linalg.norm(vectors.astype(np.float64), axis=1)
        with self._lock:
            self._open()
            for entry, vector, norm in zip(entries, vectors, norms, strict=True):
                row = self._rows.setdefault(entry.id, len(self._entries))
                self._grow(row + 1)
                self._entries[row : row + 1] = [replace(entry, vector=())]
                self._units[row] = vector / norm
                self._norms[row] = norm
            self._version += bool(entries)

    def get(self, ids: Sequence[str]) -> list[MemoryEntry]:
        """Return those that exist, in the order asked."""
        with self._lock:
            self._open()
            return [self._entry(self._rows[id_]) for id_ in ids if id_ in self._rows]

    def nearest(
        self, vector: npt.NDArray[np.float32], *, k: int, where: Mapping[str, str]
    ) -> list[Hit]:
        """Return the k most similar by cosine that match ``where`` (kind, service, tier)."""
        check_where(where)
        query = check_vectors(np.asarray(vector)[None, :], ["query"], dimension=self._dimension)[0]
        with self._lock:
            self._open()
            rows = [row for row, entry in enumerate(self._entries) if _matches(entry, where)]
            units = self._units[: len(self._entries)]
            units = units if len(rows) == len(units) else units[rows]
            similarities = (units @ (query / np.linalg.norm(query))).astype(np.float64)
            best = top(similarities, [self._entries[row].id for row in rows], k=k)
            found = [(self._entry(rows[at]), float(similarities[at])) for at in best]
        return [
            Hit(entry=entry, score=similarity, parts={"similarity": similarity})
            for entry, similarity in found
        ]

    def delete(self, ids: Sequence[str]) -> int:
        """Remove by id and return how many were there."""
        with self._lock:
            self._open()
            gone = {self._rows[id_] for id_ in ids if id_ in self._rows}
            if gone:
                kept = [row for row in range(len(self._entries)) if row not in gone]
                self._entries = [self._entries[row] for row in kept]
                self._units, self._norms = self._units[kept], self._norms[kept]
                self._rows = {entry.id: row for row, entry in enumerate(self._entries)}
                self._version += 1
            return len(gone)

    def count(self) -> int:
        """Return how many entries are kept."""
        with self._lock:
            self._open()
            return len(self._entries)

    def version(self) -> int:
        """Return a number that grows with every change."""
        with self._lock:
            self._open()
            return self._version

    def close(self) -> None:
        """Forget everything; may be called twice."""
        with self._lock:
            self._is_closed = True
            self._entries, self._rows = [], {}
            self._units, self._norms = self._units[:0], self._norms[:0]

    def _open(self) -> None:
        if self._is_closed:
            raise PermanentError("memory store 'inmemory' is closed: open a new one")

    def _grow(self, needed: int) -> None:
        if needed > len(self._units):
            rows = max(16, 2 * needed)
            self._units = np.resize(self._units, (rows, self._dimension))
            self._norms = np.resize(self._norms, rows)

    def _entry(self, row: int) -> MemoryEntry:
        vector = self._units[row] * self._norms[row]
        return replace(self._entries[row], vector=tuple(vector.tolist()))


def _matches(entry: MemoryEntry, where: Mapping[str, str]) -> bool:
    kept = {"kind": entry.kind, "service": entry.service, "tier": entry.tier.value}
    return all(kept[field] == value for field, value in where.items())
