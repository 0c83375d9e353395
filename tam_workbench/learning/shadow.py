"""A fresh learner beside the candidate after a drift, in case the past only hinders."""

from tam_workbench.learning.base import Learner, State
from tam_workbench.learning.kernels import log_loss
from tam_workbench.records import Floats

_SHARE, _ENOUGH = 0.02, 60


class Shadow:
    """Learns what the candidate learns, and keeps both their recent losses."""

    def __init__(self, learner: Learner, *, ends: int) -> None:
        self.learner = learner
        self.ends = ends
        self._mine, self._theirs, self._rows = 0.0, 0.0, 0

    def learn(self, X: Floats, y: Floats, *, w: Floats, trust: Floats, rival: Learner) -> None:
        """Measure both on the rows, then learn them; rows of no trust do neither."""
        theirs = rival.predict_proba(X)
        speak = getattr(self.learner, "speak", None)
        if speak is None:
            mine = self.learner.predict_proba(X)
        else:
            mine, said = speak(X)
            self.learner.weigh(said, mine, y, w=w)  # type: ignore[attr-defined]
        for label, a, b, believed in zip(y, mine, theirs, trust, strict=True):
            if believed > 0.0:
                self._rows += 1
                share = believed * max(_SHARE, 1.0 / self._rows)
                self._mine += share * (log_loss(label, a) - self._mine)
                self._theirs += share * (log_loss(label, b) - self._theirs)
        self.learner.learn(X, y, w=w)

    @property
    def lead(self) -> float:
        """By how much log-loss it is better, minus infinity before 60 rows."""
        return self._theirs - self._mine if self._rows >= _ENOUGH else float("-inf")

    def state(self) -> State:
        """Return learner and losses."""
        return {
            "learner": self.learner.state(),
            "ends": self.ends,
            "losses": [self._mine, self._theirs, self._rows],
        }

    def restore(self, state: State) -> None:
        """Become what `state` described."""
        self.learner.restore(state["learner"])
        self.ends = state["ends"]
        self._mine, self._theirs, self._rows = state["losses"]
