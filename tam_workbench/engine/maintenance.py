"""Maintenance: services that people work on, as believed changes announce; no alarm opens there.

A change of kind ``maintenance`` says in its detail how long it takes (``30m``, ``2h``, ``900s``),
until when (an ISO 8601 time), or ``begin`` and later ``end``. What is told below `min_trust` is
not heard: silence is what an attacker would ask for.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from tam_workbench.records import Batch, Ints, TrustScores

KIND: Final = "maintenance"
_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}
_LASTS: Final = re.compile(r"(?:for )?(\d+(?:\.\d+)?) ?([smh])\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceRules:
    """Whose word silences a service, and for how long."""

    min_trust: float = 0.8
    """Trust from which an announcement is heard; above 1 none is."""

    most_s: float = 14_400.0
    """Longest silence (4 h) of one announcement, also of a ``begin`` that nobody ends."""


class Maintenance:
    """Keeps the announced windows by service."""

    def __init__(self, rules: MaintenanceRules, *, tick_s: float) -> None:
        self._rules = rules
        self._tick_s = tick_s
        self._windows: dict[str, list[list[float]]] = {}  # service -> [first, end) in ticks

    def hear(self, batch: Batch, scores: TrustScores) -> list[str]:
        """Take in the announcements of a batch and return what each came to, in words."""
        told = np.flatnonzero((batch.changes["kind"] == KIND).fill_null(value=False).to_numpy())
        said = []
        for row in told.tolist():
            change = batch.changes.row(row, named=True)
            trust = float(scores.values["changes"][row])
            if trust < self._rules.min_trust:
                said.append(f"{change['service']}: not believed, trust {trust:.2f}")
            else:
                said.append(self._announced(str(change["service"]), change))
        return said

    def covers(self, services: tuple[str, ...], ticks: Ints) -> npt.NDArray[np.bool_] | None:
        """Return (T, S) where a service is under maintenance, None where none is."""
        if not self._windows or not ticks.size:
            return None
        covered = np.zeros((ticks.size, len(services)), np.bool_)
        for at, service in enumerate(services):
            for first, end in self._windows.get(service, ()):
                covered[:, at] |= (ticks >= first) & (ticks < end)
        self._drop(float(ticks[0]))
        return covered

    def state(self) -> dict[str, list[list[float]]]:
        """Return what a checkpoint keeps."""
        return {service: [list(w) for w in windows] for service, windows in self._windows.items()}

    def restore(self, state: dict[str, list[list[float]]]) -> None:
        """Go back to a kept state."""
        self._windows = {service: [list(w) for w in windows] for service, windows in state.items()}

    def _announced(self, service: str, change: dict[str, object]) -> str:
        at, detail = change["time"], str(change["detail"] or "").strip()
        assert isinstance(at, datetime)
        first, windows = self._tick(at), self._windows.setdefault(service, [])
        if detail == "end":
            for window in windows:
                window[1] = min(window[1], first)
            return f"{service}: ended"
        lasts = min(_seconds(detail, at), self._rules.most_s)
        windows.append([first, first + lasts / self._tick_s])
        return f"{service}: {lasts:.0f} s"

    def _tick(self, at: datetime) -> float:
        return at.timestamp() // self._tick_s

    def _drop(self, tick: float) -> None:
        kept = {s: [w for w in windows if w[1] > tick] for s, windows in self._windows.items()}
        self._windows = {service: windows for service, windows in kept.items() if windows}


def _seconds(detail: str, at: datetime) -> float:
    """Return how long a detail says it lasts; what says nothing of it lasts until its end.

    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> _seconds("30m", noon), _seconds("until 2026-01-01T12:10:00Z", noon), _seconds("begin", noon)
    (1800.0, 600.0, inf)
    """
    lasts = _LASTS.fullmatch(detail)
    if lasts:
        return float(lasts[1]) * _UNITS[lasts[2]]
    try:
        until = datetime.fromisoformat(detail.removeprefix("until "))
    except ValueError:
        return float("inf")
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - at).total_seconds())
