"""The wary anomaly score: how far a resource's levels lie from what is usual for it."""

import math
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

import numpy as np
from numba import njit

from tam_workbench.learning.base import State
from tam_workbench.records import Floats, Ints, Observations

_WARM, _YOUNG, _MEMORY = 50.0, 100.0, 2000.0
_SMOOTH = 0.2  # share of a level that the latest row is
_FLOOR = 0.01  # least deviation of a column, as a share of its range
_SURE, _LIMIT, _CLIP = 10.0, 10.0, 50.0
_DOUBTED, _SPAN, _LEAST = 0.6, 0.6, 0.1  # oddness from, and over, which a row teaches less
_PATIENCE = 2000.0  # strange rows in a row after which they teach like any other
_STEP, _TAIL = 0.005, 0.995
_NARROW = 0.4  # least distance of the two quantiles
_DERIVED: Final = (".delta", ".deviation")
_COUNT, _MEDIAN, _HIGH = range(3)
_TRUST, _ODDNESS, _STREAK = range(3)


class Usual(NamedTuple):
    """What is usual of every resource (R) and column (F), and of the oddness of all."""

    mean: Floats
    variance: Floats
    low: Floats
    high: Floats
    level: Floats
    each: Floats  # (R, 3): trust learnt, mean oddness, strange rows in a row
    quantiles: Floats  # (3,): rows, median and high percentile of the oddness


@njit(cache=True, nogil=True, error_model="numpy")
def _oddness(x: Floats, r: int, columns: Ints, u: Usual, work: Floats) -> float:
    """Return the logarithm of the largest levels' mean, and write all new levels to ``work``."""
    first, second, third = 0.0, 0.0, 0.0
    for k in range(columns.shape[0]):
        c = columns[k]
        z = 0.0
        if u.each[r, _TRUST] >= _SURE:
            least = max(_FLOOR * (u.high[r, c] - u.low[r, c]), 1e-9)
            z = (x[c] - u.mean[r, c]) / max(math.sqrt(u.variance[r, c]), least)
            z = min(max(z, -_CLIP), _CLIP)
        work[k] = u.level[r, c] + _SMOOTH * (z - u.level[r, c])
        square = work[k] * work[k]
        if square > first:
            first, second, third = square, first, second
        elif square > second:
            second, third = square, second
        elif square > third:
            third = square
    return 0.5 * math.log((first + second + third) / 3.0 + 1e-3)


@njit(cache=True, nogil=True, error_model="numpy")
def _learn(x: Floats, r: int, columns: Ints, u: Usual, weight: float) -> None:
    """Move what is usual towards a row, by at most `_LIMIT` deviations."""
    count = u.each[r, _TRUST]
    share = min(weight / min(count + weight, _MEMORY), 1.0)
    for c in columns:
        if count == 0.0:
            u.mean[r, c] = u.low[r, c] = u.high[r, c] = x[c]
        off = x[c] - u.mean[r, c]
        if count >= _SURE:
            least = max(_FLOOR * (u.high[r, c] - u.low[r, c]), 1e-9)
            most = _LIMIT * max(math.sqrt(u.variance[r, c]), least)
            off = min(max(off, -most), most)
        u.mean[r, c] += share * off
        u.variance[r, c] = (1.0 - share) * (u.variance[r, c] + share * off * off)
        u.low[r, c], u.high[r, c] = min(u.low[r, c], x[c]), max(u.high[r, c], x[c])
    u.each[r, _TRUST] = count + weight


@njit(cache=True, nogil=True, error_model="numpy")
def _calibrate(q: Floats, odd: float, weight: float) -> None:
    """Move the running quantiles of the oddness."""
    q[_COUNT] += 1.0
    step = max(_STEP, 1.0 / q[_COUNT]) * weight
    q[_MEDIAN] += step * (0.5 - (1.0 if odd <= q[_MEDIAN] else 0.0))
    q[_HIGH] += step * (_TAIL - (1.0 if odd <= q[_HIGH] else 0.0))
    q[_HIGH] = max(q[_HIGH], q[_MEDIAN])


@njit(cache=True, nogil=True, error_model="numpy")
def _score(X: Floats, trust: Floats, resources: Ints, columns: Ints, u: Usual) -> Floats:
    out, work = np.zeros(X.shape[0]), np.empty(columns.shape[0])
    q = u.quantiles
    for i in range(X.shape[0]):
        r = resources[i]
        odd = _oddness(X[i], r, columns, u, work)
        each = u.each[r]
        beyond = (odd - each[_ODDNESS]) * each[_TRUST] / (each[_TRUST] + _YOUNG)
        if each[_TRUST] >= _WARM and q[_COUNT] >= _WARM:
            excess = max(0.0, beyond - q[_MEDIAN]) / max(q[_HIGH] - q[_MEDIAN], _NARROW)
            out[i] = 1.0 - 2.0 ** (-excess * excess)
        if not trust[i] > 0.0:
            continue
        doubt = min(max((beyond - _DOUBTED) / _SPAN, 0.0), 1.0 - _LEAST)
        each[_STREAK] = each[_STREAK] + 1.0 if doubt > 0.0 else 0.5 * each[_STREAK]
        doubt *= max(0.0, 1.0 - each[_STREAK] / _PATIENCE)
        weight = trust[i] * (1.0 - doubt)
        for k in range(columns.shape[0]):
            u.level[r, columns[k]] = work[k]
        if each[_TRUST] >= _SURE:
            span = min(each[_TRUST] - _SURE + 1.0, _MEMORY)
            each[_ODDNESS] += min(weight / span, 1.0) * (odd - each[_ODDNESS])
        if each[_TRUST] >= _WARM:
            _calibrate(q, beyond, weight)
        _learn(X[i], r, columns, u, weight)
    return out


class LevelScore:
    """Mean of a resource's three strangest levels, squashed by the quantiles seen so far.

    Metrics, logs and spans are standardised by the resource's own past and averaged over about
    five rows. Their oddness counts against the resource's usual oddness. Strange rows teach less
    (the wary mind of `detection.vector`), so that a long fault does not become the usual at once;
    after 2,000 of them they do. A row at the 99.5th percentile of what was learnt scores 0.5, an
    ordinary one about 0, and a resource's first 50 rows score 0. Rows of no trust are scored and
    teach nothing.
    """

    def __init__(self, feature_names: Sequence[str]) -> None:
        self._columns = _columns(feature_names)
        self._usual = _empty(0, len(feature_names))
        self._names: tuple[str, ...] = ()

    def rename(self, feature_names: Sequence[str]) -> None:
        """Watch also the columns that only now have a name."""
        self._columns = _columns(feature_names)

    def advance(self, obs: Observations) -> Floats:
        """Score each row in [0, 1] by what came before it, then learn it with its trust."""
        self._seat(obs.resource_names)
        return _score(obs.values, obs.trust, obs.resources, self._columns, self._usual)

    def _seat(self, names: tuple[str, ...]) -> None:
        """Make room for new resources; a number that changed hands begins anew."""
        if names == self._names:
            return
        usual, short = self._usual, len(names) - len(self._usual.mean)
        if short > 0:
            room = _empty(short, usual.mean.shape[1])
            grown = {
                name: np.concatenate((getattr(usual, name), getattr(room, name)))
                for name in Usual._fields[:-1]
            }
            self._usual = usual = Usual(**grown, quantiles=usual.quantiles)
        for number, (old, new) in enumerate(zip(self._names, names, strict=False)):
            if old != new:
                for kept in usual[:-1]:
                    kept[number] = 0.0
        self._names = names

    def state(self) -> State:
        """Return what is usual, and of whom."""
        kept = {name: part.copy() for name, part in self._usual._asdict().items()}
        return {"usual": kept, "names": list(self._names)}

    def restore(self, state: State) -> None:
        """Become what `state` described; what follows is then the same to the bit."""
        self._usual = Usual(**{name: state["usual"][name].copy() for name in Usual._fields})
        self._names = tuple(state["names"])


def _empty(resources: int, features: int) -> Usual:
    shape = (resources, features)
    return Usual(
        mean=np.zeros(shape),
        variance=np.zeros(shape),
        low=np.zeros(shape),
        high=np.zeros(shape),
        level=np.zeros(shape),
        each=np.zeros((resources, 3)),
        quantiles=np.zeros(3),
    )


def _columns(feature_names: Sequence[str]) -> Ints:
    """Return the named columns that are levels: no changes, nor what follows from another."""
    names = set(feature_names)
    wanted = [
        column
        for column, name in enumerate(feature_names)
        if name and not _follows(name, names) and not name.startswith("change.")
    ]
    return np.array(wanted, np.int64)


def _follows(name: str, names: Collection[str]) -> bool:
    """Say whether a column is the difference or deviation of one that is there as well."""
    return any(name.endswith(end) and name.removesuffix(end) in names for end in _DERIVED)
