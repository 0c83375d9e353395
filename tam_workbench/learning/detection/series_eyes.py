"""What the eyes of `SeriesDetector` look at, row by row, and what they say together."""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from tam_workbench.learning.detection.series_kernels import Places, learn, strangeness
from tam_workbench.records import Floats, Ints

EYES = 6
"""Value, size, deviation, mean, spread and stay, see `SeriesDetector`."""
RING = 128
"""Latest values kept per column."""
_SLOW = 0.001
_HUGE = 1e100  # values beyond it are taken as it: their squares must stay finite
_VALUE, _SIZE, _DEVIATION, _MEAN, _SPREAD, _STAY = range(EYES)
_CENTRE, _LEVEL, _UNREST, _MAGNITUDE = range(4)


class Columns(NamedTuple):
    """The state of all columns: the six arrays of `Places` by (column, eye), and their past.

    ``ring`` (d, RING) holds the latest values; ``past`` (d, 4) the long mean, the adaptive mean
    and mean absolute deviation from it, and the mean size; ``stay`` (d, 2) the side of the long
    mean (1 or -1) and the rows spent there; ``ticks`` (d,) the rows learnt.
    """

    at: Floats
    seen: Ints
    bins: Floats
    tree: Floats
    tally: Floats
    used: Ints
    ring: Floats
    past: Floats
    stay: Ints
    ticks: Ints


class Limits(NamedTuple):
    """The settings the kernels need: those of `learn`, and windows in rows."""

    learn: Floats
    mean: int
    spread: int
    adapt: float
    warm: int


@njit(cache=True, nogil=True)
def _recent(c: Columns, j: int, value: float, window: int) -> tuple[float, float]:
    """Return mean and standard deviation of the latest values of column j, ``value`` included."""
    ticks = c.ticks[j]
    rows = min(window, ticks + 1)
    total = value
    for back in range(1, rows):
        total += c.ring[j, (ticks - back) % RING]
    mean = total / rows
    squares = (value - mean) ** 2
    for back in range(1, rows):
        squares += (c.ring[j, (ticks - back) % RING] - mean) ** 2
    return mean, math.sqrt(squares / rows)


@njit(cache=True, nogil=True)
def _side(c: Columns, j: int, value: float) -> tuple[int, int]:
    """Return the side of the long mean on which ``value`` is, and the rows spent there."""
    side = 1 if c.ticks[j] > 0 and value > c.past[j, _CENTRE] else -1
    return side, c.stay[j, 1] + 1 if side == c.stay[j, 0] else 1


@njit(cache=True, nogil=True)
def _views(c: Columns, j: int, value: float, limits: Limits, out: Floats) -> None:
    """Write what each eye sees when column j says ``value``; change nothing."""
    size = abs(value)
    usual = c.past[j, _MAGNITUDE] + (size - c.past[j, _MAGNITUDE]) / (c.ticks[j] + 1.0)
    off, unrest = value - c.past[j, _LEVEL], c.past[j, _UNREST]
    side, rows = _side(c, j, value)
    out[_VALUE] = value
    out[_SIZE] = math.log(size + usual) if size + usual > 0.0 else 0.0
    out[_DEVIATION] = math.asinh(off / unrest) if unrest > 0.0 else 0.0
    out[_MEAN] = _recent(c, j, value, limits.mean)[0]
    out[_SPREAD] = _recent(c, j, value, limits.spread)[1]
    out[_STAY] = side * math.log(float(rows))


@njit(cache=True, nogil=True)
def _pass(c: Columns, j: int, value: float, adapt: float) -> None:
    """Let column j have said ``value``."""
    ticks = c.ticks[j]
    side, rows = _side(c, j, value)
    c.stay[j, 0], c.stay[j, 1] = side, rows
    if ticks == 0:
        c.past[j, _CENTRE] = c.past[j, _LEVEL] = value
    share = 1.0 / (ticks + 1.0)
    c.past[j, _CENTRE] += max(_SLOW, share) * (value - c.past[j, _CENTRE])
    step = max(1.0 / adapt, share)
    c.past[j, _UNREST] += step * (abs(value - c.past[j, _LEVEL]) - c.past[j, _UNREST])
    c.past[j, _LEVEL] += step * (value - c.past[j, _LEVEL])
    c.past[j, _MAGNITUDE] += share * (abs(value) - c.past[j, _MAGNITUDE])
    c.ring[j, ticks % RING] = value
    c.ticks[j] = ticks + 1


@njit(cache=True, nogil=True)
def _take(c: Columns, j: int, value: float, trust: float, limits: Limits) -> float:
    """Return how strange it is that column j says ``value``, and learn it with its trust."""
    seen = np.empty(EYES)
    _views(c, j, value, limits, seen)
    ready = c.ticks[j] >= limits.warm
    joined = 0.0
    for e in range(EYES):
        p = Places(
            c.at[j, e], c.seen[j, e], c.bins[j, e], c.tree[j, e], c.tally[j, e], c.used[j, e]
        )
        if ready:
            joined += 10.0 ** strangeness(p, seen[e])
        if trust > 0.0:
            learn(p, seen[e], trust, c.ticks[j], limits.learn)
    if trust > 0.0:
        _pass(c, j, value, limits.adapt)
    return math.log10(joined / EYES) if ready else 0.0


@njit(cache=True, nogil=True)
def look(X: Floats, trust: Floats, c: Columns, limits: Limits) -> Floats:
    """Return the strangeness of each value, shape (n, d), learning row by row.

    The eyes are joined by a soft maximum, ``log10(mean(10^strangeness))``. What is missing or
    infinite says nothing and teaches nothing.
    """
    n, d = X.shape
    out = np.zeros((n, d))
    for i in range(n):
        for j in range(d):
            if math.isfinite(X[i, j]):
                value = min(max(X[i, j], -_HUGE), _HUGE)
                out[i, j] = _take(c, j, value, trust[i], limits)
    return out
