"""Labelled rows that are kept: a bounded ring of the latest, and the probe."""

from typing import NamedTuple

import numpy as np
from numba import njit

from tam_workbench.learning.base import State
from tam_workbench.records import Floats, Ints


@njit(cache=True, nogil=True)
def _push(
    X: Floats,
    told: tuple[Floats, Floats, Ints, Ints, Floats],
    ring: Floats,
    columns: Floats,
    seen: int,
) -> None:
    """Write rows and (y, trust, service, tick, asked) behind the ``seen`` rows written so far."""
    size = ring.shape[0]
    y, trust, services, ticks, asked = told
    for i in range(max(0, y.shape[0] - size), y.shape[0]):
        at = (seen + i) % size
        ring[at, :] = X[i, :]
        columns[0, at], columns[1, at] = y[i], trust[i]
        columns[2, at], columns[3, at], columns[4, at] = services[i], ticks[i], asked[i]


@njit(cache=True, nogil=True)
def admit(ring: Floats, stage: Floats, entered: Ints, seen: Ints) -> None:
    """Write the staged rows of each label into its half of the ring, over the oldest."""
    side = ring.shape[0] // 2
    for label in range(2):
        for row in range(min(seen[label], stage.shape[1])):
            ring[label * side + entered[label] % side, :] = stage[label, row, :]
            entered[label] += 1


class ProbeRows(NamedTuple):
    """Rows of both labels: the first ``quiet`` ones, and from the middle on ``incident`` ones.

    ``edition`` counts how often the rows of this probe were changed.
    """

    X: Floats
    y: Floats
    quiet: int
    incident: int
    edition: int = 0

    def packed(self) -> tuple[Floats, Floats]:
        """Return (X, y) without the gap between the labels."""
        middle = len(self.y) // 2
        parts = slice(self.quiet), slice(middle, middle + self.incident)
        X, y = (np.concatenate([kept[part] for part in parts]) for kept in (self.X, self.y))
        return X, y


class History:
    """The latest labelled rows in arrival order, for the baseline and for relabelling."""

    def __init__(self, features: int, *, rows: int) -> None:
        self._X = np.zeros((rows, features))
        self._columns = np.zeros((5, rows))  # y, trust, service, tick, asked
        self._seen = 0

    def add(self, X: Floats, told: tuple[Floats, Floats, Ints, Ints, Floats]) -> None:
        """Append rows told as (y, trust, service, tick, asked), overwriting the oldest."""
        _push(X, told, self._X, self._columns, self._seen)
        self._seen += len(X)

    def rows(self) -> tuple[Floats, Floats]:
        """Return (X, y) in arrival order."""
        X, y, _ = self.asked_rows()
        return X, y

    def asked_rows(self) -> tuple[Floats, Floats, Floats]:
        """Return (X, y, asked) in arrival order; asked is 0 where a breach was already on."""
        size = len(self._X)
        start = self._seen % size if self._seen > size else 0
        parts = slice(start, min(self._seen, size)), slice(start)
        kept = self._X, self._columns[0], self._columns[4]
        X, y, asked = (np.concatenate([whole[part] for part in parts]) for whole in kept)
        return X, y, asked

    def relabel(
        self, service: int, *, tick_from: int, tick_to: int, y: float
    ) -> tuple[Floats, Floats]:
        """Set the label of a service's rows in [tick_from, tick_to]; return their (X, trust)."""
        order = self._order()
        _, _, services, ticks, _ = self._columns[:, order]
        hit = order[(services == service) & (ticks >= tick_from) & (ticks <= tick_to)]
        self._columns[0, hit] = y
        return self._X[hit], self._columns[1, hit].copy()

    def _order(self) -> Ints:
        size = len(self._X)
        start = max(0, self._seen - size)
        return np.arange(start, self._seen, dtype=np.int64) % size

    def state(self) -> State:
        """Return the ring."""
        return {"X": self._X.copy(), "columns": self._columns.copy(), "seen": self._seen}

    def restore(self, state: State) -> None:
        """Become what `state` described."""
        self._X, self._columns = state["X"].copy(), state["columns"].copy()
        self._seen = state["seen"]


@njit(cache=True, nogil=True)
def _draw(  # noqa: PLR0913, PLR0917 - a kernel takes flat arrays
    X: Floats, y: Floats, trust: Floats, bar: float, stage: Floats, seen: Ints, lottery: Ints
) -> None:
    """Keep a uniform draw of trusted rows per label in ``stage`` (2, slots, F)."""
    slots = stage.shape[1]
    for i in range(y.shape[0]):
        if trust[i] < bar:
            continue
        side = 1 if y[i] > 0.5 else 0
        at = seen[side]
        if at >= slots:
            lottery[0] = (lottery[0] * 1103515245 + 12345) % 2147483648
            at = (lottery[0] >> 7) % (seen[side] + 1)
        if at < slots:
            stage[side, at, :] = X[i, :]
        seen[side] += 1


class Probe:
    """Trusted, labelled rows on which candidates are measured.

    Rows taught since the last judgement wait on a stage; only those of a committed update enter,
    so an update cannot bring its own examiners. Each label has its own ring, and the probe spans
    at least eight updates.
    """

    def __init__(self, features: int, *, rows: int, trust: float, seed: int) -> None:
        side = max(8, rows // 2)
        self._bar = trust
        self._X = np.zeros((2 * side, features))
        self._y = np.repeat([0.0, 1.0], side)
        self._entered = np.zeros(2, np.int64)
        self._stage = np.zeros((2, max(1, side // 8), features))
        self._seen = np.zeros(2, np.int64)
        self._lottery = np.array([seed % 2147483648], np.int64)
        self._edition = 0

    def offer(self, X: Floats, y: Floats, trust: Floats) -> None:
        """Put a draw of the trusted rows on the stage."""
        _draw(X, y, trust, self._bar, self._stage, self._seen, self._lottery)

    def admit(self) -> None:
        """Let the stage enter and empty it."""
        admit(self._X, self._stage, self._entered, self._seen)
        self._seen[:] = 0
        self._edition += 1

    def dismiss(self) -> None:
        """Empty the stage."""
        self._seen[:] = 0

    def clear(self) -> None:
        """Forget all rows: after a drift they describe a world that is gone."""
        self._entered[:] = 0
        self._seen[:] = 0
        self._edition += 1

    @property
    def rows(self) -> ProbeRows:
        """The rows as they lie; not a copy."""
        side = len(self._y) // 2
        quiet, incident = self._entered.tolist()
        held = min(quiet, side), min(incident, side)
        return ProbeRows(self._X, self._y, *held, edition=self._edition)

    def state(self) -> State:
        """Return rows, stage and the state of the lottery."""
        return {
            "X": self._X.copy(),
            "entered": self._entered.copy(),
            "stage": self._stage.copy(),
            "seen": self._seen.copy(),
            "lottery": self._lottery.copy(),
        }

    def restore(self, state: State) -> None:
        """Become what `state` described."""
        self._X, self._entered = state["X"].copy(), state["entered"].copy()
        self._stage, self._seen = state["stage"].copy(), state["seen"].copy()
        self._lottery = state["lottery"].copy()
