"""River's anomaly detectors behind our protocol: slow peers, driven row by row."""

import pickle
from typing import Any

import numpy as np

from tam_workbench.learning.base import State
from tam_workbench.records import Floats


class HalfSpaceTrees:
    """River's half-space trees on rows scaled online to [0, 1]; an unknown value is its last one.

    River gives no attribution, so all columns share alike.
    """

    name = "river_hst"

    def __init__(self, columns: int, *, seed: int) -> None:
        from river import anomaly, compose, preprocessing

        self._columns = range(columns)
        self._model: Any = compose.Pipeline(
            preprocessing.MinMaxScaler(),
            anomaly.HalfSpaceTrees(n_trees=25, height=10, window_size=250, seed=seed),
        )
        self._known = np.zeros(columns)
        self._last: Floats = np.zeros((0, columns))

    def advance(self, X: Floats, trust: Floats) -> Floats:
        """Score, then learn, row by row."""
        told = np.empty(len(X))
        for at, (row, believed) in enumerate(zip(X, trust.tolist(), strict=True)):
            filled = np.where(np.isfinite(row), row, self._known)
            x = dict(zip(self._columns, filled.tolist(), strict=True))
            told[at] = self._model.score_one(x)
            if believed > 0.0:
                self._model.learn_one(x)
                self._known = filled
        self._last = np.repeat(told[:, None] / max(X.shape[1], 1), X.shape[1], axis=1)
        return np.clip(told, 0.0, 1.0)

    def attributions(self) -> Floats:
        """Return the score, shared alike."""
        return self._last

    def state(self) -> State:
        """Return the pickled model as bytes in an array, and the last known row."""
        model = np.frombuffer(pickle.dumps(self._model), dtype=np.uint8).copy()
        return {"model": model, "known": self._known.copy()}

    def restore(self, state: State) -> None:
        """Become what `state` described; only ever read our own checkpoints."""
        self._model = pickle.loads(state["model"].tobytes())  # noqa: S301 - our own checkpoint
        self._known = state["known"].copy()
