"""Recall: what a store found, ranked, with the parts of each score, and abstention."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tam_workbench.records import Hit, MemoryEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class RankRules:
    """How recalled entries are weighed; weights are relative, all zero is refused."""

    similarity: float = 0.6
    """Weight of the cosine similarity of the signatures."""

    outcome: float = 0.2
    """Weight of how surely what was done then helped; 0 ranks blind to outcomes."""

    trust: float = 0.1
    """Weight of how far the entry's telemetry was believed."""

    recency: float = 0.1
    """Weight of how recently it was last seen."""

    half_life_s: float | None = 604_800.0
    """Seconds (7 days) after which recency weighs half. ``None`` never fades."""

    novel_below: float = 0.65
    """Best similarity under which an incident is "new to me"; -1 never abstains.

    Belongs to the embedder: 0.65 suits ``hashing``, 0.9 ``minilm`` (its unrelated texts are at
    0.7 to 0.9); each embedder of ours carries its own as ``novel_below``.
    """

    duplicate_above: float = 0.95
    """Similarity from which two entries of one kind and service are the same; above 1 is off."""


def rank(hits: Sequence[Hit], *, now: datetime, rules: RankRules) -> list[Hit]:
    """Return the hits best first, each with its parts in [0, 1] and their weighted mean.

    Parameters
    ----------
    hits
        As `Store.nearest` returns them: ``parts["similarity"]`` is the cosine.
    now
        The time that recency is measured from.
    rules
        Weights and half-life.

    Examples
    --------
    >>> from datetime import UTC, datetime, timedelta
    >>> from tam_workbench.records import MemoryEntry, Tier
    >>> def hit(name, helped):
    ...     entry = MemoryEntry(id=name, kind="incident", text="", vector=(1.0,), service="db",
    ...         tier=Tier.EPISODIC, created_at=datetime(2024, 1, 1, tzinfo=UTC), trust=1.0,
    ...         action="scale", helped=helped)
    ...     return Hit(entry=entry, score=0.9, parts={"similarity": 0.9})
    >>> week = datetime(2024, 1, 8, tzinfo=UTC)
    >>> ranked = rank([hit("a", False), hit("b", True)], now=week, rules=RankRules())
    >>> [(found.entry.id, round(found.parts["outcome"], 2)) for found in ranked]
    [('b', 0.67), ('a', 0.33)]
    >>> round(ranked[0].parts["recency"], 6)
    0.5
    """
    ranked = [_ranked(hit, now, rules) for hit in hits]
    return sorted(ranked, key=lambda hit: (-hit.score, hit.entry.id))


def is_novel(hits: Sequence[Hit], rules: RankRules) -> bool:
    """Return whether nothing recalled is similar enough to speak of: "new to me"."""
    return max((_similarity(hit) for hit in hits), default=-1.0) < rules.novel_below


def is_duplicate(entry: MemoryEntry, hit: Hit, rules: RankRules) -> bool:
    """Return whether ``hit`` is the same thing as ``entry``: kind, service and nearly the text."""
    same = (entry.kind, entry.service) == (hit.entry.kind, hit.entry.service)
    return same and _similarity(hit) >= rules.duplicate_above


def _ranked(hit: Hit, now: datetime, rules: RankRules) -> Hit:
    parts = {
        "similarity": min(1.0, max(0.0, _similarity(hit))),
        "outcome": _outcome(hit.entry),
        "trust": min(1.0, max(0.0, hit.entry.trust)),
        "recency": _recency(hit.entry, now, rules.half_life_s),
    }
    weights = {name: float(getattr(rules, name)) for name in parts}
    total = sum(weights.values())
    score = sum(weights[name] * part for name, part in parts.items()) / total
    return replace(hit, score=score, parts=parts)


def _similarity(hit: Hit) -> float:
    return hit.parts.get("similarity", hit.score)


def _outcome(entry: MemoryEntry) -> float:
    """Mean of a uniform Beta prior after the outcomes of the entry's action: 0.5 = unknown."""
    tally = json.loads(entry.attributes.get("outcomes", "{}"))
    known = (int(bool(entry.helped)), int(entry.helped is not None))
    helped, tried = tally.get(entry.action, known)
    return float((helped + 1) / (tried + 2))


def _recency(entry: MemoryEntry, now: datetime, half_life_s: float | None) -> float:
    if half_life_s is None:
        return 1.0
    stamp = entry.attributes.get("last_seen")
    seen = datetime.fromisoformat(stamp) if stamp else entry.created_at
    return float(0.5 ** (max(0.0, (now - seen).total_seconds()) / half_life_s))
