"""What a cluster is about to forget, what it has forgotten, and how often it all came before."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from tam_workbench.causal.correlator_incidents import TROUBLE, ClusterIncident
from tam_workbench.engine.cluster import SeenBefore
from tam_workbench.records import Expiring
from tam_workbench.views.causal import spoken
from tam_workbench.views.frames import Schema
from tam_workbench.views.svg import frame_svg
from tam_workbench.views.theme import MARKERS

BY: Final = {
    "next_restart": "at the next restart",
    "pod_deletion": "when the pod is deleted",
    "event_ttl": "when the event expires",
    "gap": "while nobody watched",
}
"""What makes a cluster forget, in words."""


def described(one: Expiring) -> str:
    """Return what would be forgotten, its kind as people say it."""
    kind, _, rest = one.what.partition(" ")
    known = kind in TROUBLE
    return f"{spoken(kind)} {rest}".rstrip().replace("exit code ", "exit ") if known else one.what


def countdown(seconds: float) -> str:
    """Return a time that is left, as a clock shows it.

    >>> countdown(41.2), countdown(3_725), countdown(200_000), countdown(-3)
    ('00:41', '1:02:05', '2 d 7 h', 'any moment')
    """
    if seconds <= 0:
        return "any moment"
    whole = int(seconds)
    if whole >= 86_400:
        return f"{whole // 86_400} d {whole % 86_400 // 3600} h"
    minutes = f"{whole % 3600 // 60:02}:{whole % 60:02}"
    return f"{whole // 3600}:{minutes}" if whole >= 3600 else minutes


def left(one: Expiring, now: datetime | None) -> str:
    """Return how long evidence is still to be had, or what ends it when nobody can date that."""
    if one.expires_at is None or now is None:
        return BY.get(one.expires_with, one.expires_with)
    return countdown((one.expires_at - now).total_seconds())


def forgetting_frame(told: Sequence[Expiring], now: datetime | None) -> pl.DataFrame:
    """Return one row a piece of evidence: how long it stays, what it is, whether it is saved."""
    rows = [
        (
            "gone" if one.is_gone else left(one, now),
            BY.get(one.expires_with, one.expires_with),
            described(one),
            one.subject.path,
            "saved" if one.is_saved else "lost",
        )
        for one in told
    ]
    schema: Schema = {
        "kubectl forgets in": pl.String, "it goes": pl.String, "what": pl.String,
        "of": pl.String, "here": pl.String,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def recurrence_frame(seen: SeenBefore) -> pl.DataFrame:
    """Return one row an incident, the newest first: when, how long, how often, what."""
    gaps = [None, *seen.gaps_s]
    rows = [
        (
            f"{one.first_at:%m\u2011%d\u00a0%H:%M}",
            span((one.last_at - one.first_at).total_seconds()),
            one.count,
            span(gap) if gap is not None else "first seen",
            ", ".join(f"{spoken(kind)} {count}" for kind, count in one.counts.items()),
        )
        for one, gap in zip(seen.incidents, gaps, strict=False)
    ]
    schema: Schema = {
        "began": pl.String, "lasted": pl.String, "times": pl.Int64, "quiet before": pl.String,
        "what": pl.String,
    }  # fmt: skip
    return pl.DataFrame(rows[::-1], schema=schema, orient="row")


def span(seconds: float) -> str:
    """Return a length of time in its two largest units.

    >>> span(0.4), span(75), span(7_320), span(180_000)
    ('0 s', '1 min 15 s', '2 h 2 min', '2 d 2 h')
    """
    whole = int(seconds)
    for size, unit, inner, inner_unit in (
        (86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"),
    ):  # fmt: skip
        if whole >= size:
            rest = whole % size // inner
            return (
                f"{whole // size} {unit} {rest} {inner_unit}" if rest else f"{whole // size} {unit}"
            )
    return f"{whole} s"


def recurrence_line(seen: SeenBefore) -> str:
    """Return in one sentence how often it came, and what helped."""
    count = len(seen.incidents)
    if not count or seen.first_at is None or seen.last_at is None:
        return f"{seen.workload.path}: never before."
    times = "once" if seen.times == 1 else f"{seen.times} times"
    incidents = "1 incident" if count == 1 else f"{count} incidents"
    again = "seen before" if count > 1 else "the first time"
    until = "%H:%M" if seen.first_at.date() == seen.last_at.date() else "%Y-%m-%d %H:%M"
    return (
        f"{seen.workload.path}: {again}, {times} in {incidents}, "
        f"from {seen.first_at:%Y-%m-%d %H:%M} to {seen.last_at:{until}}."
    )


def recurrence_svg(incidents: Sequence[ClusterIncident], *, width: float = 360.0) -> str:
    """Return incidents on a line of time, each as wide as it lasted; one alone needs no line."""
    if len(incidents) < 2:
        return ""
    begin, end = incidents[0].first_at, max(one.last_at for one in incidents)
    whole = max((end - begin).total_seconds(), 1.0)
    color, body = MARKERS["incident"][0], [f'<path class="axis" d="M8 30H{width - 8:g}"/>']
    for one in incidents:
        x = 12 + (width - 30) * (one.first_at - begin).total_seconds() / whole
        wide = max(6.0, (width - 30) * (one.last_at - one.first_at).total_seconds() / whole)
        body.append(
            f'<rect x="{x:.1f}" y="22" width="{min(wide, width - 10 - x):.1f}" height="16" rx="3" '
            f'fill="{color}"><title>{one.first_at:%Y-%m-%d %H:%M}: {one.count} times</title></rect>'
        )
    ends = ((8.0, "start", begin), (width - 8, "end", end))
    form = "%H:%M" if end - begin < timedelta(hours=20) else "%m-%d %H:%M"
    body += [
        f'<text class="muted" x="{x:g}" y="54" text-anchor="{side}">{format(at, form)}</text>'
        for x, side, at in ends
    ]
    label = f"{len(incidents)} incidents between {begin:%Y-%m-%d %H:%M} and {end:%Y-%m-%d %H:%M}"
    return frame_svg("".join(body), width=width, height=60, label=label)
