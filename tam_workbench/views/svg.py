"""Static pictures as SVG: what GitHub, nbconvert and a reader without scripts see.

Colours fall back to values that are legible on white, and follow the page's CSS variables
where there are any.
"""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby, zip_longest
from math import isnan

from tam_workbench.records import Explanation, Reputation
from tam_workbench.views.summaries import describe_explanation, describe_trust, number
from tam_workbench.views.theme import ANOMALY, BASELINE, LEARNER, LEVELS, LIGHT, level_of

_STYLE = (
    "<style>text{font:11px Roboto,system-ui,sans-serif;fill:var(--tam-text,#1d2430)}"
    "text.muted{fill:var(--tam-muted,#5a6472)}.axis{stroke:var(--tam-line,#d9dee6)}</style>"
)


def frame_svg(body: str, *, width: float, height: float, label: str) -> str:
    """Return an SVG document around ``body``, with ``label`` for screen readers."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img" '
        f'aria-label="{escape(label, quote=True)}">'
        f"{_STYLE}{body}</svg>"
    )


def hatch_defs() -> str:
    """Return the hatch patterns of the trust bands."""
    lines = {
        "right_diagonal_line": "M-1 7 L7 -1",
        "diagonal_cross": "M-1 7 L7 -1 M-1 -1 L7 7",
    }
    patterns = "".join(
        f'<pattern id="tam-{level.name}" width="6" height="6" patternUnits="userSpaceOnUse">'
        f'<rect width="6" height="6" fill="{level.color}"/>'
        f'<path d="{lines.get(level.hatch, "")}" stroke="#fff" stroke-width="1.4"/></pattern>'
        for level in LEVELS
    )
    return f"<defs>{patterns}</defs>"


def polyline(
    values: Sequence[float], *, box: tuple[float, float, float, float], color: str,
    top: float | None = None, dash: str = "",
) -> str:  # fmt: skip
    """Return a line through ``values`` in ``box`` = (x, y, width, height), gaps for NaN."""
    x, y, width, height = box
    finite = [value for value in values if not isnan(value)]
    if not finite:
        return ""
    low, high = (0.0, top) if top is not None else (min(finite), max(finite))
    span = (high - low) or 1.0
    step = width / max(len(values) - 1, 1)
    runs: list[list[str]] = [[]]
    for index, value in enumerate(values):
        if isnan(value):
            runs.append([])
            continue
        runs[-1].append(f"{x + index * step:.1f},{y + height * (1 - (value - low) / span):.1f}")
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return "".join(
        f'<polyline fill="none" stroke="{color}" stroke-width="1.5"{dashed} '
        f'points="{" ".join(run)}"/>'
        for run in runs
        if run
    )


def ribbon_cells(trust: Sequence[float], *, box: tuple[float, float, float, float]) -> str:
    """Return the trust ribbon in ``box``; equal neighbours become one cell."""
    x, y, width, height = box
    step = width / max(len(trust), 1)
    cells, at = [], 0
    for name, run in groupby(trust, key=lambda value: level_of(value).name):
        count = len(list(run))
        cells.append(
            f'<rect x="{x + at * step:.1f}" y="{y:g}" width="{count * step:.1f}" '
            f'height="{height:g}" fill="url(#tam-{name})"><title>{name}</title></rect>'
        )
        at += count
    return "".join(cells)


def ribbon_svg(trust: Sequence[float], *, width: float = 640.0) -> str:
    """Return the trust ribbon with its legend.

    >>> "1 of 2 ticks" in ribbon_svg([0.9, 0.3])
    True
    """
    legend = "".join(
        f'<rect x="{8 + at * 110}" y="34" width="14" height="10" fill="url(#tam-{level.name})"/>'
        f'<text x="{27 + at * 110}" y="43">{level.name}</text>'
        for at, level in enumerate(LEVELS)
    )
    body = hatch_defs() + ribbon_cells(trust, box=(8, 8, width - 16, 18)) + legend
    return frame_svg(body, width=width, height=50, label=describe_trust(trust))


def telemetry_svg(
    columns: Mapping[str, Sequence[float]], *, headline: str, width: float = 640.0
) -> str:
    """Return the live telemetry as it stood: ribbon, headline value, probability, anomaly.

    ``columns`` holds ``trust``, ``value``, ``probability``, ``baseline`` and ``anomaly``.
    """
    if not columns["trust"]:
        text = (
            '<text class="muted" x="8" y="24">No tick has arrived yet: is the loop started?</text>'
        )
        return frame_svg(text, width=width, height=40, label="no telemetry yet")
    plots = [
        (headline or "telemetry", [("value", "#0f9d76", "")], None),
        (
            "incident probability",
            [("baseline", BASELINE, "4 3"), ("probability", LEARNER, "")],
            1.0,
        ),
        ("anomaly", [("anomaly", ANOMALY, "")], 1.0),
    ]
    body = [hatch_defs(), ribbon_cells(columns["trust"], box=(150, 8, width - 160, 10))]
    body.append(f'<text x="8" y="17">trust {number(columns["trust"][-1])}</text>')
    for row, (name, lines, top) in enumerate(plots):
        y = 26 + row * 52
        body.append(
            f'<line class="axis" x1="150" x2="{width - 10:g}" y1="{y + 44}" y2="{y + 44}"/>'
        )
        body.append(f'<text x="8" y="{y + 20}">{escape(name)}</text>')
        body.append(
            f'<text class="muted" x="8" y="{y + 35}">{number(columns[lines[-1][0]][-1])}</text>'
        )
        for column, color, dash in lines:
            box = (150.0, float(y), width - 160, 44.0)
            body.append(polyline(columns[column], box=box, color=color, top=top, dash=dash))
    return frame_svg("".join(body), width=width, height=186, label=describe_trust(columns["trust"]))


def waterfall_steps(
    explanation: Explanation, *, most: int = 8
) -> list[tuple[str, float, float | None]]:
    """Return (feature, attribution, value) by size; what is left over is one last step."""
    rows = list(
        zip(explanation.features, explanation.attributions, explanation.values, strict=True)
    )
    rows.sort(key=lambda row: -abs(row[1]))
    steps: list[tuple[str, float, float | None]] = list(rows[:most])
    if len(rows) > most:
        steps.append((f"{len(rows) - most} others", sum(row[1] for row in rows[most:]), None))
    return steps


def waterfall_svg(explanation: Explanation | None, *, width: float = 560.0) -> str:
    """Return the attributions of one prediction as a waterfall in log-odds."""
    label = describe_explanation(explanation)
    if explanation is None:
        text = f'<text class="muted" x="8" y="24">{label}</text>'
        return frame_svg(text, width=width, height=40, label=label)
    steps = waterfall_steps(explanation)
    edges = [explanation.base]
    for _, weight, _ in steps:
        edges.append(edges[-1] + weight)
    low, high = min(edges), max(edges)
    scale = (width - 270) / ((high - low) or 1.0)
    body = [f'<text x="8" y="16">{escape(label)}</text>']
    for row, ((name, weight, value), start) in enumerate(zip(steps, edges, strict=False)):
        y = 28 + row * 20
        left = 210 + (min(start, start + weight) - low) * scale
        color = LEVELS[2].color if weight > 0 else LEARNER
        shown = escape(name) if value is None else f"{escape(name)} = {number(value)}"
        body.append(f'<text x="200" y="{y + 11}" text-anchor="end">{shown}</text>')
        body.append(
            f'<rect x="{left:.1f}" y="{y}" width="{max(abs(weight) * scale, 1):.1f}" '
            f'height="14" rx="2" fill="{color}"/>'
            f'<text x="{left + abs(weight) * scale + 5:.1f}" y="{y + 11}">{weight:+.2f}</text>'
        )
    return frame_svg("".join(body), width=width, height=34 + len(steps) * 20, label=label)


def before_after_svg(
    features: Sequence[str], before: Sequence[float], after: Sequence[float], *,
    width: float = 420.0, most: int = 6,
) -> str:  # fmt: skip
    """Return mean attributions per feature before (hollow) and after (filled) an update."""
    pairs = zip_longest(before, after, fillvalue=0.0)  # a model may have learnt of new features
    known = zip(features, pairs, strict=False)
    rows = sorted(((n, b, a) for n, (b, a) in known), key=lambda r: -max(r[1], r[2]))[:most]
    top = max((max(row[1], row[2]) for row in rows), default=1.0) or 1.0
    body = []
    for row, (name, old, new) in enumerate(rows):
        y = row * 24
        body.append(f'<text x="0" y="{y + 14}">{escape(name[:28])}</text>')
        for offset, value, fill in ((2, old, "none"), (11, new, LEARNER)):
            length = (width - 275) * value / top
            stroke = BASELINE if fill == "none" else LEARNER
            body.append(
                f'<rect x="180" y="{y + offset}" width="{max(length, 1):.1f}" height="7" '
                f'fill="{fill}" stroke="{stroke}"/>'
            )
        body.append(
            f'<text class="muted" x="{width:g}" y="{y + 14}" text-anchor="end">'
            f"{number(old)} → {number(new)}</text>"
        )
    label = "mean attribution before and after the update, " + ", ".join(str(r[0]) for r in rows)
    return frame_svg("".join(body), width=width, height=max(len(rows), 1) * 24, label=label)


def interval_svg(reputation: Reputation, *, width: float = 150.0) -> str:
    """Return the mean of a channel's reputation as a dot on its 90 % interval."""
    level = level_of(reputation.mean)
    left, dot, right = (
        6 + (width - 12) * p for p in (reputation.low, reputation.mean, reputation.high)
    )
    body = (
        f'<line class="axis" x1="6" x2="{width - 6:g}" y1="8" y2="8"/>'
        f'<line x1="{left:.1f}" x2="{right:.1f}" y1="8" y2="8" stroke="{level.color}" '
        f'stroke-width="3"/><circle cx="{dot:.1f}" cy="8" r="4.5" fill="{level.color}"/>'
    )
    label = f"{reputation.mean:.2f}, 90 % between {reputation.low:.2f} and {reputation.high:.2f}"
    return frame_svg(body, width=width, height=16, label=label)


def histogram_svg(values: Sequence[float], *, width: float = 480.0, bins: int = 20) -> str:
    """Return how often each trust value was seen, coloured and hatched by band."""
    counts = [0] * bins
    for value in values:
        counts[min(int(value * bins), bins - 1)] += 1
    top, step = max(counts, default=1) or 1, (width - 20) / bins
    bars = "".join(
        f'<rect x="{10 + at * step + 1:.1f}" y="{100 - 88 * count / top:.1f}" '
        f'width="{step - 2:.1f}" height="{88 * count / top:.1f}" '
        f'fill="url(#tam-{level_of((at + 0.5) / bins).name})"/>'
        for at, count in enumerate(counts)
        if count
    )
    ticks = "".join(
        f'<text class="muted" x="{10 + (width - 20) * p:.0f}" y="115" text-anchor="middle">'
        f"{p:g}</text>"
        for p in (0, 0.25, 0.5, 0.75, 1)
    )
    axis = f'<line class="axis" x1="10" x2="{width - 10:g}" y1="100" y2="100"/>'
    return frame_svg(
        hatch_defs() + bars + axis + ticks, width=width, height=120, label=describe_trust(values)
    )


def card_svg(lines: Sequence[str], *, width: float = 560.0) -> str:
    """Return a few lines of text in a frame, the first of them bold."""
    text = "".join(
        f'<text x="14" y="{24 + at * 18}" font-weight="{400 if at else 600}">{escape(line)}</text>'
        for at, line in enumerate(lines)
    )
    height = 20 + len(lines) * 18
    box = (
        f'<rect x=".5" y=".5" width="{width - 1:g}" height="{height - 1}" rx="6" '
        f'fill="none" stroke="{LIGHT["--tam-muted"]}"/>'
    )
    return frame_svg(box + text, width=width, height=height, label="; ".join(lines))
