"""Hot memory: entries in columns, found by vector and by words at the speed of memory."""

from collections.abc import Sequence

import numpy as np

from tam_workbench.memory.hot import HotIndex
from tam_workbench.memory.hot_gate import passing
from tam_workbench.memory.hot_kernels import Singles
from tam_workbench.memory.hot_rows import HotRows
from tam_workbench.memory.selection import check_vectors, top
from tam_workbench.memory.words import WordIndex
from tam_workbench.records import Floats, Hit, Ints, MemoryEntry, Where


class HotMemory:
    """Keeps entries by id; finds what `admits` admits, by cosine or by BM25.

    Equals (to 1e-6) come in order of id, as `top` has it. Not safe for threads: the store
    around it locks.

    Parameters
    ----------
    dimension
        Numbers in every vector.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from tam_workbench.records import Tier
    >>> entry = MemoryEntry(id="a", kind="note", text="disk full on db", vector=(1.0, 0.0),
    ...     tier=Tier.WORKING, service="db", created_at=datetime(2024, 1, 1, tzinfo=UTC), trust=1.0)
    >>> memory = HotMemory(dimension=2)
    >>> memory.put([entry])
    >>> hit = memory.matching("why is the disk full?", k=3, where=Where(services=("db",)))[0]
    >>> hit.entry == entry, round(hit.parts["words"], 2)
    (True, 0.58)
    """

    def __init__(self, *, dimension: int) -> None:
        self._dimension = dimension
        self._rows = HotRows()
        self._row_of: dict[str, int] = {}
        self._free: list[int] = []
        self.index = HotIndex(dimension)
        self.words = WordIndex()

    def __len__(self) -> int:
        return len(self._row_of)

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays, room to grow included; ids and texts come on top."""
        columns = self._rows.columns
        arrays = (columns.codes, columns.times, columns.trust, columns.alive)
        return self.index.nbytes + self.words.nbytes + sum(array.nbytes for array in arrays)

    def put(self, entries: Sequence[MemoryEntry]) -> None:
        """Insert or replace by id, all or nothing; of one id twice the last counts.

        Raises
        ------
        BadInputError
            A vector has another dimension, is not finite or all zero, or a time has no zone.
        """
        vectors = check_vectors(
            [entry.vector for entry in entries],
            [entry.id for entry in entries],
            dimension=self._dimension,
        )
        last = {entry.id: at for at, entry in enumerate(entries)}
        kept, matrix = [entries[at] for at in last.values()], vectors[list(last.values())]
        times = self._rows.times(kept)
        is_old = [entry.id in self._row_of for entry in kept]
        rows = [self._row(entry.id) for entry in kept]
        texts = self._rows.texts  # what stays as it is need not be found anew
        said = [
            at
            for at, entry in enumerate(kept)
            if not (is_old[at] and texts[rows[at]] == entry.text)
        ]
        moved = [
            at
            for at, row in enumerate(rows)
            if not (is_old[at] and np.array_equal(self.index.vectors(row), matrix[at]))
        ]
        self._rows.put(rows, kept, times=times)
        self.index.put(np.array([rows[at] for at in moved], np.int64), matrix[moved])
        self.words.put([rows[at] for at in said], [kept[at].text for at in said])

    def delete(self, ids: Sequence[str]) -> int:
        """Remove by id and return how many were there."""
        gone = [self._row_of.pop(id_) for id_ in dict.fromkeys(ids) if id_ in self._row_of]
        rows = np.array(gone, np.int64)
        self.index.remove(rows)
        self.words.remove(rows)
        self._rows.remove(rows)
        self._free += gone
        return len(gone)

    def entries(self, ids: Sequence[str]) -> list[MemoryEntry]:
        """Return those that exist, in the order asked."""
        return [self._entry(self._row_of[id_]) for id_ in ids if id_ in self._row_of]

    def nearest(self, vector: Singles, *, k: int, where: Where) -> list[Hit]:
        """Return the k most similar by cosine among those that ``where`` admits."""
        query, gate = np.asarray(vector, np.float32), self._rows.gate(where)
        asked = k + 1  # one more shows whether anything equals the k-th
        while True:
            rows, scores = self.index.search(query, k=asked, gate=gate)
            is_all = len(rows) < asked or asked >= len(self)
            if k <= 0 or is_all or round(scores[-1], 6) < round(scores[k - 1], 6):
                return self._hits(rows, scores, k=k, part="similarity")
            asked = max(4 * asked, k + 16)  # there may be more that equal the k-th: ids decide

    def matching(self, text: str, *, k: int, where: Where) -> list[Hit]:
        """Return the k best by BM25 that share any word, among those that ``where`` admits."""
        rows, scores = self.words.contenders(text, k=k, gate=self._rows.gate(where))
        return self._hits(rows, scores, k=k, part="words")

    def coverage(self, words: Sequence[str], ids: Sequence[str]) -> float:
        """Return how much of the words one of the entries has, by how rare they are."""
        rows = [self._row_of[id_] for id_ in ids if id_ in self._row_of]
        return self.words.coverage(words, rows)

    def ids(self, where: Where) -> list[str]:
        """Return the ids of what ``where`` admits, in order."""
        rows = passing(self._rows.gate(where), len(self._rows.ids))
        return sorted(self._rows.ids[row] for row in rows.tolist())

    def _hits(self, rows: Ints, scores: Floats, *, k: int, part: str) -> list[Hit]:
        names = [self._rows.ids[row] for row in rows.tolist()]
        return [
            Hit(
                entry=self._entry(int(rows[at])),
                score=float(scores[at]),
                parts={part: float(scores[at])},
            )
            for at in top(scores, names, k=k)
        ]

    def _row(self, id_: str) -> int:
        if id_ not in self._row_of:
            self._row_of[id_] = self._free.pop() if self._free else self._rows.reserve()
        return self._row_of[id_]

    def _entry(self, row: int) -> MemoryEntry:
        return self._rows.entry(row, self.index.vectors(row))
