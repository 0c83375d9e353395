"""The compiled learner: a standard scaler and a logistic regression in one kernel."""

import numpy as np

from tam_workbench.learning import kernels
from tam_workbench.learning.base import Linear, State
from tam_workbench.learning.history import ProbeRows
from tam_workbench.learning.rules import LearningRules
from tam_workbench.records import Floats


class Logistic:
    """River's ``StandardScaler | LogisticRegression(SGD)``, compiled, with trust as its weight.

    With ``clip_sd=inf`` it agrees with River driven row by row to 1e-9
    (`tests/properties/test_learning.py`).

    >>> rows = np.array([[0.0, 1.0], [1.0, 1.0], [0.0, 1.0], [1.0, 1.0]])
    >>> learner = Logistic(2, rules=LearningRules(prior=0.5))
    >>> learner.learn(rows, np.array([0.0, 1.0, 0.0, 1.0]), w=np.ones(4))
    >>> quiet, incident = learner.predict_proba(rows[:2])
    >>> bool(quiet < incident)
    True
    """

    def __init__(self, features: int, *, rules: LearningRules, seed: int = 0) -> None:
        del seed  # nothing here is drawn by chance
        self._mean, self._var, self._weights = (np.zeros(features) for _ in range(3))
        self._scalars = np.array([0.0, np.log(rules.prior / (1.0 - rules.prior))])
        self._rates = np.array(
            [
                rules.learning_rate,
                rules.intercept_learning_rate,
                rules.clip_sd,
                rules.positive_weight,
            ]
        )

    def predict_proba(self, X: Floats) -> Floats:
        """Return P(incident) per row, shape (N,)."""
        return kernels.predict(
            X, self._mean, self._var, self._weights, self._scalars[1], self._rates[2]
        )

    def learn(self, X: Floats, y: Floats, *, w: Floats) -> None:
        """Learn the rows in order, each with its weight."""
        kernels.learn(X, y, w, self._mean, self._var, self._weights, self._scalars, self._rates)

    def rewarm(self, rows: int) -> None:
        """Let the scaler weigh its past like ``rows`` rows."""
        self._scalars[0] = min(self._scalars[0], float(rows))

    def examine(self, rows: ProbeRows) -> tuple[float, Floats]:
        """Return the mean log-loss and each feature's signed mean attribution, in log-odds."""
        out = np.empty(self._mean.shape[0])
        parts = (self._mean, self._var, self._weights, self._scalars, self._rates)
        return kernels.examine(rows, *parts, out), out

    def scaling(self) -> tuple[Floats, Floats]:
        """Return each feature's mean and variance as they stand; not copies."""
        return self._mean, self._var

    def linear(self) -> Linear:
        """Return the model as it stands."""
        return Linear(
            weights=self._weights.copy(),
            intercept=float(self._scalars[1]),
            mean=self._mean.copy(),
            scale=np.sqrt(np.maximum(self._var, 0.0)),
            clip=float(self._rates[2]),
        )

    def clone(self) -> "Logistic":
        """Return an independent copy."""
        twin = object.__new__(Logistic)
        twin._mean, twin._var = self._mean.copy(), self._var.copy()
        twin._weights, twin._scalars = self._weights.copy(), self._scalars.copy()
        twin._rates = self._rates
        return twin

    def state(self) -> State:
        """Return the five arrays."""
        return {
            "mean": self._mean.copy(),
            "var": self._var.copy(),
            "weights": self._weights.copy(),
            "scalars": self._scalars.copy(),
            "rates": self._rates.copy(),
        }

    def restore(self, state: State) -> None:
        """Become what `state` described."""
        self._mean, self._var = state["mean"].copy(), state["var"].copy()
        self._weights, self._scalars = state["weights"].copy(), state["scalars"].copy()
        self._rates = state["rates"].copy()
