"""Small dense algebra for the vector detector: moments, factors, whitening."""

import math

import numpy as np
from numba import njit

from tam_workbench.records import Floats


@njit(cache=True, nogil=True, fastmath=True)
def follow(mean: Floats, spread: Floats, x: Floats, share: float) -> None:
    """Move a mean and a lower-triangle covariance towards row ``x`` by ``share``."""
    for j in range(x.shape[0]):
        a = share * (x[j] - mean[j])
        for k in range(j + 1):
            spread[j, k] = (1.0 - share) * (spread[j, k] + a * (x[k] - mean[k]))
    for j in range(x.shape[0]):
        mean[j] += share * (x[j] - mean[j])


@njit(cache=True, nogil=True, fastmath=True)
def gather(moments: Floats, x: Floats, share: float) -> None:
    """Move lower-triangle second moments about zero towards those of row ``x``."""
    for j in range(x.shape[0]):
        a = share * x[j]
        for k in range(j + 1):
            moments[j, k] += a * x[k] - share * moments[j, k]


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def factor(spread: Floats, ridge: float, lower: Floats) -> None:
    """Write the Cholesky factor of ``spread + ridge * I`` into ``lower``."""
    for j in range(spread.shape[0]):
        for i in range(j, spread.shape[0]):
            total = spread[i, j]
            for k in range(j):
                total -= lower[i, k] * lower[j, k]
            if i == j:
                lower[j, j] = math.sqrt(max(total + ridge, 1e-12))
            else:
                lower[i, j] = total / lower[j, j]


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def whiten(lower: Floats, x: Floats, out: Floats) -> float:
    """Solve ``lower . out = x``; return the squared length of ``out``."""
    length = 0.0
    for j in range(x.shape[0]):
        total = x[j]
        for k in range(j):
            total -= lower[j, k] * out[k]
        out[j] = total / lower[j, j]
        length += out[j] * out[j]
    return length


@njit(cache=True, nogil=True, error_model="numpy")
def regress(moments: Floats, first: int, ridge: float, weights: Floats) -> None:
    """Ridge regression of the leading columns on those from ``first`` on, into (p, d)."""
    p, d = weights.shape
    lower = np.zeros((p, p))
    factor(moments[first:, first:], ridge, lower)
    half = np.empty(p)
    for column in range(d):
        whiten(lower, moments[first:, column], half)
        for j in range(p - 1, -1, -1):
            total = half[j]
            for k in range(j + 1, p):
                total -= lower[k, j] * weights[k, column]
            weights[j, column] = total / lower[j, j]


@njit(cache=True, nogil=True)
def mean_diagonal(spread: Floats) -> float:
    """Return the mean of the diagonal."""
    total = 0.0
    for j in range(spread.shape[0]):
        total += spread[j, j]
    return float(total / spread.shape[0])
