"""River's learners behind our protocol.

River ignores what it does not know (``sample_weight=`` is dropped without a word), so the door
is explicit: learners that take ``w=`` get the weight, the others get each row by a seeded draw
with probability w, and no learner ever sees a row of weight zero.
"""

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from tam_workbench.learning.base import State
from tam_workbench.learning.rules import LearningRules
from tam_workbench.records import Floats

RiverModel = Any
"""A River classifier; River ships no types that mypy could hold us to."""

Maker = Callable[[LearningRules, int], RiverModel]


class RiverLearner:
    """A River classifier, driven row by row; readable and slow beside `Logistic`."""

    def __init__(self, features: int, *, model: RiverModel, takes_weight: bool, seed: int) -> None:
        self._names = range(features)
        self._model = model
        self._takes_weight = takes_weight
        self._rng = np.random.default_rng(seed)

    def predict_proba(self, X: Floats) -> Floats:
        """Return P(incident) per row, 0.5 where the model has no opinion yet."""
        ask = self._model.predict_proba_one
        told = (ask(dict(zip(self._names, row, strict=True))) for row in X.tolist())
        return np.array([_positive(answer) for answer in told], dtype=np.float64)

    def learn(self, X: Floats, y: Floats, *, w: Floats) -> None:
        """Learn the rows in order, by weight or by a draw with probability ``w``."""
        for row, label, weight in zip(X.tolist(), y.tolist(), w.tolist(), strict=True):
            if not weight > 0.0:
                continue
            x = dict(zip(self._names, row, strict=True))
            if self._takes_weight:
                self._model.learn_one(x, label > 0.5, w=weight)
            elif self._rng.random() < weight:
                self._model.learn_one(x, label > 0.5)

    def rewarm(self, rows: int) -> None:
        """Let the pipeline's scaler weigh its past like ``rows`` rows, if it has one."""
        scaler = self._model["StandardScaler"] if hasattr(self._model, "steps") else None
        if scaler is not None:
            for name, count in scaler.counts.items():
                scaler.counts[name] = min(count, rows)

    def clone(self) -> "RiverLearner":
        """Return an independent copy."""
        return copy.deepcopy(self)

    def state(self) -> State:
        """Return the pickled model as bytes in an array, and the generator's state."""
        model = np.frombuffer(pickle.dumps(self._model), dtype=np.uint8).copy()
        return {"model": model, "rng": copy.deepcopy(self._rng.bit_generator.state)}

    def restore(self, state: State) -> None:
        """Become what `state` described; only ever read our own checkpoints."""
        self._model = pickle.loads(state["model"].tobytes())  # noqa: S301 - our own checkpoint
        self._rng.bit_generator.state = copy.deepcopy(state["rng"])


def _positive(answer: dict[Any, float]) -> float:
    if True in answer:
        return float(answer[True])
    return 1.0 - float(answer[False]) if False in answer else 0.5


def river(make: Maker, *, takes_weight: bool) -> Callable[..., RiverLearner]:
    """Return a factory for ``LEARNERS`` around a maker of River models."""

    def factory(features: int, *, rules: LearningRules, seed: int) -> RiverLearner:
        return RiverLearner(features, model=make(rules, seed), takes_weight=takes_weight, seed=seed)

    return factory


def logistic_river(rules: LearningRules, seed: int) -> RiverModel:
    """Make River's own scaler and logistic regression, what `Logistic` agrees with."""
    del seed
    from river import linear_model, optim, preprocessing

    return preprocessing.StandardScaler() | linear_model.LogisticRegression(
        optimizer=optim.SGD(rules.learning_rate),
        loss=optim.losses.Log(weight_pos=rules.positive_weight),
        intercept_lr=rules.intercept_learning_rate,
        intercept_init=math.log(rules.prior / (1.0 - rules.prior)),
    )


def hoeffding_tree(rules: LearningRules, seed: int) -> RiverModel:
    """Make a Hoeffding tree that splits early and stays small."""
    del rules, seed
    from river import tree

    return tree.HoeffdingTreeClassifier(grace_period=50, delta=1e-5, max_depth=8)


def hoeffding_adaptive_tree(rules: LearningRules, seed: int) -> RiverModel:
    """Make a Hoeffding tree whose branches are replaced when they drift."""
    del rules
    from river import tree

    return tree.HoeffdingAdaptiveTreeClassifier(grace_period=50, delta=1e-5, max_depth=8, seed=seed)


def naive_bayes(rules: LearningRules, seed: int) -> RiverModel:
    """Make a Gaussian naive Bayes."""
    del rules, seed
    from river import naive_bayes as bayes

    return bayes.GaussianNB()  # type: ignore[no-untyped-call]


def knn(rules: LearningRules, seed: int) -> RiverModel:
    """Make a vote of the five nearest of the last 300 rows, standardised."""
    del rules, seed
    from river import neighbors, preprocessing

    search = neighbors.LazySearch(window_size=300)
    return preprocessing.StandardScaler() | neighbors.KNNClassifier(n_neighbors=5, engine=search)


def passive_aggressive(rules: LearningRules, seed: int) -> RiverModel:
    """Make a passive-aggressive linear classifier on standardised rows."""
    del rules, seed
    from river import linear_model, preprocessing

    model = linear_model.PAClassifier(C=0.01, mode=1)  # type: ignore[no-untyped-call]
    return preprocessing.StandardScaler() | model
