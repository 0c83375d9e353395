"""How far two attributions say the same."""

import numpy as np

from tam_workbench.records import Floats


def stability(a: Floats, b: Floats) -> float:
    """Return the cosine of two attributions of like rows, 1.0 when both are nothing.

    >>> stability(np.array([1.0, 0.0]), np.array([-2.0, 0.0]))
    -1.0
    """
    lengths = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    if max(lengths) <= 0.0:
        return 1.0
    return float(a @ b) / (lengths[0] * lengths[1]) if min(lengths) > 0.0 else 0.0


def agreement(a: Floats, b: Floats, *, top: int = 10) -> float:
    """Return Spearman's rank correlation of two methods over the features either puts on top.

    1.0 when fewer than two features have any attribution.

    >>> agreement(np.array([3.0, 2.0, 1.0]), np.array([9.0, 8.0, 7.0]))
    1.0
    """
    first = np.argsort(-np.abs(a), kind="stable")[:top]
    second = np.argsort(-np.abs(b), kind="stable")[:top]
    union = np.union1d(first, second)
    union = union[(a[union] != 0.0) | (b[union] != 0.0)]
    if len(union) < 2:
        return 1.0
    ranks = _ranks(a[union]), _ranks(b[union])
    left, right = (rank - rank.mean() for rank in ranks)
    length = float(np.sqrt((left @ left) * (right @ right)))
    return float(left @ right) / length if length > 0.0 else 0.0


def rank_correlation(a: Floats, b: Floats) -> float:
    """Return Spearman's rank correlation of two attributions over all features, signs included.

    1.0 when neither says anything, 0.0 when one of them does not.

    >>> rank_correlation(np.array([3.0, 2.0, -1.0]), np.array([9.0, 0.5, 0.1]))
    1.0
    """
    ranks = _ranks(a), _ranks(b)
    left, right = (rank - rank.mean() for rank in ranks)
    lengths = float(left @ left), float(right @ right)
    if max(lengths) <= 0.0:
        return 1.0
    together = float(np.sqrt(lengths[0] * lengths[1]))
    return float(left @ right) / together if together > 0.0 else 0.0


def overlap(a: Floats, b: Floats, *, top: int) -> float:
    """Return the share of the ``top`` features that two attributions have in common.

    >>> overlap(np.array([3.0, -2.0, 1.0, 0.0]), np.array([9.0, 0.0, 2.0, 0.5]), top=2)
    0.5
    """
    first = np.argsort(-np.abs(a), kind="stable")[:top]
    second = np.argsort(-np.abs(b), kind="stable")[:top]
    return len(np.intersect1d(first, second)) / max(len(first), 1)


def _ranks(values: Floats) -> Floats:
    """Return ranks, ties sharing their mean."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    means: Floats = (last - counts + 1 + last) / 2.0
    return means[place]
