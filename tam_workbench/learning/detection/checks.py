"""What every anomaly detector promises, as a public suite for plug-ins."""

import pickle
from collections.abc import Callable

import numpy as np

from tam_workbench.errors import PromiseBrokenError
from tam_workbench.learning.base import State
from tam_workbench.learning.detection.base import AnomalyDetector
from tam_workbench.records import Floats

DetectorFactory = Callable[[int, int], AnomalyDetector]
"""Takes the number of columns and a seed, returns a detector that has seen nothing."""

_ROWS = 600
_CUTS = (1, 7, 64, 333)
_GROWTH = 1.5
"""How much larger the state may be after three times the rows, once it is filled."""


def check_anomaly_detector(
    make: DetectorFactory, *, columns: tuple[int, ...] = (1, 3), fill: int = 2000
) -> None:
    """Check a detector, given a maker that takes columns and seed.

    Promises: one finite score in [0, 1] and one row of finite attributions of at least 0 a row,
    whatever is missing; other batches, same scores; the same seed, the same scores; later rows
    change no earlier score; what a row of trust 0 says changes nothing later;
    ``restore(state())`` continues bit for bit; the state stops growing after ``fill`` rows.

    Raises
    ------
    PromiseBrokenError
        Naming the promise that was broken.

    Examples
    --------
    >>> from tam_workbench.learning.detection.trivial import Ewma
    >>> check_anomaly_detector(lambda columns, seed: Ewma(columns))
    """
    for width in columns:
        X = _rows(_ROWS, width)
        _check_scores(make, X)
        _check_cuts(make, X)
        _check_order(make, X)
        _check_trust(make, X)
        _check_state(make, X)
        _check_bounded(make, width, fill=fill)


def _check_scores(make: DetectorFactory, X: Floats) -> None:
    detector = make(X.shape[1], 0)
    _promise(bool(detector.name), "it has a name")
    before = X.copy()
    told = detector.advance(X, np.ones(len(X)))
    shares = detector.attributions()
    _promise(told.shape == (len(X),), "one score a row")
    _promise(bool(np.isfinite(told).all()), "scores are finite, also where values are missing")
    _promise(bool(((told >= 0.0) & (told <= 1.0)).all()), "scores lie in [0, 1]")
    _promise(shares.shape == X.shape, "attributions have one row a row and one column a column")
    _promise(bool(np.isfinite(shares).all() and (shares >= 0.0).all()), "attributions are >= 0")
    _promise(_same(before, X), "the rows it was given are left as they were")
    empty = detector.advance(np.empty((0, X.shape[1])), np.empty(0))
    _promise(empty.shape == (0,), "no rows give no scores")


def _check_cuts(make: DetectorFactory, X: Floats) -> None:
    whole = _run(make(X.shape[1], 1), X)
    _promise(_same(whole, _run(make(X.shape[1], 1), X)), "the same seed gives the same scores")
    for cut in _CUTS:
        told = _run(make(X.shape[1], 1), X, cut=cut)
        _promise(_same(whole, told), f"batches of {cut} rows change no score")


def _check_order(make: DetectorFactory, X: Floats) -> None:
    half = len(X) // 2
    other = X.copy()
    other[half:] = 100.0 - 3.0 * other[half:]
    first, second = _run(make(X.shape[1], 2), X), _run(make(X.shape[1], 2), other)
    _promise(_same(first[:half], second[:half]), "later rows change no earlier score")


def _check_trust(make: DetectorFactory, X: Floats) -> None:
    trust = np.ones(len(X))
    trust[np.arange(len(X)) % 5 == 3] = 0.0
    lied = X.copy()
    lied[trust == 0.0] = 1e6
    honest = make(X.shape[1], 3).advance(X, trust)
    deceived = make(X.shape[1], 3).advance(lied, trust)
    believed = trust > 0.0
    _promise(_same(honest[believed], deceived[believed]), "a row of trust 0 teaches nothing")


def _check_state(make: DetectorFactory, X: Floats) -> None:
    half = len(X) // 2
    first, heir = make(X.shape[1], 4), make(X.shape[1], 4)
    _run(first, X[:half])
    heir.restore(pickle.loads(pickle.dumps(first.state())))  # noqa: S301 - written a moment ago
    told = _run(first, X[half:])
    _promise(_same(told, _run(heir, X[half:])), "restore continues bit for bit")
    _promise(_same(first.attributions(), heir.attributions()), "restore keeps attributions")


def _check_bounded(make: DetectorFactory, width: int, *, fill: int) -> None:
    detector, rows = make(width, 5), _rows(fill, width)
    _run(detector, rows)
    before = _size(detector.state())
    for _ in range(2):
        _run(detector, rows)
    _promise(_size(detector.state()) <= _GROWTH * before, "memory does not grow with the stream")


def _size(state: State) -> int:
    return len(pickle.dumps(state))


def _run(detector: AnomalyDetector, X: Floats, *, cut: int | None = None) -> Floats:
    step = cut or max(len(X), 1)
    told = [
        detector.advance(X[at : at + step], np.ones(len(X[at : at + step])))
        for at in range(0, len(X), step)
    ]
    return np.concatenate(told)


def _rows(count: int, width: int) -> Floats:
    """Return noise on a cycle, with a spike, a flat part, a jump and values that are missing."""
    rng = np.random.default_rng(11)
    X = rng.normal(size=(count, width)) + 3.0 * np.sin(np.arange(count) / 8.0)[:, None]
    X[count // 3] += 30.0
    X[count // 2 : count // 2 + 40] = 1.0
    X[3 * count // 4 :] += 10.0
    X[rng.random((count, width)) < 0.03] = np.nan
    X[count // 4] = np.nan
    return X


def _same(a: Floats, b: Floats) -> bool:
    return a.tobytes() == b.tobytes()


def _promise(kept: bool, promise: str) -> None:
    if not kept:
        raise PromiseBrokenError(f"this detector breaks a promise: {promise}")
