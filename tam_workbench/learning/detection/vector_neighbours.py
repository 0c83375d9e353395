"""Distance to the rows of the past, of which a fair sample is kept."""

import numpy as np
from numba import njit

from tam_workbench.records import Floats, Ints


@njit(cache=True, nogil=True)
def keep(best: Floats, which: Ints, distance: float, row: int) -> None:
    """Insert a distance among the smallest so far, in rising order."""
    at = best.shape[0] - 1
    if distance >= best[at]:
        return
    while at > 0 and best[at - 1] > distance:
        best[at], which[at] = best[at - 1], which[at - 1]
        at -= 1
    best[at], which[at] = distance, row


@njit(cache=True, nogil=True, fastmath=True)
def absolute(a: Floats, b: Floats) -> float:
    """Return the sum of absolute differences."""
    total = 0.0
    for j in range(a.shape[0]):
        total += abs(a[j] - b[j])
    return float(total)


@njit(cache=True, nogil=True, fastmath=True)
def squared(a: Floats, b: Floats) -> float:
    """Return the sum of squared differences."""
    total = 0.0
    for j in range(a.shape[0]):
        total += (a[j] - b[j]) * (a[j] - b[j])
    return float(total)


@njit(cache=True, nogil=True)
def nearest_levels(rows: Floats, filled: int, x: Floats, best: Floats, which: Ints) -> None:
    """Find the nearest of the kept rows by absolute differences."""
    best[:] = np.inf
    which[:] = 0
    for i in range(filled):
        keep(best, which, absolute(rows[i], x), i)


@njit(cache=True, nogil=True)
def nearest_joints(rows: Floats, filled: int, x: Floats, best: Floats, which: Ints) -> None:
    """Find the nearest of the kept rows by squared differences."""
    best[:] = np.inf
    which[:] = 0
    for i in range(filled):
        keep(best, which, squared(rows[i], x), i)


@njit(cache=True, nogil=True)
def draw(counts: Ints) -> float:
    """Advance the lottery; return a number in [0, 1)."""
    counts[1] = (counts[1] * 1103515245 + 12345) % 2147483648
    return float((counts[1] >> 7) / 16777216.0)


@njit(cache=True, nogil=True)
def seat(counts: Ints, size: int, memory: int) -> int:
    """Return the place of the next row in a reservoir of ``size``, -1 for none.

    Each row of the last ``memory`` offers is about equally likely to be kept (reservoir
    sampling, Vitter 1985, with the count of offers held at ``memory``).
    """
    counts[2] += 1
    if counts[3] < size:
        counts[3] += 1
        return int(counts[3] - 1)
    place = int(draw(counts) * min(counts[2], memory))
    return place if place < size else -1
