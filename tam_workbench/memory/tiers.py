"""The tiers: what moves a memory up, what lets it sink, and when it may go.

A memory's stability grows with every reinforcement (it came again, its outcome was checked,
its recall was of use) and fades while nothing happens. It is never written down as it fades:
it is computed from timestamps when read, so that reading often forgets no faster.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Final

from tam_workbench.memory.entries import last_seen, outcomes
from tam_workbench.records import MemoryEntry, Tier, Transition


class Reinforcement(Enum):
    """What makes a memory more stable."""

    RECURRENCE = "recurrence"  # it came again
    OUTCOME = "outcome"  # what was done was checked, whether it helped or not
    RETRIEVAL = "retrieval"  # it was recalled and used, not merely shown


class Signal(Enum):
    """What moves a memory from one tier to another."""

    NOTICED = "noticed"
    SETTLED = "settled"
    AGED = "aged"
    CROWDED = "crowded"
    LEARNED = "learned"
    GRADUATED = "graduated"
    FADED = "faded"
    CONTRADICTED = "contradicted"


TRANSITIONS: Final[Mapping[tuple[Tier, Signal], Tier]] = MappingProxyType(
    {
        (Tier.SHORT_TERM, Signal.NOTICED): Tier.WORKING,
        (Tier.WORKING, Signal.SETTLED): Tier.EPISODIC,
        (Tier.WORKING, Signal.AGED): Tier.EPISODIC,
        (Tier.WORKING, Signal.CROWDED): Tier.EPISODIC,
        (Tier.EPISODIC, Signal.LEARNED): Tier.SEMANTIC,
        (Tier.SEMANTIC, Signal.GRADUATED): Tier.LONG_TERM,
        (Tier.SEMANTIC, Signal.FADED): Tier.EPISODIC,
        (Tier.LONG_TERM, Signal.FADED): Tier.SEMANTIC,
        (Tier.LONG_TERM, Signal.CONTRADICTED): Tier.SEMANTIC,
    }
)
"""Every legal move; what is not here cannot happen."""

RISING: Final = frozenset({Signal.NOTICED, Signal.LEARNED, Signal.GRADUATED})
"""Moves that a quarantined memory is refused."""

_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TierRules:
    """When memories move; the figures of reachability are in tests/unit/memory/test_tiers.py."""

    gain: float = 0.15
    """Stability added by one reinforcement; it never passes 1. 0 switches learning off."""

    fade_per_day: float = 0.9
    """Factor on stability for each idle day beyond the grace; 1 never fades."""

    grace_s: float = 86_400.0
    """Idle seconds (24 h) before stability begins to fade."""

    gap_s: float = 600.0
    """Seconds between two reinforcements of one cause: a flapping alarm came once."""

    retrieval_gap_s: float = 86_400.0
    """The same for retrieval (24 h): looking twice at one incident is one use."""

    noticed_surprise: float = 0.95
    """Quantile of surprise from which a short-term memory is kept in mind; above 1 is off."""

    noticed_count: int = 3
    """Sightings that keep a short-term memory in mind without surprise."""

    short_term_s: float = 600.0
    """Seconds (10 min) after which an unnoticed short-term memory expires."""

    working_s: float = 21_600.0
    """Seconds (6 h) without news after which a working memory becomes an episode."""

    working_size: int = 64
    """Working memories kept in mind at once; the least stable of the rest become episodes."""

    learned_count: int = 3
    """Occurrences that make an episode general knowledge."""

    learned_count_surprising: int = 2
    """Occurrences that suffice where the first was surprising (`noticed_surprise`)."""

    learned_stability: float = 0.3
    """Stability an episode needs besides: three occurrences in a year are no rule yet."""

    graduate_stability: float = 0.8
    """Stability from which knowledge is kept for the long term; above 1 never."""

    graduate_age_s: float = 259_200.0
    """Age (3 days) below which nothing graduates: one bad night is not experience."""

    forget_stability: float = 0.05
    """Stability under which knowledge sinks to an episode and a dull episode expires."""

    long_idle_s: float = 7_776_000.0
    """Idle seconds (90 days) after which a long-term memory sinks to semantic."""

    episode_s: float = 2_592_000.0
    """Age (30 days) before which no episode expires."""

    quarantine_s: float = 2_592_000.0
    """Idle seconds (30 days) after which a quarantined memory expires."""

    lasting_kinds: tuple[str, ...] = ("fact", "rule", "template")
    """Kinds that hold until they are superseded, however seldom they are used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the engine knows of a memory beyond its row."""

    is_open: bool = False  # its incident still runs
    is_contradicted: bool = False  # its outcomes disagree, see memory.contradictions


def reinforced_at(entry: MemoryEntry) -> datetime:
    """Return when it was last reinforced; before that, when it was first seen."""
    stamp = entry.attributes.get("reinforced_at")
    return datetime.fromisoformat(stamp) if stamp else entry.created_at


def stability_at(entry: MemoryEntry, *, now: datetime, rules: TierRules) -> float:
    """Return stability * fade_per_day ^ (idle days beyond the grace), pinned ones unfaded.

    Examples
    --------
    >>> from datetime import UTC, timedelta
    >>> entry = MemoryEntry(id="a", kind="incident", text="oom", vector=(1.0,), service="db",
    ...     tier=Tier.EPISODIC, created_at=datetime(2024, 1, 1, tzinfo=UTC), trust=1.0,
    ...     stability=0.5)
    >>> [round(stability_at(entry, now=entry.created_at + timedelta(days=days),
    ...     rules=TierRules()), 3) for days in (0, 1, 2, 8)]
    [0.5, 0.5, 0.45, 0.239]
    """
    if entry.is_pinned:
        return entry.stability
    idle_s = max(0.0, (now - reinforced_at(entry)).total_seconds() - rules.grace_s)
    return float(entry.stability * rules.fade_per_day ** (idle_s / _DAY_S))


def reinforced(
    entry: MemoryEntry, by: Reinforcement, now: datetime, *, rules: TierRules | None = None
) -> MemoryEntry:
    """Return ``entry`` one reinforcement more stable, or as it was.

    As it was: when quarantined, or when the same cause reinforced it less than a gap ago.
    """
    rules = rules or TierRules()
    causes = json.loads(entry.attributes.get("reinforcements", "{}"))
    times, stamp = causes.get(by.value, (0, None))
    gap_s = rules.retrieval_gap_s if by is Reinforcement.RETRIEVAL else rules.gap_s
    if entry.is_quarantined or (
        stamp and (now - datetime.fromisoformat(stamp)).total_seconds() < gap_s
    ):
        return entry
    causes[by.value] = (times + 1, now.isoformat())
    return replace(
        entry,
        stability=min(1.0, stability_at(entry, now=now, rules=rules) + rules.gain),
        attributes={
            **entry.attributes,
            "reinforcements": json.dumps(causes, sort_keys=True),
            "reinforced_at": max(now, reinforced_at(entry)).isoformat(),
        },
    )


def reinforcements(entry: MemoryEntry) -> dict[str, int]:
    """Return by cause how often it was reinforced."""
    causes = json.loads(entry.attributes.get("reinforcements", "{}"))
    return {cause: int(times) for cause, (times, _) in sorted(causes.items())}


def move(
    entry: MemoryEntry, *, now: datetime, rules: TierRules, evidence: Evidence | None = None
) -> Transition | None:
    """Return the one move that is due, or None; apply it with `moved`, then ask again.

    Pinned memories rise but never sink; quarantined ones never rise.
    """
    evidence = evidence or Evidence()
    for signal, why in _signals(entry, now, rules, evidence):
        after = TRANSITIONS.get((entry.tier, signal))
        sinks_pinned = entry.is_pinned and signal in {Signal.FADED, Signal.CONTRADICTED}
        if after and not sinks_pinned and not (entry.is_quarantined and signal in RISING):
            said = f"{signal.value}: {why}"
            return Transition(entry_id=entry.id, before=entry.tier, after=after, why=said, at=now)
    return None


def moved(entry: MemoryEntry, transition: Transition) -> MemoryEntry:
    """Return ``entry`` in its new tier, knowing since when."""
    attributes = {**entry.attributes, "tier_since": transition.at.isoformat()}
    return replace(entry, tier=transition.after, attributes=attributes)


def crowded(
    working: Sequence[MemoryEntry], *, now: datetime, rules: TierRules
) -> tuple[Transition, ...]:
    """Return the moves that bring working memory down to its size, least stable first out.

    Pinned entries stay; among equals the longest unseen goes.
    """
    free = [entry for entry in working if entry.tier is Tier.WORKING and not entry.is_pinned]
    pinned = sum(entry.tier is Tier.WORKING and entry.is_pinned for entry in working)
    free.sort(key=lambda e: (stability_at(e, now=now, rules=rules), last_seen(e), e.id))
    excess = max(0, len(free) + pinned - rules.working_size)
    why = f"{Signal.CROWDED.value}: more than {rules.working_size} in mind"
    after = TRANSITIONS[Tier.WORKING, Signal.CROWDED]
    return tuple(
        Transition(entry_id=entry.id, before=entry.tier, after=after, why=why, at=now)
        for entry in free[:excess]
    )


def expired(
    entry: MemoryEntry, *, now: datetime, rules: TierRules, evidence: Evidence | None = None
) -> str:
    """Return why a memory may be hidden, or "" while it may not.

    A short-term one by age, a quarantined one after its term, an episode when it is old, faded
    and dull: neither surprising nor with an outcome. What has an open incident or is pinned,
    never.
    """
    if entry.is_pinned or (evidence and evidence.is_open):
        return ""
    idle_s = _idle_s(entry, now)
    if entry.is_quarantined:
        return "quarantine term is over" if idle_s >= rules.quarantine_s else ""
    if entry.tier is Tier.SHORT_TERM:
        return "never noticed" if idle_s >= rules.short_term_s else ""
    if entry.tier is not Tier.EPISODIC or entry.kind in rules.lasting_kinds:
        return ""
    is_dull = entry.surprise < rules.noticed_surprise and not outcomes(entry)
    is_faded = stability_at(entry, now=now, rules=rules) < rules.forget_stability
    return "old, faded and dull" if is_dull and is_faded and idle_s >= rules.episode_s else ""


def _signals(
    entry: MemoryEntry, now: datetime, rules: TierRules, evidence: Evidence
) -> list[tuple[Signal, str]]:
    ask = {
        Tier.SHORT_TERM: _from_short_term,
        Tier.WORKING: _from_working,
        Tier.EPISODIC: _from_episodic,
        Tier.SEMANTIC: _from_semantic,
        Tier.LONG_TERM: _from_long_term,
    }[entry.tier]
    return ask(entry, now, rules, evidence)


def _from_short_term(
    entry: MemoryEntry, _now: datetime, rules: TierRules, evidence: Evidence
) -> list[tuple[Signal, str]]:
    if evidence.is_open:
        return [(Signal.NOTICED, "an incident is open")]
    if entry.surprise >= rules.noticed_surprise:
        return [(Signal.NOTICED, f"surprise {entry.surprise:.2f}")]
    if entry.count >= rules.noticed_count:
        return [(Signal.NOTICED, f"seen {entry.count} times")]
    return []


def _from_working(
    entry: MemoryEntry, now: datetime, rules: TierRules, evidence: Evidence
) -> list[tuple[Signal, str]]:
    if evidence.is_open or entry.is_pinned:
        return []
    if outcomes(entry):
        return [(Signal.SETTLED, f"closed with the outcome of {entry.action}")]
    if _idle_s(entry, now) >= rules.working_s:
        return [(Signal.AGED, f"no news for {_idle_s(entry, now) / 3600:.0f} h")]
    return []


def _from_episodic(
    entry: MemoryEntry, now: datetime, rules: TierRules, _evidence: Evidence
) -> list[tuple[Signal, str]]:
    is_surprising = entry.surprise >= rules.noticed_surprise
    needed = rules.learned_count_surprising if is_surprising else rules.learned_count
    stability = stability_at(entry, now=now, rules=rules)
    if entry.count < needed or stability < rules.learned_stability:
        return []
    return [(Signal.LEARNED, f"came {entry.count} times, stability {stability:.2f}")]


def _from_semantic(
    entry: MemoryEntry, now: datetime, rules: TierRules, evidence: Evidence
) -> list[tuple[Signal, str]]:
    stability = stability_at(entry, now=now, rules=rules)
    if stability < rules.forget_stability and entry.kind not in rules.lasting_kinds:
        return [(Signal.FADED, f"stability {stability:.2f}")]
    age_s = (now - entry.created_at).total_seconds()
    is_proven = bool(outcomes(entry)) or entry.kind in rules.lasting_kinds
    if (
        stability >= rules.graduate_stability
        and age_s >= rules.graduate_age_s
        and is_proven
        and not evidence.is_contradicted
    ):
        return [(Signal.GRADUATED, f"stability {stability:.2f}, outcome known")]
    return []


def _from_long_term(
    entry: MemoryEntry, now: datetime, rules: TierRules, evidence: Evidence
) -> list[tuple[Signal, str]]:
    if evidence.is_contradicted:
        return [(Signal.CONTRADICTED, "its outcomes disagree")]
    if _idle_s(entry, now) >= rules.long_idle_s and entry.kind not in rules.lasting_kinds:
        return [(Signal.FADED, f"no news for {_idle_s(entry, now) / _DAY_S:.0f} days")]
    return []


def _idle_s(entry: MemoryEntry, now: datetime) -> float:
    return (now - max(last_seen(entry), reinforced_at(entry))).total_seconds()
