"""Marking: which happening a fact tells of, and how right a set of edges and causes is.

An edge is right when its cause truly led to its effect, in one step or in several, counting
preconditions (a pod must be scheduled before it is killed). It is sharp when it does so by
reasons alone. An edge at a fact that tells of nothing that happened is wrong. A reason that the
truth asks for is found when the effect's fact is reached from the cause's along edges.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tam_workbench.evaluation.clusters.truth import Happening, Truth, ancestors
from tam_workbench.records import Edge, Fact, ObjectRef

NEAR: Final = timedelta(seconds=70)
"""How far a fact's time may be from the happening's: skew, latency and a gap's relist."""
SKEW: Final = timedelta(seconds=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Counts of right and wrong, of one cluster; ratios are taken over many."""

    edges: int
    right: int
    sharp: int
    selves: int  # edges between two facts of one happening; neither right nor wrong
    reversed: int  # edges whose effect came before its cause, beyond skew
    asked: int  # reasons that a watcher could have found
    found: int
    wrong_edges: tuple[tuple[str, str, str], ...] = ()  # relation, cause, effect
    missed: tuple[tuple[str, str], ...] = ()  # cause, effect


def recognise(
    truth: Truth, facts: Iterable[Fact], *, told: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Return for each fact's id the happening that it tells of, -1 for none.

    A fact tells of a happening of its kind and subject, the nearest in time. ``told`` names the
    happenings of telemetry, which the simulator wrote itself.
    """
    by_uid: dict[tuple[str, str], list[Happening]] = defaultdict(list)
    for one in truth.happenings:
        for ref in one.refs:
            for kind in one.kinds:
                by_uid[kind, _who(ref)].append(one)
    known = dict(told or {})
    for fact in facts:
        if fact.id not in known:
            candidates = by_uid.get((fact.kind, _who(fact.subject)), [])
            known[fact.id] = _nearest(candidates, fact)
    return known


def _who(ref: ObjectRef) -> str:
    return (
        ref.uid
        if ref.uid and ref.kind not in {"Service", "Endpoints"}
        else ref.path.replace("/Endpoints/", "/Service/")
    )


def _nearest(candidates: Sequence[Happening], fact: Fact) -> int:
    best, least = -1, NEAR
    for one in candidates:
        away = max(one.at - fact.happened_at, fact.happened_at - one.until, timedelta(0))
        if away < least or (away == least and best < 0):
            best, least = one.number, away
    return best


def mark(
    truth: Truth, facts: Sequence[Fact], edges: Sequence[Edge], known: Mapping[str, int]
) -> Marks:
    """Return the marks of a set of edges between these facts."""
    wide = ancestors(truth, with_preconditions=True)
    sharp = ancestors(truth, with_preconditions=False)
    by_id = {fact.id: fact for fact in facts}
    right = pointed = backwards = selves = 0
    wrong = []
    for edge in edges:
        cause, effect = known.get(edge.cause, -1), known.get(edge.effect, -1)
        if cause == effect >= 0:
            selves += 1
            continue
        is_right = cause >= 0 and effect >= 0 and cause in wide[effect]
        right += is_right
        pointed += is_right and cause in sharp[effect]
        if edge.cause in by_id and edge.effect in by_id:
            early = by_id[edge.cause].happened_at - by_id[edge.effect].happened_at
            backwards += early > SKEW
        if not is_right:
            wrong.append((edge.relation, _label(by_id, edge.cause), _label(by_id, edge.effect)))
    asked = asked_links(truth)
    reach = _reached(edges, known)
    missed = [link for link in asked if link[0] not in reach.get(link[1], frozenset())]
    words = truth.happenings
    return Marks(
        edges=len(edges) - selves,
        selves=selves,
        right=right,
        sharp=pointed,
        reversed=backwards,
        asked=len(asked),
        found=len(asked) - len(missed),
        wrong_edges=tuple(wrong),
        missed=tuple((words[a].label, words[b].label) for a, b in missed),
    )


def _label(by_id: Mapping[str, Fact], key: str) -> str:
    fact = by_id.get(key)
    return f"{fact.kind} {fact.subject.path} ({fact.told_by})" if fact else f"unknown {key}"


def asked_links(truth: Truth) -> list[tuple[int, int]]:
    """Return the reasons that are asked for: both ends were shown to the watcher.

    Of a series the reasons of its first time are asked for. A reason that was not shown, or need
    not be told, is replaced by its own reasons.
    """
    links: list[tuple[int, int]] = []
    for one in truth.happenings:
        if not one.is_key or one.number not in truth.seen:
            continue
        links.extend((cause, one.number) for cause in _shown(truth, one))
    return links


def _shown(truth: Truth, one: Happening) -> list[int]:
    stack, found, done = list(one.because[: one.opened_with]), [], set()
    while stack:
        number = stack.pop()
        if number in done:
            continue
        done.add(number)
        told = truth.happenings[number]
        if number in truth.seen and told.is_key:
            found.append(number)
        else:
            stack.extend(told.because)
    return found


def _reached(edges: Sequence[Edge], known: Mapping[str, int]) -> dict[int, frozenset[int]]:
    """Return for each happening all those from which edges lead to it."""
    above: dict[str, list[str]] = defaultdict(list)
    for edge in edges:
        above[edge.effect].append(edge.cause)
    reached: dict[int, set[int]] = defaultdict(set)
    for effect in above:
        stack, done = [effect], {effect}
        while stack:
            for cause in above.get(stack.pop(), ()):
                if cause not in done:
                    done.add(cause)
                    stack.append(cause)
        reached[known.get(effect, -1)] |= {known.get(one, -1) for one in done - {effect}}
    return {number: frozenset(causes) for number, causes in reached.items()}
