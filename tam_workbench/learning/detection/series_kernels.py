"""Compiled arithmetic of `SeriesDetector`: places that were visited, and how rare a distance is.

Rows are taken one at a time in order with the same operations whatever the batch, so a stream cut
elsewhere gives the same bits.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from tam_workbench.records import Floats, Ints

BINS = 512
"""Bins of the histogram of distances."""
_PER_OCTAVE = 8.0
_FAR = 1e300
_LEAST = 10.0  # rows beyond which the tail of the histogram is continued as a Pareto law
_NEIGHBOURS = 3  # places to either side that tell how dense the surroundings are
_CLOSE = 0.01  # share of the range that counts as dense in any case
_FAINT = 1e-4  # share of the range below which a distance has no size
_CEILING = 15.0


class Places(NamedTuple):
    """Where one eye has been, sorted, and the distances it met on its way.

    ``at`` (slots,) are the places, ``seen`` the tick of their last visit, ``bins`` the histogram
    of distances and ``tree`` its Fenwick tree. ``tally`` holds the weight of the histogram and
    the octave of its middle (NaN before the first distance), ``used`` the number of places.
    """

    at: Floats
    seen: Ints
    bins: Floats
    tree: Floats
    tally: Floats
    used: Ints


@njit(cache=True, nogil=True)
def _bin(distance: float, octave: float) -> int:
    if not distance > 0.0 or math.isnan(octave):
        return 0
    k = math.floor((math.log2(distance) - octave) * _PER_OCTAVE) + BINS // 2
    return min(max(k, 1), BINS - 1)


@njit(cache=True, nogil=True)
def _below(tree: Floats, k: int) -> float:
    total = 0.0
    while k > 0:
        total += tree[k]
        k -= k & -k
    return total


@njit(cache=True, nogil=True)
def _top(tree: Floats, mass: float) -> int:
    """Return the bin in which the lowest ``mass`` ends."""
    k, step = 0, BINS
    while step > 0:
        if k + step <= BINS and tree[k + step] <= mass:
            k += step
            mass -= tree[k]
        step >>= 1
    return min(k, BINS - 2)


@njit(cache=True, nogil=True)
def _count(p: Places, k: int, weight: float, most: float) -> None:
    """Add a distance to the histogram; when it is full, let all it holds weigh half."""
    p.bins[k] += weight
    p.tally[0] += weight
    at = k + 1
    while at <= BINS:
        p.tree[at] += weight
        at += at & -at
    if p.tally[0] > most:
        p.bins[:] *= 0.5
        p.tree[:] *= 0.5
        p.tally[0] *= 0.5


@njit(cache=True, nogil=True)
def rarity(p: Places, distance: float) -> float:
    """Return -log10 of the chance of a distance this large, judged by those met so far.

    The rank among them, as in conformal prediction; above the ten largest continued as a Pareto
    tail whose index is Hill's estimate, ``mean(log(distance / tenth largest))``.
    """
    total = float(p.tally[0])
    k, base = _bin(distance, p.tally[1]), max(_top(p.tree, total - _LEAST), 1)
    if k <= base:
        above = total - _below(p.tree, k + 1) + 0.5 * p.bins[k]
        return -math.log10((max(above, 0.0) + 1.0) / (total + 1.0))
    mass, spread = float(p.bins[base]), 0.5
    for j in range(base + 1, BINS):
        mass += p.bins[j]
        spread += p.bins[j] * (j - base)
    index = max(spread / (mass + 1.0), 0.012)
    steps = (math.log2(distance) - float(p.tally[1])) * _PER_OCTAVE + BINS // 2 - base - 0.5
    return max(steps, 0.0) / index / math.log(10.0) - math.log10((mass + 1.0) / (total + 1.0))


@njit(cache=True, nogil=True)
def _nearest(p: Places, value: float) -> tuple[int, int, float, float]:
    """Return where the value would stand, its nearest place, their distance, and the spacing."""
    used = int(p.used[0])
    stand = int(np.searchsorted(p.at[:used], value))
    left = value - p.at[stand - 1] if stand > 0 else _FAR
    right = p.at[stand] - value if stand < used else _FAR
    near = stand - 1 if left <= right else stand
    low, high = max(near - _NEIGHBOURS, 0), min(near + _NEIGHBOURS, used - 1)
    spacing = float(p.at[high] - p.at[low]) / max(high - low, 1)
    return stand, near, float(min(left, right)), spacing


@njit(cache=True, nogil=True)
def _thin(p: Places, apart: float) -> None:
    """Merge the places that are closer than ``apart``."""
    kept = 1
    for i in range(1, p.used[0]):
        if p.at[i] - p.at[kept - 1] >= apart:
            p.at[kept], p.seen[kept] = p.at[i], p.seen[i]
            kept += 1
        else:
            p.seen[kept - 1] = max(p.seen[kept - 1], p.seen[i])
    p.used[0] = kept


@njit(cache=True, nogil=True)
def _visit(p: Places, value: float, tick: int, apart: float) -> None:
    """Remember the visit: at the nearest place if that is within ``apart``, else at a new one."""
    if p.used[0] > 0:
        stand, near, distance, _ = _nearest(p, value)
        if distance <= apart:
            p.seen[near] = tick
            return
    if p.used[0] == p.at.shape[0]:
        _thin(p, apart)
    stand = int(np.searchsorted(p.at[: p.used[0]], value))
    for i in range(int(p.used[0]), stand, -1):
        p.at[i], p.seen[i] = p.at[i - 1], p.seen[i - 1]
    p.at[stand], p.seen[stand] = value, tick
    p.used[0] += 1


@njit(cache=True, nogil=True)
def _forget(p: Places, tick: int, memory: int) -> None:
    """Drop one place, whose turn it is, if it was not visited for ``memory`` ticks."""
    if p.used[0] < 3:
        return
    turn = tick % p.used[0]
    if tick - p.seen[turn] > memory:
        for i in range(turn, p.used[0] - 1):
            p.at[i], p.seen[i] = p.at[i + 1], p.seen[i + 1]
        p.used[0] -= 1


@njit(cache=True, nogil=True)
def strangeness(p: Places, value: float) -> float:
    """Return how strange a value is: rarity + half the log10 of effect and of isolation + 2.

    The distance to the nearest place that was visited is judged three ways: how rare such a
    distance is, how large it is beside the range, and how large beside the spacing of the places
    around. Scales cancel, so the sum means the same on every series.
    """
    if p.used[0] == 0:
        return 0.0
    _, _, distance, spacing = _nearest(p, value)
    span = p.at[p.used[0] - 1] - p.at[0]
    if not distance > 0.0:
        return 0.0
    told = rarity(p, distance)
    if span > 0.0:
        told += 0.5 * math.log10(distance / span + _FAINT) + 2.0
        told += 0.5 * math.log10(distance / (spacing + _CLOSE * span))
    return min(max(told, 0.0), _CEILING)


@njit(cache=True, nogil=True)
def learn(p: Places, value: float, weight: float, tick: int, limits: Floats) -> None:
    """Take a value in; ``limits`` are memory, most weight of the histogram, and grain."""
    span = 0.0
    if p.used[0] > 0:
        span = p.at[p.used[0] - 1] - p.at[0]
        _, _, distance, _ = _nearest(p, value)
        if distance > 0.0 and math.isnan(p.tally[1]):
            p.tally[1] = math.floor(math.log2(distance))
        _count(p, _bin(distance, p.tally[1]), weight, limits[1])
    _visit(p, value, tick, span * limits[2])
    _forget(p, tick, int(limits[0]))
