"""Memory in this process: the hot index behind a lock; gone when the process ends."""

import threading
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from tam_workbench.adapters.purging import entries_holding
from tam_workbench.errors import PermanentError
from tam_workbench.memory.hot_memory import HotMemory
from tam_workbench.ports import EVERYTHING
from tam_workbench.records import Hit, MemoryEntry, PurgeProof, Where

_PAGE: Final = 1000
"""Entries of one page of a scan."""


class InMemoryStore:
    """Keeps entries in a `HotMemory`, one caller at a time.

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
        self._lock = threading.Lock()
        self._memory: HotMemory | None = HotMemory(dimension=dimension)
        self._version = 0

    def put(self, entries: Sequence[MemoryEntry]) -> None:
        """Insert or replace by id."""
        with self._lock:
            self._open().put(entries)
            self._version += bool(entries)

    def get(self, ids: Sequence[str]) -> list[MemoryEntry]:
        """Return those that exist, in the order asked."""
        with self._lock:
            return self._open().entries(ids)

    def nearest(
        self, vector: npt.NDArray[np.float32], *, k: int, where: Where = EVERYTHING
    ) -> list[Hit]:
        """Return the k most similar by cosine among those that ``where`` admits."""
        with self._lock:
            return self._open().nearest(vector, k=k, where=where)

    def matching(self, text: str, *, k: int, where: Where = EVERYTHING) -> list[Hit]:
        """Return the k best by BM25 among those that share a word with ``text``."""
        with self._lock:
            return self._open().matching(text, k=k, where=where)

    def coverage(self, words: Sequence[str], ids: Sequence[str]) -> float:
        """Return how much of the words one of the entries has, by how rare they are."""
        with self._lock:
            return self._open().coverage(words, ids)

    def scan(self, where: Where = EVERYTHING) -> Iterator[list[MemoryEntry]]:
        """Yield what ``where`` admits, page by page, in order of id."""
        with self._lock:
            ids = self._open().ids(where)
        for start in range(0, len(ids), _PAGE):
            if page := self.get(ids[start : start + _PAGE]):
                yield page

    def delete(self, ids: Sequence[str]) -> int:
        """Remove by id and return how many were there."""
        with self._lock:
            removed = self._open().delete(ids)
            self._version += bool(removed)
            return removed

    def purge(self, ids: Sequence[str], *, needles: Sequence[str]) -> PurgeProof:
        """Remove by id; there are no files, so the proof searches the entries that are left."""
        removed = self.delete(ids)
        left = [id_ for page in self.scan() for id_ in entries_holding(page, needles)]
        return PurgeProof(
            ids=tuple(dict.fromkeys(ids)),
            rows_removed=removed,
            files_rewritten=0,
            versions_dropped=(),
            files_searched=0,
            bytes_searched=0,
            files_holding=tuple(f"entry:{id_}" for id_ in left),
        )

    def count(self) -> int:
        """Return how many entries are kept."""
        with self._lock:
            return len(self._open())

    def version(self) -> int:
        """Return a number that grows with every change."""
        with self._lock:
            self._open()
            return self._version

    def close(self) -> None:
        """Forget everything; may be called twice."""
        with self._lock:
            self._memory = None

    def _open(self) -> HotMemory:
        if self._memory is None:
            raise PermanentError("memory store 'inmemory' is closed: open a new one")
        return self._memory
