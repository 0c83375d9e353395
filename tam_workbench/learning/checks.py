"""What every learner promises, as a public suite for plug-ins."""

from collections.abc import Callable

import numpy as np

from tam_workbench.errors import PromiseBrokenError
from tam_workbench.learning.base import Learner
from tam_workbench.records import Floats

_FEATURES = 5


def check_learner(make: Callable[[int], Learner]) -> None:
    """Check a learner, given a maker that takes the number of features.

    Promises: probabilities in [0, 1]; predicting changes nothing; zero trust teaches nothing;
    full trust teaches something; a clone is independent; restore(state()) continues bit for bit.

    Raises
    ------
    PromiseBrokenError
        Naming the promise that was broken.

    Examples
    --------
    >>> from tam_workbench.learning import LearningRules, Logistic
    >>> check_learner(lambda features: Logistic(features, rules=LearningRules()))
    """
    X, y = _rows(200)
    ones, zeros = np.ones(len(y)), np.zeros(len(y))
    learner = make(_FEATURES)
    untaught = learner.predict_proba(X)
    _promise(
        untaught.shape == y.shape and bool(np.all((untaught >= 0.0) & (untaught <= 1.0))),
        "probabilities have one row each and lie in [0, 1]",
    )
    _promise(_same(untaught, learner.predict_proba(X)), "predicting changes nothing")
    learner.learn(X, y, w=zeros)
    _promise(_same(untaught, learner.predict_proba(X)), "zero trust teaches nothing, untaught")
    learner.learn(X, y, w=ones)
    taught = learner.predict_proba(X)
    _promise(not _same(untaught, taught), "full trust teaches something")
    learner.learn(X[::-1].copy(), 1.0 - y, w=zeros)
    _promise(_same(taught, learner.predict_proba(X)), "zero trust teaches nothing")
    _check_copies(make, learner, X, y)


def _check_copies(make: Callable[[int], Learner], learner: Learner, X: Floats, y: Floats) -> None:
    taught, half = learner.predict_proba(X), np.full(len(y), 0.5)
    twin, heir = learner.clone(), make(_FEATURES)
    heir.restore(learner.state())
    twin.learn(X, 1.0 - y, w=half)
    _promise(_same(taught, learner.predict_proba(X)), "a clone is independent")
    heir.learn(X, 1.0 - y, w=half)
    _promise(_same(taught, learner.predict_proba(X)), "a restored learner is independent")
    _promise(_same(heir.predict_proba(X), twin.predict_proba(X)), "restore continues bit for bit")
    learner.rewarm(50)
    _promise(bool(np.all(np.isfinite(learner.predict_proba(X)))), "rewarm keeps numbers finite")


def _rows(count: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(7)
    X = rng.normal(size=(count, _FEATURES))
    X[:, 1] = 3.0  # a feature that never varies
    return X, (X[:, 0] + 0.3 * X[:, 2] > 0.4).astype(np.float64)


def _same(a: Floats, b: Floats) -> bool:
    return a.tobytes() == b.tobytes()


def _promise(kept: bool, promise: str) -> None:
    if not kept:
        raise PromiseBrokenError(f"this learner breaks a promise: {promise}")
