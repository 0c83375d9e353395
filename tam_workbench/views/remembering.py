"""Memory as pictures: an answer with its score parts, the map, ties and contradictions."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any, Final

import numpy as np
import polars as pl

from tam_workbench.memory import Contradiction, Posterior
from tam_workbench.records import Edge, MemoryEntry, Recalled, Tier
from tam_workbench.views.frames import Schema
from tam_workbench.views.svg import frame_svg
from tam_workbench.views.theme import LEARNER, LIGHT

TIERS: Final = {
    Tier.SHORT_TERM: ("#7d8796", "circle"),
    Tier.WORKING: ("#d9822b", "triangle"),
    Tier.EPISODIC: ("#2f7ed8", "square"),
    Tier.SEMANTIC: ("#0f9d76", "diamond"),
    Tier.LONG_TERM: ("#8a63d2", "star"),
}
"""Colour and shape of each tier; never colour alone."""

SIZES: Final = {"circle": 10, "triangle": 11, "square": 10, "diamond": 15, "star": 16}
"""Pixels at which each shape looks as large as the others."""

SAID: Final = {
    "similarity": "likeness",
    "words": "words",
    "relevance": "all columns together",
    "consensus": "agreement of columns",
    "outcome": "helped before",
    "trust": "trust",
    "recency": "recency",
}
"""How the parts of a score are named, in the order they are shown."""

_LISTED: Final = 5
"""Hits in a static picture and in lines of text."""

_MAPPED: Final = 1500
"""Entries drawn on the map; of more, the ones seen last."""

MAP_COLUMNS: Final = ("x", "y", "color", "shape", "size", "tier", "kind", "service", "text", "id")


def verdict(found: Recalled) -> str:
    """Return in one sentence whether this was seen before, and how sure that is."""
    if not found.hits:
        return "Nothing is remembered that could be like it."
    agree = f"{len(found.columns)} columns agree {found.consensus:.2f}"
    seen = f"memory version {found.version}"
    if found.is_abstained:
        sure = f"New to me (confidence {found.confidence:.2f} that the nearest is it)"
        return f"{sure}: {agree}, {seen}."
    return f"Seen before, confidence {found.confidence:.2f}: {agree}, {seen}."


def recall_card(found: Recalled | None, *, asked: str = "") -> dict[str, Any]:
    """Return an answer as plain values, for the widget."""
    if found is None:
        return {"asked": asked, "verdict": "", "is_new": False, "hits": []}
    return {
        "asked": asked,
        "verdict": verdict(found),
        "is_new": found.is_abstained,
        "hits": [_hit_row(hit.entry, hit.score, hit.parts) for hit in found.hits],
    }


def score_parts(parts: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return the parts of a score with their spoken names, in order; ranks are left out.

    >>> score_parts({"rank_text": 1.0, "trust": 0.9, "similarity": 0.5})
    [('likeness', 0.5), ('trust', 0.9)]
    """
    return [(said, float(parts[name])) for name, said in SAID.items() if name in parts]


def _hit_row(entry: MemoryEntry, score: float, parts: Mapping[str, float]) -> dict[str, Any]:
    return {
        "id": entry.id,
        "score": round(score, 4),
        "text": entry.text,
        "service": entry.service,
        "kind": entry.kind,
        "tier": entry.tier.value.replace("_", " "),
        "when": f"{entry.created_at:%Y-%m-%d %H:%M}",
        "count": entry.count,
        "action": entry.action,
        "helped": entry.helped,
        "parts": [[name, round(part, 4)] for name, part in score_parts(parts)],
    }


def recall_lines(card: Mapping[str, Any]) -> tuple[str, ...]:
    """Return an answer as lines of text, for places without scripts."""
    if not card["asked"]:
        return ("Ask memory: nothing was asked yet.",)
    lines = [f"Asked: {shortened(card['asked'], 84)}", card["verdict"]]
    lines += [
        shortened(f"{hit['score']:.2f} {_headline(hit)}: {hit['text']}", 92)
        for hit in card["hits"][:_LISTED]
    ]
    return tuple(lines)


def recall_svg(card: Mapping[str, Any], *, width: float = 640.0) -> str:
    """Return an answer as a picture: the verdict, and each hit with the bar of its score."""
    lines, hits = recall_lines(card), card["hits"][:_LISTED]
    height = 46.0 + 38.0 * len(hits) if card["asked"] else 36.0
    ground = f"fill:{_css('--tam-surface')};stroke:{_css('--tam-line')}"
    size = f'width="{width - 1:g}" height="{height - 1:g}"'
    body = [f'<rect x=".5" y=".5" {size} rx="6" style="{ground}"/>']
    body.append(f'<text x="14" y="22" style="font-weight:600">{escape(lines[0])}</text>')
    if card["asked"]:
        tone = _css("--tam-warn" if card["is_new"] else "--tam-good")
        body.append(f'<text x="14" y="39" style="fill:{tone}">{escape(lines[1])}</text>')
    for row, hit in enumerate(hits):
        y = 58 + 38 * row
        bar = 64.0 * max(0.0, min(1.0, hit["score"]))
        body.append(
            f'<rect x="14" y="{y - 9}" width="{bar:.1f}" height="9" rx="2" fill="{LEARNER}"/>'
            f'<text x="110" y="{y}" text-anchor="end">{hit["score"]:.2f}</text>'
            f'<text x="120" y="{y}" style="font-weight:600">{escape(_headline(hit))}</text>'
            f'<text class="muted" x="120" y="{y + 15}">'
            f"{escape(shortened(hit['text'], 88))}</text>"
        )
    return frame_svg("".join(body), width=width, height=height, label="; ".join(lines))


def shortened(text: str, most: int) -> str:
    r"""Return the beginning of a text on one line.

    >>> shortened("a long\n  sentence", 8)
    'a long…'
    """
    flat = " ".join(text.split())
    return flat if len(flat) <= most else f"{flat[: most - 1].rstrip()}…"


def times(count: int) -> str:
    """Return how often something was seen.

    >>> times(1), times(12)
    ('seen once', 'seen 12 times')
    """
    return "seen once" if count == 1 else f"seen {count:,} times"


def _css(name: str) -> str:
    """Return the page's colour, or the light one where the page has none."""
    return f"var({name},{LIGHT[name]})"


def _headline(hit: Mapping[str, Any]) -> str:
    helped = {True: " ✓ helped", False: " ✗ did not help", None: ""}[hit["helped"]]
    done = f", {hit['action']}{helped}" if hit["action"] else ""
    return f"{hit['service'] or 'no service'}, {hit['kind']} {times(hit['count'])}{done}"


def memory_map(entries: Sequence[MemoryEntry]) -> dict[str, list[Any]]:
    """Return columns of a map where what is alike lies near: the two main axes of the vectors.

    Principal components of the centred vectors; the axes have no unit. Fewer than three entries
    give no map.
    """
    chosen = list(entries)[:_MAPPED]
    columns: dict[str, list[Any]] = {name: [] for name in MAP_COLUMNS}
    if len(chosen) < 3 or len({len(entry.vector) for entry in chosen}) > 1:
        return columns
    rows = np.array([entry.vector for entry in chosen], np.float64)
    rows -= rows.mean(axis=0)
    left, spread, _ = np.linalg.svd(rows, full_matrices=False)
    place = left[:, :2] * spread[:2]
    if place.shape[1] < 2:
        place = np.column_stack([place, np.zeros(len(place))])
    for entry, (x, y) in zip(chosen, place, strict=True):
        color, shape = TIERS[entry.tier]
        told = (x, y, color, shape, SIZES[shape], entry.tier.value.replace("_", " "), entry.kind)
        texts = (entry.service or "-", " ".join(entry.text.split())[:160], entry.id[:12])
        for name, value in zip(MAP_COLUMNS, (*told, *texts), strict=True):
            columns[name].append(value)
    return columns


def contradiction_frame(
    found: Iterable[Contradiction], names: Mapping[str, str] | None = None
) -> pl.DataFrame:
    """Return one row a contradiction: where an action helps, and where it does not."""
    known = names or {}
    rows = [
        (
            one.action, f"{one.feature} is {one.value}", _tries(one.here), _tries(one.elsewhere),
            one.q, known.get(one.signature, one.signature[:12]),
        )
        for one in found
    ]  # fmt: skip
    schema: Schema = {
        "action": pl.String, "where": pl.String, "helps there": pl.String,
        "helps elsewhere": pl.String, "chance (q)": pl.Float64, "of": pl.String,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def _tries(seen: Posterior) -> str:
    tried = int(seen.tried)
    return f"{seen.mean:.0%} of {tried} {'try' if tried == 1 else 'tries'}"


def felt_frame(felt: Mapping[str, float], names: Mapping[str, str]) -> pl.DataFrame:
    """Return one row a thing that a memory brings to mind, the strongest first."""
    rows = sorted(felt.items(), key=lambda item: -abs(item[1]))
    return pl.DataFrame(
        [(names.get(name, name), weight) for name, weight in rows], orient="row",
        schema={"brings to mind": pl.String, "strength": pl.Float64},
    )  # fmt: skip


def tie_frame(edges: Sequence[Edge], names: Mapping[str, str]) -> pl.DataFrame:
    """Return one row an edge of the knowledge graph, memories by the beginning of their text."""
    rows = [
        (
            f"{edge.observed_at:%m-%d\u00a0%H:%M}", names.get(edge.cause, edge.cause),
            edge.relation, names.get(edge.effect, edge.effect), edge.confidence,
            len(edge.evidence),
        )
        for edge in edges
    ]  # fmt: skip
    schema: Schema = {
        "since": pl.String, "from": pl.String, "relation": pl.String, "to": pl.String,
        "confidence": pl.Float64, "evidence": pl.Int64,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def moment(text: str) -> datetime | None:
    """Return the time somebody typed, None for nothing.

    Raises
    ------
    ValueError
        It is no time in ISO 8601.

    >>> moment("2026-01-10T23:19Z").isoformat()
    '2026-01-10T23:19:00+00:00'
    """
    from datetime import UTC

    if not text.strip():
        return None
    at = datetime.fromisoformat(text.strip())
    return at if at.tzinfo else at.replace(tzinfo=UTC)
