"""The one circuit breaker: after too many failures rest, then let exactly one probe through."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import Final

import numpy as np

from tam_workbench.errors import CheckpointError, PermanentError
from tam_workbench.resilience.backoff import Backoff


class BreakerState(Enum):
    """Where the breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Signal(Enum):
    """What the caller tells: a try began, and how it ended."""

    STARTED = "started"
    SUCCESS = "success"
    FAILURE = "failure"


class Move(Enum):
    """What a signal comes to, once it was counted."""

    LIMIT = "limit"  # too many failures in a row, or a failed probe
    COOLED = "cooled"  # it has rested, and somebody tries
    HEALED = "healed"  # enough probes succeeded


TRANSITIONS: Final[Mapping[tuple[BreakerState, Move], BreakerState]] = MappingProxyType(
    {
        (BreakerState.CLOSED, Move.LIMIT): BreakerState.OPEN,
        (BreakerState.OPEN, Move.COOLED): BreakerState.HALF_OPEN,
        (BreakerState.HALF_OPEN, Move.HEALED): BreakerState.CLOSED,
        (BreakerState.HALF_OPEN, Move.LIMIT): BreakerState.OPEN,
    }
)
"""The whole machine; what is missing is illegal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRules:
    """When the breaker opens, how long it rests, what closes it."""

    failure_limit: int = 5
    """Failures in a row that open it."""
    rest: Backoff = field(default_factory=lambda: Backoff(base_s=120.0, factor=2.0, cap_s=600.0))
    """How long it rests; grows with each failed probe, and starts again once it has closed."""
    probes_to_close: int = 1
    """Successful probes in a row that close it."""
    probe_timeout_s: float = 120.0
    """A probe that was never answered (its process was killed) is given up after this; seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """A circuit breaker as a value; ``now`` is wall-clock seconds, so that a rest outlives us.

    Ask `allows`; if so, take `after` of `Signal.STARTED`, try, and tell how it ended.

    Examples
    --------
    >>> breaker = Breaker(rules=BreakerRules(failure_limit=1, rest=Backoff(base_s=60.0)))
    >>> breaker = breaker.after(Signal.STARTED, now=0.0).after(Signal.FAILURE, now=1.0)
    >>> breaker.state, breaker.allows(now=60.0), breaker.allows(now=61.0)
    (<BreakerState.OPEN: 'open'>, False, True)
    >>> probing = breaker.after(Signal.STARTED, now=61.0)
    >>> probing.allows(now=61.0)  # one probe, no second
    False
    >>> probing.after(Signal.SUCCESS, now=62.0).state
    <BreakerState.CLOSED: 'closed'>
    """

    rules: BreakerRules = field(default_factory=BreakerRules)
    state: BreakerState = BreakerState.CLOSED
    failures: int = 0  # in a row
    trips: int = 0  # openings since it was last closed
    probes: int = 0  # successful ones in a row
    opened_at: float = 0.0
    rest_s: float = 0.0
    probing_since: float | None = None

    def allows(self, *, now: float) -> bool:
        """Return whether somebody may try now; changes nothing."""
        if self.state is BreakerState.CLOSED:
            return True
        if self.state is BreakerState.OPEN:
            return now >= self.opened_at + self.rest_s
        if self.probing_since is None:
            return True
        return now >= self.probing_since + self.rules.probe_timeout_s

    def resting_s(self, *, now: float) -> float:
        """Return the seconds until it may be tried again; 0 when it may."""
        if self.allows(now=now):
            return 0.0
        if self.state is BreakerState.OPEN:
            return self.opened_at + self.rest_s - now
        return (self.probing_since or 0.0) + self.rules.probe_timeout_s - now

    def after(
        self, signal: Signal, *, now: float, rng: np.random.Generator | None = None
    ) -> "Breaker":
        """Return the breaker after ``signal``; ``rng`` gives the rest its jitter.

        Raises
        ------
        PermanentError
            When a try is started that `allows` forbids.
        """
        if signal is Signal.STARTED:
            return self._started(now)
        if self.state is not BreakerState.CLOSED and self.probing_since is None:
            return self  # a late answer to a try from before it opened proves nothing
        if signal is Signal.SUCCESS:
            return self._succeeded()
        failures = self.failures + 1
        if self.state is not BreakerState.CLOSED or failures >= self.rules.failure_limit:
            return self._opened(now, failures, rng)
        return replace(self, failures=failures)

    def corrected(self, *, now: float) -> "Breaker":
        """Return the breaker with stamps from the future set to ``now``.

        When the wall clock was set back, a rest would else last until it has caught up.
        """
        probing = self.probing_since
        return replace(
            self,
            opened_at=min(self.opened_at, now),
            probing_since=None if probing is None else min(probing, now),
        )

    def to_state(self) -> dict[str, float | int | str | None]:
        """Return everything but the rules, as plain values for a checkpoint."""
        return {
            "state": self.state.value,
            "failures": self.failures,
            "trips": self.trips,
            "probes": self.probes,
            "opened_at": self.opened_at,
            "rest_s": self.rest_s,
            "probing_since": self.probing_since,
        }

    @classmethod
    def from_state(
        cls, state: Mapping[str, float | int | str | None], *, rules: BreakerRules
    ) -> "Breaker":
        """Return the breaker that gave ``state``; a rest goes on, a restart does not end it.

        Raises
        ------
        CheckpointError
            When ``state`` is not what `to_state` gives.
        """
        try:
            probing = state["probing_since"]
            return cls(
                rules=rules,
                state=BreakerState(state["state"]),
                failures=int(state["failures"] or 0),
                trips=int(state["trips"] or 0),
                probes=int(state["probes"] or 0),
                opened_at=float(state["opened_at"] or 0.0),
                rest_s=float(state["rest_s"] or 0.0),
                probing_since=None if probing is None else float(probing),
            )
        except (KeyError, ValueError) as error:
            message = f"checkpoint has no readable breaker ({error!r}): start from an older one"
            raise CheckpointError(message) from error

    def _moved(self, move: Move) -> BreakerState:
        return TRANSITIONS[self.state, move]

    def _started(self, now: float) -> "Breaker":
        if not self.allows(now=now):
            wait = self.resting_s(now=now)
            raise PermanentError(f"the breaker rests for {wait:.0f} s more: ask allows() first")
        if self.state is BreakerState.CLOSED:
            return self
        if self.state is BreakerState.OPEN:
            return replace(self, state=self._moved(Move.COOLED), probing_since=now)
        return replace(self, probing_since=now)

    def _succeeded(self) -> "Breaker":
        if self.state is BreakerState.CLOSED:
            return replace(self, failures=0)
        probes = self.probes + 1
        if probes < self.rules.probes_to_close:
            return replace(self, probes=probes, probing_since=None)
        return Breaker(rules=self.rules, state=self._moved(Move.HEALED))

    def _opened(self, now: float, failures: int, rng: np.random.Generator | None) -> "Breaker":
        return replace(
            self,
            state=self._moved(Move.LIMIT),
            failures=failures,
            trips=self.trips + 1,
            probes=0,
            opened_at=now,
            rest_s=self.rules.rest.delay_s(self.trips, rng=rng),
            probing_since=None,
        )
