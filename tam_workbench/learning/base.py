"""The Learner protocol, and what linear learners add to it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from tam_workbench.learning.rules import LearningRules
from tam_workbench.records import Floats

State = dict[str, Any]
"""Plain picklable containers; a checkpoint stores them as they are."""


@runtime_checkable
class Learner(Protocol):
    """A binary classifier that learns row by row; see `check_learner` for its promises."""

    def predict_proba(self, X: Floats) -> Floats:
        """Return P(incident) per row, shape (N,), and change nothing."""

    def learn(self, X: Floats, y: Floats, *, w: Floats) -> None:
        """Learn the rows in order with weights ``w``; a weight of zero teaches nothing at all."""

    def rewarm(self, rows: int) -> None:
        """Let the scaling forget all but the weight of ``rows`` rows, where there is a scaling."""

    def clone(self) -> "Learner":
        """Return an independent copy."""

    def state(self) -> State:
        """Return everything that `restore` needs for bit-identical behaviour."""

    def restore(self, state: State) -> None:
        """Become what `state` described."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """A linear model as it stands: log-odds = intercept + weights . clip((x - mean) / scale).

    A ``scale`` of 0 marks a feature that never varied: its standardised value is 0.
    """

    weights: Floats
    intercept: float
    mean: Floats
    scale: Floats
    clip: float


@runtime_checkable
class LinearLearner(Learner, Protocol):
    """A learner that can show itself as a `Linear`."""

    def linear(self) -> Linear:
        """Return the model as it stands."""


def linear_of(learner: Learner) -> Linear | None:
    """Return the learner's linear form, None when it has none."""
    shown: Callable[[], Linear] | None = getattr(learner, "linear", None)
    return shown() if shown is not None else None


class LearnerFactory(Protocol):
    """Makes a learner; what ``LEARNERS`` and the entry points hold."""

    def __call__(self, features: int, *, rules: LearningRules, seed: int) -> Learner:
        """Return a learner of ``features`` columns that knows nothing yet."""
