"""The static baseline: a batch logistic regression, fitted now and then on a window."""

import warnings

import numpy as np

from tam_workbench.learning import kernels
from tam_workbench.learning.base import State
from tam_workbench.records import Floats

_ENOUGH = 50


class StaticBaseline:
    """scikit-learn's LogisticRegression between two fits: what online learning has to beat.

    It ignores trust, as a plain model would, and says ``prior`` until its first fit.
    """

    def __init__(self, features: int, *, prior: float) -> None:
        self._parts = np.zeros((3, features))  # mean, variance, weights
        self._intercept = float(np.log(prior / (1.0 - prior)))
        self.fits = 0

    @staticmethod
    def prepare() -> None:
        """Load scikit-learn and all that a fit looks up once; otherwise the first one waits."""
        rows = np.arange(2.0 * _ENOUGH)
        StaticBaseline(1, prior=0.5).fit(rows[:, None], (rows >= _ENOUGH).astype(np.float64))

    def predict_proba(self, X: Floats) -> Floats:
        """Return P(incident) per row."""
        mean, var, weights = self._parts
        return kernels.predict(X, mean, var, weights, self._intercept, np.inf)

    def fit(self, X: Floats, y: Floats, *, w: Floats | None = None) -> None:
        """Fit anew on the rows with weights ``w``, unless there are under 50 or only one label."""
        if len(y) < _ENOUGH or y.min() == y.max():
            return
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        mean, var = X.mean(axis=0), X.var(axis=0)
        var[var <= 1e-12 * np.maximum(1.0, mean**2)] = 0.0
        scale = np.sqrt(var)
        Z = np.divide(X - mean, scale, out=np.zeros_like(X), where=scale > 0.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = LogisticRegression(solver="liblinear", max_iter=30, random_state=0)
            model.fit(Z, y, sample_weight=w)
        self._parts = np.vstack((mean, var, model.coef_[0]))
        self._intercept = float(model.intercept_[0])
        self.fits += 1

    def state(self) -> State:
        """Return the fitted parts."""
        return {"parts": self._parts.copy(), "intercept": self._intercept, "fits": self.fits}

    def restore(self, state: State) -> None:
        """Become what `state` described."""
        self._parts, self._intercept = state["parts"].copy(), state["intercept"]
        self.fits = state["fits"]
