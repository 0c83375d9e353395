"""Records to HTML fragments for the dashboard; everything from outside is escaped."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape

import polars as pl

from tam_workbench.records import (
    Event,
    Health,
    Hit,
    Pulse,
    Reputation,
    UpdateDecision,
    UpdateVerdict,
)
from tam_workbench.views.remembering import score_parts
from tam_workbench.views.summaries import number
from tam_workbench.views.svg import before_after_svg, interval_svg
from tam_workbench.views.theme import level_of

TONES = {
    UpdateDecision.COMMIT: ("good", "✓ committed"),
    UpdateDecision.REFUSE: ("bad", "✗ refused"),
    UpdateDecision.ROLL_BACK: ("warn", "↺ rolled back"),
}
"""How each decision on a model update is shown."""


LONG = frozenset({"body", "text", "excerpt", "reason", "reasons", "response"})
"""Columns of free text, which may break anywhere."""


def empty(why: str) -> str:
    """Return an empty state that says in words why there is nothing."""
    return f'<div class="empty">{escape(why)}</div>'


def badge(text: str, tone: str = "muted") -> str:
    """Return a small framed word.

    >>> badge("a<b")
    '<span class="badge muted">a&lt;b</span>'
    """
    return f'<span class="badge {tone}">{escape(text)}</span>'


def trust_badge(trust: float | None) -> str:
    """Return trust as sign, figure and colour."""
    if trust is None:
        return badge("unscored")
    level = level_of(trust)
    tone = {"trusted": "good", "doubtful": "warn", "distrusted": "bad"}[level.name]
    return badge(f"{level.sign} {trust:.2f}", tone)


def clock(at: datetime | None) -> str:
    """Return hours, minutes and seconds in UTC."""
    return at.strftime("%H:%M:%S") if at else "-"


def cell(value: object) -> str:
    """Return one table cell's text, escaped."""
    if isinstance(value, datetime):
        return clock(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, int):
        return f"{value:,}"
    return "-" if value is None else escape(str(value))


def table(frame: pl.DataFrame, *, label: str, why_empty: str = "Nothing yet.") -> str:
    """Return a frame as a table, or in words why it is empty."""
    if frame.is_empty():
        return empty(why_empty)
    numeric = [dtype.is_numeric() for dtype in frame.dtypes]
    classes = [
        ' class="num"' if is_number else ' class="long"' if name in LONG else ""
        for name, is_number in zip(frame.columns, numeric, strict=True)
    ]
    head = "".join(
        f'<th scope="col"{css}>{escape(name)}</th>'
        for name, css in zip(frame.columns, classes, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(f"<td{css}>{cell(v)}</td>" for v, css in zip(row, classes, strict=True))
        + "</tr>"
        for row in frame.iter_rows()
    )
    return (
        f'<table aria-label="{escape(label, quote=True)}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def kpi(name: str, value: str, note: str = "", tone: str = "") -> str:
    """Return one figure of the strip."""
    return (
        f'<div class="kpi"><div class="name">{escape(name)}</div>'
        f'<div class="value {tone}">{escape(value)}</div>'
        f'<div class="note" title="{escape(note, quote=True)}">{escape(note) or "&nbsp;"}</div>'
        "</div>"
    )


def kpis(pulse: Pulse | None, health: Health, *, memories: str, drift: str, pending: int) -> str:
    """Return the strip of six figures above the live charts."""
    if pulse is None:
        trust = kpi("Trust", "-", "no tick has arrived yet")
        chance = kpi("Incident probability", "-", "no tick has arrived yet")
    else:
        level = level_of(pulse.trust)
        tone = {"trusted": "good", "doubtful": "warn", "distrusted": "bad"}[level.name]
        note = f"{level.name}, lowest {pulse.trust_low:.2f}"
        trust = kpi("Trust", f"{level.sign} {pulse.trust:.2f}", note, tone)
        alarm = "bad" if pulse.probability >= 0.5 else ""
        waiting = f"{pending} waiting for you" if pending else "no approval waits"
        chance = kpi("Incident probability", f"{pulse.probability:.2f}", waiting, alarm)
    healthy = "good" if health.breaker.lower() == "closed" else "bad"
    quarantined = f"{health.rows_quarantined:,} of {health.rows_in:,} quarantined"
    cells = [
        trust, chance,
        kpi("Drift", drift.partition(":")[0], drift.partition(":")[2].strip(), "accent"),
        kpi("Breaker", health.breaker.replace("_", " "), _running(health), healthy),
        kpi("Memories", memories, "entries kept"),
        kpi("Events / s", number(health.events_per_s), quarantined),
    ]  # fmt: skip
    return (
        '<h1 class="hidden">Live</h1><div class="kpis" role="group" aria-label="key figures">'
        f"{''.join(cells)}</div>"
    )


def _running(health: Health) -> str:
    if health.is_paused:
        return "loop paused"
    return "loop running" if health.is_running else "loop stopped"


def chart_head(title: str, sentence: str, legend: Sequence[tuple[str, str, str]] = ()) -> str:
    """Return a chart's title, its legend as (colour, dash, name), and its text summary."""
    dashes = {"dashed": "5 3", "dotted": "1.5 3"}
    keys = "".join(
        f'<span class="nowrap"><svg width="24" height="8" style="display:inline-block" '
        f'aria-hidden="true"><line x1="0" x2="24" y1="4" y2="4" stroke="{color}" stroke-width="2" '
        f'stroke-dasharray="{dashes.get(dash, "")}"/></svg> {escape(name)}</span>'
        for color, dash, name in legend
    )
    return (
        f'<div class="head"><h3>{escape(title)}</h3>{keys}'
        f'<span class="muted">{escape(sentence)}</span></div>'
    )


def log_ticker(events: Sequence[Event]) -> str:
    """Return log lines, newest first, with trust and reasons."""
    if not events:
        return empty("No log line yet: the ticker shows a sample, and every ERROR.")
    return "".join(
        f'<div class="log"><span class="muted mono">{clock(event.observed_at)}</span> '
        f"{trust_badge(event.trust)} <b>{escape(event.service)}</b> {escape(event.body[:220])}"
        + (
            f' <span class="muted">({escape(", ".join(event.reasons))})</span>'
            if event.reasons
            else ""
        )
        + "</div>"
        for event in reversed(events)
    )


def reputations(items: Sequence[Reputation]) -> str:
    """Return channels with their reputation and its interval, the least trusted first."""
    if not items:
        return empty("No channel has sent anything yet.")
    rows = "".join(
        f"<tr><td>{escape(item.source)}</td><td>{trust_badge(item.mean)}</td>"
        f"<td>{interval_svg(item)}</td><td class='num'>{item.low:.2f} to {item.high:.2f}</td>"
        f"<td class='num'>{item.rows:,}</td></tr>"
        for item in sorted(items, key=lambda item: item.mean)
    )
    return (
        '<table aria-label="reputation of each channel"><thead><tr><th>channel</th>'
        "<th>reputation</th><th>0 … 1</th><th class='num'>90 % interval</th>"
        f"<th class='num'>rows</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def bars(counts: Mapping[str, float], *, label: str, unit: str = "", why_empty: str = "") -> str:
    """Return named figures as horizontal bars with their numbers."""
    if not any(counts.values()):
        return empty(why_empty or "Nothing to count yet.")
    top = max(counts.values())
    rows = "".join(
        f"<tr><td class='nowrap'>{escape(name)}</td><td style='width:55%'>"
        f"<span class='bar' style='width:{100 * value / top:.1f}%'></span></td>"
        f"<td class='num'>{number(value)}{unit}</td></tr>"
        for name, value in sorted(counts.items(), key=lambda item: -item[1])
    )
    return f'<table aria-label="{escape(label, quote=True)}"><tbody>{rows}</tbody></table>'


def update_card(update: UpdateVerdict) -> str:
    """Return a model update: the decision, why, and attributions before and after."""
    tone, word = TONES[update.decision]
    reasons = "".join(f"<p>{escape(reason)}</p>" for reason in update.reasons)
    measured = " · ".join(f"{escape(k)} {number(v)}" for k, v in update.measured.items())
    picture = ""
    if update.features:
        picture = (
            '<p class="muted">mean |attribution|: hollow before, filled after</p>'
            + before_after_svg(update.features, update.before, update.after)
        )
    return (
        f'<div class="card"><div class="head"><h3>version {update.version}</h3>'
        f'{badge(word, tone)}<span class="muted">tick {update.tick:,}</span></div>'
        f'{reasons}<p class="muted">{measured}</p>{picture}</div>'
    )


def hit_card(hit: Hit) -> str:
    """Return a recalled memory with the parts of its score, its tier and what came of it."""
    entry = hit.entry
    outcome = {
        True: ("good", "✓ helped"),
        False: ("bad", "✗ did not help"),
        None: ("muted", "not checked"),
    }
    tone, word = outcome[entry.helped]
    action = f"{badge(entry.action, 'accent')} {badge(word, tone)}" if entry.action else ""
    parts = "".join(
        f"<tr><td class='nowrap'>{escape(name)}</td><td style='width:60%'><span class='bar' "
        f"style='width:{max(0.0, min(1.0, part)) * 100:.0f}%'></span></td>"
        f"<td class='num'>{part:.2f}</td></tr>"
        for name, part in score_parts(hit.parts)
    )
    return (
        f'<div class="card"><div class="head"><h3>{hit.score:.2f}</h3>{badge(entry.tier.value)}'
        f"{badge(entry.kind)}<b>{escape(entry.service)}</b>"
        f'<span class="muted">{entry.created_at:%Y-%m-%d %H:%M} · {entry.count} times</span></div>'
        f"<p>{escape(entry.text)}</p><p>{action} {trust_badge(entry.trust)}</p>"
        f'<table aria-label="parts of the score"><tbody>{parts}</tbody></table></div>'
    )
