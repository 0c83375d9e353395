"""The hot index: vectors in memory, found by cosine through bit sketches, compared exactly."""

import math
from typing import Final

import numpy as np

from tam_workbench.memory.hot_cells import CellBook
from tam_workbench.memory.hot_gate import Gate, passing, share, unasked
from tam_workbench.memory.hot_kernels import Exact, Knobs, Singles, cosines, similarities
from tam_workbench.memory.hot_reach import needed_reach
from tam_workbench.memory.hot_search import Admission, search, seated
from tam_workbench.memory.selection import check_vectors
from tam_workbench.records import Floats, Ints

DOUBT: Final = 2.0
"""Standard errors by which a sketch is believed to err at most: 2.3 % of neighbours lie beyond."""

EXACT_ROWS: Final = 2048
"""So many rows, or admitted rows, are compared one by one; twice as many take about 0.5 ms."""

FEW: Final = 0.25
"""Where a filter admits less than this share, its rows are listed before anything is read."""

_NONE: Final = np.empty(0, np.int64)
_LOOKS: Final = 1024
_SPARE: Final = 8


class HotIndex:
    """Finds the most similar of the vectors that it holds under row numbers.

    Up to ``EXACT_ROWS`` rows all are compared. Beyond, every row has a sketch of one bit a
    coordinate in one of many cells; the cells and then the rows that may be among the k
    nearest are looked at, and only those rows are compared exactly. How far cells are
    searched is measured on the vectors themselves, again each time half of them changed.

    Parameters
    ----------
    dimension
        Numbers in every vector.
    seed
        Of the random rotation and of the vectors the reach is measured on.

    Examples
    --------
    >>> index = HotIndex(2)
    >>> index.put(np.arange(3), np.array([[1, 0], [0, 1], [3, 3]], np.float32))
    >>> rows, similarity = index.search(np.array([2, 0], np.float32), k=2)
    >>> rows.tolist(), similarity.round(3).tolist()
    ([0, 2], [1.0, 0.707])
    """

    def __init__(self, dimension: int, *, seed: int = 7) -> None:
        self._dimension, self._seed = dimension, seed
        self._vectors: Singles = np.empty((0, dimension), np.float32)
        self._inverse: Singles = np.empty(0, np.float32)
        self._alive = np.empty(0, np.uint8)
        self._book: CellBook | None = None
        self._measured = self._changes = 0
        self._count = self._size = 0
        self.reach = 0.0
        self.work = (0, 0, 0)
        """Cells, sketches and rows that the last search looked at."""

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays, room to grow included."""
        own = self._vectors.nbytes + self._inverse.nbytes + self._alive.nbytes
        return own + (0 if self._book is None else self._book.nbytes)

    def put(self, rows: Ints, vectors: Singles) -> None:
        """Insert or replace the vectors of rows; of a row named twice the last counts.

        Raises
        ------
        BadInputError
            A vector has another dimension, is not finite or is all zero.
        """
        matrix = check_vectors(vectors, [str(row) for row in rows], dimension=self._dimension)
        if not len(rows):
            return
        last = len(rows) - 1 - np.unique(rows[::-1], return_index=True)[1]
        rows, matrix = np.asarray(rows[last], np.int64), matrix[last]
        self._grow(int(rows.max()) + 1)
        self._vectors[rows] = matrix
        squares = np.einsum("ij,ij->i", matrix, matrix, dtype=np.float64)
        self._inverse[rows] = 1 / np.sqrt(squares)
        self._count += int((self._alive[rows] == 0).sum())
        self._alive[rows] = 1
        if self._book is not None:
            self._book.put(rows)
        elif self._count > EXACT_ROWS:
            self._book = CellBook(self._dimension, fetch=self._units, seed=self._seed)
            self._book.put(np.flatnonzero(self._alive[: self._size]))
        self._changed(len(rows))

    def remove(self, rows: Ints) -> None:
        """Take rows out; those that are not there are passed over."""
        rows = np.unique(rows)
        rows = rows[(rows >= 0) & (rows < self._size)]
        self._count -= int(self._alive[rows].sum())
        self._alive[rows] = 0
        self._vectors[rows] = 0
        if self._book is not None:
            self._book.remove(rows)
        self._changed(len(rows))

    def vectors(self, rows: Ints | int) -> Singles:
        """Return the vectors of rows, or the vector of one, as they were put."""
        return self._vectors[rows]

    def search(self, vector: Singles, *, k: int, gate: Gate | None = None) -> tuple[Ints, Floats]:
        """Return the k most similar rows that pass, and their cosines, best first.

        Equals (to 1e-6) come in order of row.
        """
        query = np.ascontiguousarray(vector, np.float32).ravel()
        length = math.sqrt(float(query @ query)) if len(query) == self._dimension else 0.0
        if not 1e-15 < length < 1e15:  # wrong, or its square out of single precision
            query = check_vectors(query[None], ["query"], dimension=self._dimension)[0]
            length = float(np.linalg.norm(query.astype(np.float64)))
        query = query / np.float32(length)
        if k <= 0 or not self._count:
            return np.empty(0, np.int64), np.empty(0)
        few = self._few(gate, k)
        if few is not None and (self._book is None or len(few) <= self._short(k)):
            rows = _best(similarities(self._exact, few, query), few, k)
        else:
            rows = self._sought(query, k, gate, few)
        near = cosines(self._exact, rows, query)
        order = np.lexsort((rows, -np.round(near, 6)))[:k]
        return rows[order], near[order]

    def measure(self) -> None:
        """Measure anew how far cells must be searched; done by itself as rows change."""
        self._measured, self._changes = self._count, 0
        if self._book is not None:
            self.reach = needed_reach(
                self._exact, self._book, size=self._size, rng=np.random.default_rng(self._seed)
            )

    def tend(self, cell: int) -> int:
        """Move the rows of a cell that are nearer to another one; return how many moved.

        For idle moments: cells ``0`` to ``cells - 1`` in turn undo what early splits got wrong.
        """
        return 0 if self._book is None else self._book.tend(cell)

    @property
    def cells(self) -> int:
        """How many cells there are; none while every row is compared."""
        return 0 if self._book is None else self._book.number

    def _changed(self, number: int) -> None:
        """Measure the reach anew once half as many rows changed as there were at the last time."""
        self._changes += number
        if self._book is not None and self._count and 2 * self._changes >= self._measured:
            self.measure()

    @property
    def _exact(self) -> Exact:
        return Exact(vectors=self._vectors, inverse=self._inverse)

    def _units(self, rows: Ints) -> Singles:
        return self._vectors[rows] * self._inverse[rows, None]

    def _few(self, gate: Gate | None, k: int) -> Ints | None:
        """Return the rows that pass where they are few, None where sketches are read anyway."""
        if self._book is None or 4 * k > self._count:
            return passing(gate if gate is not None else unasked(self._alive), self._size)
        if gate is None or share(gate, self._size, _LOOKS) >= FEW:
            return None
        return passing(gate, self._size)

    def _short(self, k: int) -> int:
        """Return how many rows are compared one by one rather than by their sketches."""
        return self._count if 4 * k > self._count else max(EXACT_ROWS, k, self._count // 100)

    def _sought(self, query: Singles, k: int, gate: Gate | None, few: Ints | None) -> Ints:
        assert self._book is not None
        knobs = Knobs(k=k + _SPARE, reach=self.reach, doubt=DOUBT)
        begin, places = _NONE, _NONE
        if few is not None:
            begin, places = seated(few, self._book.seat, self._book.number)
        may = Admission(gate if gate is not None else unasked(self._alive), begin, places)
        rows, work = search(
            self._book.cells,
            self._book.number,
            self._exact,
            may,
            self._book.sketch(query),
            knobs,
        )
        self.work = (int(work[0]), int(work[1]), int(work[2]))
        return rows

    def _grow(self, size: int) -> None:
        self._size = max(self._size, size)
        have = len(self._alive)
        if size > have:
            more = max(1024, size + size // 2) - have
            wider = np.empty((have + more, self._dimension), np.float32)
            wider[:have] = self._vectors
            self._vectors = wider
            self._inverse = np.pad(self._inverse, (0, more))
            self._alive = np.pad(self._alive, (0, more))


def _best(near: Singles, rows: Ints, k: int) -> Ints:
    """Return the rows that are among the k most similar, with all that tie with the last."""
    if k >= len(rows):
        return rows
    least = np.partition(near, len(near) - k)[len(near) - k]
    close: Ints = rows[near >= least - np.float32(2e-6)]
    return close
