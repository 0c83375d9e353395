"""Names with small stable numbers: what the kernels index by."""

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from tam_workbench.records import Ints

Codes = npt.NDArray[np.int64]

_NULL: Final = ""


@njit(cache=True, nogil=True)
def _look_up(codes: Ints, lut: Ints, last: Ints, at: int, found: Ints) -> bool:
    """Write each code's number and when it was last seen; stop and say so at an unknown code."""
    for i in range(codes.size):
        if codes[i] >= lut.size or lut[codes[i]] < 0:
            return False
        found[i] = lut[codes[i]]
    for i in range(codes.size):
        last[found[i]] = at
    return True


class Names:
    """A bounded table name -> number; when full, the name unseen for longest makes room.

    Numbers, not the process-wide codes of polars, index the state, so a state outlives its
    process. A batch with more than ``limit`` new names shares the last number among the rest.

    Examples
    --------
    >>> names = Names(limit=2)
    >>> column = pl.Series(["a", "b", "a"], dtype=pl.Categorical())
    >>> names.resolve(column, at=0).tolist(), names.evicted
    ([0, 1, 0], [])
    >>> names.resolve(pl.Series(["a", "c"], dtype=pl.Categorical()), at=5).tolist(), names.evicted
    ([0, 1], [1])
    """

    def __init__(self, *, limit: int) -> None:
        self.limit = limit
        self.known: list[str] = []
        self.evicted: list[int] = []
        self._number: dict[str, int] = {}
        self._last = np.full(limit, -(2**62), dtype=np.int64)
        self._lut = np.full(64, -1, dtype=np.int64)
        self._anchor: pl.Series | None = None

    def __len__(self) -> int:
        return len(self.known)

    def number(self, name: str) -> int | None:
        """Return a name's number, None when it is not known."""
        return self._number.get(name)

    def resolve(self, column: pl.Series, *, at: int, codes: Codes | None = None) -> Codes:
        """Return the number of every row.

        ``evicted`` gathers numbers that changed hands, until the caller empties it.

        ``at`` is the tick of the batch, by which the longest unseen name is found; ``codes`` are
        those of ``Batch.columns``, moved up by one so that null is 0, where the caller has them.
        """
        if self._anchor is None:  # polars renumbers categories when no column of them lives
            self._anchor = column.clear()
        return self._find(column, self._shift(column) if codes is None else codes, at=at)

    def _find(self, column: pl.Series, codes: Codes, *, at: int) -> Codes:
        found = np.empty(codes.size, dtype=np.int64)
        if _look_up(codes, self._lut, self._last, at, found):
            return found
        top = int(codes.max())
        if top >= self._lut.size:
            grown = np.full(max(top + 1, 2 * self._lut.size), -1, dtype=np.int64)
            grown[: self._lut.size] = self._lut
            self._lut = grown
        self._admit(column, codes, self._lut[codes], at=at)
        found = self._lut[codes]
        self._last[found] = at
        return found

    @staticmethod
    def _shift(column: pl.Series) -> Codes:
        return column.to_physical().cast(pl.Int64).fill_null(-1).to_numpy() + 1

    def _admit(self, column: pl.Series, codes: Codes, found: Ints, *, at: int) -> None:
        self._last[found[found >= 0]] = at
        _, first = np.unique(codes, return_index=True)
        for row in np.sort(first):
            if found[row] < 0:
                name = column[int(row)]
                self._lut[codes[row]] = self.add(_NULL if name is None else str(name), at=at)

    def add(self, name: str, *, at: int) -> int:
        """Return the number of a name, giving it one when it has none."""
        number = self._number.get(name)
        if number is not None:
            self._last[number] = at
            return number
        if len(self.known) < self.limit:
            number = len(self.known)
            self.known.append(name)
        else:
            number = int(np.argmin(self._last))
            if self._last[number] >= at:  # all were seen just now
                return self.limit - 1
            del self._number[self.known[number]]
            self._lut[self._lut == number] = -1
            self.known[number] = name
            self.evicted.append(number)
        self._number[name] = number
        self._last[number] = at
        return number

    def state(self) -> dict[str, object]:
        """Return what `restore` needs, in plain containers."""
        return {"known": list(self.known), "last": self._last.copy()}

    def restore(self, state: dict[str, object]) -> None:
        """Become what `state` described."""
        known, last = state["known"], state["last"]
        self.known = list(known) if isinstance(known, list) else []
        self._last = np.array(last, dtype=np.int64)
        self._number = {name: number for number, name in enumerate(self.known)}
        self._lut = np.full(64, -1, dtype=np.int64)
