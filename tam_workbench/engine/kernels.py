"""Compiled arithmetic of the engine: observations folded into ticks and services."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from tam_workbench.records import Floats, Ints


class Folded(NamedTuple):
    """The worst per tick and service: rows (T, S) and values (4, T, S).

    Values are probability, baseline, anomaly and trust, the last the lowest.
    """

    rows: Ints
    values: Floats


@njit(cache=True, nogil=True)
def group(keys: Ints) -> tuple[Ints, Ints]:
    """Return the first place of each distinct key, in order, and which of them each key is."""
    size = 16
    while size < 2 * keys.size:
        size *= 2
    table = np.full(size, -1, dtype=np.int64)
    first = np.empty(keys.size, dtype=np.int64)
    which = np.empty(keys.size, dtype=np.int64)
    count = 0
    for i in range(keys.size):
        mixed = np.uint64(keys[i]) * np.uint64(0x9E3779B97F4A7C15)
        at = np.int64(mixed >> np.uint64(32)) & (size - 1)
        while table[at] >= 0 and keys[first[table[at]]] != keys[i]:
            at = (at + 1) & (size - 1)
        if table[at] < 0:
            table[at] = count
            first[count] = i
            count += 1
        which[i] = table[at]
    return first[:count].copy(), which


@njit(cache=True, nogil=True)
def count_runs(who: Ints, over: npt.NDArray[np.bool_], runs: Ints) -> Ints:
    """Return how many True in a row of its own each row ends; ``runs`` are carried on, per one.

    >>> count_runs(np.array([0, 0, 1, 0, 0]), np.array([1, 1, 1, 0, 1]) > 0, np.array([2, 0]))
    array([3, 4, 1, 0, 1])
    """
    out = np.empty(who.size, dtype=np.int64)
    for i in range(who.size):
        runs[who[i]] = runs[who[i]] + 1 if over[i] else 0
        out[i] = runs[who[i]]
    return out


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
