"""Rows that wait for their label, and the order in which a batch is predicted and learnt."""

from dataclasses import dataclass

import numpy as np

from tam_workbench.learning.base import State
from tam_workbench.learning.labels import LabelBook
from tam_workbench.learning.rules import LearningRules
from tam_workbench.records import Floats, Ints, Observations


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Waiting rows and then a batch's rows, with what happens at each of its T ticks.

    At tick ``ticks[k]`` the rows ``starts[k]:starts[k + 1]`` are predicted and afterwards the rows
    ``matured[k]:matured[k + 1]`` are learnt: those whose horizon ended by then. ``said`` (N, K) is
    what each expert said with ``probability``; a matured row whose service was in breach already
    is no question any more, ``is_asked`` is 0.0.
    """

    X: Floats
    rows_tick: Ints
    services: Ints
    trust: Floats
    is_asked: Floats
    probability: Floats
    said: Floats
    y: Floats
    ticks: Ints
    starts: Ints
    matured: Ints

    def blocks(self, every: int) -> list[tuple[int, int, int]]:
        """Return (number, first, end) of runs of ticks between two judgements."""
        numbers = self.ticks // every
        edges = np.flatnonzero(np.diff(numbers)) + 1
        firsts = [0, *edges.tolist()]
        ends = [*edges.tolist(), len(numbers)]
        return list(zip(numbers[firsts].tolist(), firsts, ends, strict=True))


class Delay:
    """The bounded buffer of rows whose label is not known yet."""

    def __init__(self, features: int, *, experts: int) -> None:
        self._X = np.empty((0, features))
        self._ticks, self._services = np.empty(0, np.int64), np.empty(0, np.int64)
        self._trust, self._probability = np.empty(0), np.empty(0)
        self._said = np.empty((0, experts))

    def timeline(
        self, obs: Observations, *, services: Ints, book: LabelBook, rules: LearningRules
    ) -> Timeline:
        """Return the batch laid behind the waiting rows; changes nothing."""
        waiting, n = len(self._ticks), len(obs.ticks)
        ticks = np.concatenate((self._ticks, obs.ticks))
        codes = np.concatenate((self._services, services))
        order = np.maximum.accumulate(ticks)
        fresh = order[waiting:]
        firsts = np.r_[0, np.flatnonzero(np.diff(fresh)) + 1]
        moments = fresh[firsts]
        known = np.iinfo(np.int64).min if book.known_until is None else book.known_until
        limits = np.minimum(moments - rules.label_delay, known) - rules.horizon
        ends = np.maximum.accumulate(np.searchsorted(order, limits, side="right"))
        last = int(ends[-1])
        y = np.zeros(len(ticks))
        y[:last] = book.answers(codes[:last], ticks[:last], horizon=rules.horizon)
        is_asked = np.ones(len(ticks))
        is_asked[:last][book.breached(codes[:last], ticks[:last])] = 0.0
        return Timeline(
            X=np.concatenate((self._X, obs.values)),
            rows_tick=ticks,
            services=codes,
            trust=np.concatenate((self._trust, obs.trust)),
            is_asked=is_asked,
            probability=np.concatenate((self._probability, np.empty(n))),
            said=np.concatenate((self._said, np.empty((n, self._said.shape[1])))),
            y=y,
            ticks=moments,
            starts=np.r_[firsts + waiting, waiting + n],
            matured=np.r_[0, ends],
        )

    def keep(self, timeline: Timeline, *, rows: int) -> None:
        """Keep what has not matured, at most the latest ``rows``."""
        start = max(int(timeline.matured[-1]), len(timeline.y) - rows)
        self._X = timeline.X[start:].copy()
        self._ticks = timeline.rows_tick[start:].copy()
        self._services = timeline.services[start:].copy()
        self._trust = timeline.trust[start:].copy()
        self._probability = timeline.probability[start:].copy()
        self._said = timeline.said[start:].copy()

    @property
    def oldest(self) -> int | None:
        """Tick of the oldest waiting row."""
        return int(self._ticks.min()) if len(self._ticks) else None

    def state(self) -> State:
        """Return the waiting rows."""
        return {
            "X": self._X.copy(),
            "ticks": self._ticks.copy(),
            "services": self._services.copy(),
            "trust": self._trust.copy(),
            "probability": self._probability.copy(),
            "said": self._said.copy(),
        }

    def restore(self, state: State) -> None:
        """Become what `state` described."""
        self._X, self._ticks = state["X"].copy(), state["ticks"].copy()
        self._services, self._trust = state["services"].copy(), state["trust"].copy()
        self._probability, self._said = state["probability"].copy(), state["said"].copy()
