"""Live: what the loop sees right now."""

# mypy: disallow-untyped-calls=False

from typing import Any

import panel as pn
import panel_material_ui as pmui

from tam_workbench.dashboard.charts import LEGENDS, ROLLOVER, strip
from tam_workbench.dashboard.session import RANGES, Screen, html
from tam_workbench.records import Incident, Pulse
from tam_workbench.views import (
    approval_card,
    broken,
    describe_comparison,
    describe_series,
    describe_trust,
    headline_names,
    marker_columns,
    milliseconds,
    pulse_columns,
    pulse_frame,
    service_frame,
)
from tam_workbench.views.markup import chart_head, kpis, log_ticker, table

ANYWHERE = "any service"
"""Lets the plant choose where a fault strikes."""
WINDOW = 600
"""Latest ticks that the sentences and tables speak of."""
SMALL = {"padding": "0 6px", "fontSize": "11px", "lineHeight": "18px", "minHeight": "20px"}
"""Style of the toggle between chart and table."""
LEGEND = (
    '<span class="muted">Ribbon: plain trusted, hatched doubtful, crossed distrusted.<br>'
    "Markers: ● incident, ◆ drift, ▲ change.</span>"
)


class LiveScreen(Screen):
    """Figures, four linked charts with ribbons, services, log lines, and faults to inject."""

    title = "Live"
    icon = "monitor_heart"

    def build(self) -> Any:  # noqa: ANN401 - Panel has no stubs
        """Return the view."""
        self._cursors: dict[str, int] = {}
        self._pulses: list[Pulse] = []
        self._incidents: dict[str, Incident] = {}
        self._headline, self._memories, self._drift = "", "-", "none: no drift was seen"
        self._strip = strip(keys=("telemetry", "probability", "anomaly", "trust"))
        self._kpis = html(margin=(8, 6, 2, 6))
        self._heads = {key: html(margin=(0, 4)) for key in self._strip.charts}
        self._tables = {
            key: html(visible=False, height=120, styles={"overflow-y": "auto"}, margin=(0, 6))
            for key in self._strip.charts
        }
        self._toggles: dict[str, Any] = {}
        self._log = html(height=330, styles={"overflow-y": "auto"})
        self._services = html()
        charts = [pn.pane.Bokeh(self._strip.timeline, sizing_mode="stretch_width", margin=0)]
        for key in self._strip.charts:
            charts.extend(self._block(key))
        side = pn.Column(
            html("<h2>Services</h2>", margin=(2, 6)), self._services,
            html("<h2>Log lines</h2>", margin=(6, 6, 0, 6)), self._log, width=330,
        )  # fmt: skip
        self.session.param.watch(lambda _: self._reach(), "range")
        return pn.Column(
            self._kpis, self._bar(), pn.Row(
                pn.Column(*charts, sizing_mode="stretch_width", margin=0), side,
                sizing_mode="stretch_width", margin=0,
            ), sizing_mode="stretch_width", margin=0,
        )  # fmt: skip

    def _bar(self) -> Any:  # noqa: ANN401 - Panel has no stubs
        self._pause = pmui.Toggle(
            label="Pause view",
            icon="pause",
            size="small",
            variant="outlined",
            width=140,
            align="end",
            sx={"padding": "6px 10px"},
        )
        reach = pmui.RadioButtonGroup.from_param(
            self.session.param.range, label="", options=list(RANGES), size="small", align="end"
        )
        self._choice = pmui.Select(
            label="Telemetry", options=[], size="small", width=220, align="end"
        )
        self._choice.param.watch(lambda _: self._rebuild(), "value")
        items = [self._pause, reach, self._choice]
        if self.wb.is_demo:
            self._fault = pmui.Select(
                label="Fault",
                options=list(self.wb.fault_kinds()),
                size="small",
                width=170,
                align="end",
            )
            self._where = pmui.Select(
                label="Service", options=[ANYWHERE], size="small", width=130, align="end"
            )
            inject = pmui.Button(
                label="Inject",
                icon="bolt",
                color="warning",
                size="small",
                variant="outlined",
                align="end",
                height=38,
            )
            inject.on_click(self._inject)
            items += [self._fault, self._where, inject]
        legend = html(LEGEND, align="end", margin=(4, 6, 8, 6), sizing_mode=None, width=212)
        return pn.FlexBox(
            *items, legend, align_items="flex-end", sizing_mode="stretch_width", margin=(0, 0, 0, 2)
        )

    def _block(self, key: str) -> list[Any]:
        toggle = pmui.Toggle(
            label="table", size="small", margin=(1, 8), width=52, height=20, sx=SMALL
        )
        pane = pn.pane.Bokeh(self._strip.charts[key], sizing_mode="stretch_width", margin=0)
        shown = self._tables[key]

        def swap(event: Any) -> None:  # noqa: ANN401 - param's event
            pane.visible, shown.visible = not event.new, event.new
            self._tabulate()

        toggle.param.watch(swap, "value")
        self._toggles[key] = toggle
        head = pn.Row(self._heads[key], toggle, sizing_mode="stretch_width", margin=0, height=24)
        return [head, pane, shown]

    def _inject(self, _event: Any) -> None:  # noqa: ANN401 - param's event
        kind, where = self._fault.value, self._where.value
        service = None if where == ANYWHERE else where
        self.session.attempt(lambda: self.wb.inject(kind, service), f"{kind} was injected")

    def _read(self, topic: str, limit: int) -> list[Any]:
        items, cursor = self.wb.bus.read(topic, self._cursors.get(topic, 0), limit)
        self._cursors[topic] = cursor
        return items

    def update(self) -> None:
        """Stream what is new unless the view is paused."""
        if not self.view_is_built() or self._pause.value:
            return
        fresh = self._read("pulse", ROLLOVER)
        is_first = bool(fresh) and not self._pulses
        if fresh:
            self._draw(fresh)
        self._mark()
        if is_first or self.is_due(2):
            self._figures()
        if is_first or self.is_due(3):
            self._write()

    def view_is_built(self) -> bool:
        """Whether `build` has finished."""
        return hasattr(self, "view")

    def _draw(self, fresh: list[Pulse]) -> None:
        previous = milliseconds(self._pulses[-1].time) if self._pulses else None
        self._pulses = (self._pulses + fresh)[-ROLLOVER:]
        self._offer(fresh)
        columns = pulse_columns(
            fresh, headline=self._headline, tick_s=self.wb.tick_s, previous_ms=previous
        )
        columns = broken(columns, tick_s=self.wb.tick_s, previous_ms=previous)
        self._strip.pulses.stream(columns, rollover=ROLLOVER)

    def _offer(self, fresh: list[Pulse]) -> None:
        """Offer the telemetry and the services there are; both grow while sources appear."""
        names = headline_names(fresh)
        if set(names) - set(self._choice.options):
            names = headline_names(fresh, known=self._choice.options)
            self._headline = self._headline or names[0]
            self._choice.param.update(options=names, value=self._headline)
        if self.wb.is_demo:
            services = [ANYWHERE, *sorted(fresh[-1].services)]
            if services != list(self._where.options):
                self._where.options = services

    def _rebuild(self) -> None:
        if self._choice.value and self._choice.value != self._headline:
            self._headline = self._choice.value
            columns = pulse_columns(self._pulses, headline=self._headline, tick_s=self.wb.tick_s)
            self._strip.pulses.data = broken(columns, tick_s=self.wb.tick_s)
            self._write()

    def _mark(self) -> None:
        told = (one for one in self._read("change", 200) if not one.body.startswith("slo_"))
        new = [*self._read("drift", 200), *told]
        for incident in self._read("incident", 500):
            if incident.id not in self._incidents:
                new.append(incident)
            self._incidents[incident.id] = incident
        if new:
            latest = self._pulses[-1] if self._pulses else None
            columns = marker_columns(new, tick_s=self.wb.tick_s, latest=latest)
            self._strip.markers.stream(columns, rollover=400)
        drifts = [item for item in new if hasattr(item, "detector")]
        if drifts:
            self._drift = f"{drifts[-1].detector}: {drifts[-1].response}"

    def _figures(self) -> None:
        if self._pulses and (self.is_due(20) or self._memories == "-"):
            stats = self.wb.memory_stats()
            first = next((v for v in stats.values() if isinstance(v, int)), 0)
            self._memories = f"{stats.get('entries', first):,}"
        self._kpis.object = kpis(
            self._pulses[-1] if self._pulses else None, self.wb.health(),
            memories=self._memories, drift=self._drift, pending=self._waiting(),
        )  # fmt: skip
        lines, _ = self.wb.bus.read("log", 0, 40)
        self._log.object = log_ticker(lines)

    def _waiting(self) -> int:
        """Count what waits for a person, by what the bus told: nobody waits for the loop."""
        return sum(bool(approval_card(known)["pending"]) for known in self._incidents.values())

    def _write(self) -> None:
        window = self._pulses[-WINDOW:]
        names = {
            "telemetry": describe_series(
                self._headline or "telemetry",
                [p.headline.get(self._headline, float("nan")) for p in window],
            ),
            "probability": describe_comparison(window),
            "anomaly": describe_series("anomaly", [p.anomaly for p in window]),
            "trust": describe_trust([p.trust for p in window]),
        }  # fmt: skip
        for key, head in self._heads.items():
            title = self._strip.charts[key].name
            head.object = chart_head(title, names[key], LEGENDS[key])
        latest = self._pulses[-1] if self._pulses else None
        self._services.object = table(
            service_frame(latest), label="services now", why_empty="No service was seen yet."
        )
        self._tabulate()

    def _tabulate(self) -> None:
        for key, toggle in self._toggles.items():
            if toggle.value:
                frame = pulse_frame(self._pulses[-30:]).reverse()
                self._tables[key].object = table(frame, label=key)

    def _reach(self) -> None:
        span = self.session.span_s
        self._strip.span.follow = "end" if span else None
        self._strip.span.follow_interval = span * 1000.0 if span else None
