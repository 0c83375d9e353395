"""High-water marks per channel: the last row number and the newest stamp of each."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

__all__ = ["AGAIN", "GROWING", "PATIENCE", "ROUGH", "TIED", "Marks"]

_Ints = npt.NDArray[np.int64]
_Mask = npt.NDArray[np.bool_]
_NEVER: Final = np.iinfo(np.int64).min // 2

ROUGH, GROWING, TIED, AGAIN = range(4)

PATIENCE: Final = 64
"""After so many late rows in a row a channel's clock was set back, and its mark follows."""


@njit(cache=True, nogil=True)
def _pace(  # noqa: PLR0913, PLR0917 - a kernel takes flat arrays
    where: _Ints,
    rows: _Ints,
    times: _Ints,
    jump: float,
    row_marks: _Ints,
    time_marks: _Ints,
    ahead: _Ints,
    run: _Ints,
) -> int:
    row, time = row_marks.copy(), time_marks.copy()
    pace = GROWING
    for i in range(where.size):
        c = where[i]
        if rows[i] <= row[c]:
            return ROUGH
        if time[c] != _NEVER:
            step = times[i] - time[c]
            if step < 0 or step > jump:
                return ROUGH
            if step == 0:
                pace = max(pace, AGAIN if times[i] == time_marks[c] else TIED)
        row[c], time[c] = rows[i], times[i]
    for c in range(row.size):
        if row[c] != row_marks[c]:
            row_marks[c], time_marks[c], run[c] = row[c], time[c], 0
            ahead[c] = max(ahead[c], time[c])
    return pace


class Marks:
    """What was last seen of each channel of one signal; one small number each."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._index: _Ints = np.empty(0, np.int64)  # category code -> index, -1 unknown
        self._row: _Ints = np.empty(0, np.int64)
        self._time: _Ints = np.empty(0, np.int64)
        self._ahead: _Ints = np.empty(0, np.int64)  # a jump not yet confirmed
        self._run: _Ints = np.empty(0, np.int64)  # late rows in a row

    def locate(self, sources: pl.Series, codes: _Ints) -> _Ints:
        """Return the index of each row's channel, learning new names; ``codes`` tell them apart."""
        if codes.max() >= self._index.size:
            grown = np.full(int(codes.max()) + 1, -1, np.int64)
            grown[: self._index.size] = self._index
            self._index = grown
        where: _Ints = self._index[codes]
        if where.min() < 0:
            new = np.flatnonzero(where < 0)
            _, first = np.unique(codes[new], return_index=True)
            for at in new[np.sort(first)].tolist():
                self._index[codes[at]] = self._learn(str(sources[at]))
            where = self._index[codes]
        return where

    def _learn(self, name: str) -> int:
        if name not in self._names:
            self._names.append(name)
            self._row = np.append(self._row, _NEVER)
            self._time = np.append(self._time, _NEVER)
            self._ahead = np.append(self._ahead, _NEVER)
            self._run = np.append(self._run, 0)
        return self._names.index(name)

    def newest(self, where: _Ints) -> _Ints:
        """Return the newest stamp so far of each row's channel."""
        return self._time[where]

    def pace(self, where: _Ints, rows: _Ints, times: _Ints, *, jump_s: float | None) -> int:
        """Raise the marks if nothing is wrong with these rows, and say how they come.

        Returns ``ROUGH``, which changes nothing, where a row number does not grow within its
        channel or a stamp falls or jumps; else whether some stamp equals one of its channel before
        the batch (``AGAIN``), or within it (``TIED``), or none does (``GROWING``).
        """
        jump = np.inf if jump_s is None else jump_s * 1e6
        marks = (self._row, self._time, self._ahead, self._run)
        return int(_pace(where, rows, times, jump, *marks))

    def seen_rows(self, where: _Ints, rows: _Ints) -> _Mask:
        """Return which row numbers are not new to their channel, and raise the marks."""
        again: _Mask = rows <= self._row[where]
        if len(rows) > 1 and not _grows(where, rows):
            pairs = pl.DataFrame({"where": where, "row": rows})
            first = pairs.select(pl.struct(pl.all()).is_first_distinct()).to_series()
            again |= ~first.to_numpy()
        np.maximum.at(self._row, where, rows)
        return again

    def order(
        self,
        where: _Ints,
        times: _Ints,
        *,
        again: _Mask,
        jump_s: float | None,
        lateness_s: float | None,
    ) -> tuple[_Mask, _Mask, _Mask]:
        """Return which rows run ahead, come too late, and are not newer than their channel's mark.

        Rows seen ``again`` count for nothing. The marks are raised by the rest.
        """
        past = times <= self._time[where]
        if not again.any() and self._is_smooth(where, times, jump_s):
            np.maximum.at(self._time, where, times)
            np.maximum.at(self._ahead, where, times)
            self._run[where] = 0
            none = np.zeros(len(times), bool)
            return none, none, past
        skewed, late = np.zeros(len(times), bool), np.zeros(len(times), bool)
        fresh = ~again
        for index in np.unique(where[fresh]).tolist():
            rows = np.flatnonzero((where == index) & fresh)
            skewed[rows], late[rows] = self._walk(index, times[rows], jump_s, lateness_s)
        return skewed, late, past

    def _is_smooth(self, where: _Ints, times: _Ints, jump_s: float | None) -> bool:
        """Say whether every channel's stamps only grow, and by less than a jump."""
        before = self._time[where[0]]
        if (where == where[0]).all():
            steps = np.diff(times, prepend=times[0] if before == _NEVER else before)
        else:
            order = np.argsort(where, kind="stable")
            sorted_times, sorted_where = times[order], where[order]
            previous = np.empty_like(sorted_times)
            previous[1:] = sorted_times[:-1]
            first = np.ones(len(order), bool)
            first[1:] = sorted_where[1:] != sorted_where[:-1]
            marks = self._time[sorted_where[first]]
            previous[first] = np.where(marks == _NEVER, sorted_times[first], marks)
            steps = sorted_times - previous
        jump = np.inf if jump_s is None else jump_s * 1e6
        return bool((steps >= 0).all() and (steps <= jump).all())

    def _walk(
        self, index: int, times: _Ints, jump_s: float | None, lateness_s: float | None
    ) -> tuple[_Mask, _Mask]:
        """Go through one channel's rows in order; the slow path, for rough channels only."""
        jump = np.inf if jump_s is None else jump_s * 1e6
        slack = np.inf if lateness_s is None else lateness_s * 1e6
        newest, ahead = int(self._time[index]), int(self._ahead[index])
        run = int(self._run[index])
        skewed, late = np.zeros(len(times), bool), np.zeros(len(times), bool)
        stamps = times.tolist()
        for at, stamp in enumerate(stamps):
            if newest != _NEVER and stamp - newest > jump and stamp > ahead + jump:
                follows = stamps[at + 1] if at + 1 < len(stamps) else None
                skewed[at] = follows is not None and follows < stamp - slack
                newest = newest if skewed[at] or follows is None else stamp
                ahead = stamp if follows is None else max(ahead, newest)
                continue
            late[at] = newest != _NEVER and stamp < newest - slack
            run = run + 1 if late[at] else 0
            if run > PATIENCE:
                late[at], run, newest, ahead = False, 0, stamp, stamp
            newest = max(newest, stamp)
            ahead = max(ahead, newest)
        self._time[index], self._ahead[index], self._run[index] = newest, ahead, run
        return skewed, late

    def state(self) -> dict[str, Any]:
        """Return the marks by name."""
        return {
            "names": list(self._names),
            "row": self._row.copy(),
            "time": self._time.copy(),
            "ahead": self._ahead.copy(),
            "run": self._run.copy(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over marks that `state` returned."""
        self._names = list(state["names"])
        self._index = np.empty(0, np.int64)
        self._row = np.array(state["row"], np.int64)
        self._time = np.array(state["time"], np.int64)
        self._ahead = np.array(state["ahead"], np.int64)
        self._run = np.array(state["run"], np.int64)


def _grows(where: _Ints, rows: _Ints) -> bool:
    """Say whether row numbers grow within every channel."""
    if bool((rows[1:] > rows[:-1]).all()):
        return True
    order = np.argsort(where, kind="stable")
    same = where[order][1:] == where[order][:-1]
    return bool((rows[order][1:] > rows[order][:-1])[same].all())
