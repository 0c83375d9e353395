"""Patterns turned into tables: what to look up when a fact comes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tam_workbench.causal.calibrating import SHIPPED, Coefficients
from tam_workbench.causal.correlator_index import ASKING
from tam_workbench.causal.matching import RELATIONS
from tam_workbench.causal.pattern import Absence, Link, Pattern, Step

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the correlator may assume."""

    skew_s: float = 5.0
    """How far apart the clocks of kubelet, API server and collector may be, in seconds."""
    min_confidence: float = 0.5
    """Pairs below this probability make no edge."""
    quiet_s: float = 900.0
    """After so long without the same trouble in a workload, the next is a new onset."""
    lookback_s: float = 3600.0
    """How far back an onset is looked for."""
    keep_s: float = 172_800.0
    """Facts this much older than the newest are let go; must exceed the longest window."""
    max_facts: int = 1_500_000
    """More facts than this are let go, the oldest first."""
    coefficients: Coefficients = SHIPPED
    """Weights of the features of an edge."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One link of one pattern with its two steps."""

    pattern: str
    link: Link
    cause: Step
    effect: Step
    cause_sort: str
    effect_sort: str
    reach_s: float  # how far before the effect any cause may lie


@dataclass(frozen=True, slots=True)
class Trigger:
    """When a fact of a kind comes, effects found by its keys of one sort may change.

    ``kinds`` are the effects' kinds, each with how much later they may be, in seconds; they are
    looked for under the key behind ``prefix``.
    """

    own_sort: str
    prefix: str
    kinds: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Watch:
    """One absence step with the step that starts its timer."""

    pattern: str
    absence: Absence
    step: Step


@dataclass(frozen=True, slots=True)
class Tables:
    """All patterns, looked up by kind of fact."""

    rules: dict[str, tuple[Rule, ...]]  # by the effect's kind
    triggers: dict[str, tuple[Trigger, ...]]  # by the kind of the fact that comes
    sorts: dict[str, tuple[str, ...]]  # keys under which a kind is looked for
    watches: dict[str, tuple[Watch, ...]]  # by the kind that starts a timer


def tables_of(patterns: Sequence[Pattern], rules: Rules) -> Tables:
    """Return the tables of some patterns."""
    all_rules = [_rule(pattern, link, rules) for pattern in patterns for link in pattern.links]
    watches = [
        Watch(pattern.id, absence, pattern.step(absence.after))
        for pattern in patterns
        for absence in pattern.absences
    ]
    reaches: dict[tuple[str, str, str], dict[str, float]] = {}
    sorts: dict[str, set[str]] = {}
    for rule in all_rules:
        for kind, own, sort, effect, reach_s in _triggers(rule, rules):
            sorts.setdefault(kind, set()).add(own)
            sorts.setdefault(effect, set()).add(sort)
            held = reaches.setdefault((kind, own, "~" if sort in ASKING else ""), {})
            held[effect] = max(held.get(effect, 0.0), reach_s)
    for rule in all_rules:
        for kind in rule.link.until:
            sorts.setdefault(kind, set()).add("object")
    for watch in watches:
        for kind in (*watch.absence.missing, *GONE):
            sorts.setdefault(kind, set()).add("pod")
    return Tables(
        rules=_by((kind, rule) for rule in all_rules for kind in rule.effect.facts),
        triggers=_by(
            (kind, Trigger(own, prefix, tuple(sorted(held.items()))))
            for (kind, own, prefix), held in sorted(reaches.items())
        ),
        sorts={kind: tuple(sorted(found)) for kind, found in sorts.items()},
        watches=_by((kind, watch) for watch in watches for kind in watch.step.facts),
    )


GONE = ("pod_deleted", "pod_evicted")


def _rule(pattern: Pattern, link: Link, rules: Rules) -> Rule:
    cause_sort, effect_sort = RELATIONS[link.relation]
    return Rule(
        pattern.id,
        link,
        pattern.step(link.cause),
        pattern.step(link.effect),
        cause_sort,
        effect_sort,
        link.window_s + (rules.lookback_s if link.is_onset else 0.0),
    )


def _triggers(rule: Rule, rules: Rules) -> Iterator[tuple[str, str, str, str, float]]:
    """Yield (kind that comes, its sort of key, the effect's, the effect's kind, reach)."""
    link, own, sort = rule.link, rule.cause_sort, rule.effect_sort
    for effect in rule.effect.facts:
        for cause in (*rule.cause.facts, *link.until):
            yield cause, own, sort, effect, rule.reach_s
        for other in (*link.given, *link.unless):
            yield other, "object", "object", effect, link.window_s
        if link.is_onset:
            yield effect, "workload", "workload", effect, rules.lookback_s


def _by(pairs: Iterable[tuple[str, T]]) -> dict[str, tuple[T, ...]]:
    found: dict[str, list[T]] = {}
    for kind, value in pairs:
        found.setdefault(kind, []).append(value)
    return {kind: tuple(values) for kind, values in found.items()}
