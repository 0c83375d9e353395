"""What the vector detector remembers, as flat arrays that a kernel can write to."""

from typing import NamedTuple

import numpy as np

from tam_workbench.records import Floats, Ints

SMOOTH = 20  # rows over which the standardised columns are averaged
HOLD = 10  # rows over which a distance is averaged
LAGS = (1, 5)  # rows back from which a row is forecast
NEAR = 5  # which nearest neighbour counts
KEPT = 300  # rows in a reservoir
EYES = 3  # usual levels, forecast, neighbourhood


class Parts(NamedTuple):
    """Every array of the detector; `zeroed` makes them, a checkpoint copies them."""

    counts: Ints
    """Rows learnt, the lottery, rows offered to and held by the reservoirs."""
    scale: Floats
    """(5, d): rows, mean, variance, least and largest value of each column."""
    recent: Floats
    """(SMOOTH, d): the latest standardised rows."""
    held: Floats
    """(2, HOLD): the latest distances of the forecast and of the neighbourhood."""
    moments: Floats
    """(3 d + 1, 3 d + 1): second moments of row, lagged rows and 1."""
    near_weights: Floats
    """(2 d + 1, d): the forecast from both lags."""
    far_weights: Floats
    """(d + 1, d): the forecast from the longer lag alone."""
    error_mean: Floats
    error_spread: Floats
    error_lower: Floats
    """Moments and Cholesky factor of the forecast error."""
    joint_mean: Floats
    joint_spread: Floats
    joint_lower: Floats
    """The same of the standardised row beside its error from the longer lag."""
    levels: Floats
    """(KEPT, d): smoothed rows of the past, the first reservoir."""
    joints: Floats
    whitened: Floats
    """(KEPT, 2 d): rows beside their errors, and the same whitened: the second reservoir."""
    eyes: Floats
    """(EYES, 2): rows and mean of each logarithmic distance."""


def zeroed(columns: int, *, seed: int) -> Parts:
    """Return the arrays of a detector of ``columns`` columns that has seen nothing."""
    d = columns
    return Parts(
        counts=np.array([0, seed % 2147483648, 0, 0], np.int64),
        scale=np.zeros((5, d)),
        recent=np.zeros((SMOOTH, d)),
        held=np.zeros((2, HOLD)),
        moments=np.zeros((3 * d + 1, 3 * d + 1)),
        near_weights=np.zeros((2 * d + 1, d)),
        far_weights=np.zeros((d + 1, d)),
        error_mean=np.zeros(d),
        error_spread=np.zeros((d, d)),
        error_lower=np.eye(d),
        joint_mean=np.zeros(2 * d),
        joint_spread=np.zeros((2 * d, 2 * d)),
        joint_lower=np.eye(2 * d),
        levels=np.zeros((KEPT, d)),
        joints=np.zeros((KEPT, 2 * d)),
        whitened=np.zeros((KEPT, 2 * d)),
        eyes=np.zeros((EYES, 2)),
    )
