"""Peers that see a whole file before they score it: what not streaming is worth.

They stand only in tables that ``--batch`` asked for, beside other detectors that have seen the
file once before; no figure of theirs is ever mixed with a streaming one.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Protocol, runtime_checkable

import numpy as np

from tam_workbench.records import Floats

SMOOTH: Final = 10
"""Rows of the trailing mean of distances, as most batch detectors look at windows."""


@runtime_checkable
class WholeFile(Protocol):
    """Scores a file's rows from all of them at once."""

    def judge(self, X: Floats) -> tuple[Floats, Floats]:
        """Return scores in [0, 1] and what each column adds, for rows X (n, d)."""


class Mahalanobis:
    """Distance of a row to the file's own mean under its own covariance, over ten rows.

    >>> X = np.random.default_rng(0).normal(size=(500, 2)); X[300:310] += 8.0
    >>> scores, shares = Mahalanobis().judge(X)
    >>> 300 <= int(scores.argmax()) < 312
    True
    """

    def judge(self, X: Floats) -> tuple[Floats, Floats]:
        """Return z / (1 + z) of the mean squared distance, shared out by column."""
        rows = _standardised(X)
        covariance = np.cov(rows, rowvar=False).reshape(rows.shape[1], -1)
        precision = np.linalg.pinv(covariance + 1e-6 * np.eye(rows.shape[1]))
        shares = _trailing(np.maximum(rows * (rows @ precision), 0.0))
        total = shares.sum(axis=1)
        return total / (rows.shape[1] + total), shares


class Forest:
    """scikit-learn's isolation forest, fitted on the rows that it scores."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def judge(self, X: Floats) -> tuple[Floats, Floats]:
        """Return the forest's scores; it blames no column."""
        from sklearn.ensemble import IsolationForest

        rows = _standardised(X)
        scores = -IsolationForest(random_state=self._seed).fit(rows).score_samples(rows)
        return np.clip(scores, 0.0, 1.0), np.zeros(rows.shape)


def _standardised(X: Floats) -> Floats:
    """Return columns with mean 0 and deviation 1; what is missing counts as the mean."""
    mean, deviation = np.nanmean(X, axis=0), np.nanstd(X, axis=0)
    scaled: Floats = (X - mean) / np.where(deviation > 0.0, deviation, 1.0)
    return np.nan_to_num(scaled)


def _trailing(values: Floats) -> Floats:
    sums = np.cumsum(values, axis=0)
    sums[SMOOTH:] = sums[SMOOTH:] - sums[:-SMOOTH]
    return sums / np.minimum(np.arange(1, len(values) + 1), SMOOTH)[:, None]


BATCH_PEERS: Final[Mapping[str, Callable[[int], WholeFile]]] = MappingProxyType(
    {"batch_mahalanobis": lambda _: Mahalanobis(), "batch_iforest": Forest}
)
"""Name -> maker from a seed."""
