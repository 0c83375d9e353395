"""Live telemetry: the ribbon and three small charts."""

import math
from collections import deque
from typing import Any

import traitlets

from tam_workbench.records import Pulse
from tam_workbench.views import (
    Workbench,
    band_of,
    describe_trust,
    esm_path,
    headline_names,
    pulse_columns,
    telemetry_svg,
)
from tam_workbench.widgets.skin import Skin

SENT = ("time", "value", "probability", "baseline", "anomaly", "trust", "reasons")
"""Columns that travel to the browser."""


class LiveTelemetry(Skin):
    """Telemetry, incident probability and anomaly of the last ticks under a trust ribbon.

    Parameters
    ----------
    wb
        The workbench to follow.
    headline
        Name of the telemetry value to draw; the first one there is when empty.
    ticks
        Ticks kept in the picture.
    """

    _esm = esm_path("live_telemetry")
    title = traitlets.Unicode("Live telemetry").tag(sync=True)
    headline = traitlets.Unicode("").tag(sync=True)
    summary = traitlets.Unicode("").tag(sync=True)
    columns = traitlets.Dict({}).tag(sync=True)

    def __init__(self, wb: Workbench, *, headline: str = "", ticks: int = 240) -> None:
        self._cursor = 0
        self._pulses: deque[Pulse] = deque(maxlen=ticks)
        super().__init__(wb, headline=headline, title=f"Live telemetry · {wb.name}")

    def pull(self) -> None:
        """Take the pulses that are new."""
        fresh, self._cursor = self._wb.bus.read("pulse", self._cursor, self._pulses.maxlen or 240)
        if not fresh:
            return
        self._pulses.extend(fresh)
        names = headline_names(list(fresh))
        with self.hold_sync():
            self.headline = self.headline or (names[0] if names else "")
            self.summary = describe_trust([pulse.trust for pulse in self._pulses])
            self.columns = self._columns()

    def _columns(self) -> dict[str, list[Any]]:
        full = pulse_columns(list(self._pulses), headline=self.headline, tick_s=self._wb.tick_s)
        sent = {name: [_short(value) for value in full[name]] for name in SENT}
        return {**sent, "band": [band_of(pulse.trust) for pulse in self._pulses]}

    def snapshot(self) -> str:
        """Return the charts as they stand, as SVG."""
        columns = pulse_columns(list(self._pulses), headline=self.headline, tick_s=self._wb.tick_s)
        drawn = ("trust", "value", "probability", "baseline", "anomaly")
        numbers = {name: [float(value) for value in columns[name]] for name in drawn}
        return telemetry_svg(numbers, headline=self.headline)

    def describe(self) -> str:
        """Return what the ribbon shows, in words."""
        return self.summary or "no tick has arrived yet"


def _short(value: float | str) -> float | str | None:
    """Return a value as JSON can carry it, with six digits; None for what is not a number."""
    if isinstance(value, str):
        return value
    if not math.isfinite(value):
        return None
    return value if abs(value) > 1e6 else float(f"{value:.6g}")
