"""The registered detectors keep their promises, and the promise suite catches who does not."""

import numpy as np
import pytest

from tam_workbench.errors import PromiseBrokenError
from tam_workbench.learning.detection import AnomalyDetector
from tam_workbench.learning.detection.checks import check_anomaly_detector
from tam_workbench.learning.detection.registry import DETECTORS
from tam_workbench.learning.detection.trivial import Ewma


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow) if n == "river_hst" else n for n in DETECTORS],
)
def test_registered_detectors_keep_their_promises(name):
    detector = DETECTORS[name](2, 0)
    assert isinstance(detector, AnomalyDetector)
    assert detector.name == name
    check_anomaly_detector(DETECTORS[name])


class TooLoud(Ewma):
    def advance(self, X, trust):
        return 1.5 + super().advance(X, trust)


class Deaf(Ewma):
    def advance(self, X, trust):
        return np.where(np.isnan(X).any(axis=1), np.nan, super().advance(X, trust))


class Peeker(Ewma):
    """Scales each batch by its own largest value: later rows change earlier scores."""

    def advance(self, X, trust):
        told = super().advance(X, trust)
        return told / max(told.max(initial=0.0), 1.0 / 3.0 + np.nanmax(X, initial=1.0) * 1e-3)


class Gullible(Ewma):
    def advance(self, X, trust):
        return super().advance(X, np.ones_like(trust))


class Forgetful(Ewma):
    def state(self):
        return {"memory": np.round(self._memory, 3)}


class Hoarder(Ewma):
    def __init__(self, columns):
        super().__init__(columns)
        self.rows = []

    def advance(self, X, trust):
        self.rows += X.tolist()
        return super().advance(X, trust)

    def state(self):
        return {**super().state(), "rows": np.array(self.rows)}

    def restore(self, state):
        super().restore(state)
        self.rows = state["rows"].tolist()


class Scribbler(Ewma):
    def advance(self, X, trust):
        told = super().advance(X, trust)
        X[:] = 0.0
        return told


class Untold(Ewma):
    def attributions(self):
        return -super().attributions()


@pytest.mark.parametrize(
    ("breaker", "promise"),
    [
        (TooLoud, r"lie in \[0, 1\]"),
        (Deaf, "finite"),
        (Peeker, "change no"),
        (Gullible, "trust 0"),
        (Forgetful, "bit for bit"),
        (Hoarder, "does not grow"),
        (Scribbler, "left as they were"),
        (Untold, "attributions are >= 0"),
    ],
)
def test_who_breaks_a_promise_is_told_which(breaker, promise):
    with pytest.raises(PromiseBrokenError, match=promise):
        check_anomaly_detector(lambda columns, seed: breaker(columns))
