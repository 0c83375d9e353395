"""The same stage written plainly, with River and dictionaries, for reading and for checking.

One observation at a time: predict, wait, learn. No drift, no gate (every ``commit_every`` ticks
the candidate is committed), no baseline. `Learning` agrees with it to 1e-9 when its learner is
``logistic``, its detector ``none`` and ``clip_sd`` infinite (`tests/properties/test_learning.py`).
"""

import copy
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tam_workbench.learning.guests import logistic_river
from tam_workbench.learning.rules import LearningRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One observation as a dictionary."""

    tick: int
    service: str
    x: Mapping[str, float]
    trust: float


class PlainLearning:
    """Delayed-label online learning, readable.

    >>> plain = PlainLearning(LearningRules(horizon=1))
    >>> for tick in range(3):
    ...     row = Row(tick=tick, service="web", x={"load": float(tick)}, trust=1.0)
    ...     said = plain.advance([row], breaches={("web", 2)})
    >>> 0.0 < said[0] < 1.0
    True
    """

    def __init__(self, rules: LearningRules) -> None:
        self._rules = rules
        self._candidate = logistic_river(rules, 0)
        self._live = copy.deepcopy(self._candidate)
        self._waiting: deque[Row] = deque()
        self._block: int | None = None
        self._has_learnt = False

    def advance(self, rows: Sequence[Row], *, breaches: set[tuple[str, int]]) -> list[float]:
        """Predict the rows of ONE tick, then learn those whose horizon ended."""
        tick = rows[0].tick
        self._commit(tick)
        said = [float(self._live.predict_proba_one(dict(row.x))[True]) for row in rows]
        self._waiting.extend(rows)
        due = tick - self._rules.label_delay - self._rules.horizon
        while self._waiting and self._waiting[0].tick <= due:
            row = self._waiting.popleft()
            after = range(row.tick + 1, row.tick + self._rules.horizon + 1)
            y = any((row.service, later) in breaches for later in after)
            is_breached = (row.service, row.tick) in breaches
            weight = row.trust * (self._rules.breach_weight if is_breached else 1.0)
            if weight > 0.0:
                self._candidate.learn_one(dict(row.x), y, w=weight)
                self._has_learnt = True
        return said

    def _commit(self, tick: int) -> None:
        block = tick // self._rules.commit_every
        if self._block is not None and block != self._block and self._has_learnt:
            self._live = copy.deepcopy(self._candidate)
        self._block = block
