"""Memory as pictures: an answer with its score parts, the map, ties and contradictions."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
import polars as pl

from tam_workbench.memory import Contradiction
from tam_workbench.records import TIME, Edge, MemoryEntry, Recalled, Tier
from tam_workbench.views.frames import Schema

TIERS: Final = {
    Tier.SHORT_TERM: ("#7d8796", "circle"),
    Tier.WORKING: ("#d9822b", "triangle"),
    Tier.EPISODIC: ("#2f7ed8", "square"),
    Tier.SEMANTIC: ("#0f9d76", "diamond"),
    Tier.LONG_TERM: ("#8a63d2", "star"),
}
"""Colour and shape of each tier; never colour alone."""

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

_MAPPED: Final = 1500
"""Entries drawn on the map; of more, the ones seen last."""

MAP_COLUMNS: Final = ("x", "y", "color", "shape", "tier", "kind", "service", "text", "id")


def verdict(found: Recalled) -> str:
    """Return in one sentence whether this was seen before, and how sure that is."""
    if not found.hits:
        return "Nothing is remembered that could be like it."
    agree = f"{len(found.columns)} columns agree {found.consensus:.2f}"
    seen = f"memory version {found.version}"
    if found.is_abstained:
        return (
            f"New to me (confidence {found.confidence:.2f} that the best is it): {agree}, {seen}."
        )
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
    lines = [f"Asked: {card['asked'][:70]}", card["verdict"][:92]]
    for hit in card["hits"][:5]:
        helped = {True: ", helped", False: ", did not help", None: ""}[hit["helped"]]
        done = f" [{hit['action']}{helped}]" if hit["action"] else ""
        text = " ".join(hit["text"].split())
        lines.append(f"{hit['score']:.2f} {hit['service']} x{hit['count']}{done}: {text}"[:92])
    return tuple(lines)


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
        told = (x, y, color, shape, entry.tier.value.replace("_", " "), entry.kind)
        texts = (entry.service or "-", " ".join(entry.text.split())[:160], entry.id[:12])
        for name, value in zip(MAP_COLUMNS, (*told, *texts), strict=True):
            columns[name].append(value)
    return columns


def contradiction_frame(found: Iterable[Contradiction]) -> pl.DataFrame:
    """Return one row a contradiction: where an action helps, and where it does not."""
    rows = [
        (
            one.action, f"{one.feature} is {one.value}", one.here.mean, one.elsewhere.mean,
            int(one.here.tried), int(one.elsewhere.tried), one.q, one.signature[:12],
        )
        for one in found
    ]  # fmt: skip
    schema: Schema = {
        "action": pl.String, "where": pl.String, "helps there": pl.Float64,
        "helps elsewhere": pl.Float64, "tried there": pl.Int64, "tried elsewhere": pl.Int64,
        "chance (q)": pl.Float64, "signature": pl.String,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def tie_frame(edges: Sequence[Edge], names: Mapping[str, str]) -> pl.DataFrame:
    """Return one row an edge of the knowledge graph, memories by the beginning of their text."""
    rows = [
        (
            edge.observed_at, names.get(edge.cause, edge.cause), edge.relation,
            names.get(edge.effect, edge.effect), edge.confidence, len(edge.evidence),
        )
        for edge in edges
    ]  # fmt: skip
    schema: Schema = {
        "since": TIME, "from": pl.String, "relation": pl.String, "to": pl.String,
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
