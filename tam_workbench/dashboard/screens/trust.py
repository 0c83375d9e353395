"""Trust: who is believed, why not, and what was not taken in."""

# mypy: disallow-untyped-calls=False

from typing import Any

import panel as pn
import panel_material_ui as pmui

from tam_workbench.dashboard.session import Screen, html
from tam_workbench.records import TRUST_REASONS
from tam_workbench.views import describe_trust
from tam_workbench.views.markup import bars, reputations, table
from tam_workbench.views.svg import histogram_svg


class TrustScreen(Screen):
    """Reputation per channel, distribution, reasons, quarantine with ban and release."""

    title = "Trust"
    icon = "verified_user"

    def build(self) -> Any:  # noqa: ANN401 - Panel has no stubs
        """Return the view."""
        self._channels, self._spread, self._reasons = html(), html(), html()
        self._rejects = html()
        self._source = pmui.Select(label="Channel", options=[], size="small", width=180)
        self._why = pmui.TextInput(
            label="Reason, for the ledger", placeholder="why?", size="small", width=230
        )
        ban = pmui.Button(
            label="Ban", icon="block", color="error", size="small", variant="outlined"
        )
        free = pmui.Button(label="Release", icon="lock_open", size="small", variant="outlined")
        ban.on_click(lambda _: self._ban())
        free.on_click(lambda _: self._free())
        return pn.Column(
            html("<h1>Trust</h1>"),
            pn.Row(
                pn.Column(html("<h2>Reputation of each channel</h2>"), self._channels,
                          pn.Row(self._source, self._why, ban, free),
                          html("<h2>Quarantine: what could not be taken in</h2>"), self._rejects,
                          sizing_mode="stretch_width"),
                pn.Column(html("<h2>Distribution of trust over ticks</h2>"), self._spread,
                          html("<h2>Reasons, in rows</h2>"), self._reasons, width=460),
                sizing_mode="stretch_width",
            ),
            sizing_mode="stretch_width",
        )  # fmt: skip

    def update(self) -> None:
        """Redraw every two seconds."""
        if not self.is_due(4):
            return
        known = self.wb.reputations()
        self._channels.object = reputations(known)
        names = sorted(item.source for item in known)
        if names != list(self._source.options):
            first = names[0] if names else None
            self._source.param.update(options=names, value=self._source.value or first)
        frame = self.wb.trust()
        trust = frame["trust"].to_list()
        self._spread.object = histogram_svg(trust) + f'<p class="muted">{describe_trust(trust)}</p>'
        counts: dict[str, float] = {
            name: float(frame[name].sum()) for name in TRUST_REASONS if name in frame.columns
        }
        self._reasons.object = bars(
            counts, label="rows by reason", why_empty="No row had a reason."
        )
        rejects = self.wb.quarantine().tail(40).reverse()
        self._rejects.object = table(
            rejects,
            label="quarantine",
            why_empty="Nothing is in quarantine: every row could be read.",
        )

    def _ban(self) -> None:
        source, why = self._source.value, self._why.value or "banned on the trust screen"
        self.session.attempt(lambda: self.wb.block(source, reason=why), f"{source} is banned")
        self.turn = -1

    def _free(self) -> None:
        source = self._source.value
        self.session.attempt(lambda: self.wb.release(source), f"{source} is trusted again")
        self.turn = -1
