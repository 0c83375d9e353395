"""Memory in this process: a matrix and exact search; gone when the process ends."""

import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tam_workbench.errors import PermanentError
from tam_workbench.memory import admits, check_vectors, top
from tam_workbench.records import Hit, MemoryEntry, Where


class InMemoryStore:
    """Keeps entries in a dictionary and their vectors, as float32, in one matrix.

    Parameters
    ----------
    dimension
        Numbers in every vector: the embedder's ``dimension``.

    Examples
    --------
    >>> store = InMemoryStore(dimension=2)
    >>> store.count(), store.nearest(np.array([1.0, 0.0], np.float32), k=3, where=Where())
    (0, [])
    """

    name = "inmemory"

    def __init__(self, *, dimension: int) -> None:
        self._dimension = dimension
        self._lock = threading.Lock()
        self._entries: list[MemoryEntry] = []  # without their vectors: row i of the arrays
        self._rows: dict[str, int] = {}
        self._vectors = np.empty((0, dimension), np.float32)
        self._norms = np.empty(0, np.float32)
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
            self._grow(len(self._entries) + len(entries))
            for entry, vector, norm in zip(entries, vectors, norms, strict=True):
                row = self._rows.setdefault(entry.id, len(self._entries))
                self._entries[row : row + 1] = [replace(entry, vector=())]
                self._vectors[row] = vector
                self._norms[row] = norm
            self._version += bool(entries)

    def get(self, ids: Sequence[str]) -> list[MemoryEntry]:
        """Return those that exist, in the order asked."""
        with self._lock:
            self._open()
            return [self._entry(self._rows[id_]) for id_ in ids if id_ in self._rows]

    def nearest(self, vector: npt.NDArray[np.float32], *, k: int, where: Where) -> list[Hit]:
        """Return the k most similar by cosine among those that ``where`` admits."""
        query = check_vectors(np.asarray(vector)[None, :], ["query"], dimension=self._dimension)[0]
        with self._lock:
            self._open()
            size = len(self._entries)
            similarities = self._vectors[:size] @ (query / np.linalg.norm(query))
            similarities = similarities.astype(np.float64) / self._norms[:size]
            rows = self._matching(where)
            best = top(similarities[rows], [self._entries[row].id for row in rows], k=k)
            found = [(self._entry(rows[at]), float(similarities[rows[at]])) for at in best]
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
                self._vectors, self._norms = self._vectors[kept], self._norms[kept]
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
            self._vectors = np.empty((0, self._dimension), np.float32)

    def _open(self) -> None:
        if self._is_closed:
            raise PermanentError("memory store 'inmemory' is closed: open a new one")

    def _matching(self, where: Where) -> npt.NDArray[np.intp]:
        return np.flatnonzero([admits(entry, where) for entry in self._entries])

    def _grow(self, needed: int) -> None:
        if needed > len(self._vectors):
            more = max(16, 2 * needed) - len(self._vectors)
            self._vectors = np.pad(self._vectors, ((0, more), (0, 0)))
            self._norms = np.pad(self._norms, (0, more))

    def _entry(self, row: int) -> MemoryEntry:
        return replace(self._entries[row], vector=tuple(self._vectors[row].tolist()))
