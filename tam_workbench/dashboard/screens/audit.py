"""Audit and health: what was done, the proof of it, and how the loop is."""

# mypy: disallow-untyped-calls=False

from typing import Any

import panel as pn
import panel_material_ui as pmui

from tam_workbench.dashboard.session import Screen, html
from tam_workbench.records import Health
from tam_workbench.views import ledger_frame, number
from tam_workbench.views.markup import badge, bars, cell, empty, table

SHOWN = 60
"""Ledger entries in the table."""


class AuditScreen(Screen):
    """The ledger with its proof, the breaker, stage seconds, memory and faults."""

    title = "Audit and health"
    icon = "fact_check"

    def build(self) -> Any:  # noqa: ANN401 - Panel has no stubs
        """Return the view."""
        prove = pmui.Button(label="Prove the ledger", icon="verified", size="small")
        prove.on_click(lambda _: self._prove())
        self._proof = html('<span class="muted">Not proved in this session yet.</span>')
        self._ledger, self._figures, self._stages, self._faults = (html() for _ in range(4))
        hold = pmui.Button(label="Pause the loop", icon="pause", size="small", variant="outlined")
        go = pmui.Button(label="Resume", icon="play_arrow", size="small", variant="outlined")
        hold.on_click(self._pause)
        go.on_click(self._resume)
        self._all = pmui.Checkbox(label="with every batch", size="small", margin=(0, 6))
        self._all.param.watch(lambda _: self._list(), "value")
        left = pn.Column(
            html("<h1>Audit and health</h1>"),
            pn.Row(prove, self._proof, sizing_mode="stretch_width"),
            pn.Row(html("<h2>Ledger, newest first</h2>"), self._all), self._ledger,
            sizing_mode="stretch_width",
        )  # fmt: skip
        right = pn.Column(
            html("<h2>Health of the loop</h2>"), self._figures, pn.Row(hold, go),
            html("<h2>Seconds by stage</h2>"), self._stages, html("<h2>Faults caught</h2>"),
            self._faults, width=430,
        )  # fmt: skip
        return pn.Row(left, right, sizing_mode="stretch_width")

    def update(self) -> None:
        """Redraw every second."""
        if not self.is_due(2):
            return
        self._list()
        health = self.wb.health()
        self._figures.object = self._describe(health)
        self._stages.object = bars(
            dict(health.stage_seconds), label="seconds by stage", unit=" s",
            why_empty="No batch was measured yet.",
        )  # fmt: skip
        faults = "".join(
            f"<p>{badge('fault', 'bad')} {cell(f)}</p>" for f in reversed(health.faults)
        )
        self._faults.object = faults or empty("The supervisor has caught nothing.")

    def _list(self) -> None:
        """Draw the latest entries: decisions, and batches when they are wanted."""
        entries, _ = self.wb.bus.read("audit", 0, 5000)
        wanted = [e for e in entries if self._all.value or e.kind != "batch"]
        self._ledger.object = table(
            ledger_frame(wanted[-SHOWN:]),
            label="ledger",
            why_empty="Nothing but batches was written to the ledger so far."
            if entries
            else "Nothing was written to the ledger yet.",
        )

    def _describe(self, health: Health) -> str:
        state = "paused" if health.is_paused else "running" if health.is_running else "stopped"
        tone = "good" if health.breaker.lower() == "closed" else "bad"
        balanced = health.rows_in == health.rows_scored + health.rows_quarantined
        sums = badge("adds up", "good") if balanced else badge("does not add up", "bad")
        rows = {
            "loop": state,
            "batches": f"{health.batches:,}",
            "rows in": f"{health.rows_in:,}",
            "scored": f"{health.rows_scored:,}",
            "quarantined": f"{health.rows_quarantined:,}",
            "events / s": number(health.events_per_s),
            "lag": "simulated time" if self.wb.is_demo else f"{health.lag_s:.2f} s",
            "memory": f"{health.rss_bytes / 1e6:.0f} MB",
        }
        items = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows.items())
        return (
            f"<dl><dt>breaker</dt><dd>{badge(health.breaker, tone)}</dd>{items}"
            f"<dt>in = scored + quarantined</dt><dd>{sums}</dd></dl>"
        )

    def _pause(self, _event: Any) -> None:  # noqa: ANN401 - param's event
        self.session.attempt(self.wb.pause, "the loop is paused")

    def _resume(self, _event: Any) -> None:  # noqa: ANN401 - param's event
        self.session.attempt(self.wb.resume, "the loop goes on")

    def _prove(self) -> None:
        proof = self.wb.verify_audit()
        if proof.holds:
            self._proof.object = (
                f"{badge('✓ holds', 'good')} {proof.checked:,} entries, every link fits"
            )
        else:
            where = f"broken at {proof.broken_at}: {cell(proof.reason)}"
            self._proof.object = f"{badge('✗ broken', 'bad')} {where}"
