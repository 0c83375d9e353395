"""Models of worlds that were, with the latest questions they may be asked again."""

import numpy as np
from numba import njit

from tam_workbench.learning.base import Learner, State
from tam_workbench.learning.kernels import log_loss
from tam_workbench.records import Floats, Ints


@njit(cache=True, nogil=True)
def _push(  # noqa: PLR0913, PLR0917 - a kernel takes flat arrays
    X: Floats, y: Floats, counted: Floats, bar: float, ring: Floats, labels: Floats, seen: Ints
) -> None:
    """Write the rows at or above the bar behind those written so far, over the oldest."""
    for i in range(y.shape[0]):
        if counted[i] >= bar and counted[i] > 0.0:
            at = seen[0] % ring.shape[0]
            ring[at, :] = X[i, :]
            labels[at] = y[i]
            seen[0] += 1


@njit(cache=True, nogil=True)
def mean_log_loss(y: Floats, p: Floats) -> float:
    """Return the mean log-loss of probabilities of labels."""
    total = 0.0
    for i in range(y.shape[0]):
        total += log_loss(y[i], p[i])
    mean: float = total / y.shape[0]
    return mean


class Library:
    """A few past models; the one that explains the latest rows best may come back.

    Recurring worlds need not be learnt anew (Gama, Zliobaite, Bifet, Pechenizkiy, Bouchachia
    2014, ACM Computing Surveys 46, section 3.2.3).
    """

    def __init__(self, features: int, *, models: int, rows: int, trust: float) -> None:
        self._models, self._bar = models, trust
        self._X, self._y = np.zeros((rows, features)), np.zeros(rows)
        self._seen = np.zeros(1, np.int64)
        self._kept: list[Learner] = []

    def __len__(self) -> int:
        return len(self._kept)

    def offer(self, X: Floats, y: Floats, counted: Floats) -> None:
        """Keep the rows that are trusted and still a question: ``counted`` = trust, or 0."""
        _push(X, y, counted, self._bar, self._X, self._y, self._seen)

    def remember(self, learner: Learner) -> None:
        """Keep a copy; the oldest is let go."""
        if self._models:
            self._kept = [*self._kept, learner.clone()][-self._models :]

    def best(self, *, live: Learner, candidate: Learner) -> tuple[Learner, float] | None:
        """Return the kept model that lost least on the latest rows, and its lead over the live.

        None while nothing is kept, the ring is not full, or the candidate, which has learnt these
        very rows, is no worse.
        """
        if not self._kept or self._seen[0] < len(self._y):
            return None
        losses = [self._loss(learner) for learner in self._kept]
        at = int(np.argmin(losses))
        if losses[at] >= self._loss(candidate):
            return None
        return self._kept[at], self._loss(live) - losses[at]

    def _loss(self, learner: Learner) -> float:
        return mean_log_loss(self._y, learner.predict_proba(self._X))

    def state(self) -> State:
        """Return models and rows."""
        return {
            "X": self._X.copy(),
            "y": self._y.copy(),
            "seen": self._seen.copy(),
            "kept": [learner.state() for learner in self._kept],
        }

    def restore(self, state: State, *, fresh: list[Learner]) -> None:
        """Become what `state` described; ``fresh`` are as many new learners as models kept."""
        self._X, self._y = state["X"].copy(), state["y"].copy()
        self._seen = state["seen"].copy()
        for learner, kept in zip(fresh, state["kept"], strict=True):
            learner.restore(kept)
        self._kept = fresh
