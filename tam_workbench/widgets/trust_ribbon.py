"""The trust ribbon by itself."""

from collections import deque

import traitlets

from tam_workbench.records import Pulse
from tam_workbench.views import Workbench, band_of, describe_trust, esm_path, ribbon_svg
from tam_workbench.views.columns import reason_text
from tam_workbench.widgets.skin import Skin


class TrustRibbon(Skin):
    """Trust of the last ticks as colour and hatch, with the reasons of each tick.

    Parameters
    ----------
    wb
        The workbench to follow.
    ticks
        Ticks kept in the picture.
    """

    _esm = esm_path("trust_ribbon")
    trust = traitlets.List(traitlets.Float()).tag(sync=True)
    reasons = traitlets.List(traitlets.Unicode()).tag(sync=True)
    bands = traitlets.List(traitlets.Int()).tag(sync=True)
    summary = traitlets.Unicode("").tag(sync=True)

    def __init__(self, wb: Workbench, *, ticks: int = 300) -> None:
        self._cursor = 0
        self._pulses: deque[Pulse] = deque(maxlen=ticks)
        super().__init__(wb)

    def pull(self) -> None:
        """Take the pulses that are new."""
        fresh, self._cursor = self._wb.bus.read("pulse", self._cursor, self._pulses.maxlen or 300)
        if not fresh:
            return
        self._pulses.extend(fresh)
        trust = [round(pulse.trust, 4) for pulse in self._pulses]
        with self.hold_sync():
            self.trust = trust
            self.reasons = [reason_text(pulse) for pulse in self._pulses]
            self.summary = describe_trust(trust)
            self.bands = [band_of(pulse.trust) for pulse in self._pulses]

    def snapshot(self) -> str:
        """Return the ribbon and its legend as SVG."""
        return ribbon_svg(list(self.trust))

    def describe(self) -> str:
        """Return what the ribbon shows, in words."""
        return describe_trust(list(self.trust))
