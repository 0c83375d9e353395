"""The compiled pass of the features: metrics with their rolling statistics, per cell."""

import numpy as np
import numpy.typing as npt
from numba import njit

from tam_workbench.records import Floats, Ints

Flags = npt.NDArray[np.bool_]


@njit(cache=True, nogil=True, error_model="numpy")
def push(window: Floats, ring: Floats, count: int, value: float) -> None:
    """Put a value into a ring and its sorted copy; the oldest leaves when it is full."""
    size = ring.shape[0]
    slot = count % size
    filled = min(count, size)
    if filled == size:
        gone = ring[slot]
        at = np.searchsorted(window, gone)
        window[at : size - 1] = window[at + 1 :]
        filled = size - 1
    at = np.searchsorted(window[:filled], value)
    for i in range(filled, at, -1):
        window[i] = window[i - 1]
    window[at] = value
    ring[slot] = value


@njit(cache=True, nogil=True, error_model="numpy")
def deviation(window: Floats, filled: int, value: float, clip: float) -> float:
    """Return (x - median) / (IQR / 1.349), clipped; quartiles are order statistics.

    A window without spread counts a thousandth of its median as its spread.
    """
    median = window[filled // 2]
    spread = (window[(3 * filled) // 4] - window[filled // 4]) / 1.349
    scale = max(spread, 1e-3 * abs(median), 1e-6)
    return float(min(max((value - median) / scale, -clip), clip))


@njit(cache=True, nogil=True, error_model="numpy")
def metric_features(  # noqa: PLR0913, PLR0917 - a kernel takes flat arrays
    cells: Ints,
    resources: Ints,
    ticks: Ints,
    dense: Floats,
    last: Floats,
    windows: Floats,
    rings: Floats,
    counts: Ints,
    limits: Floats,
    out: Floats,
) -> None:
    """Fill value, delta and deviation of each metric for the cells that are present, in order.

    ``dense`` (cells, M) holds the tick's values, NaN where there is none; ``last`` (R, M) the
    latest value; ``limits`` is (least values in a window, clip, stride).
    """
    least, clip, stride = limits[0], limits[1], np.int64(limits[2])
    for row in range(cells.shape[0]):
        cell, r = cells[row], resources[row]
        for m in range(dense.shape[1]):
            value = dense[cell, m]
            before = last[r, m]
            if np.isnan(value):
                if not np.isnan(before):
                    out[row, 3 * m] = before
                continue
            out[row, 3 * m] = value
            if not np.isnan(before):
                out[row, 3 * m + 1] = value - before
            count = counts[r, m]
            filled = min(count, rings.shape[2])
            if filled >= least:
                out[row, 3 * m + 2] = deviation(windows[r, m], filled, value, clip)
            if count < rings.shape[2] or ticks[row] % stride == 0:
                push(windows[r, m], rings[r, m], count, value)
                counts[r, m] = count + 1
            last[r, m] = value
