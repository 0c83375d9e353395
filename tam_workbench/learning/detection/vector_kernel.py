"""The vector detector's one pass over a batch: score a row by the past, then learn it."""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from tam_workbench.learning.detection.vector_algebra import (
    factor,
    follow,
    gather,
    mean_diagonal,
    regress,
    whiten,
)
from tam_workbench.learning.detection.vector_neighbours import (
    draw,
    nearest_joints,
    nearest_levels,
    seat,
)
from tam_workbench.learning.detection.vector_parts import (
    EYES,
    HOLD,
    KEPT,
    LAGS,
    NEAR,
    SMOOTH,
    Parts,
)
from tam_workbench.records import Floats, Ints

_MEMORY = 20_000.0  # rows after which the past weighs no more
_FLOOR = 0.01  # least deviation of a column, as a share of its range
_LIMIT = 10.0  # deviations beyond which a value teaches no more
_CLIP = 50.0  # deviations beyond which nothing is stranger
_SURE = 10.0  # rows before a column is standardised
_WARM = 100  # rows before anything is scored
_DOUBT = 300.0  # rows of past at which a score weighs half
_SETTLE, _SOON, _LATER = 200, 20, 100  # rows until factors are renewed rarely; how often
_EVERY = 10  # a row in so many is offered to the reservoirs
_OFFERS = 2000  # offers that a reservoir remembers
_ERROR_RIDGE, _JOINT_RIDGE = 0.02, 0.02
_STRESS = 3.0  # weight of a forecast error beside a level


class Desk(NamedTuple):
    """Room to work in for one row; nothing on it outlives the row."""

    z: Floats
    smooth: Floats
    lagged: Floats
    error: Floats
    joint: Floats
    white_error: Floats
    white_joint: Floats
    best: Floats
    which: Ints
    eyes: Floats


def desk(columns: int) -> Desk:
    """Return the room for rows of ``columns`` columns."""
    d = columns
    return Desk(
        z=np.zeros(d),
        smooth=np.zeros(d),
        lagged=np.zeros(3 * d + 1),
        error=np.zeros(d),
        joint=np.zeros(2 * d),
        white_error=np.zeros(d),
        white_joint=np.zeros(2 * d),
        best=np.zeros(NEAR),
        which=np.zeros(NEAR, np.int64),
        eyes=np.zeros(EYES),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def standardise(x: Floats, p: Parts, z: Floats) -> None:
    """Write deviations from the mean of the past; 0 where nothing was told or is known."""
    count, mean, var, low, high = p.scale
    for j in range(x.shape[0]):
        z[j] = 0.0
        if count[j] >= _SURE and not math.isnan(x[j]):
            floor = max(_FLOOR * (high[j] - low[j]), 1e-9)
            off = (x[j] - mean[j]) / max(math.sqrt(var[j]), floor)
            z[j] = min(max(off, -_CLIP), _CLIP)


@njit(cache=True, nogil=True, error_model="numpy")
def learn_scale(x: Floats, p: Parts, trust: float) -> None:
    """Move mean and variance towards a row, by at most `_LIMIT` deviations."""
    count, mean, var, low, high = p.scale
    for j in range(x.shape[0]):
        if math.isnan(x[j]):
            continue
        if count[j] == 0.0:
            mean[j], low[j], high[j] = x[j], x[j], x[j]
        step = trust / min(count[j] + 1.0, _MEMORY)
        off = x[j] - mean[j]
        if count[j] >= _SURE:
            floor = max(_FLOOR * (high[j] - low[j]), 1e-9)
            most = _LIMIT * max(math.sqrt(var[j]), floor)
            off = min(max(off, -most), most)
        mean[j] += step * off
        var[j] = (1.0 - step) * (var[j] + step * off * off)
        low[j], high[j] = min(low[j], x[j]), max(high[j], x[j])
        count[j] += trust


@njit(cache=True, nogil=True)
def look_back(p: Parts, k: Desk) -> None:
    """Write the smoothed row, and the row with its lags and a 1."""
    d, seen = k.z.shape[0], p.counts[0]
    span = min(seen, SMOOTH - 1)
    k.smooth[:] = k.z
    for back in range(1, span + 1):
        k.smooth[:] += p.recent[(seen - back) % SMOOTH]
    k.smooth[:] /= span + 1.0
    k.lagged[:d] = k.z
    for at in range(2):
        row = p.recent[(seen - min(LAGS[at], seen)) % SMOOTH]
        k.lagged[(at + 1) * d : (at + 2) * d] = row if seen > 0 else k.z
    k.lagged[3 * d] = 1.0


@njit(cache=True, nogil=True, fastmath=True)
def subtract_forecast(told: Floats, weights: Floats, error: Floats) -> None:
    """Take what ``told`` forecasts by ``weights`` away from ``error``."""
    for i in range(told.shape[0]):
        if told[i] != 0.0:
            for j in range(error.shape[0]):
                error[j] -= told[i] * weights[i, j]


@njit(cache=True, nogil=True, fastmath=True)
def forecast(p: Parts, k: Desk) -> None:
    """Write the errors of both forecasts."""
    d = k.z.shape[0]
    now = k.lagged[:d]
    k.error[:] = now
    subtract_forecast(k.lagged[d:], p.near_weights, k.error)
    k.joint[:d] = k.z
    k.joint[d:] = now
    subtract_forecast(k.lagged[2 * d :], p.far_weights, k.joint[d:])
    k.joint[d:] *= _STRESS


@njit(cache=True, nogil=True)
def held_mean(p: Parts, at: int, value: float) -> float:
    """Return the mean of a distance and the latest ones before it."""
    span = min(p.counts[0], HOLD - 1)
    total = value
    for back in range(1, span + 1):
        total += p.held[at, (p.counts[0] - back) % HOLD]
    return float(total / (span + 1.0))


@njit(cache=True, nogil=True, error_model="numpy")
def look(p: Parts, k: Desk, squared_error: Floats) -> None:
    """Write the logarithm of each eye's distance, as averaged over the latest rows."""
    d = k.z.shape[0]
    nearest_levels(p.levels, p.counts[3], k.smooth, k.best, k.which)
    told = k.best[NEAR - 1] if p.counts[3] >= NEAR else 0.0
    k.eyes[0] = math.log(told / d + 1e-6)
    squared_error[0] = whiten(p.error_lower, k.error, k.white_error) / d
    k.eyes[1] = 0.5 * math.log(held_mean(p, 0, squared_error[0]) + 1e-6)
    whiten(p.joint_lower, k.joint, k.white_joint)
    nearest_joints(p.whitened, p.counts[3], k.white_joint, k.best, k.which)
    squared_error[1] = math.sqrt(k.best[NEAR - 1] / d) if p.counts[3] >= NEAR else 0.0
    k.eyes[2] = math.log(held_mean(p, 1, squared_error[1]) + 1e-6)


@njit(cache=True, nogil=True, error_model="numpy")
def combine(p: Parts, k: Desk) -> float:
    """Return how strange the row is to all eyes, each by its own past, in [0, 1)."""
    total = 0.0
    for eye in range(EYES):
        if p.eyes[eye, 0] >= _WARM:
            total += math.exp(min(2.0 * (k.eyes[eye] - p.eyes[eye, 1]), 30.0))
    total *= p.counts[0] / (p.counts[0] + _DOUBT) / EYES
    return float(total / (total + 10.0))


@njit(cache=True, nogil=True, error_model="numpy")
def learn_eyes(p: Parts, k: Desk, trust: float) -> None:
    """Move the mean of each logarithmic distance towards the row's."""
    if p.counts[0] < _WARM:
        return
    for eye in range(EYES):
        p.eyes[eye, 0] += trust
        step = trust / min(max(p.eyes[eye, 0], 1.0), _MEMORY)
        p.eyes[eye, 1] += step * (k.eyes[eye] - p.eyes[eye, 1])


@njit(cache=True, nogil=True, error_model="numpy")
def learn_forecast(p: Parts, k: Desk, trust: float) -> None:
    """Move the moments of rows and of errors towards the row's."""
    share = trust / min(p.counts[0] + 1.0, _MEMORY)
    gather(p.moments, k.lagged, share)
    follow(p.error_mean, p.error_spread, k.error, share)
    follow(p.joint_mean, p.joint_spread, k.joint, share)


@njit(cache=True, nogil=True)
def renew(p: Parts) -> None:
    """Solve anew for the forecasts and whitenings, and whiten the second reservoir again."""
    d, seen = p.scale.shape[1], p.counts[0]
    ridge = 1.0 / min(seen + 1.0, _MEMORY)
    regress(p.moments, d, ridge, p.near_weights)
    regress(p.moments, 2 * d, ridge, p.far_weights)
    few = 1e-6 + 10.0 * d / (seen + 1.0) * _ERROR_RIDGE
    factor(p.error_spread, _ERROR_RIDGE * mean_diagonal(p.error_spread) + few, p.error_lower)
    few = 1e-6 + 20.0 * d / (seen + 1.0) * _JOINT_RIDGE
    factor(p.joint_spread, _JOINT_RIDGE * mean_diagonal(p.joint_spread) + few, p.joint_lower)
    for row in range(p.counts[3]):
        whiten(p.joint_lower, p.joints[row], p.whitened[row])


@njit(cache=True, nogil=True)
def remember(p: Parts, k: Desk, trust: float) -> None:
    """Offer a row in so many to the reservoirs."""
    if p.counts[0] % _EVERY != 0 or (trust < 1.0 and draw(p.counts) >= trust):
        return
    place = seat(p.counts, KEPT, _OFFERS)
    if place >= 0:
        p.levels[place] = k.smooth
        p.joints[place] = k.joint
        p.whitened[place] = k.white_joint


@njit(cache=True, nogil=True, error_model="numpy")
def blame(p: Parts, k: Desk, out: Floats) -> None:
    """Write how far each column lies from its forecast, squared, in its usual errors."""
    for j in range(k.z.shape[0]):
        out[j] = k.error[j] * k.error[j] / (p.error_spread[j, j] + 1e-3)


@njit(cache=True, nogil=True)
def learn(x: Floats, p: Parts, k: Desk, distance: Floats, trust: float) -> None:
    """Take a row that was looked at into everything that is remembered."""
    seen = p.counts[0]
    learn_scale(x, p, trust)
    learn_eyes(p, k, trust)
    learn_forecast(p, k, trust)
    remember(p, k, trust)
    p.recent[seen % SMOOTH] = k.z
    p.held[:, seen % HOLD] = distance
    if seen % _LATER == 0 or (seen < _SETTLE and seen % _SOON == 0):
        renew(p)
    p.counts[0] = seen + 1


@njit(cache=True, nogil=True, error_model="numpy")
def advance(  # noqa: PLR0913, PLR0917 - a kernel takes flat arrays
    X: Floats, trust: Floats, caution: Floats, p: Parts, k: Desk, told: Floats, shares: Floats
) -> None:
    """Score and learn the rows of ``X``; write scores and attributions.

    ``caution`` holds the score from which a row is doubted, the span over which the doubt grows,
    and the share of its trust that a row keeps at least.
    """
    distance = np.zeros(2)
    for i in range(X.shape[0]):
        standardise(X[i], p, k.z)
        look_back(p, k)
        forecast(p, k)
        look(p, k, distance)
        told[i] = combine(p, k)
        blame(p, k, shares[i])
        if trust[i] > 0.0:
            doubt = (told[i] - caution[0]) / caution[1]
            kept = min(max(1.0 - doubt, caution[2]), 1.0)
            learn(X[i], p, k, distance, trust[i] * kept)
