"""Detectors that anyone could write in a minute: what ours is beside in every table.

They see each row once like any other detector, and take no tuning. Chance, silence and constant
alarm show what a board pays for nothing at all.
"""

from typing import Final

import numpy as np

from tam_workbench.learning.base import State
from tam_workbench.records import Floats

_SPAN: Final = 100.0
"""Rows that the exponential means reach back."""


class Constant:
    """Says the same of every row: 1.0 always fires, 0.0 never does.

    >>> Constant("always", 2, score=1.0).advance(np.zeros((3, 2)), np.ones(3)).tolist()
    [1.0, 1.0, 1.0]
    """

    def __init__(self, name: str, columns: int, *, score: float) -> None:
        self.name = name
        self._score = score
        self._last: Floats = np.zeros((0, columns))

    def advance(self, X: Floats, trust: Floats) -> Floats:
        """Return the one score for every row."""
        del trust
        self._last = np.zeros(X.shape)
        return np.full(len(X), self._score)

    def attributions(self) -> Floats:
        """Return zeros: no column is to blame."""
        return self._last

    def state(self) -> State:
        """Return nothing: there is none."""
        return {}

    def restore(self, state: State) -> None:
        """Do nothing: there is no state."""


class Chance(Constant):
    """Says a number drawn from a seeded generator."""

    def __init__(self, name: str, columns: int, *, seed: int) -> None:
        super().__init__(name, columns, score=0.0)
        self._rng = np.random.default_rng(seed)

    def advance(self, X: Floats, trust: Floats) -> Floats:
        """Draw one number a row."""
        super().advance(X, trust)
        return self._rng.random(len(X))

    def state(self) -> State:
        """Return the generator's state."""
        return {"rng": self._rng.bit_generator.state}

    def restore(self, state: State) -> None:
        """Become what `state` described."""
        self._rng.bit_generator.state = state["rng"]


class Columnwise:
    """What the row-by-row detectors share: the strangest column gives the score."""

    name = "columnwise"

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self._memory = np.full((self._slots(), columns), np.nan)
        self._last: Floats = np.zeros((0, columns))

    def advance(self, X: Floats, trust: Floats) -> Floats:
        """Score each row by its strangest column, then learn it if it is trusted."""
        told = np.zeros(X.shape)
        for at, (row, believed) in enumerate(zip(X, trust.tolist(), strict=True)):
            known = np.isfinite(row)
            strange = self._strange(row)
            told[at] = np.where(known & np.isfinite(strange), strange, 0.0)
            if believed > 0.0:
                self._learn(row, known)
        self._last = told
        return np.asarray(told.max(axis=1, initial=0.0), dtype=np.float64)

    def attributions(self) -> Floats:
        """Return each column's own score."""
        return self._last

    def state(self) -> State:
        """Return a copy of the memory."""
        return {"memory": self._memory.copy()}

    def restore(self, state: State) -> None:
        """Become what `state` described."""
        self._memory = state["memory"].copy()

    def _slots(self) -> int:
        raise NotImplementedError

    def _strange(self, row: Floats) -> Floats:
        raise NotImplementedError

    def _learn(self, row: Floats, known: Floats) -> None:
        raise NotImplementedError


class Persistence(Columnwise):
    """How far a row is from the last one, against how far rows usually are.

    >>> told = Persistence(1).advance(np.array([[0.0], [1.0], [0.0], [9.0]]), np.ones(4))
    >>> told.round(2).tolist()
    [0.0, 0.0, 0.63, 1.0]
    """

    name = "persistence"

    def _slots(self) -> int:
        return 2  # last value, mean step

    def _strange(self, row: Floats) -> Floats:
        last, mean = self._memory
        step = np.abs(row - last)
        usual = np.where(mean > 0.0, mean, 1.0)
        known: Floats = 1.0 - np.exp(-step / usual)
        moved = ((step > 0.0) & ~np.isnan(mean)).astype(np.float64)
        return np.where(mean > 0.0, known, moved)

    def _learn(self, row: Floats, known: Floats) -> None:
        last, mean = self._memory
        step = np.abs(row - last)
        moved = np.where(np.isnan(mean), step, mean + (step - mean) / _SPAN)
        mean[:] = np.where(np.isfinite(step), moved, mean)
        last[:] = np.where(known, row, last)


class LastValue(Columnwise):
    """How far a value lies from the middle of the smallest and largest so far; beyond them is 1.

    >>> told = LastValue(1).advance(np.array([[0.0], [4.0], [2.0], [3.0]]), np.ones(4))
    >>> told.tolist()
    [0.0, 1.0, 0.0, 0.25]
    """

    name = "last_value"

    def _slots(self) -> int:
        return 2  # smallest, largest

    def _strange(self, row: Floats) -> Floats:
        low, high = self._memory
        half = (high - low) / 2.0
        off = np.abs(row - low - half)
        inside = 0.5 * off / np.where(half > 0.0, half, 1.0)
        return np.where(off > half, 1.0, inside)

    def _learn(self, row: Floats, known: Floats) -> None:
        del known
        self._memory[0] = np.fmin(self._memory[0], _finite(row))
        self._memory[1] = np.fmax(self._memory[1], _finite(row))


class Ewma(Columnwise):
    """z-score against exponentially weighted mean and variance, as z^2 / (1 + z^2).

    One minus Cantelli's bound 1 / (1 + z^2) on the tail, so it never saturates.

    >>> told = Ewma(1).advance(np.array([[0.0], [1.0], [0.0], [9.0]]), np.ones(4))
    >>> bool(told[3] > 0.99)
    True
    """

    name = "ewma"

    def _slots(self) -> int:
        return 2  # mean, variance

    def _strange(self, row: Floats) -> Floats:
        mean, variance = self._memory
        square = (row - mean) ** 2
        return np.where(square > 0.0, square / np.where(square > 0.0, square + variance, 1.0), 0.0)

    def _learn(self, row: Floats, known: Floats) -> None:
        mean, variance = self._memory
        off = row - mean
        alpha = 1.0 / _SPAN
        begins = known & np.isnan(mean)
        spread = (1.0 - alpha) * (variance + alpha * off * off)
        variance[:] = np.where(begins, 0.0, np.where(known, spread, variance))
        mean[:] = np.where(begins, row, np.where(known, mean + alpha * off, mean))


def _finite(row: Floats) -> Floats:
    return np.where(np.isfinite(row), row, np.nan)
