"""Summaries: what a set of memories says, in their own sentences, each with its ids.

Extractive: nothing is worded anew, so nothing can be made up. Sentences that many memories
share weigh most (TextRank, Mihalcea and Tarau, 2004); those that repeat each other are told once.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from tam_workbench.memory.entries import last_seen, outcomes
from tam_workbench.memory.posteriors import OutcomeRules, Posterior, Tried, is_dead_end
from tam_workbench.memory.signature import mask
from tam_workbench.records import MemoryEntry

_END: Final = re.compile(r"\n+|(?<=[.!?])\s+")
_WORD: Final = re.compile(r"[^\W_]{2,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryRules:
    """How much is said."""

    sentences: int = 5
    """Sentences of a summary."""

    considered: int = 400
    """Distinct sentences that are weighed; the least frequent beyond are left out."""

    alike: float = 0.6
    """Share of common words from which two sentences say the same; above 1 is off."""

    trend_days: float = 7.0
    """Days of the window that a trend compares with the one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """A sentence as it stands in a memory, and the ids of all that say it."""

    text: str
    ids: tuple[str, ...]
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a set of memories says; ``covered`` is the share of them that is cited."""

    sentences: tuple[Cited, ...]
    entries: int
    covered: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """How often something came; ``every_s`` is the mean gap, NaN before a second time."""

    id: str
    service: str
    count: int
    every_s: float
    last_seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What came of an action, over all memories that tell of it, with a 90 % interval."""

    action: str
    helped: int
    tried: int
    low: float
    high: float
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """New memories in the last window and the one before.

    ``p_rising`` is P(the rate rose), from the Beta law of the share that fell in the last window;
    None without a memory in either.
    """

    last: int
    before: int
    p_rising: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Insights:
    """What can be counted: by service, what recurs, what helped, what never did, the trend."""

    by_service: Mapping[str, int]
    recurring: tuple[Recurrence, ...]
    helped: tuple[Remedy, ...]
    never_helped: tuple[Remedy, ...]
    trend: Trend


def summarize(entries: Sequence[MemoryEntry], *, rules: SummaryRules | None = None) -> Summary:
    """Return the sentences that say most about ``entries``, each with the ids that say it.

    Examples
    --------
    >>> from datetime import UTC
    >>> from tam_workbench.memory.entries import Sighting, make_entry
    >>> seen = Sighting(service="db", at=datetime(2024, 1, 1, tzinfo=UTC), trust=1.0)
    >>> told = ["disk full at 91 %", "disk full at 97 %", "pool exhausted"]
    >>> notes = [make_entry("note", text, vector=[1.0], sighting=seen) for text in told]
    >>> summary = summarize(notes, rules=SummaryRules(sentences=1))
    >>> [(cited.text, len(cited.ids)) for cited in summary.sentences]
    [('disk full at 97 %', 2)]
    """
    rules = rules or SummaryRules()
    said: dict[str, tuple[str, list[MemoryEntry]]] = {}
    for entry in sorted(entries, key=lambda entry: (entry.created_at, entry.id)):
        for sentence in {
            mask(part): part for part in _END.split(entry.text) if part.strip()
        }.items():
            said.setdefault(sentence[0], (sentence[1].strip(), []))[1].append(entry)
    frequent = sorted(said, key=lambda key: (-_seen(said[key][1]), key))[: rules.considered]
    words = [Counter(_WORD.findall(key.casefold())) for key in frequent]
    weights = np.array([float(_seen(said[key][1])) for key in frequent])
    ranked = _textrank(words, weights)
    taken: list[int] = []
    for at in sorted(range(len(frequent)), key=lambda at: (-ranked[at], frequent[at])):
        if len(taken) >= rules.sentences:
            break
        if all(_common(words[at], words[other]) < rules.alike for other in taken):
            taken.append(at)
    cited = tuple(
        Cited(
            text=said[frequent[at]][0],
            ids=tuple(entry.id for entry in said[frequent[at]][1]),
            weight=float(ranked[at]),
        )
        for at in taken
    )
    named = {id_ for sentence in cited for id_ in sentence.ids}
    return Summary(
        sentences=cited,
        entries=len(entries),
        covered=len(named) / len(entries) if entries else 0.0,
    )


def insights(
    entries: Sequence[MemoryEntry], *, now: datetime, rules: SummaryRules | None = None
) -> Insights:
    """Return what can be counted over ``entries``; every line carries its ids."""
    rules = rules or SummaryRules()
    by_service: Counter[str] = Counter()
    for entry in entries:
        by_service[entry.service] += entry.count
    recurring = sorted(
        (_recurrence(entry) for entry in entries if entry.count > 1),
        key=lambda one: (-one.count, one.id),
    )
    remedies = _remedies(entries)
    beliefs = OutcomeRules()
    never = [
        one
        for one in remedies
        if is_dead_end(Tried(helped=one.helped, failed=one.tried - one.helped), beliefs)
    ]
    return Insights(
        by_service=dict(sorted(by_service.items(), key=lambda item: (-item[1], item[0]))),
        recurring=tuple(recurring),
        helped=tuple(one for one in remedies if one.helped and one not in never),
        never_helped=tuple(never),
        trend=_trend(entries, now, rules.trend_days),
    )


def _seen(entries: Sequence[MemoryEntry]) -> int:
    return sum(entry.count for entry in entries)


def _textrank(
    words: Sequence[Counter[str]], weights: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the stationary weight of each sentence: 15 % its frequency, 85 % its likes."""
    n = len(words)
    if not n:
        return weights
    start = weights / weights.sum()
    likes = np.zeros((n, n))
    for one in range(n):
        for other in range(one):
            likes[one, other] = likes[other, one] = _likeness(words[one], words[other])
    likes += np.diag(weights)  # said often is liked by itself
    flow = likes / np.maximum(likes.sum(axis=0), 1e-12)
    rank: npt.NDArray[np.float64] = start
    for _ in range(50):
        rank = 0.15 * start + 0.85 * flow @ rank
    return rank


def _likeness(one: Counter[str], other: Counter[str]) -> float:
    """Return common words / (log lengths), the similarity of TextRank."""
    size = math.log(1 + len(one)) + math.log(1 + len(other))
    return len(one.keys() & other.keys()) / size if size else 0.0


def _common(one: Counter[str], other: Counter[str]) -> float:
    least = min(len(one), len(other))
    return len(one.keys() & other.keys()) / least if least else float(one == other)


def _recurrence(entry: MemoryEntry) -> Recurrence:
    span_s = (last_seen(entry) - entry.created_at).total_seconds()
    return Recurrence(
        id=entry.id,
        service=entry.service,
        count=entry.count,
        every_s=span_s / (entry.count - 1) if entry.count > 1 else math.nan,
        last_seen_at=last_seen(entry),
    )


def _remedies(entries: Sequence[MemoryEntry]) -> list[Remedy]:
    told: dict[str, tuple[int, int, list[str]]] = {}
    for entry in entries:
        for action, (helped, tried) in outcomes(entry).items():
            before = told.get(action, (0, 0, []))
            told[action] = (before[0] + helped, before[1] + tried, [*before[2], entry.id])
    found = []
    for action, (helped, tried, ids) in told.items():
        low, high = Posterior(a=1 + helped, b=1 + tried - helped).interval(0.9)
        one = Remedy(
            action=action, helped=helped, tried=tried, low=low, high=high, ids=tuple(sorted(ids))
        )
        found.append(one)
    return sorted(found, key=lambda one: (-one.low, one.action))


def _trend(entries: Sequence[MemoryEntry], now: datetime, days: float) -> Trend:
    begin, middle = now - timedelta(days=2 * days), now - timedelta(days=days)
    last = sum(middle <= entry.created_at <= now for entry in entries)
    before = sum(begin <= entry.created_at < middle for entry in entries)
    belief = Posterior(a=1 + last, b=1 + before)
    return Trend(last=last, before=before, p_rising=belief.above(0.5) if last + before else None)
