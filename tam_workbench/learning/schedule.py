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
    is no question any more, ``is_asked`` is 0.0. Only matured rows have ``y`` and ``is_asked``.
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
    """The bounded buffer of rows whose label is not known yet.

    Rows lie behind one another in room for twice as many; they move to its front only when its end
    is reached, so that a row is copied a time or two however often batches come.
    """

    def __init__(self, features: int, *, experts: int) -> None:
        self._X, self._said = np.empty((0, features)), np.empty((0, experts))
        self._ticks, self._services = np.empty(0, np.int64), np.empty(0, np.int64)
        self._trust, self._probability = np.empty(0), np.empty(0)
        self._from, self._to = 0, 0

    def timeline(
        self, obs: Observations, *, services: Ints, book: LabelBook, rules: LearningRules
    ) -> Timeline:
        """Return the batch laid behind the waiting rows; those stay as they are until `keep`."""
        waiting, n = self._to - self._from, len(obs.ticks)
        self._lay(obs, services)
        rows = slice(self._from, self._to + n)
        ticks, codes = self._ticks[rows], self._services[rows]
        order = np.maximum.accumulate(ticks)
        fresh = order[waiting:]
        firsts = np.concatenate((_FIRST, np.flatnonzero(fresh[1:] != fresh[:-1]) + 1))
        moments = fresh[firsts]
        known = np.iinfo(np.int64).min if book.known_until is None else book.known_until
        limits = np.minimum(moments - rules.label_delay, known) - rules.horizon
        ends = np.maximum.accumulate(np.searchsorted(order, limits, side="right"))
        last = int(ends[-1])
        is_asked = np.ones(last)
        is_asked[book.breached(codes[:last], ticks[:last])] = 0.0
        return Timeline(
            X=self._X[rows],
            rows_tick=ticks,
            services=codes,
            trust=self._trust[rows],
            is_asked=is_asked,
            probability=self._probability[rows],
            said=self._said[rows],
            y=book.answers(codes[:last], ticks[:last], horizon=rules.horizon),
            ticks=moments,
            starts=np.append(firsts + waiting, waiting + n),
            matured=np.concatenate((_FIRST, ends)),
        )

    def _lay(self, obs: Observations, services: Ints) -> None:
        """Write a batch behind the waiting rows."""
        n = len(obs.ticks)
        if self._to + n > len(self._ticks):
            self._make_room(n)
        rows = slice(self._to, self._to + n)
        self._X[rows], self._ticks[rows] = obs.values, obs.ticks
        self._services[rows], self._trust[rows] = services, obs.trust

    def _make_room(self, n: int) -> None:
        """Move the waiting rows to the front, of more room where they fill half of it."""
        waiting = slice(self._from, self._to)
        count = self._to - self._from
        size = max(len(self._ticks), 2 * (count + n))
        for name in _KEPT:
            before = getattr(self, name)
            after = np.empty((size, *before.shape[1:]), before.dtype)
            after[:count] = before[waiting]
            setattr(self, name, after)
        self._from, self._to = 0, count

    def keep(self, timeline: Timeline, *, rows: int) -> None:
        """Keep what has not matured, at most the latest ``rows``."""
        total = len(timeline.rows_tick)
        self._to = self._from + total
        self._from += max(int(timeline.matured[-1]), total - rows)

    @property
    def oldest(self) -> int | None:
        """Tick of the oldest waiting row."""
        ticks = self._ticks[self._from : self._to]
        return int(ticks.min()) if len(ticks) else None

    def state(self) -> State:
        """Return the waiting rows."""
        waiting = slice(self._from, self._to)
        return {name[1:]: getattr(self, name)[waiting].copy() for name in _KEPT}

    def restore(self, state: State) -> None:
        """Become what `state` described."""
        for name in _KEPT:
            setattr(self, name, state[name[1:]].copy())
        self._from, self._to = 0, len(self._ticks)


_KEPT = ("_X", "_ticks", "_services", "_trust", "_probability", "_said")
_FIRST: Ints = np.zeros(1, dtype=np.int64)
