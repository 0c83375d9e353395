"""Compiled arithmetic of the engine: observations folded into ticks and services."""

from typing import NamedTuple

import numpy as np
from numba import njit

from tam_workbench.records import Floats, Ints


class Folded(NamedTuple):
    """The worst per tick and service: rows (T, S) and values (4, T, S).

    Values are probability, baseline, anomaly and trust, the last the lowest.
    """

    rows: Ints
    values: Floats


@njit(cache=True, nogil=True)
def place_ticks(ticks: Ints) -> tuple[Ints, Ints]:
    """Return the distinct ones of ascending ticks, and where each tick stands among them."""
    at = np.empty(ticks.size, dtype=np.int64)
    distinct = np.empty(ticks.size, dtype=np.int64)
    size = 0
    for i in range(ticks.size):
        if size == 0 or ticks[i] != distinct[size - 1]:
            distinct[size] = ticks[i]
            size += 1
        at[i] = size - 1
    return distinct[:size].copy(), at


@njit(cache=True, nogil=True)
def fold(
    tick_at: Ints,
    service_at: Ints,
    told: tuple[Floats, Floats, Floats, Floats],
    shape: tuple[int, int],
) -> Folded:
    """Fold rows, each at its tick and service; of equal probabilities the last row counts."""
    probability, baseline, anomaly, trust = told
    rows = np.full(shape, -1, dtype=np.int64)
    values = np.zeros((4, shape[0], shape[1]))
    for i in range(tick_at.size):
        t, s = tick_at[i], service_at[i]
        if rows[t, s] < 0 or probability[i] >= probability[rows[t, s]]:
            rows[t, s] = i
        values[0, t, s] = max(values[0, t, s], probability[i])
        values[1, t, s] = max(values[1, t, s], baseline[i])
        values[2, t, s] = max(values[2, t, s], anomaly[i])
        values[3, t, s] = max(values[3, t, s], 1.0 - trust[i])
    for t in range(shape[0]):
        for s in range(shape[1]):
            values[3, t, s] = 1.0 - values[3, t, s]
    return Folded(rows, values)
