"""The supervisor: the one place that may catch anything, and it records what it caught."""

import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from tam_workbench.engine.bus import Bus
from tam_workbench.errors import TransientError
from tam_workbench.ports import Clock
from tam_workbench.resilience import Breaker, Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What was caught, for people."""

    line: str
    detail: str


class Supervisor:
    """Runs a step; a transient fault waits and goes on, anything else is recorded first."""

    def __init__(self, breaker: Breaker, *, bus: Bus, clock: Clock) -> None:
        self.breaker = breaker
        self.faults: deque[Fault] = deque(maxlen=50)
        self._bus = bus
        self._clock = clock

    def attempt(self, step: Callable[[], None], *, what: str) -> bool:
        """Run ``step`` and tell whether it went well."""
        now = self._clock.monotonic()
        if self.breaker.allows(now=now):
            self.breaker = self.breaker.after(Signal.STARTED, now=now)
        try:
            step()
        except TransientError as error:
            self._caught(error, what)
            self._clock.sleep(min(error.delay_s, 30.0))
            return False
        except Exception as error:  # noqa: BLE001 - the one place; everything is recorded
            self._caught(error, what)
            return False
        if self.faults:
            self.breaker = self.breaker.after(Signal.SUCCESS, now=now)
        return True

    def _caught(self, error: Exception, what: str) -> None:
        line = f"{what}: {type(error).__name__}: {error}"
        detail = "".join(traceback.format_exception(error))
        self.faults.append(Fault(line=line, detail=detail))
        self._bus.publish("fault", [line])
        self.breaker = self.breaker.after(Signal.FAILURE, now=self._clock.monotonic())
