"""The default learner: a few compiled experts under one scaler, pooled in log-odds."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from tam_workbench.learning import expert_kernels, kernels
from tam_workbench.learning.base import Linear, State
from tam_workbench.learning.expert_kernels import ADAPTIVE, BASE, DESCENT
from tam_workbench.learning.history import ProbeRows
from tam_workbench.learning.rules import LearningRules
from tam_workbench.records import Floats

_RELATIVE: Final = (".deviation", "log", "span", "change")
_BASE_RATE: Final = 0.01
_ETA, _GIVEN_BACK = 0.1, 1e-3


class Expert(NamedTuple):
    """One way to learn: how it steps, what it looks at, and how much it is believed at first."""

    name: str
    kind: float
    is_relative: bool
    prior: float
    pace: float = 1.0
    keep: float = 1.0


EXPERTS: Final = (
    Expert("descent, relative features", DESCENT, is_relative=True, prior=0.1),
    Expert("descent, all features", DESCENT, is_relative=False, prior=0.04),
    Expert("adaptive, relative features", ADAPTIVE, is_relative=True, prior=0.8),
    Expert("forgetful, all features", ADAPTIVE, is_relative=False, prior=0.01, pace=4.0, keep=0.99),
    Expert("base rate", BASE, is_relative=False, prior=0.05),
)
"""Relative features say how far something is from its own past; all include raw levels."""


class _Examined(NamedTuple):
    """What an examination found, which holds until the model or the probe changes."""

    X: Floats
    edition: int
    loss: float
    attributions: Floats


class Regret(NamedTuple):
    """Mean weighted log-loss of what was said and of each expert, over ``rows`` of full weight."""

    pool: float
    experts: dict[str, float]
    rows: float

    @property
    def against_best(self) -> float:
        """By how much the best fixed expert was better, negative when the pool was."""
        return self.pool - min(self.experts.values())


class Experts:
    """Logistic learners with different steps and features, weighed by what they said in time.

    The pool is the weighted mean of log-odds, a geometric mixture (Mattern 2013, Data Compression
    Conference): its loss is at most the weighted mean of the experts' losses, and it is itself
    linear, so that exact attributions stay as cheap as for one model.

    >>> rows = np.array([[0.0, 1.0], [1.0, 1.0]] * 8)
    >>> learner = Experts(2, rules=LearningRules(prior=0.5))
    >>> learner.learn(rows, rows[:, 0], w=np.ones(16))
    >>> quiet, incident = learner.predict_proba(rows[:2])
    >>> bool(quiet < incident)
    True
    """

    def __init__(self, features: int, *, rules: LearningRules, seed: int = 0) -> None:
        del seed  # nothing here is drawn by chance
        count = len(EXPERTS)
        self._scaler = np.zeros((2, features))
        self._weights = np.zeros((count, features))
        self._squares, self._steps = np.zeros((2, count, features + 1))
        self._intercepts = np.full(count, np.log(rules.prior / (1.0 - rules.prior)))
        self._masks = np.ones((count, features))
        self._rates = np.array([_rates(expert, rules) for expert in EXPERTS])
        self._steps += self._rates[:, 1:2]
        self._scalars = np.array([0.0, rules.clip_sd, rules.positive_weight])
        self._prior = np.array([expert.prior for expert in EXPERTS])
        self._shares, self._totals = self._prior.copy(), np.zeros(count + 2)
        self._rules = np.array([_ETA, _GIVEN_BACK])
        self._examined: _Examined | None = None

    def name_features(self, names: Sequence[str]) -> None:
        """Say what the columns are, so that some experts look at relative ones only."""
        relative = np.array(
            [name.endswith(_RELATIVE[0]) or name.startswith(_RELATIVE[1:]) for name in names]
        )
        if not any(name.endswith(_RELATIVE[0]) for name in names):
            relative[:] = True
        for number, expert in enumerate(EXPERTS):
            self._masks[number] = relative if expert.is_relative else 1.0
            self._steps[number, :-1] *= self._masks[number]

    def level(self) -> None:
        """Believe all experts alike: in a world turned round nobody knows who is right."""
        self._examined = None
        self._prior = np.full(len(EXPERTS), 1.0 / len(EXPERTS))
        self._shares = self._prior.copy()

    def predict_proba(self, X: Floats) -> Floats:
        """Return P(incident) per row, shape (N,)."""
        weights, intercept = self._pooled()
        clip = self._scalars[1]
        return kernels.predict(X, self._scaler[0], self._scaler[1], weights, intercept, clip)

    def speak(self, X: Floats) -> tuple[Floats, Floats]:
        """Return P(incident) per row and every expert's log-odds, shapes (N,) and (N, K)."""
        parts = (self._scaler, self._weights, self._intercepts, self._shares, self._scalars[1])
        return expert_kernels.speak(X, *parts)

    def learn(self, X: Floats, y: Floats, *, w: Floats) -> None:
        """Let every expert learn the rows in order, each with its weight."""
        self._examined = None
        expert_kernels.learn(
            X,
            y,
            w,
            self._scaler,
            self._weights,
            self._squares,
            self._steps,
            self._intercepts,
            self._masks,
            self._rates,
            self._scalars,
        )

    def weigh(self, said: Floats, p: Floats, y: Floats, *, w: Floats) -> None:
        """Believe those experts more whose log-odds ``said`` (N, K), given in time, were right."""
        self._examined = None
        told = (self._prior, self._shares, self._totals, self._rules)
        expert_kernels.weigh(said, p, y, w, *told)

    def regret(self) -> Regret:
        """Return the losses so far of the pool and of its experts."""
        rows = float(self._totals[-1])
        means = (self._totals[:-1] / max(rows, 1e-12)).tolist()
        names = [expert.name for expert in EXPERTS]
        return Regret(pool=means[-1], experts=dict(zip(names, means, strict=False)), rows=rows)

    def rewarm(self, rows: int) -> None:
        """Let the scaler weigh its past like ``rows`` rows."""
        self._examined = None
        self._scalars[0] = min(self._scalars[0], float(rows))

    def examine(self, rows: ProbeRows) -> tuple[float, Floats]:
        """Return the mean log-loss and each feature's signed mean attribution, in log-odds."""
        before = self._examined
        if before is not None and before.X is rows.X and before.edition == rows.edition:
            return before.loss, before.attributions.copy()
        out = np.empty(self._scaler.shape[1])
        weights, intercept = self._pooled()
        scalars, rates = np.array([0.0, intercept]), np.array([0.0, 0.0, self._scalars[1]])
        parts = (self._scaler[0], self._scaler[1], weights, scalars, rates)
        loss = kernels.examine(rows, *parts, out)
        self._examined = _Examined(rows.X, rows.edition, loss, out.copy())
        return loss, out

    def scaling(self) -> tuple[Floats, Floats]:
        """Return each feature's mean and variance as they stand; not copies."""
        return self._scaler[0], self._scaler[1]

    def linear(self) -> Linear:
        """Return the pool as one linear model."""
        weights, intercept = self._pooled()
        return Linear(
            weights=weights,
            intercept=intercept,
            mean=self._scaler[0].copy(),
            scale=np.sqrt(np.maximum(self._scaler[1], 0.0)),
            clip=float(self._scalars[1]),
        )

    def _pooled(self) -> tuple[Floats, float]:
        return self._shares @ self._weights, float(self._shares @ self._intercepts)

    def clone(self) -> "Experts":
        """Return an independent copy."""
        twin = object.__new__(Experts)
        twin._rates, twin._rules = self._rates, self._rules
        twin._examined = self._examined
        twin._take(self._parts())
        return twin

    def _parts(self) -> tuple[Floats, ...]:
        return (
            self._scaler,
            self._weights,
            self._squares,
            self._steps,
            self._intercepts,
            self._masks,
            self._scalars,
            self._shares,
            self._totals,
            self._prior,
        )

    def _take(self, parts: Sequence[Floats]) -> None:
        """Become a copy of the parts, in the order of `_parts`."""
        copies = [part.copy() for part in parts]
        self._scaler, self._weights, self._squares, self._steps = copies[:4]
        self._intercepts, self._masks, self._scalars = copies[4:7]
        self._shares, self._totals, self._prior = copies[7:]

    def state(self) -> State:
        """Return the arrays that change."""
        return {"parts": [part.copy() for part in self._parts()]}

    def restore(self, state: State) -> None:
        """Become what `state` described."""
        self._take(state["parts"])
        self._examined = None


def _rates(expert: Expert, rules: LearningRules) -> tuple[float, float, float, float]:
    if expert.kind == BASE:
        return BASE, 0.0, _BASE_RATE, 1.0
    if expert.kind == ADAPTIVE:
        return ADAPTIVE, expert.pace * rules.adaptive_rate, 0.0, expert.keep
    return DESCENT, expert.pace * rules.learning_rate, rules.intercept_learning_rate, 1.0
