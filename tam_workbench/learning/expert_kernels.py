"""Compiled arithmetic of the experts: one pass standardises a row, and all of them use it."""

import math

import numpy as np
from numba import njit

from tam_workbench.learning.kernels import log_gradient, log_loss, sigmoid
from tam_workbench.records import Floats

_FAST = {"reassoc", "contract", "nsz"}
KIND, RATE, INTERCEPT_RATE, KEEP = range(4)
DESCENT, ADAPTIVE, BASE = 0.0, 1.0, 2.0
_EARLY, _OFTEN = 256.0, 8.0


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def speak(
    X: Floats,
    scaler: Floats,
    weights: Floats,
    intercepts: Floats,
    shares: Floats,
    clip: float,
) -> tuple[Floats, Floats]:
    """Return the pool's probability (N,) and each expert's log-odds (N, K)."""
    n, width, experts = X.shape[0], X.shape[1], weights.shape[0]
    inverse, z = np.zeros(width), np.zeros(width)
    for j in range(width):
        inverse[j] = 1.0 / math.sqrt(scaler[1, j]) if scaler[1, j] > 0.0 else 0.0
    pool, said = np.empty(n), np.empty((n, experts))
    for i in range(n):
        for j in range(width):
            z[j] = min(max((X[i, j] - scaler[0, j]) * inverse[j], -clip), clip)
        total = 0.0
        for e in range(experts):
            logit = 0.0
            for j in range(width):
                logit += weights[e, j] * z[j]
            said[i, e] = logit + intercepts[e]
            total += shares[e] * said[i, e]
        pool[i] = sigmoid(total)
    return pool, said


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _standardise(X: Floats, i: int, z: Floats, scaler: Floats, count: float, clip: float) -> None:
    """Let the scaler learn row ``i`` (Welford), and write it standardised and clipped to ``z``."""
    share = 1.0 / count
    for j in range(z.shape[0]):
        off = X[i, j] - scaler[0, j]
        centre = scaler[0, j] + off * share
        rest = X[i, j] - centre
        spread = scaler[1, j] + (off * rest - scaler[1, j]) * share
        scaler[0, j] = centre
        scaler[1, j] = spread
        scaled = rest / math.sqrt(spread) if spread > 0.0 else 0.0
        z[j] = min(max(scaled, -clip), clip)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _logit(z: Floats, weights: Floats, intercepts: Floats, rates: Floats, e: int) -> float:
    """Return the log-odds of one expert; the base rate looks at nothing."""
    logit: float = intercepts[e]
    if rates[e, 0] != 2.0:
        for j in range(z.shape[0]):
            logit += weights[e, j] * z[j]
    return logit


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _descend(  # noqa: PLR0913, PLR0917 - a kernel takes flat arrays
    z: Floats,
    gradient: float,
    weights: Floats,
    intercepts: Floats,
    masks: Floats,
    rates: Floats,
    e: int,
) -> None:
    """Take one step of plain gradient descent; the base rate moves its intercept only."""
    intercepts[e] -= rates[e, 2] * gradient
    if rates[e, 0] == 0.0:
        step = rates[e, 1] * gradient
        for j in range(z.shape[0]):
            weights[e, j] -= step * z[j] * masks[e, j]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def learn(  # noqa: PLR0913, PLR0917 - a kernel takes flat arrays
    X: Floats,
    y: Floats,
    w: Floats,
    scaler: Floats,
    weights: Floats,
    squares: Floats,
    steps: Floats,
    intercepts: Floats,
    masks: Floats,
    rates: Floats,
    scalars: Floats,
) -> None:
    """Let every expert take one step a row, in place; rows of no weight are skipped.

    ``scaler`` = mean, variance (2, F); ``weights``, ``masks`` (K, F); ``squares`` (K, F + 1) the
    sums of squared gradients, the intercept's last, and ``steps`` the rates that follow from them,
    reckoned anew at every eighth row; ``rates`` (K, 4) kind, rate, rate of the
    intercept, share of the squares kept per row; ``scalars`` = count, clip, weight of positives.
    """
    n, width, experts = X.shape[0], X.shape[1], weights.shape[0]
    z = np.empty(width)
    count, clip, positive = scalars[0], scalars[1], scalars[2]
    for i in range(n):
        if not w[i] > 0.0:
            continue
        count += 1.0
        _standardise(X, i, z, scaler, count, clip)
        is_due = count < _EARLY or count % _OFTEN == 0.0
        weight = w[i] * positive if y[i] > 0.5 else w[i]
        for e in range(experts):
            gradient = weight * log_gradient(y[i], _logit(z, weights, intercepts, rates, e))
            gradient = min(max(gradient, -1e12), 1e12)
            if rates[e, 0] == 1.0:
                _adapt(z, gradient, weights, squares, steps, intercepts, rates, e)
                if is_due:
                    _pace(squares, steps, masks, rates, e)
            else:
                _descend(z, gradient, weights, intercepts, masks, rates, e)
    scalars[0] = count


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _adapt(  # noqa: PLR0913, PLR0917 - a kernel takes flat arrays
    z: Floats,
    gradient: float,
    weights: Floats,
    squares: Floats,
    steps: Floats,
    intercepts: Floats,
    rates: Floats,
    e: int,
) -> None:
    """One AdaGrad step (Duchi, Hazan, Singer 2011, JMLR 12) whose sums of squares may forget."""
    width, keep = z.shape[0], rates[e, 3]
    for j in range(width):
        slope = gradient * z[j]
        squares[e, j] = keep * squares[e, j] + slope * slope
        weights[e, j] -= steps[e, j] * slope
    squares[e, width] = keep * squares[e, width] + gradient * gradient
    intercepts[e] -= steps[e, width] * gradient


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _pace(squares: Floats, steps: Floats, masks: Floats, rates: Floats, e: int) -> None:
    """Reckon an expert's steps from its sums of squares."""
    width, rate = masks.shape[1], rates[e, 1]
    for j in range(width):
        steps[e, j] = rate * masks[e, j] / math.sqrt(squares[e, j] + 1.0)
    steps[e, width] = rate / math.sqrt(squares[e, width] + 1.0)


@njit(cache=True, nogil=True)
def weights_of(
    trust: Floats, is_asked: Floats, boost: float, light: float
) -> tuple[Floats, Floats]:
    """Return the weight of each row for teaching, and for weighing experts.

    A row that is not asked any more teaches with ``light`` of its weight and weighs nobody.
    """
    teaching, weighing = np.empty(trust.shape[0]), np.empty(trust.shape[0])
    for i in range(trust.shape[0]):
        weighing[i] = trust[i] * boost * is_asked[i]
        teaching[i] = trust[i] * boost * (1.0 if is_asked[i] > 0.0 else light)
    return teaching, weighing


@njit(cache=True, nogil=True, error_model="numpy")
def weigh(  # noqa: PLR0913, PLR0917 - a kernel takes flat arrays
    said: Floats,
    p: Floats,
    y: Floats,
    w: Floats,
    prior: Floats,
    shares: Floats,
    totals: Floats,
    rules: Floats,
) -> None:
    """Move the shares towards the experts that lost least, in place, row after row.

    Fixed share (Herbster, Warmuth 1998, Machine Learning 32): ``shares`` times
    ``exp(-eta w loss)``, then a little of the ``prior`` for all. ``totals`` adds up the weighted
    losses of the K experts, of the pool, and the weights. ``rules`` = eta, share given back.
    """
    experts, eta, given = shares.shape[0], rules[0], rules[1]
    for i in range(y.shape[0]):
        if not w[i] > 0.0:
            continue
        whole = 0.0
        for e in range(experts):
            lost = log_loss(y[i], sigmoid(said[i, e]))
            totals[e] += w[i] * lost
            shares[e] *= math.exp(-eta * w[i] * lost)
            whole += shares[e]
        back = min(given * w[i], 0.5)
        for e in range(experts):
            shares[e] = (1.0 - back) * shares[e] / whole + back * prior[e]
        totals[experts] += w[i] * log_loss(y[i], p[i])
        totals[experts + 1] += w[i]
