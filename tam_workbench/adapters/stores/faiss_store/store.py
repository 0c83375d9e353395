"""The FAISS store: exact or HNSW search over rows, the entries in memory and in a log."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from tam_workbench.adapters.purging import entries_holding, search_files
from tam_workbench.adapters.stores.faiss_store.files import Change, Files
from tam_workbench.errors import MissingExtraError, PermanentError
from tam_workbench.memory import admits, check_vectors, top
from tam_workbench.memory.overlap import NamedWords
from tam_workbench.ports import EVERYTHING
from tam_workbench.records import Hit, MemoryEntry, PurgeProof, Where

_PAGE: Final = 1000
_NEIGHBOURS: Final = 32
"""Links of a node in the HNSW graph; with ``_BUILD`` the values of FAISS's own benchmarks."""
_BUILD: Final = 80
"""Candidates looked at when a node is linked."""
_SEARCH: Final = 64
"""Candidates looked at in a search, at least twice k."""
_EXACT_BELOW: Final = 2_000
"""Rows that are compared one by one: a graph of few admitted rows finds too little."""
_LEAST_LOG: Final = 10_000
"""Rows in the log from which a snapshot is due, when they are half of what is kept."""


class FaissStore:
    """Keeps entries in this process and in a folder, found by a FAISS index of their vectors.

    A put is one synced line in a log; a snapshot (index and entries) is due when the log has
    grown to half of what is kept. Filters are looked up entry by entry, so a search with a
    filter takes time with the number of entries; one process at a time may open the folder.

    Parameters
    ----------
    path
        Folder of the store, made when missing.
    dimension
        Numbers in every vector: the embedder's ``dimension``.
    index
        ``flat`` compares with every vector, exactly; ``hnsw`` walks a graph, approximately.
    """

    name = "faiss"

    def __init__(
        self, path: str | Path, *, dimension: int, index: Literal["flat", "hnsw"] = "flat"
    ) -> None:
        self._faiss = _guest()
        self._dimension, self._kind = dimension, index
        self._lock = threading.RLock()
        self._is_open = True
        self._forget()
        self._files = Files(Path(path), dimension=dimension)
        try:
            self._load()
        except BaseException:
            self._files.close()
            raise

    def put(self, entries: Sequence[MemoryEntry]) -> None:
        """Insert or replace by id; on disk when it returns, all entries or none."""
        latest = list({entry.id: entry for entry in entries}.values())
        vectors, ids = [entry.vector for entry in latest], [entry.id for entry in latest]
        matrix = check_vectors(vectors, ids, dimension=self._dimension)
        if not latest:
            return
        with self._lock:
            self._check_open()
            self._files.append(Change(version=self._files.version + 1, put=latest))
            self._take(latest, matrix)
            self._logged(len(latest))

    def get(self, ids: Sequence[str]) -> list[MemoryEntry]:
        """Return those that exist, in the order asked."""
        with self._lock:
            self._check_open()
            return [self._entry(self._rows[id_]) for id_ in ids if id_ in self._rows]

    def nearest(
        self, vector: npt.NDArray[np.float32], *, k: int, where: Where = EVERYTHING
    ) -> list[Hit]:
        """Return the k most similar by cosine among those that ``where`` admits."""
        query = check_vectors(np.asarray(vector)[None, :], ["query"], dimension=self._dimension)[0]
        with self._lock:
            self._check_open()
            if k <= 0:
                return []
            rows, similarities = self._candidates(query, k, where)
            best = top(similarities, [self._kept[row].id for row in rows], k=k)
            found = [(self._entry(rows[at]), float(similarities[at])) for at in best]
        return [
            Hit(entry=entry, score=score, parts={"similarity": score}) for entry, score in found
        ]

    def matching(self, text: str, *, k: int, where: Where = EVERYTHING) -> list[Hit]:
        """Return the k best by words: BM25, an identifier whole and in its parts."""
        with self._lock:
            self._check_open()
            best = self._words.best(
                text, k=k, admits=lambda id_: admits(self._kept[self._rows[id_]], where)
            )
            found = [(self._entry(self._rows[id_]), score) for id_, score in best]
        return [Hit(entry=entry, score=score, parts={"words": score}) for entry, score in found]

    def scan(self, where: Where = EVERYTHING) -> Iterator[list[MemoryEntry]]:
        """Yield what ``where`` admits, page by page, in order of id."""
        with self._lock:
            self._check_open()
            ids = sorted(id_ for id_, row in self._rows.items() if admits(self._kept[row], where))
        for start in range(0, len(ids), _PAGE):
            if page := self.get(ids[start : start + _PAGE]):
                yield page

    def delete(self, ids: Sequence[str]) -> int:
        """Remove by id and return how many were there."""
        with self._lock:
            self._check_open()
            there = [id_ for id_ in dict.fromkeys(ids) if id_ in self._rows]
            if there:
                self._files.append(Change(version=self._files.version + 1, gone=there))
                self._drop(there)
                self._logged(len(there))
            return len(there)

    def purge(self, ids: Sequence[str], *, needles: Sequence[str]) -> PurgeProof:
        """Remove for good: every file is written anew without them, and then searched."""
        with self._lock:
            self._check_open()
            asked = tuple(dict.fromkeys(ids))
            there = [id_ for id_ in asked if id_ in self._rows]
            self._drop(there)
            rewritten = self._snapshot()
            files, size, holding = search_files(self._files.folder, needles)
            left = entries_holding((self._kept[row] for row in self._rows.values()), needles)
        return PurgeProof(
            ids=asked,
            rows_removed=len(there),
            files_rewritten=rewritten,
            versions_dropped=(),
            files_searched=files,
            bytes_searched=size,
            files_holding=(*holding, *(f"entry:{id_}" for id_ in left)),
        )

    def count(self) -> int:
        """Return how many entries are kept."""
        with self._lock:
            self._check_open()
            return len(self._rows)

    def version(self) -> int:
        """Return a number that grows with every change."""
        with self._lock:
            self._check_open()
            return self._files.version

    def close(self) -> None:
        """Let go of the folder; may be called twice."""
        with self._lock:
            if self._is_open:
                self._is_open = False
                self._files.close()
                self._forget()

    def _check_open(self) -> None:
        if not self._is_open:
            raise PermanentError("memory store 'faiss' is closed: open a new one")

    def _forget(self) -> None:
        self._kept: list[MemoryEntry] = []  # without vectors, row by row, dead ones too
        self._rows: dict[str, int] = {}
        self._vectors = np.empty((0, self._dimension), np.float32)
        self._alive = np.empty(0, bool)
        self._words = NamedWords()
        self._pending = 0
        self._index = self._empty_index()

    def _load(self) -> None:
        """Read the snapshot and the log; use the index of the snapshot as far as it goes."""
        path = self._files.index_path
        index = self._faiss.read_index(str(path)) if path.exists() else None
        if index is not None and isinstance(index, self._faiss.IndexHNSW) == (self._kind == "hnsw"):
            self._index = index
        entries = self._files.entries()
        while page := list(islice(entries, _PAGE)):
            self._take(page, np.array([entry.vector for entry in page], np.float32))
        if self._index.ntotal != len(self._kept):  # it was tampered with: it can be made again
            self._rebuild()
        for change in self._files.changes():
            self._drop(change.gone)
            if change.put:
                vectors = np.array([entry.vector for entry in change.put], np.float32)
                self._take(change.put, vectors)

    def _take(self, entries: Sequence[MemoryEntry], vectors: npt.NDArray[np.float32]) -> None:
        self._drop([entry.id for entry in entries])
        start, size = len(self._kept), len(entries)
        if start + size > len(self._vectors):
            more = max(1024, 2 * (start + size)) - len(self._vectors)
            self._vectors = np.pad(self._vectors, ((0, more), (0, 0)))
            self._alive = np.pad(self._alive, (0, more))
        self._vectors[start : start + size] = vectors
        self._alive[start : start + size] = True
        for row, entry in enumerate(entries, start):
            self._kept.append(replace(entry, vector=()))
            self._rows[entry.id] = row
        self._words.put([entry.id for entry in entries], [entry.text for entry in entries])
        missing = len(self._kept) - self._index.ntotal
        if missing > 0:
            self._index.add(_units(self._vectors[len(self._kept) - missing : len(self._kept)]))

    def _drop(self, ids: Sequence[str]) -> None:
        self._words.remove(ids)
        for id_ in ids:
            row = self._rows.pop(id_, None)
            if row is not None:
                self._alive[row] = False
                self._kept[row] = replace(self._kept[row], text="", attributes={})

    def _logged(self, rows: int) -> None:
        self._pending += rows
        if self._pending >= max(_LEAST_LOG, len(self._rows) // 2):
            self._snapshot()

    def _snapshot(self) -> int:
        """Write everything anew, without dead rows; return how many old files went."""
        rows = np.flatnonzero(self._alive[: len(self._kept)])
        if len(rows) < len(self._kept):
            self._kept = [self._kept[row] for row in rows]
            self._vectors, self._alive = self._vectors[rows], np.ones(len(rows), bool)
            self._rows = {entry.id: row for row, entry in enumerate(self._kept)}
            self._rebuild()
        self._pending = 0

        def write_index(path: Path) -> None:
            self._faiss.write_index(self._index, str(path))

        entries = (self._entry(row) for row in range(len(self._kept)))
        return self._files.snapshot(
            entries, version=self._files.version + 1, write_index=write_index
        )

    def _rebuild(self) -> None:
        """Index every row anew: neither kind of index can lose a row from its middle cheaply."""
        self._index = self._empty_index()
        if self._kept:
            self._index.add(_units(self._vectors[: len(self._kept)]))

    def _empty_index(self) -> Any:  # noqa: ANN401 - the guest is untyped
        if self._kind == "flat":
            return self._faiss.IndexFlatIP(self._dimension)
        index = self._faiss.IndexHNSWFlat(
            self._dimension, _NEIGHBOURS, self._faiss.METRIC_INNER_PRODUCT
        )
        index.hnsw.efConstruction = _BUILD
        return index

    def _candidates(
        self, query: npt.NDArray[np.float32], k: int, where: Where
    ) -> tuple[list[int], npt.NDArray[np.float64]]:
        """Return at least the k nearest rows, and all that tie with the last of them."""
        admitted = self._admitted(where)
        size = int(admitted.sum())
        if size <= max(_EXACT_BELOW, k):
            rows = np.flatnonzero(admitted)
            return rows.tolist(), _cosine(self._vectors[rows], query)
        limit = k + 16
        while True:
            rows, scores = self._search(query, min(limit, size), admitted, size)
            if limit >= size or len(rows) < limit or scores[k - 1] - scores[-1] > 1e-5:
                return rows.tolist(), _cosine(self._vectors[rows], query)
            limit *= 4

    def _search(
        self, query: npt.NDArray[np.float32], k: int, admitted: npt.NDArray[np.bool_], size: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        selector = None
        if size < len(self._kept):
            bits = np.packbits(admitted, bitorder="little")
            selector = self._faiss.IDSelectorBitmap(bits)
        if self._kind == "hnsw":
            asked = self._faiss.SearchParametersHNSW(efSearch=max(_SEARCH, 2 * k), sel=selector)
        else:
            asked = self._faiss.SearchParameters(sel=selector)
        scores, rows = self._index.search(_units(query[None, :]), k, params=asked)
        found = rows[0] >= 0
        return rows[0][found], scores[0][found]

    def _admitted(self, where: Where) -> npt.NDArray[np.bool_]:
        alive = self._alive[: len(self._kept)]
        if where == EVERYTHING:
            return alive
        return np.fromiter(
            (
                is_alive and admits(entry, where)
                for is_alive, entry in zip(alive.tolist(), self._kept, strict=True)
            ),
            bool,
            len(self._kept),
        )

    def _entry(self, row: int) -> MemoryEntry:
        return replace(self._kept[row], vector=tuple(self._vectors[row].tolist()))


def _guest() -> Any:  # noqa: ANN401 - the guest is untyped
    try:
        import faiss
    except ImportError as error:
        raise MissingExtraError("stores", "faiss", extra="stores") from error
    return faiss


def _units(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _cosine(
    vectors: npt.NDArray[np.float32], query: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    wide, asked = vectors.astype(np.float64), query.astype(np.float64)
    norms = np.linalg.norm(wide, axis=1) * np.linalg.norm(asked)
    return np.asarray(wide @ asked / norms, np.float64)
