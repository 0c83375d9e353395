"""The shelf: a durable store, what waits to be written to it, and a hot copy in memory."""

import threading
from collections.abc import Iterator, Sequence
from typing import Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from tam_workbench.ports import Store
from tam_workbench.records import Hit, MemoryEntry, PurgeProof, Where

INSIDE: Final = ("inmemory", "sealed")
"""Stores that answer from memory themselves."""


class Hot(Protocol):
    """What answers from memory; `memory.HotMemory` and any in-process store do."""

    def put(self, entries: Sequence[MemoryEntry]) -> None:
        """Insert or replace by id."""

    def get(self, ids: Sequence[str]) -> list[MemoryEntry]:
        """Return those that exist, in the order asked."""

    def nearest(self, vector: npt.NDArray[np.float32], *, k: int, where: Where = ...) -> list[Hit]:
        """Return the k most similar that ``where`` admits."""

    def matching(self, text: str, *, k: int, where: Where = ...) -> list[Hit]:
        """Return the k best by words."""

    def scan(self, where: Where = ...) -> Iterator[list[MemoryEntry]]:
        """Yield what ``where`` admits."""

    def delete(self, ids: Sequence[str]) -> int:
        """Remove by id."""

    def count(self) -> int:
        """Return how many entries are kept."""


@runtime_checkable
class Weighing(Protocol):
    """What knows how rare words are among its texts; see `memory.words`."""

    def coverage(self, words: Sequence[str], ids: Sequence[str]) -> float | None:
        """Return how much of the words one of the entries has; None if it cannot say."""


class Shelf:
    """Writes behind, reads what was written at once; safe from several threads.

    Parameters
    ----------
    store
        Where entries become durable at `flush`.
    hot
        Copy in memory that answers; None when the store is itself in memory.
    hot_rows
        Entries above which the store's own index answers and the hot copy is let go.
    """

    def __init__(self, store: Store, *, hot: Hot | None = None, hot_rows: int = 1_000_000) -> None:
        self.store = store
        self._hot = hot
        self._hot_rows = hot_rows
        self._lock = threading.RLock()
        self._waiting: dict[str, MemoryEntry] = {}
        self._seen = -1
        self.is_open = True
        self.reload()

    @property
    def is_hot(self) -> bool:
        """Whether memory answers, not the store's own index."""
        return self._hot is not None or self.store.name in INSIDE

    def reload(self) -> None:
        """Read the store again where another process, a restore or a branch changed it."""
        with self._lock:
            self._seen = self.store.version()
            if self._hot is None:
                return
            if self.store.count() > self._hot_rows:
                self._hot = None
                return
            held = self._hot.scan() if self._hot.count() else ()  # of none no kernel is loaded
            known = {entry.id for page in held for entry in page}
            for page in self.store.scan():
                self._hot.put(page)
                known.difference_update(entry.id for entry in page)
            self._hot.delete(sorted(known))
            self._hot.put(list(self._waiting.values()))

    def put(self, entries: Sequence[MemoryEntry]) -> None:
        """Take entries in: found at once, durable at the next `flush`."""
        with self._lock:
            self._waiting.update((entry.id, entry) for entry in entries)
            if self._hot is not None:
                self._hot.put(entries)

    def flush(self) -> int:
        """Write what waits and return the version that holds it."""
        with self._lock:
            if self._waiting:
                self.store.put(list(self._waiting.values()))
                self._waiting = {}
                self._seen = self.store.version()
            return self._seen

    @property
    def version(self) -> int:
        """The version of the last flush or reload; asks no disk."""
        return self._seen

    def get(self, ids: Sequence[str]) -> list[MemoryEntry]:
        """Return those that exist, in the order asked."""
        with self._lock:
            if self._hot is not None:
                return self._hot.get(ids)
            waiting = self._waiting
            there = {e.id: e for e in self.store.get([i for i in ids if i not in waiting])}
            there.update((i, waiting[i]) for i in ids if i in waiting)
            return [there[i] for i in ids if i in there]

    def nearest(self, vector: npt.NDArray[np.float32], *, k: int, where: Where) -> list[Hit]:
        """Return the k most similar that ``where`` admits."""
        with self._lock:
            return self._answering().nearest(vector, k=k, where=where)

    def matching(self, text: str, *, k: int, where: Where) -> list[Hit]:
        """Return the k best by words."""
        with self._lock:
            return self._answering().matching(text, k=k, where=where)

    def coverage(self, words: Sequence[str], ids: Sequence[str]) -> float | None:
        """Return how much of the words one of the entries has; None where nobody can say."""
        with self._lock:
            answering = self._answering()
            return answering.coverage(words, ids) if isinstance(answering, Weighing) else None

    def scan(self, where: Where) -> Iterator[list[MemoryEntry]]:
        """Yield what ``where`` admits, page by page."""
        with self._lock:
            yield from self._answering().scan(where)

    def pages(self, where: Where, *, size: int) -> Iterator[list[MemoryEntry]]:
        """Yield what ``where`` admits now, page by page, each as it is when it is asked for.

        Others may read and write between two pages; a copy in memory is read as far as asked.
        """
        with self._lock:
            found = self._answering().scan(where)
            read = found if self.is_hot else iter([[e for page in found for e in page]])
        while True:
            with self._lock:
                ids = [entry.id for entry in next(read, [])]
            if not ids:
                return
            for start in range(0, len(ids), size):
                yield self.get(ids[start : start + size])

    def delete(self, ids: Sequence[str]) -> int:
        """Remove by id, durably, and return how many were there."""
        with self._lock:
            self.flush()
            gone = self.store.delete(ids)
            self._dropped(ids)
            return gone

    def purge(self, ids: Sequence[str], *, needles: Sequence[str]) -> PurgeProof:
        """Remove for good and prove it."""
        with self._lock:
            self.flush()
            proof = self.store.purge(ids, needles=needles)
            self._dropped(ids)
            return proof

    def count(self) -> int:
        """Return how many entries there are."""
        with self._lock:
            if self._hot is not None:
                return self._hot.count()
            self.flush()
            return self.store.count()

    def close(self) -> None:
        """Write what waits and let go of the store; the copy in memory still answers."""
        with self._lock:
            if self.is_open and self.store.name != "inmemory":
                self.flush()
                self.store.close()
                self.is_open = False

    def _dropped(self, ids: Sequence[str]) -> None:
        if self._hot is not None:
            self._hot.delete(ids)
        self._seen = self.store.version()

    def _answering(self) -> Hot:
        if self._hot is not None:
            return self._hot
        self.flush()  # the store can only find what it has
        return self.store
