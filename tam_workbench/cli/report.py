"""A board's report: one self-contained page or a Markdown file, with plots that fit both themes."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from tam_workbench.errors import SettingsError
from tam_workbench.views.svg import frame_svg
from tam_workbench.views.theme import ANOMALY, BASELINE, LEARNER, TELEMETRY

Rows = Sequence[Mapping[str, Any]]

KINDS: Final = {
    "ours": (LEARNER, "circle"),
    "asked": (TELEMETRY, "circle"),
    "peer": (ANOMALY, "square"),
    "trivial": (BASELINE, "diamond"),
    "published": (ANOMALY, "ring"),
}
"""Kind of detector to its colour and mark; never colour alone."""

_DARK: Final = (
    "--tam-text:#e6e9ef;--tam-muted:#a3adbb;--tam-line:#3a4250;--tam-page:#14181f;color-scheme:dark"
)
_THEME: Final = (
    ":root{--tam-text:#1d2430;--tam-muted:#5a6472;--tam-line:#d9dee6;--tam-page:#fff;"
    f"color-scheme:light}}@media(prefers-color-scheme:dark){{:root{{{_DARK}}}}}"
)
_PAGE: Final = (
    "body{font:14px/1.5 Roboto,system-ui,sans-serif;margin:2rem auto;max-width:72rem;"
    "padding:0 1rem;color:var(--tam-text);background:var(--tam-page)}table{border-collapse:"
    "collapse;display:block;overflow-x:auto}th,td{border-bottom:1px solid var(--tam-line);"
    "padding:.25rem .6rem;text-align:left;font-variant-numeric:tabular-nums}"
    "svg{max-width:100%;height:auto}footer{color:var(--tam-muted);word-break:break-all}"
)


def write(path: Path, rows: Rows, *, title: str) -> None:
    """Write the report of some lines as HTML or Markdown, by the file's ending.

    Markdown keeps its plots as SVG files beside it, since hosts strip what stands in the text.
    """
    if path.suffix not in {".html", ".md"}:
        raise SettingsError(f"--report {path}: the name must end in .html or .md")
    path.parent.mkdir(parents=True, exist_ok=True)
    sections = [
        _section(name, [row for row in rows if row.get("board", title) == name])
        for name in dict.fromkeys(row.get("board", title) for row in rows)
    ]
    is_page = path.suffix == ".html"
    text = _html(title, sections) if is_page else _markdown(path, title, sections)
    path.write_text(text, "utf-8")


def pivot(
    rows: Rows, *, measures: Sequence[str] | None = None, has_intervals: bool = True
) -> list[dict[str, object]]:
    """Return one row a detector and one column a measure; None takes all measures and the note.

    >>> line = {"detector": "ewma", "kind": "trivial", "mode": "streaming", "note": "",
    ...         "measure": "f1", "value": 0.5, "low": 0.25, "high": 0.75}
    >>> pivot([line], measures=["f1"])
    [{'detector': 'ewma', 'kind': 'trivial', 'f1': '0.5 [0.25, 0.75]'}]
    """
    shown = list(dict.fromkeys(row["measure"] for row in rows)) if measures is None else measures
    found: dict[str, dict[str, object]] = {}
    for row in rows:
        kind = row["kind"] if row["mode"] == "streaming" else f"{row['kind']}, {row['mode']}"
        line = found.setdefault(
            row["detector"],
            {"detector": row["detector"], "kind": kind, **dict.fromkeys(shown, "-")},
        )
        if row["measure"] in shown:
            line[row["measure"]] = _figure(row, has_interval=has_intervals)
        if measures is None:
            line["note"] = row["note"]
    return list(found.values())


def _figure(row: Mapping[str, Any], *, has_interval: bool) -> str:
    if row["value"] is None:
        return "-"
    is_bare = row["low"] is None or not has_interval
    return f"{row['value']:.4g}" + ("" if is_bare else f" [{row['low']:.3g}, {row['high']:.3g}]")


def dots_svg(rows: Rows, *, measure: str, width: float = 720.0) -> str:
    """Return one measure of all detectors as marks on their intervals, best first."""
    told = [row for row in rows if row["measure"] == measure and row["value"] is not None]
    told.sort(key=lambda row: -row["value"])
    goal = next((row["goal"] for row in told if row["goal"] is not None), None)
    ends = [row[end] for row in told for end in ("low", "high", "value") if row[end] is not None]
    low, high = min([0.0, *ends]), max([*ends, goal or 0.0, 1e-9])
    left, right = 220.0, width - 70.0

    def place(value: float) -> float:
        return float(left + (right - left) * (value - low) / (high - low))

    height = 34.0 + 20.0 * len(told)
    body = [
        f"<style>{_THEME}</style>",
        f'<text x="0" y="14" style="font-weight:600">{escape(measure)}</text>',
    ]
    if goal is not None:
        x = place(goal)
        body.append(
            f'<line class="axis" stroke-dasharray="4 3" x1="{x:.1f}" x2="{x:.1f}" y1="22" '
            f'y2="{height:g}"/><text class="muted" x="{x:.1f}" y="16" text-anchor="middle">'
            f"goal {goal:g}</text>"
        )
    for at, row in enumerate(told):
        body.append(_mark(row, place, y=34.0 + 20.0 * at, left=left, width=width))
    says = "; ".join(f"{row['detector']} {row['value']:.3g}" for row in told)
    return frame_svg("".join(body), width=width, height=height, label=f"{measure}: {says}")


def _mark(row: Mapping[str, Any], place: Any, *, y: float, left: float, width: float) -> str:  # noqa: ANN401
    color, mark = KINDS.get(row["kind"], (BASELINE, "circle"))
    x = place(row["value"])
    name = row["detector"].removesuffix(" (published)")
    shapes = {
        "circle": f'<circle cx="{x:.1f}" cy="{y:g}" r="5" fill="{color}"/>',
        "ring": f'<circle cx="{x:.1f}" cy="{y:g}" r="4.5" fill="none" stroke="{color}" '
        'stroke-width="2"/>',
        "square": f'<rect x="{x - 4.5:.1f}" y="{y - 4.5:g}" width="9" height="9" fill="{color}"/>',
        "diamond": f'<path d="M{x:.1f} {y - 6:g}l6 6-6 6-6-6z" fill="{color}"/>',
    }
    line = ""
    if row["low"] is not None:
        line = (
            f'<line x1="{place(row["low"]):.1f}" x2="{place(row["high"]):.1f}" y1="{y:g}" '
            f'y2="{y:g}" stroke="{color}" stroke-width="2"/>'
        )
    weight = 600 if row["kind"] == "ours" else 400
    return (
        f'<text x="{left - 12:g}" y="{y + 4:g}" text-anchor="end" style="font-weight:{weight}">'
        f"{escape(name)}</text>{line}{shapes[mark]}"
        f'<text class="muted" x="{width:g}" y="{y + 4:g}" text-anchor="end">'
        f"{row['value']:.3g}</text>"
    )


class _Section:
    """One board: its table, its plots by measure, and what its results depend on."""

    def __init__(self, name: str, rows: Rows) -> None:
        self.name = name
        self.is_scored = all("measure" in row for row in rows)
        self.table = pivot(rows) if self.is_scored else [dict(row) for row in rows]
        self.plots: dict[str, str] = {}
        self.origin = ""
        if self.is_scored:
            plotted = [row["measure"] for row in rows if row["goal"] is not None]
            first = [rows[0]["measure"]] if rows else []
            for measure in dict.fromkeys(plotted or first):
                self.plots[measure] = dots_svg(rows, measure=measure)
            self.origin = _origin(rows)


def _section(name: str, rows: Rows) -> _Section:
    return _Section(name, rows)


def _origin(rows: Rows) -> str:
    own = [row for row in rows if row["kind"] != "published"]
    if not own:
        return "published figures only"
    row = own[0]
    return (
        f"version {row['version']}, {row['files']} files, up to {max(r['seeds'] for r in own)} "
        f"seeds (the first is 0), settings {row['settings']}, data sha256 {row['data_sha256']}; "
        "intervals: 95 %, bootstrap over files and seeds at the threshold of the whole board"
    )


def _html(title: str, sections: Sequence[_Section]) -> str:
    head = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width"><title>{escape(title)}</title>'
        f"<style>{_THEME}{_PAGE}</style><h1>{escape(title)}</h1>{_legend()}"
    )
    parts = [head]
    for section in sections:
        parts.append(f"<h2>{escape(section.name)}</h2>{''.join(section.plots.values())}")
        parts.append(_html_table(section.table))
        parts.append(f"<footer>{escape(section.origin)}</footer>")
    return "\n".join(parts) + "</html>\n"


def _legend() -> str:
    words = "ours ●, asked ●, trivial ◆, peer ■, published ○ (read, not run here)"
    return f"<p>{words}. A batch detector has seen the whole file before it scores it.</p>"


def _html_table(rows: Sequence[Mapping[str, object]]) -> str:
    if not rows:
        return "<p>nothing</p>"
    head = "".join(f"<th>{escape(str(name))}</th>" for name in rows[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(_words(value))}</td>" for value in row.values()) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _markdown(path: Path, title: str, sections: Sequence[_Section]) -> str:
    parts = [f"# {title}"]
    for section in sections:
        parts.append(f"## {section.name}")
        for measure, svg in section.plots.items():
            word = "".join(c if c.isalnum() else "_" for c in measure)
            plot = path.with_name(f"{path.stem}_{section.name}_{word}.svg")
            plot.write_text(svg, "utf-8")
            parts.append(f"![{section.name}, {measure}]({plot.name})")
        if section.table:
            names = list(section.table[0])
            lines = [names, ["---"] * len(names)]
            lines += [[_words(value) for value in row.values()] for row in section.table]
            parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
        parts.append(section.origin)
    return "\n\n".join(part for part in parts if part) + "\n"


def _words(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value).replace("|", "/").replace("\n", " ")
