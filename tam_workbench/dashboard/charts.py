"""The live charts: one streaming source behind four linked figures, a ribbon above each."""

# mypy: disallow-untyped-calls=False

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bokeh.layouts import column
from bokeh.models import (
    ColumnDataSource,
    CrosshairTool,
    DataRange1d,
    HoverTool,
    NumeralTickFormatter,
    Range1d,
)
from bokeh.models.annotations import Span
from bokeh.plotting import figure

from tam_workbench.views import LEVELS, MAP_COLUMNS, MARKER_COLUMNS, PULSE_COLUMNS
from tam_workbench.views.theme import ANOMALY, BASELINE, LEARNER, TELEMETRY

ROLLOVER: Final = 3600
"""Ticks kept in the browser."""
LEFT_BORDER: Final = 52
"""Pixels left of every plot, so that stacked charts align."""

PLOTS: Final = (
    ("telemetry", "Telemetry", (("value", TELEMETRY, "solid", ""),), None),
    (
        "probability",
        "Incident probability",
        (
            ("baseline", BASELINE, "dashed", "static baseline"),
            ("probability", LEARNER, "solid", "learner"),
        ),
        (0.0, 1.02),
    ),
    ("anomaly", "Anomaly", (("anomaly", ANOMALY, "solid", ""),), (0.0, 1.02)),
    (
        "trust",
        "Trust",
        (("low", BASELINE, "dotted", "lowest row"), ("trust", TELEMETRY, "solid", "mean")),
        (0.0, 1.02),
    ),
)
"""Key, title, lines (column, colour, dash, legend) and fixed y range of each chart."""

RIBBON_TIPS: Final = [
    ("trust", "@trust{0.00} (@level)"),
    ("reasons", "@reasons"),
    ("rows", "@rows"),
]
MAP_TIPS: Final = (
    '<div style="max-width:320px;white-space:normal;overflow-wrap:anywhere"><b>@tier</b> · @kind · '
    "@service<br>@text</div>"
)
RING: Final = "#d64550"
"""Colour of the ring around what was recalled last."""
MARKER_TIPS: Final = [("@kind", "@text"), ("at", "@time{%H:%M:%S}")]


LEGENDS: Final = {
    key: tuple((color, dash, legend) for _, color, dash, legend in lines if legend)
    for key, _, lines, _ in PLOTS
}
"""Colour, dash and name of the lines of each chart that has several."""


Line = tuple[str, str, str, str]
"""Column, colour, dash and name of a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """Charts that share time, crosshair and sources."""

    pulses: ColumnDataSource
    markers: ColumnDataSource
    span: Any  # the shared x range
    timeline: Any
    charts: dict[str, Any]


def strip(*, keys: tuple[str, ...], height: int = 112, span_ms: float = 300_000.0) -> Strip:
    """Return the charts named by ``keys`` over one shared source."""
    pulses = ColumnDataSource(data={name: [] for name in PULSE_COLUMNS})
    markers = ColumnDataSource(data={name: [] for name in MARKER_COLUMNS})
    span = DataRange1d(
        follow="end", follow_interval=span_ms, range_padding=0, default_span=60_000, bounds=None
    )
    cross = Span(dimension="height", line_dash="dotted", line_width=1, line_color=BASELINE)
    chosen = [plot for plot in PLOTS if plot[0] in keys]
    charts = {}
    for key, title, lines, limits in chosen:
        is_last = key == chosen[-1][0]
        ribbon = _ribbon(pulses, span)
        chart = _chart(pulses, markers, span, lines, limits, height + 22 * is_last)
        chart.xaxis.visible = is_last
        chart.add_tools(CrosshairTool(overlay=cross, dimensions="height"))
        charts[key] = column(ribbon, chart, sizing_mode="stretch_width", spacing=0)
        charts[key].name = title
    return Strip(
        pulses=pulses, markers=markers, span=span, timeline=_timeline(markers, span), charts=charts
    )


def _bare(height: int, span: DataRange1d, y_range: Any) -> Any:  # noqa: ANN401 - no stubs
    plot = figure(
        height=height, x_range=span, x_axis_type="datetime", toolbar_location=None, tools="",
        sizing_mode="stretch_width", min_border_left=LEFT_BORDER, min_border_right=8,
        min_border_top=0, min_border_bottom=0, output_backend="canvas", y_range=y_range,
    )  # fmt: skip
    plot.outline_line_color = None
    return plot


def _ribbon(pulses: ColumnDataSource, span: DataRange1d) -> Any:  # noqa: ANN401 - no stubs
    plot = _bare(13, span, Range1d(start=0, end=1))
    plot.axis.visible = False
    plot.grid.visible = False
    for level in LEVELS:
        cells = plot.quad(
            left="left", right="time", bottom=0, top=level.name, source=pulses,
            line_color=level.color,
            line_width=1, fill_color=level.color, hatch_pattern=level.hatch, hatch_color="white",
            hatch_alpha=0.75, hatch_scale=6,
        )  # fmt: skip
        plot.add_tools(HoverTool(renderers=[cells], tooltips=RIBBON_TIPS, attachment="below"))
    return plot


def _chart(
    pulses: ColumnDataSource, markers: ColumnDataSource, span: DataRange1d, lines: tuple[Line, ...],
    limits: tuple[float, float] | None, height: int,
) -> Any:  # noqa: ANN401 - no stubs  # fmt: skip
    y_range: Any = DataRange1d(range_padding=0.15, only_visible=True)
    if limits is not None:
        y_range = Range1d(start=limits[0], end=limits[1])
    plot = _bare(height, span, y_range)
    plot.min_border_bottom = 6
    plot.yaxis.ticker.desired_num_ticks = 4
    plot.yaxis.formatter = NumeralTickFormatter(format="0.[000]a")
    plot.xgrid.grid_line_color = None
    plot.add_tools("xpan", "xwheel_zoom", "reset")
    drawn = []
    for name, color, dash, _ in lines:
        drawn.append(plot.line("time", name, source=pulses, color=color, line_dash=dash, width=1.7))
    plot.vspan(
        x="time",
        source=markers,
        line_color="color",
        line_dash="dash",
        line_width=1.2,
        line_alpha=0.7,
    )
    tips = [(legend or name, f"@{name}{{0.[000]a}}") for name, _, _, legend in lines]
    plot.add_tools(
        HoverTool(
            renderers=drawn[-1:], mode="vline", tooltips=[("at", "@time{%H:%M:%S}"), *tips],
            formatters={"@time": "datetime"},
        )
    )  # fmt: skip
    return plot


def _timeline(markers: ColumnDataSource, span: DataRange1d) -> Any:  # noqa: ANN401 - no stubs
    plot = _bare(22, span, Range1d(start=0, end=1))
    plot.axis.visible = False
    plot.grid.visible = False
    signs = plot.scatter(
        "time", 0.5, marker="shape", size=11, fill_color="color", line_color="white", source=markers
    )
    tool = HoverTool(
        renderers=[signs],
        tooltips=MARKER_TIPS,
        formatters={"@time": "datetime"},
        attachment="below",
    )
    plot.add_tools(tool)
    return plot


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryMap:
    """A scatter of memories and its sources."""

    figure: Any
    source: ColumnDataSource
    rings: ColumnDataSource

    def show(self, columns: Mapping[str, list[Any]], *, recalled: Collection[str] = ()) -> None:
        """Draw other memories, those recalled last with a ring."""
        if columns["id"] != self.source.data["id"] or columns["tier"] != self.source.data["tier"]:
            self.source.data = dict(columns)
            self.ring(recalled)

    def ring(self, recalled: Collection[str]) -> None:
        """Draw a ring around the memories with these ids."""
        known = {entry_id[:12] for entry_id in recalled}
        data = self.source.data
        places = zip(data["x"], data["y"], data["id"], strict=True)
        found = [(x, y) for x, y, entry_id in places if entry_id in known]
        self.rings.data = {"x": [x for x, _ in found], "y": [y for _, y in found]}


def memory_map_chart() -> MemoryMap:
    """Return the map of memory: what is alike lies near, colour and shape tell the tier."""
    source = ColumnDataSource(data={name: [] for name in MAP_COLUMNS})
    rings = ColumnDataSource(data={"x": [], "y": []})
    plot = figure(
        height=440, toolbar_location=None, tools="pan,wheel_zoom,reset",
        sizing_mode="stretch_width", x_range=DataRange1d(range_padding=0.12),
        y_range=DataRange1d(range_padding=0.12),
    )  # fmt: skip
    plot.axis.visible = False
    plot.grid.grid_line_alpha = 0.35
    plot.outline_line_color = BASELINE
    plot.outline_line_alpha = 0.35
    plot.scatter(
        "x", "y", marker="circle", size=21, fill_alpha=0.0, line_color=RING, line_width=2,
        source=rings,
    )  # fmt: skip
    drawn = plot.scatter(
        "x", "y", marker="shape", size="size", fill_color="color", line_color="color",
        fill_alpha=0.85, source=source,
    )  # fmt: skip
    plot.add_tools(HoverTool(renderers=[drawn], tooltips=MAP_TIPS))
    return MemoryMap(figure=plot, source=source, rings=rings)
