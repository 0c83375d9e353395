"""What a cluster forgets and what came before, as HTML for the Causal screen."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from tam_workbench.engine.cluster import ClusterSummary, SeenBefore
from tam_workbench.records import Expiring, Hit
from tam_workbench.views import ledger, recurrence_frame, recurrence_line, recurrence_svg
from tam_workbench.views.forgetting import BY, described, left
from tam_workbench.views.markup import badge, empty, table

SHOWN = 4
"""Rows of evidence in each part."""

NO_CLUSTER = (
    "No cluster is watched: start with --source kubernetes:CONTEXT, or replay a recording with "
    "--source recorded:FILE (--speed 60 shows an hour in a minute)."
)
UNDATED = {"pod_deletion": "with its pod", "next_restart": "at a restart"}
"""What ends evidence of which nobody can say when, in a word or two."""

NOTHING_SOON = "Nothing of trouble is about to be forgotten."
NOT_ASKED = "How often the trouble came before appears here once an incident is chosen."


def standing(summaries: Sequence[ClusterSummary]) -> str:
    """Return how much is known of each cluster, a line each."""
    if not summaries:
        return empty(NO_CLUSTER)
    return "".join(_standing(one) for one in summaries)


def _standing(one: ClusterSummary) -> str:
    incidents = "1 incident" if one.incidents == 1 else f"{one.incidents} incidents"
    told = [
        badge(f"{sum(one.objects.values()):,} objects"),
        badge(f"{sum(one.facts.values()):,} facts"),
        badge(f"{one.edges:,} links"),
        badge(incidents, "warn" if one.incidents else "muted"),
        badge(f"gaps {one.gaps}", "bad" if one.gaps else "good"),
    ]
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:5px;align-items:center;margin:2px 0">'
        f"<b>{escape(one.cluster)}</b>{''.join(told)}</div>"
    )


def forgetting(told: Sequence[Expiring], now: datetime | None) -> str:
    """Return what is about to be forgotten with a countdown, what was kept, and what is lost."""
    known = ledger(told)
    soon = "".join(_soon(one, now) for one in known.soon[:SHOWN]) or empty(NOTHING_SOON)
    further = [f"{len(known.soon) - SHOWN} more"] if len(known.soon) > SHOWN else []
    further += [f"{known.plain} plain events, all saved"] if known.plain else []
    more = f'<p class="muted">and {" and ".join(further)}</p>' if further else ""
    return (
        f"<h2>kubectl forgets this in{_as_of(now)}</h2>{soon}{more}"
        f'<h3 style="margin-top:10px">Forgotten there, kept here: {len(known.kept)}</h3>'
        f"{''.join(_gone(one, 'good', '✓ kept') for one in known.kept[:SHOWN])}"
        f'<h3 style="margin-top:10px">Lost before anybody looked: {len(known.lost)}</h3>'
        f"{''.join(_gone(one, 'bad', '✗ lost') for one in known.lost[:SHOWN])}"
    )


def _as_of(now: datetime | None) -> str:
    """Return by which clock it is counted; it stands still where a recording has ended."""
    if now is None:
        return ""
    return f' <span class="muted" style="font-weight:400;font-size:12px">at {now:%H:%M:%S}</span>'


def _soon(one: Expiring, now: datetime | None) -> str:
    """Return one line: the countdown where somebody can date it, else what ends it."""
    is_dated = one.expires_at is not None and now is not None
    clock = left(one, now) if is_dated else UNDATED.get(one.expires_with, "some day")
    size = "20px" if is_dated and clock != "any moment" else "13px"
    saved = badge("✓ saved", "good") if one.is_saved else badge("✗ not saved", "bad")
    by = f", {BY.get(one.expires_with, one.expires_with)}" if is_dated else ""
    return (
        '<div class="card" style="display:grid;grid-template-columns:84px minmax(0,1fr) auto;'
        'gap:2px 10px;margin:0 0 6px;padding:6px 10px;align-items:center">'
        f'<div class="warn" style="font-size:{size};font-weight:600;line-height:1.2;'
        f'font-variant-numeric:tabular-nums">{escape(clock)}</div>'
        f"<div><b>{escape(described(one))}</b>"
        f'<div class="muted" style="overflow-wrap:anywhere">{escape(one.subject.path)}{by}</div>'
        f"</div>{saved}</div>"
    )


def _gone(one: Expiring, tone: str, word: str) -> str:
    return (
        f'<div class="log">{badge(word, tone)} {escape(described(one))} '
        f'<span class="muted">{escape(one.subject.path)}</span></div>'
    )


def recurrence(seen: SeenBefore | None, said: str = "") -> str:
    """Return how often it came before, on a line of time and in a table, and what helped."""
    if seen is None:
        return f"<h2>Has it happened before?</h2>{empty(said or NOT_ASKED)}"
    count = len(seen.incidents)
    word = badge("seen before", "warn") if count > 1 else badge("first time", "good")
    rows = table(
        recurrence_frame(seen).head(6), label="incidents of this workload",
        why_empty="It never happened before.",
    )  # fmt: skip
    others = f'<p class="muted">{_elsewhere(len(seen.elsewhere))}</p>' if seen.elsewhere else ""
    return (
        f"<h2>Has it happened before? {word}</h2><p>{escape(recurrence_line(seen))}</p>"
        f"{recurrence_svg(seen.incidents)}{rows}{others}{helped(seen.memories)}"
    )


def _elsewhere(count: int) -> str:
    return f"The like of it struck other workloads in {count} incident{'s' if count > 1 else ''}."


def helped(hits: Sequence[Hit]) -> str:
    """Return what was done about the like of it, and whether it helped."""
    done = [hit.entry for hit in hits if hit.entry.action][:3]
    if not done:
        told = empty("Memory knows of nothing that was done about the like of it.")
    else:
        words: dict[bool | None, tuple[str, str]] = {
            True: ("good", "✓ helped"),
            False: ("bad", "✗ did not help"),
        }
        told = "".join(
            f'<div class="log">{badge(one.action, "accent")} '
            f"{badge(*reversed(words.get(one.helped, ('muted', 'not checked'))))} "
            f'<span class="muted">{escape(one.text[:120])}</span></div>'
            for one in done
        )
    return f'<h3 style="margin-top:10px">What helped</h3>{told}'


def effect_of(chain: Mapping[str, Any]) -> str:
    """Return the id of the fact that a chain explains, empty without one."""
    return str(chain["steps"][-1]["id"]) if chain["steps"] else ""
