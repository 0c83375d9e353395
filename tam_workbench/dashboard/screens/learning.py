"""Learning and gate: what was learnt, what the gate let through."""

# mypy: disallow-untyped-calls=False

from typing import Any

import panel as pn
import panel_material_ui as pmui

from tam_workbench.dashboard.charts import LEGENDS, ROLLOVER, strip
from tam_workbench.dashboard.components import Waterfall
from tam_workbench.dashboard.session import Screen, html
from tam_workbench.evaluation.scenarios.standing import standings
from tam_workbench.records import Pulse
from tam_workbench.views import (
    broken,
    describe_comparison,
    explanation_card,
    headline_names,
    marker_columns,
    milliseconds,
    pulse_columns,
    standing_table,
)
from tam_workbench.views.markup import chart_head, empty, table, update_card

CARDS = 12
"""Updates shown, newest first."""


class LearningScreen(Screen):
    """Learner beside the static baseline, drift, every update with its verdict."""

    title = "Learning and gate"
    icon = "school"

    def build(self) -> Any:  # noqa: ANN401 - Panel has no stubs
        """Return the view."""
        self._cursors: dict[str, int] = {}
        self._latest: Pulse | None = None
        self._strip = strip(keys=("probability",), height=190, span_ms=900_000.0)
        self._text, self._drifts, self._cards, self._count = html(), html(), html(), html()
        self._standing = html()
        self._why = Waterfall(sizing_mode="stretch_width", margin=(4, 6))
        self._name = pmui.TextInput(label="Name", value="before", size="small", width=160)
        keep = pmui.Button(label="Snapshot", icon="save", size="small", variant="outlined")
        back = pmui.Button(
            label="Roll back", icon="history", color="warning", size="small", variant="outlined"
        )
        keep.on_click(lambda _: self._keep())
        back.on_click(lambda _: self._back())
        chart = pn.pane.Bokeh(self._strip.charts["probability"], sizing_mode="stretch_width")
        left = pn.Column(
            html("<h1>Learning and gate</h1>"), self._text, chart,
            html("<h2>Beside the baselines</h2>"), self._standing,
            self._why, html("<h2>Drift</h2>"), self._drifts, sizing_mode="stretch_width",
        )  # fmt: skip
        right = pn.Column(
            html("<h2>Model updates</h2>"), self._count,
            pn.Row(self._name, keep, back), self._cards,
            width=490,
        )  # fmt: skip
        return pn.Row(left, right, sizing_mode="stretch_width")

    def _read(self, topic: str) -> list[Any]:
        items, self._cursors[topic] = self.wb.bus.read(topic, self._cursors.get(topic, 0), ROLLOVER)
        return items

    def update(self) -> None:
        """Stream the chart; redraw the cards every two seconds."""
        fresh = self._read("pulse")
        if fresh:
            names = headline_names(fresh)
            previous = milliseconds(self._latest.time) if self._latest else None
            columns = pulse_columns(
                fresh, headline=names[0] if names else "", tick_s=self.wb.tick_s,
                previous_ms=previous,
            )  # fmt: skip
            columns = broken(columns, tick_s=self.wb.tick_s, previous_ms=previous)
            self._latest = fresh[-1]
            self._strip.pulses.stream(columns, rollover=ROLLOVER)
        marks = self._read("drift")
        if marks:
            columns = marker_columns(marks, tick_s=self.wb.tick_s, latest=self._latest)
            self._strip.markers.stream(columns, rollover=400)
        if self.is_due(4):
            self._write()
        if self.is_due(40):
            rows = standings(self.wb.predictions(), horizon=self.wb.horizon)
            self._standing.object = standing_table(rows)

    def _write(self) -> None:
        pulses, _ = self.wb.bus.read("pulse", 0, 600)
        legend = LEGENDS["probability"]
        self._text.object = chart_head("Probability", describe_comparison(pulses), legend)
        self._why.explanation = dict(explanation_card(self.wb.explain()))
        self._drifts.object = table(
            self.wb.drift().tail(12).reverse(), label="drift events",
            why_empty="No detector has seen a drift yet.",
        )  # fmt: skip
        updates = self.wb.updates()
        said = dict.fromkeys(("commit", "refuse", "roll_back"), 0)
        for update in updates:
            said[update.decision.value] += 1
        self._count.object = (
            f"<p>{said['commit']} committed · {said['refuse']} refused · "
            f"{said['roll_back']} rolled back</p>"
        )
        cards = [update_card(update) for update in reversed(updates[-CARDS:])]
        why = "The gate has judged no update yet: the first candidate comes after some ticks."
        self._cards.object = "".join(cards) or empty(why)

    def _keep(self) -> None:
        name = self._name.value
        self.session.attempt(lambda: self.wb.snapshot(name), f"kept as {name!r}")

    def _back(self) -> None:
        name = self._name.value
        self.session.attempt(lambda: self.wb.roll_back(name), f"rolled back to {name!r}")
