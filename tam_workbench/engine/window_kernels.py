"""Compiled arithmetic of windows: which rows belong to one, metrics as a cube, middle values."""

import numpy as np
import numpy.typing as npt
from numba import njit

from tam_workbench.records import Floats, Ints

Flags = npt.NDArray[np.bool_]
Singles = npt.NDArray[np.float32]


@njit(cache=True, nogil=True)
def heard(
    ticks: Ints, services: Ints, codes: Ints, quiet: Flags, span: tuple[int, int, int]
) -> tuple[Ints, Ints]:
    """Return the rows of some services in a window or its quiet past, and whose each is.

    ``span`` is the first tick of the past, of the window, and the one after it; ``quiet``
    (S, past ticks) says by service which ticks of the past count.

    >>> quiet = np.array([[True, False, True]])
    >>> ticks, services = np.array([0, 1, 2, 3, 4, 5]), np.array([7, 7, 8, 7, 7, 7])
    >>> heard(ticks, services, np.array([7]), quiet, (0, 3, 5))
    (array([0, 3, 4]), array([0, 0, 0]))
    """
    past, start, end = span
    rows = np.empty(ticks.size, dtype=np.int64)
    owners = np.empty(ticks.size, dtype=np.int64)
    count = 0
    for i in range(ticks.size):
        tick = ticks[i]
        if tick < past or tick >= end:
            continue
        for s in range(codes.size):
            if codes[s] == services[i]:
                if tick >= start or quiet[s, tick - past]:
                    rows[count] = i
                    owners[count] = s
                    count += 1
                break
    return rows[:count].copy(), owners[:count].copy()


@njit(cache=True, nogil=True)
def fill(
    cube: Floats, ticks: Ints, resources: Ints, values: Singles, seat: Ints, past: int
) -> None:
    """Put the values of rows (N, M) into a cube (M, seats, ticks) that begins at tick ``past``.

    ``seat`` gives the place of each resource, -1 where it has none.
    """
    for i in range(ticks.size):
        tick = ticks[i] - past
        if tick < 0 or tick >= cube.shape[2] or resources[i] >= seat.size:
            continue
        at = seat[resources[i]]
        if at >= 0:
            for m in range(values.shape[1]):
                cube[m, at, tick] = values[i, m]


@njit(cache=True, nogil=True)
def middles(which: Ints, values: Floats, groups: int) -> Floats:
    """Return the median of each group's values, those that are NaN left out; NaN of none.

    >>> middles(np.array([0, 1, 0, 0]), np.array([3.0, 5.0, 1.0, np.nan]), 3)
    array([ 2.,  5., nan])
    """
    begin = np.zeros(groups + 1, dtype=np.int64)
    for i in range(which.size):
        if not np.isnan(values[i]):
            begin[which[i] + 1] += 1
    for g in range(groups):
        begin[g + 1] += begin[g]
    sorted_in = np.empty(begin[groups])
    filled = begin.copy()
    for i in range(which.size):
        if not np.isnan(values[i]):
            sorted_in[filled[which[i]]] = values[i]
            filled[which[i]] += 1
    out = np.full(groups, np.nan)
    for g in range(groups):
        if begin[g + 1] > begin[g]:
            out[g] = np.median(sorted_in[begin[g] : begin[g + 1]])
    return out
