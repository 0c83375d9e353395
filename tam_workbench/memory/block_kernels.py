"""Compiled: how far the rows of a metric stand from their own past."""

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]


@njit(cache=True, nogil=True)
def quantile(ordered: Floats, q: float) -> float:
    """Return the q-quantile of sorted values, linear between neighbours; NaN of none."""
    if ordered.size == 0:
        return np.nan
    place = q * (ordered.size - 1)
    low = int(place)
    high = min(low + 1, ordered.size - 1)
    return float(ordered[low] + (place - low) * (ordered[high] - ordered[low]))


@njit(cache=True, nogil=True)
def select(values: Floats, place: int) -> float:
    """Return what would stand at ``place`` were the values sorted; moves them about.

    Afterwards nothing before the place is larger and nothing behind it smaller (Hoare, 1961).

    >>> select(np.array([5.0, 1.0, 4.0, 2.0]), 2)
    4.0
    """
    low, high = 0, values.size - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if place <= j:
            high = j
        elif place >= i:
            low = i
        else:
            break
    return float(values[place])


@njit(cache=True, nogil=True)
def _median(values: Floats) -> float:
    """Return the median of at least one value; moves them about."""
    low = (values.size - 1) // 2
    first = select(values, low)
    if values.size % 2:
        return first
    return float(first + 0.5 * (values[low + 1 :].min() - first))


@njit(cache=True, nogil=True)
def _finite(row: Floats) -> Floats:
    out = np.empty(row.size)
    count = 0
    for value in row:
        if np.isfinite(value):
            out[count] = value
            count += 1
    return out[:count]


@njit(cache=True, nogil=True)
def _step(row: Floats) -> float:
    """Return the mean step from tick to tick, the largest tenth left out."""
    if row.size < 2:
        return 0.0
    steps = _finite(np.abs(row[1:] - row[:-1]))
    if not steps.size:
        return 0.0
    count = max(1, int(0.9 * steps.size))
    select(steps, count - 1)
    return float(steps[:count].sum() / count)


@njit(cache=True, nogil=True)
def _middle(row: Floats, otherwise: float) -> float:
    values = _finite(row)
    return _median(values) if values.size else otherwise


@njit(cache=True, nogil=True)
def deviation(
    before: Floats, now: Floats, *, least_before: int, least_now: int
) -> tuple[float, float, float]:
    """Return the highest and the lowest deviation over rows, and the largest slope, as z.

    ``before`` is (R, T), ``now`` (R, W); rows with fewer finite values than asked for are left
    out. The formulas stand at `memory.blocks`.
    """
    high, low, slope, seen = 0.0, 0.0, 0.0, False
    third = max(1, now.shape[1] // 3)
    for row in range(before.shape[0]):
        past, ordered = _finite(before[row]), np.sort(_finite(now[row]))
        if past.size < least_before or ordered.size < least_now:
            continue
        middle = _median(past)
        spread = 1.4826 * _median(np.abs(past - middle))
        scale = max(spread, 0.886 * _step(before[row])) + 0.02 * abs(middle)
        scale += 1e-3 * max(abs(ordered[0]), abs(ordered[-1])) + 1e-9
        up = (quantile(ordered, 0.7) - middle) / scale
        down = (quantile(ordered, 0.3) - middle) / scale
        last = _middle(now[row, now.shape[1] - third :], middle)
        moved = (last - _middle(now[row, :third], middle)) / scale
        if not seen or abs(moved) > abs(slope):
            slope = moved
        high = up if not seen else max(high, up)
        low = down if not seen else min(low, down)
        seen = True
    return high, low, slope
