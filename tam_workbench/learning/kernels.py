"""Compiled arithmetic of the learning stage.

Each loop runs over rows in order with the same operations whatever the number of rows, so a
stream cut elsewhere gives the same bits.
"""

import math

import numpy as np
from numba import njit

from tam_workbench.records import Floats

_FAST = {"reassoc", "contract", "nsz"}


@njit(cache=True, nogil=True)
def sigmoid(z: float) -> float:
    """Return the logistic function, 0 or 1 beyond 30."""
    if z < -30.0:
        return 0.0
    if z > 30.0:
        return 1.0
    return 1.0 / (1.0 + math.exp(-z))


@njit(cache=True, nogil=True)
def log_gradient(y: float, z: float) -> float:
    """Return the slope of the log-loss in the log-odds ``z``, in River's own steps."""
    sign = 1.0 if y > 0.5 else -1.0
    margin = z * sign
    if margin > 18.0:
        return -sign * math.exp(-margin)
    if margin < -18.0:
        return -sign
    return -sign / (math.exp(margin) + 1.0)


@njit(cache=True, nogil=True)
def log_loss(y: float, p: float) -> float:
    """Log-loss of one row, at most 6.9 (a probability is taken as at least 0.001)."""
    right = p if y > 0.5 else 1.0 - p
    return -math.log(max(right, 1e-3))


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def predict(
    X: Floats, mean: Floats, var: Floats, weights: Floats, intercept: float, clip: float
) -> Floats:
    """Probabilities of a standardised, clipped linear model, shape (N,)."""
    n, width = X.shape
    inverse = np.zeros(width)
    for j in range(width):
        inverse[j] = 1.0 / math.sqrt(var[j]) if var[j] > 0.0 else 0.0
    out = np.empty(n)
    for i in range(n):
        logit = 0.0
        for j in range(width):
            z = (X[i, j] - mean[j]) * inverse[j]
            logit += weights[j] * min(max(z, -clip), clip)
        out[i] = sigmoid(logit + intercept)
    return out


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def learn(  # noqa: PLR0913, PLR0917 - a kernel takes flat arrays
    X: Floats,
    y: Floats,
    w: Floats,
    mean: Floats,
    var: Floats,
    weights: Floats,
    scalars: Floats,
    rates: Floats,
) -> None:
    """Welford scaler, then one SGD step a row, in place; rows of no weight are skipped.

    ``scalars`` = count, intercept; ``rates`` = weights' rate, intercept's rate, clip, weight of
    positives. Same order of steps as River's ``StandardScaler | LogisticRegression``.
    """
    n, width = X.shape
    z = np.empty(width)
    rate, intercept_rate, clip, positive = rates[0], rates[1], rates[2], rates[3]
    count, intercept = scalars[0], scalars[1]
    for i in range(n):
        if not w[i] > 0.0:
            continue
        count += 1.0
        share = 1.0 / count
        logit = 0.0
        for j in range(width):
            off = X[i, j] - mean[j]
            centre = mean[j] + off * share
            rest = X[i, j] - centre
            spread = var[j] + (off * rest - var[j]) * share
            mean[j] = centre
            var[j] = spread
            scaled = rest / math.sqrt(spread) if spread > 0.0 else 0.0
            z[j] = min(max(scaled, -clip), clip)
            logit += weights[j] * z[j]
        gradient = log_gradient(y[i], logit + intercept) * w[i]
        if y[i] > 0.5:
            gradient *= positive
        gradient = min(max(gradient, -1e12), 1e12)
        intercept -= intercept_rate * gradient
        step = rate * gradient
        for j in range(width):
            weights[j] -= step * z[j]
    scalars[0], scalars[1] = count, intercept


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def examine(  # noqa: PLR0913, PLR0917 - a kernel takes flat arrays
    rows: tuple[Floats, Floats, int, int, int],
    mean: Floats,
    var: Floats,
    weights: Floats,
    scalars: Floats,
    rates: Floats,
    out: Floats,
) -> float:
    """Return the mean log-loss of a model on the probe; write each feature's attribution.

    An attribution is the weight times the mean |standardised value|. ``rows`` are (X, y, quiet
    rows from the start, incident rows from the middle, edition).
    """
    X, y, quiet, incident = rows[0], rows[1], rows[2], rows[3]
    n, width = quiet + incident, X.shape[1]
    intercept, clip = scalars[1], rates[2]
    inverse = np.zeros(width)
    for j in range(width):
        inverse[j] = 1.0 / math.sqrt(var[j]) if var[j] > 0.0 else 0.0
        out[j] = 0.0
    said, told = np.empty(n), np.empty(n)
    for k in range(n):
        i = k if k < quiet else y.shape[0] // 2 + k - quiet
        logit = 0.0
        for j in range(width):
            z = min(max((X[i, j] - mean[j]) * inverse[j], -clip), clip)
            logit += weights[j] * z
            out[j] += abs(z)
        said[k], told[k] = sigmoid(logit + intercept), y[i]
    for j in range(width):
        out[j] *= weights[j] / max(n, 1)
    return mean_loss(told, said)


@njit(cache=True, nogil=True)
def mean_loss(y: Floats, p: Floats) -> float:
    """Mean log-loss, the two labels weighing the same where both are there."""
    sums = np.zeros(2)
    rows = np.zeros(2)
    for i in range(y.shape[0]):
        side = 1 if y[i] > 0.5 else 0
        sums[side] += log_loss(y[i], p[i])
        rows[side] += 1.0
    if rows[0] > 0.0 and rows[1] > 0.0:
        both: float = 0.5 * (sums[0] / rows[0] + sums[1] / rows[1])
        return both
    one: float = (sums[0] + sums[1]) / max(rows[0] + rows[1], 1.0)
    return one


@njit(cache=True, nogil=True)
def count_trust(trust: Floats, totals: Floats) -> None:
    """Add the rows of any trust, and their trust in order, to ``totals``."""
    for i in range(trust.shape[0]):
        if trust[i] > 0.0:
            totals[0] += 1.0
            totals[1] += trust[i]
