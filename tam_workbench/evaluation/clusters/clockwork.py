"""Clockwork: what happens next, and what each component's own clock shows."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

START: Final = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
"""True time 0 of every simulated cluster."""


def moment(seconds: float) -> datetime:
    """Return a true time as an aware datetime.

    >>> moment(61.5).isoformat()
    '2026-03-01T09:01:01.500000+00:00'
    """
    return START + timedelta(seconds=round(seconds, 6))


@dataclass(slots=True)
class Clockwork:
    """A queue of deeds in true time, and clocks that are wrong, each by its own constant.

    ``skew_s`` bounds how far two stamps may be apart for the same moment: clocks are wrong by at
    most (skew_s - 1) / 2, since most stamps of Kubernetes are cut to whole seconds.
    """

    rng: np.random.Generator
    skew_s: float = 5.0
    now: float = 0.0
    wrong_by: dict[str, float] = field(default_factory=dict)
    queue: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    count: int = 0

    def later(self, seconds: float, deed: Callable[[], None]) -> None:
        """Do something after a while."""
        self.count += 1
        heapq.heappush(self.queue, (self.now + max(seconds, 0.0), self.count, deed))

    def run(self, until: float) -> None:
        """Let everything happen that is due until then."""
        while self.queue and self.queue[0][0] <= until:
            self.now, _, deed = heapq.heappop(self.queue)
            deed()
        self.now = until

    def shown(self, component: str) -> datetime:
        """Return the time that a component's clock shows."""
        if component not in self.wrong_by:
            bound = max(self.skew_s - 1.0, 0.0) / 2.0
            self.wrong_by[component] = float(self.rng.uniform(-bound, bound))
        return moment(self.now + self.wrong_by[component])

    def stamp(self, component: str, *, plus_s: float = 0.0) -> str:
        """Return the time by a component's clock, in whole seconds as the API writes it."""
        shown = self.shown(component) + timedelta(seconds=plus_s)
        return shown.strftime("%Y-%m-%dT%H:%M:%SZ")

    def fine_stamp(self, component: str) -> str:
        """Return the time by a component's clock with microseconds (``eventTime``)."""
        return self.shown(component).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def between(self, low: float, high: float) -> float:
        """Return a duration by chance."""
        return float(self.rng.uniform(low, high))
