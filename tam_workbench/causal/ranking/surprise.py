"""Surprise: how unlikely a metric's values are, by what it and its like showed before.

A deviation that looks huge on one pod's own scale may be everyday for another of its kind, or for
the pod itself. So a value is judged twice, beside all columns of the same name (the CPU of every
pod) and beside its own past, and the milder verdict counts.
"""

from typing import Final

import numpy as np

from tam_workbench.records import Floats, Ints

FEWEST: Final = 8
"""Values before which nothing is surprising."""

_LEAST_OF_POOL: Final = 0.25  # of the usual spread in the pool
_LEAST_OF_LEVEL: Final = 0.01  # of the column's own median
_TAIL: Final = 0.05  # share of the past that makes its tail
_NOTHING: Final = 1e-9


def deviations(before: Floats, values: Floats, pools: Ints) -> Floats:
    """Return how many spreads each value lies from the column's median before.

    The spread is the interquartile range / 1.349, at least a quarter of what is usual in the
    pool, so that a constant column does not call its first change infinite.

    Parameters
    ----------
    before
        Earlier values, shape (n, d); NaN where there is none.
    values
        Later values, shape (m, d).
    pools
        Which columns are of the same name, shape (d,).
    """
    low, middle, high = _quantiles(before)
    spread = (high - low) / 1.349
    usual = np.zeros_like(spread)
    for pool in np.unique(pools):
        here = pools == pool
        some = spread[here & (spread > 0.0)]
        usual[here] = np.median(some) if some.size else 0.0
    least = np.maximum(_LEAST_OF_POOL * usual, _LEAST_OF_LEVEL * np.abs(middle))
    found: Floats = (values - middle) / np.maximum(np.maximum(spread, least), _NOTHING)
    return found


def surprise(before: Floats, after: Floats, pools: Ints) -> Floats:
    """Return the nats by which each column's later values surprise, shape (d,).

    Of the later values the median deviation z counts, so that one odd row does not. Its p is the
    share of what was seen that lay as far out or further; beyond the 95 % quantile u it falls as
    0.05 (u / z)^2: no faster than Chebyshev's inequality allows any distribution, and no tail is
    fitted to a short past. The nats are -log p, the smaller of the pool's and the column's own,
    and 0 for columns with fewer than `FEWEST` values before.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> past = rng.normal(size=(200, 3))
    >>> now = np.array([[0.1, 30.0, -0.2]])
    >>> surprise(past, now, np.zeros(3, dtype=np.int64)).round(0)
    array([0., 8., 0.])
    """
    found = np.zeros(before.shape[1])
    known = np.isfinite(before).sum(axis=0) >= FEWEST
    known &= np.isfinite(after).any(axis=0)
    if not known.any():
        return found
    past = np.abs(deviations(before, before, pools))
    far = np.abs(_quantiles(deviations(before, after, pools))[1])
    own = _nats(far, past)
    for pool in np.unique(pools[known]):
        here = np.flatnonzero(known & (pools == pool))
        among = _nats(far[here], past[:, here].reshape(-1, 1))
        found[here] = np.minimum(among, own[here])
    return found


def _quantiles(values: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the quartiles of each column, 0 where it has no value at all."""
    ordered = np.sort(values, axis=0)  # NaN comes last
    size = np.isfinite(values).sum(axis=0)
    found = []
    for share in (0.25, 0.5, 0.75):
        place = np.maximum(share * (size - 1.0), 0.0)
        under = np.floor(place).astype(np.int64)
        over = np.minimum(under + 1, np.maximum(size - 1, 0))
        low, high = (np.take_along_axis(ordered, at[None, :], axis=0)[0] for at in (under, over))
        between = low + (high - low) * (place - under)
        found.append(np.where(size > 0, between, 0.0))
    return found[0], found[1], found[2]


def _nats(values: Floats, seen: Floats) -> Floats:
    """Return -log of the share of each column of ``seen``, (n, d) or (n, 1), beyond (d,)."""
    there = np.isfinite(seen)
    size = np.maximum(there.sum(axis=0), 1)
    ordered = np.sort(np.where(there, seen, -1.0), axis=0)
    if seen.shape[1] == 1:
        beyond = ordered.shape[0] - np.searchsorted(ordered[:, 0], values, side="left")
    else:
        beyond = (ordered >= values).sum(axis=0)
    place = ordered.shape[0] - 1 - np.floor(_TAIL * size).astype(np.int64)
    edge = np.maximum(np.take_along_axis(ordered, place[None, :], axis=0)[0], _NOTHING)
    share = ((ordered > edge).sum(axis=0) + 1.0) / (size + 1.0)
    tail = share * (edge / np.maximum(values, edge)) ** 2
    found: Floats = -np.log(np.where(values > edge, tail, (beyond + 1.0) / (size + 1.0)))
    return np.maximum(found, 0.0)
