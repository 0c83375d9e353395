"""Cells of the hot index: they grow row by row and split in two when they are full."""

from collections.abc import Callable
from typing import Final, cast

import numpy as np

from tam_workbench.memory.hot_kernels import (
    Cells,
    Singles,
    Sketched,
    append,
    quantise,
    take_out,
    turn,
)
from tam_workbench.records import Ints

ROOM: Final = 256
"""Rows a cell holds at first before it splits."""

CROWD: Final = 8192
"""Cells beyond which the room of all doubles, and doubles again at twice as many.

Cells that hold several groups of rows promise much to everybody: of a million rows in groups of
200, four times as many in each made a search read most of them. Some thousand centres more cost
0.3 ms. Beyond, both the centres and the rows of a cell grow with the root of all rows.
"""

TENDED: Final = 2
"""Cells that are tended for every one that splits, so that early cuts are put right."""

_CHUNK: Final = 4096
_ROUNDS: Final = 6


class CellBook:
    """Keeps rotated sketches of rows in cells around centres that follow the rows.

    There is nothing to train: a full cell splits along its widest direction (two-means over
    its rows), so the cells are as good after a million single rows as after one load.

    Parameters
    ----------
    dimension
        Numbers in every vector.
    fetch
        Gives the vectors of rows, of length one: cells keep sketches only.
    seed
        Of the random rotation.
    """

    def __init__(self, dimension: int, *, fetch: Callable[[Ints], Singles], seed: int = 7) -> None:
        self._fetch = fetch
        width = 64 * -(-dimension // 64)
        rng = np.random.default_rng(seed)
        self._signs = rng.choice(np.array([-1, 1], np.float32), (3, width))
        self._order = np.stack([rng.permutation(width) for _ in range(3)])
        self._cells = _empty(4, width, ROOM)
        self._seat = (np.empty(0, np.int64), np.empty(0, np.int64))
        self.number = 1
        self._next = 0

    @property
    def cells(self) -> Cells:
        """The arrays; the first ``number`` cells of them are in use."""
        return self._cells

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays, room to grow included."""
        return sum(cast("Singles", array).nbytes for array in (*self._cells, *self._seat))

    @property
    def seat(self) -> tuple[Ints, Ints]:
        """The cell of every row, -1 for none, and its place there."""
        return self._seat

    def rotate(self, vectors: Singles) -> Singles:
        """Return vectors in rotated space, (rows, D)."""
        rotated: Singles = turn(np.ascontiguousarray(vectors), self._signs, self._order)
        return rotated

    def sketch(self, query: Singles) -> Sketched:
        """Return a query of length one as the search wants it."""
        rotated = self.rotate(query[None])[0]
        planes = np.empty((4, rotated.size // 64), np.uint64)
        return Sketched(query=query, rotated=rotated, planes=planes, step=quantise(rotated, planes))

    def put(self, rows: Ints) -> None:
        """Add rows, or move those that are known; ``fetch`` must know their vectors."""
        self._seat_up_to(int(rows.max()) + 1 if rows.size else 0)
        take_out(self._cells, self._seat, rows)
        before = self.number
        for start in range(0, rows.size, _CHUNK):
            chunk = rows[start : start + _CHUNK]
            self._place(chunk, self.rotate(self._fetch(chunk)))
        for _ in range(TENDED * (self.number - before)):
            self._next = (self._next + 1) % self.number
            self.tend(self._next)

    def remove(self, rows: Ints) -> None:
        """Take rows out."""
        take_out(self._cells, self._seat, rows)

    def tend(self, cell: int) -> int:
        """Move the rows of a cell to the nearest centres, its own to its middle.

        Return how many rows moved.
        """
        rows = self.rows_of(cell)
        if not rows.size:
            return 0
        rotated = self.rotate(self._fetch(rows))
        homes = self._nearest(rotated)
        moved = homes != cell
        take_out(self._cells, self._seat, rows[moved])
        if not moved.all():
            self._settle(cell, rows[~moved], rotated[~moved])
        self._place(rows[moved], rotated[moved])
        return int(moved.sum())

    def rows_of(self, cell: int) -> Ints:
        """Return the rows of a cell."""
        return self._cells.rows[cell, : self._cells.size[cell]].astype(np.int64)

    def _nearest(self, rotated: Singles) -> Ints:
        s = self._cells
        half = s.square[: self.number] / 2
        return np.asarray((rotated @ s.centre[: self.number].T - half).argmax(axis=1), np.int64)

    def _place(self, rows: Ints, rotated: Singles) -> None:
        homes, at = self._nearest(rotated), 0
        while at < rows.size:
            at += append(self._cells, self._seat, rotated[at:], rows[at:], homes[at:])
            if at < rows.size:
                full = int(homes[at])
                new = self._split(full)
                rest = at + np.flatnonzero(homes[at:] == full)
                gap = self._cells.centre[new] - self._cells.centre[full]
                middle = (self._cells.centre[new] + self._cells.centre[full]) / 2
                homes[rest[(rotated[rest] - middle) @ gap > 0]] = new

    def _split(self, full: int) -> int:
        """Split a cell in two, neither under a quarter of it; return the number of the new one."""
        if self.number == len(self._cells.size):
            self._cells = _copied(self._cells, 3 * self.number // 2, self._cells.rows.shape[1])
        if self.number >= CROWD * self._cells.rows.shape[1] // ROOM:
            self._cells = _copied(self._cells, len(self._cells.size), 2 * self._cells.rows.shape[1])
        new = self.number
        self.number += 1
        rows = self.rows_of(full)
        rotated = self.rotate(self._fetch(rows))
        order, cut = _halves(rotated)
        for cell, part in ((full, order[:cut]), (new, order[cut:])):
            self._settle(cell, rows[part], rotated[part])
        return new

    def _settle(self, cell: int, rows: Ints, rotated: Singles) -> None:
        """Make rows all that a cell holds, and their mean its centre."""
        s = self._cells
        s.centre[cell] = rotated.mean(axis=0)
        s.square[cell] = s.centre[cell] @ s.centre[cell]
        s.size[cell], s.energy[cell] = 0, 0.0
        append(s, self._seat, rotated, rows, np.full(rows.size, cell))

    def _seat_up_to(self, size: int) -> None:
        have = len(self._seat[0])
        if size > have:
            more = max(1024, 2 * size) - have
            cells, places = self._seat
            self._seat = (
                np.pad(cells, (0, more), constant_values=-1),
                np.pad(places, (0, more)),
            )


def _halves(rotated: Singles) -> tuple[Ints, int]:
    """Return the rows in order along the line between two means, and where to cut them."""
    far = rotated[np.square(rotated - rotated.mean(axis=0)).sum(axis=1).argmax()]
    pair = np.stack([far, rotated[np.square(rotated - far).sum(axis=1).argmax()]])
    quarter = len(rotated) // 4
    order, cut = np.arange(len(rotated)), len(rotated) // 2
    for _ in range(_ROUNDS):
        along = (rotated - pair.mean(axis=0)) @ (pair[1] - pair[0])
        order = np.argsort(along, kind="stable")
        cut = int(np.clip((along <= 0).sum(), quarter, len(rotated) - quarter))
        pair = np.stack([rotated[part].mean(axis=0) for part in (order[:cut], order[cut:])])
    return order, cut


def _empty(number: int, width: int, room: int) -> Cells:
    return Cells(
        codes=np.zeros((number, room, width // 64), np.uint64),
        factors=np.zeros((number, room, 2), np.float32),
        rows=np.zeros((number, room), np.int32),
        size=np.zeros(number, np.int64),
        centre=np.zeros((number, width), np.float32),
        square=np.zeros(number, np.float32),
        energy=np.zeros(number, np.float32),
    )


def _copied(s: Cells, number: int, room: int) -> Cells:
    """Return the same cells with place for more of them, or for more rows in each."""
    wider, have = _empty(number, s.centre.shape[1], room), s.rows.shape[1]
    wider.codes[: len(s.size), :have] = s.codes
    wider.factors[: len(s.size), :have] = s.factors
    wider.rows[: len(s.size), :have] = s.rows
    wider.size[: len(s.size)], wider.energy[: len(s.size)] = s.size, s.energy
    wider.centre[: len(s.size)], wider.square[: len(s.size)] = s.centre, s.square
    return wider
