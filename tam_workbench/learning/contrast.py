"""Do labels fit what the features show? What is called ill should look odder than what is well."""

import math
from collections.abc import Callable

import numpy as np
from numba import njit

from tam_workbench.learning.base import Learner, State
from tam_workbench.records import Floats

_ENOUGH, _MEMORY = 8.0, 0.05
_CUT = 6.0


@njit(cache=True, nogil=True, error_model="numpy")
def _add(
    X: Floats, y: Floats, trust: Floats, centre: Floats, variance: Floats, totals: Floats
) -> None:
    """Add each row's three largest |standardised values| to its label's total, weighed by trust."""
    width = X.shape[1]
    inverse = np.zeros(width)
    for j in range(width):
        inverse[j] = 1.0 / math.sqrt(variance[j]) if variance[j] > 0.0 else 0.0
    for i in range(y.shape[0]):
        if not trust[i] > 0.0:
            continue
        first, second, third = 0.0, 0.0, 0.0
        for j in range(width):
            z = min(abs(X[i, j] - centre[j]) * inverse[j], _CUT)
            if z > first:
                first, second, third = z, first, second
            elif z > second:
                second, third = z, second
            elif z > third:
                third = z
        away = first + second + third
        side = 1 if y[i] > 0.5 else 0
        totals[side, 0] += trust[i]
        totals[side, 1] += trust[i] * away / 3.0


class Contrast:
    """How much odder rows called ill look than rows that were called well before.

    An incident is an exception: its rows lie further from the usual than quiet ones. Labels that
    were turned round call the ordinary ill; a world that really changed does not.
    """

    def __init__(self) -> None:
        self._totals = np.zeros((2, 2))  # well, ill: trust, trust times oddness
        self._usual: float | None = None

    def add(self, X: Floats, y: Floats, trust: Floats, *, by: Learner) -> None:
        """Take in labelled rows, standardised as the learner ``by`` does; others are ignored."""
        scaling: Callable[[], tuple[Floats, Floats]] | None = getattr(by, "scaling", None)
        if scaling is not None:
            _add(X, y, trust, *scaling(), self._totals)

    @property
    def value(self) -> float | None:
        """The difference in deviations, None before 8 trusted rows called ill."""
        (well, well_odd), (ill, ill_odd) = self._totals.tolist()
        usual = self._usual
        if usual is None and well >= _ENOUGH:
            usual = well_odd / well
        if usual is None or ill < _ENOUGH:
            return None
        return float(ill_odd / ill - usual)

    def settle(self, *, is_committed: bool) -> None:
        """Begin anew; what a committed update called well becomes the usual, bit by bit."""
        well, odd = self._totals[0].tolist()
        if is_committed and well >= _ENOUGH:
            fresh = odd / well
            before = fresh if self._usual is None else self._usual
            self._usual = before + _MEMORY * (fresh - before)
        self._totals[:] = 0.0

    def state(self) -> State:
        """Return the totals and the usual."""
        return {"totals": self._totals.copy(), "usual": self._usual}

    def restore(self, state: State) -> None:
        """Become what `state` described."""
        self._totals, self._usual = state["totals"].copy(), state["usual"]
