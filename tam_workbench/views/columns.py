"""Pulses and markers to the columns that the live charts stream."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tam_workbench.records import Drift, Event, Incident, Pulse
from tam_workbench.views.theme import LEVELS, MARKERS, level_of

PULSE_COLUMNS: Final = (
    "time", "left", "value", "probability", "baseline", "anomaly", "trust", "low", "rows",
    "level", "reasons", *(level.name for level in LEVELS),
)  # fmt: skip
"""Columns of the one source behind every live chart."""

MARKER_COLUMNS: Final = ("time", "kind", "text", "color", "dash", "shape")
"""Columns of the markers."""

Columns = dict[str, Any]
"""Name to a list of floats or strings, all of one length; what Bokeh streams."""

FIRST: Final = (
    "system.cpu.utilization", "container.cpu.utilization", "system.cpu.load_average.1m",
)  # fmt: skip
"""Telemetry that is drawn unless another is chosen."""

WIDEST_TICKS: Final = 8
"""A ribbon cell bridges at most this many missing ticks."""


def milliseconds(at: datetime) -> float:
    """Return milliseconds since 1970 as Bokeh and JavaScript count them.

    >>> milliseconds(datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC))
    2000.0
    """
    return at.timestamp() * 1000.0


def reason_text(pulse: Pulse) -> str:
    """Return the reasons of a tick with their row counts, most frequent first."""
    counted = sorted(pulse.reasons.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count}" for name, count in counted if count) or "none"


def pulse_columns(
    pulses: Sequence[Pulse], *, headline: str, tick_s: float, previous_ms: float | None = None
) -> Columns:
    """Return the columns to stream for ``pulses``; ``headline`` names the telemetry drawn.

    ``previous_ms`` is the time of the last tick already drawn, so that ribbon cells touch; a
    column per trust band is 1 where the tick falls into it, so that each band is one glyph
    with one hatch (a hatch per cell makes browsers crawl).
    """
    times = [milliseconds(pulse.time) for pulse in pulses]
    before = [previous_ms, *times[:-1]] if times else []
    step = tick_s * 1000.0
    levels = [level_of(pulse.trust) for pulse in pulses]
    return {
        "time": times,
        "left": [
            max(last, now - WIDEST_TICKS * step) if last is not None else now - step
            for last, now in zip(before, times, strict=True)
        ],
        "value": [pulse.headline.get(headline, float("nan")) for pulse in pulses],
        "probability": [pulse.probability for pulse in pulses],
        "baseline": [pulse.baseline for pulse in pulses],
        "anomaly": [pulse.anomaly for pulse in pulses],
        "trust": [pulse.trust for pulse in pulses],
        "low": [pulse.trust_low for pulse in pulses],
        "rows": [float(pulse.rows) for pulse in pulses],
        "level": [level.name for level in levels],
        "reasons": [reason_text(pulse) for pulse in pulses],
        **{
            band.name: [1.0 if level is band else float("nan") for level in levels]
            for band in LEVELS
        },
    }


def broken(columns: Columns, *, tick_s: float, previous_ms: float | None = None) -> Columns:
    """Return the columns with an empty row after which no tick came for long: lines break there.

    >>> broken({"time": [0.0, 1e3, 60e3], "value": [1.0, 2.0, 3.0]}, tick_s=1.0)["value"]
    [1.0, 2.0, nan, 3.0]
    """
    times = columns["time"]
    before = [previous_ms, *times[:-1]] if times else []
    step = tick_s * 1000.0
    gaps = [
        (place, last + step)
        for place, (last, now) in enumerate(zip(before, times, strict=True))
        if last is not None and now - last > WIDEST_TICKS * step
    ]
    out = {name: list(values) for name, values in columns.items()}
    for place, at in reversed(gaps):
        for name, values in out.items():
            empty = "" if isinstance(values[place], str) else float("nan")
            values.insert(place, at if name in ("time", "left") else empty)
    return out


def marker_columns(
    items: Sequence[Drift | Event | Incident], *, tick_s: float, latest: Pulse | None = None
) -> Columns:
    """Return the columns to stream for drifts, changes and incidents.

    A drift knows its tick only; ``latest`` says which time that was.
    """
    drawn = [_marker(item, tick_s, latest) for item in items]
    styles = [MARKERS[kind] for _, kind, _ in drawn]
    return {
        "time": [milliseconds(at) for at, _, _ in drawn],
        "kind": [kind for _, kind, _ in drawn],
        "text": [text for _, _, text in drawn],
        "color": [color for color, _, _ in styles],
        "dash": [dash for _, dash, _ in styles],
        "shape": [shape for _, _, shape in styles],
    }


def _marker(
    item: Drift | Event | Incident, tick_s: float, latest: Pulse | None
) -> tuple[datetime, str, str]:
    if isinstance(item, Drift):
        at = datetime.fromtimestamp(item.tick * tick_s, tz=UTC)
        if latest is not None:
            at = latest.time - timedelta(seconds=(latest.tick - item.tick) * tick_s)
        return at, "drift", f"{item.detector} {item.statistic:.3g}: {item.response}"
    if isinstance(item, Incident):
        return item.opened_at, "incident", f"{item.service} p {item.probability:.2f}"
    return item.observed_at, "change", f"{item.service}: {item.body}"


def headline_names(pulses: Sequence[Pulse], *, known: Sequence[str] = ()) -> list[str]:
    """Return the names of the telemetry values of the latest pulses and of those ``known``.

    What people look at first comes first, counts of changes last.
    """
    names = {name for pulse in pulses[-5:] for name in pulse.headline} | set(known)
    return sorted(names, key=_rank)


def _rank(name: str) -> tuple[int, bool, str]:
    first = FIRST.index(name) if name in FIRST else len(FIRST)
    return first, name.startswith("change."), name
