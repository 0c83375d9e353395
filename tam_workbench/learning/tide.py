"""What moves everywhere at once is the world, not an incident: the tide is taken off the rows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from tam_workbench.learning.base import State
from tam_workbench.learning.rules import LearningRules
from tam_workbench.learning.tide_kernels import Columns, Flags, Levels, Rows, ride
from tam_workbench.records import Ints, Observations

Sighting = tuple[int, str, float]

_DEVIATION: Final = ".deviation"
_TROUBLE: Final = "error"
_AGREED, _TROUBLED = 0.9, 5.0
_LONG_AGO: Final = 1e6


class Tide:
    """Notices without labels that load or latency moved everywhere, and takes that off.

    A move is seen when the mean of two ticks lies far from those before in at least two metrics,
    and 9 of 10 believed resources moved the same way: at least 6 resources of 3 services. It is
    none while a service was in breach within 10 ticks, or when any metric of errors jumps: a
    broken entry moves all that is behind it as well.

    Models that look at deviations would take such a step for the onset of faults everywhere, until
    labels come, a horizon later at the soonest. So each deviation is put back by what it moved
    (matching the first moment under covariate shift, as Li et al. 2016, "Revisiting batch
    normalization for practical domain adaptation", do inside a network), never beyond 0. As the
    deviation comes back by itself, what is taken off only shrinks.

    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200 * 9, 4))
    >>> X[150 * 9 :] += 8.0
    >>> pods = tuple(f"p{i}" for i in range(9))
    >>> obs = Observations(
    ...     ticks=np.repeat(np.arange(200), 9), resources=np.tile(np.arange(9), 200), values=X,
    ...     trust=np.ones(1800), resource_names=pods, service_names=("a", "b", "c") * 3,
    ...     feature_names=("rate", "rate.deviation", "delay", "delay.deviation"))
    >>> tide = Tide(obs.feature_names, rules=LearningRules())
    >>> kept = tide.advance(
    ...     obs, services=obs.resources % 3, is_breached=np.zeros(1800, np.bool_))
    >>> [tick for tick, _, _ in tide.sightings], bool(abs(kept.values[151 * 9 :, 1].mean()) < 0.5)
    ([150], True)
    """

    def __init__(self, feature_names: Sequence[str], *, rules: LearningRules) -> None:
        self._rules = np.array([rules.drift_trust, rules.tide_step, _AGREED, _TROUBLED])
        self._columns = _columns(feature_names)
        self._levels = _empty(0, len(feature_names))
        self._names: tuple[str, ...] = ()
        self.sightings: tuple[Sighting, ...] = ()

    @property
    def is_on(self) -> bool:
        """Whether anything is watched: two metrics with deviations, and a finite step."""
        return len(self._columns.watched) > 1 and bool(np.isfinite(self._rules[1]))

    def rename(self, feature_names: Sequence[str]) -> None:
        """Watch also the columns that only now have a name."""
        self._columns = _columns(feature_names)

    def advance(self, obs: Observations, *, services: Ints, is_breached: Flags) -> Observations:
        """Return the observations without what they all moved by; ``sightings`` says when.

        ``services`` are numbers, and ``is_breached`` what was known when the row came, per row.
        """
        self.sightings = ()
        if not self.is_on or not len(obs.ticks):
            return obs
        self._seat(obs.resource_names)
        starts = np.r_[0, np.flatnonzero(np.diff(obs.ticks)) + 1, len(obs.ticks)]
        rows = Rows(obs.values, obs.trust, obs.resources, services, is_breached)
        taken = np.zeros((len(obs.ticks), len(self._columns.deviations)))
        moves = np.empty((len(starts), 2))
        found = ride(rows, starts, self._columns, self._levels, self._rules, taken, moves)
        self.sightings = tuple(
            (int(obs.ticks[starts[int(at)]]), "tide:features", size)
            for at, size in moves[:found].tolist()
        )
        if not taken.any():
            return obs
        values = obs.values.copy()
        values[:, self._columns.deviations] -= taken
        return replace(obs, values=values)

    def _seat(self, names: tuple[str, ...]) -> None:
        """Make room for new resources; a number that changed hands begins anew."""
        if names == self._names:
            return
        levels, short = self._levels, len(names) - len(self._levels.seen)
        if short > 0:
            room = _empty(short, levels.seen.shape[1])
            grown = {
                name: np.concatenate((getattr(levels, name), getattr(room, name)))
                for name in Levels._fields[:-1]
            }
            self._levels = levels = Levels(**grown, clock=levels.clock)
        for number, (old, new) in enumerate(zip(self._names, names, strict=False)):
            if old != new:
                for kept in levels[:-1]:
                    kept[number] = 0
        self._names = names

    def state(self) -> State:
        """Return all levels and whose they are."""
        kept = {name: level.copy() for name, level in self._levels._asdict().items()}
        return {"levels": kept, "names": list(self._names)}

    def restore(self, state: State) -> None:
        """Become what `state` described; what follows is then the same to the bit."""
        self._levels = Levels(**{name: state["levels"][name].copy() for name in Levels._fields})
        self._names = tuple(state["names"])


def _empty(resources: int, features: int) -> Levels:
    shape = (resources, features)
    return Levels(
        seen=np.zeros(shape, dtype=np.int64),
        mean=np.zeros(shape),
        before=np.zeros(shape),
        scale=np.zeros(shape),
        base=np.zeros(shape),
        drawn=np.zeros(shape),
        offset=np.zeros(shape),
        clock=np.array([_LONG_AGO, _LONG_AGO, 0.0]),
    )


def _columns(feature_names: Sequence[str]) -> Columns:
    """Return metrics that have a deviation: those of errors speak of trouble, not of the world."""
    at = {name: column for column, name in enumerate(feature_names) if name}
    known = [name for name in at if name + _DEVIATION in at]
    calm = [name for name in known if _TROUBLE not in name]
    return Columns(
        watched=np.array([at[name] for name in calm], np.int64),
        deviations=np.array([at[name + _DEVIATION] for name in calm], np.int64),
        troubles=np.array([at[name] for name in known if _TROUBLE in name], np.int64),
    )
