"""Noticing: odd windows that are no incident yet, for short-term memory."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tam_workbench import memory
from tam_workbench.engine.evidence import evidence_of
from tam_workbench.engine.summary import ServiceTicks
from tam_workbench.records import Observations

ODD: Final = 0.98
"""Anomaly score from which a tick of a service is looked at."""

MIN_TRUST: Final = 0.35
"""Observations believed less are not noticed."""

APART_TICKS: Final = 30
"""Ticks between two windows of one service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OddWindow:
    """A service that behaved oddly, in words, and how surprising that was among what it does."""

    service: str
    text: str
    surprise: float
    trust: float
    tick: int


class Noticer:
    """Looks at each service's oddest tick of a batch; learns what is usual oddness."""

    def __init__(self) -> None:
        self._surprise = memory.Surprise()
        self._last: dict[str, int] = {}

    def notice(
        self, observed: Observations, seen: ServiceTicks, busy: Collection[str]
    ) -> list[OddWindow]:
        """Return the windows worth keeping for a while; services with an incident have theirs."""
        odd = np.where(seen.trust >= MIN_TRUST, seen.anomaly, 0.0)
        found = []
        for at in np.flatnonzero((odd >= ODD).any(axis=0)).tolist():
            service, row = seen.services[at], int(np.argmax(odd[:, at]))
            tick = int(seen.ticks[row])
            if service in busy or tick - self._last.get(service, -APART_TICKS) < APART_TICKS:
                continue
            self._last[service] = tick
            evidence = evidence_of(observed, service, tick=tick)
            text = memory.window_text(service, [], evidence, [])
            quantile = self._surprise.quantile(service, text)
            self._surprise.update(service, text)
            trust = float(seen.trust[row, at])
            found.append(
                OddWindow(service=service, text=text, surprise=quantile, trust=trust, tick=tick)
            )
        return found

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"surprise": self._surprise.state(), "last": dict(self._last)}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a kept state."""
        self._surprise.restore(state["surprise"])
        self._last = dict(state["last"])
