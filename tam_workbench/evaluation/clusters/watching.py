"""Watching: ours on a cluster's stream, as the engine would run it, or with its facts shuffled."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Final

import numpy as np

from tam_workbench.causal import Correlator, Deriver
from tam_workbench.evaluation.clusters.labelled import Labelled
from tam_workbench.records import Edge, Fact, Observation

BATCH_S: Final = 5
"""Seconds of observations that are taken in at once."""
JUMBLED_SIZE: Final = 50
JUMBLED_S: Final = 30.0
"""How far observations may overtake one another between who saw them and who takes them in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What somebody makes of a stream: facts, edges between them, and causes in order."""

    facts: Mapping[str, Fact]
    edges: tuple[Edge, ...]
    causes: Callable[[str], list[tuple[str, float]]]
    """Facts that caused a fact, the likeliest root first, each with a confidence."""
    kills: tuple[int, ...] = ()  # occurrences counted, incident by incident


def deaf(one: Labelled) -> Labelled:
    """Return a cluster of which no metric, log or span is told, with what may be asked then.

    A question stays if its effect, and any of its roots, is told of by the cluster itself.
    """
    truth = one.truth
    seen = truth.seen - {number for number in one.told.values() if number >= 0}
    questions = tuple(
        question
        for question in truth.questions
        if question.asks in seen and (not question.roots or seen & set(question.roots))
    )
    return replace(one, telemetry=(), told={}, truth=replace(truth, questions=questions, seen=seen))


def watched(
    one: Labelled,
    *,
    shuffled: int | None = None,
    jumbled: int | None = None,
    tossed: int | None = None,
) -> Guess:
    """Return what `causal` makes of a cluster, batch by batch.

    ``shuffled`` is the seed by which facts come in any order; ``jumbled`` that by which
    observations overtake one another by up to `JUMBLED_S`, as streams of their own for each kind
    do; ``tossed`` that by which observations come in any order at all, so that most states of an
    object are told after a later one.
    """
    deriver, correlator = Deriver(one.name), Correlator()
    facts: dict[str, Fact] = {}
    if tossed is not None:
        batches = _told(one, deriver, _parts(len(one.observations), tossed))
    elif jumbled is not None:
        batches = _told(one, deriver, _overtaking(one, jumbled))
    else:
        batches = _batches(one, deriver) if shuffled is None else _shuffled(one, deriver, shuffled)
    now = one.observations[0].observed_at
    for until, batch in batches:
        now = max(now, until)
        facts |= {fact.id: fact for fact in batch}
        for change in (correlator.take(batch, now=now), correlator.due(now)):
            facts |= {fact.id: fact for fact in change.derived}
            for withdrawn in change.withdrawn:
                facts.pop(withdrawn, None)
    last = correlator.due(now + timedelta(hours=1))
    facts |= {fact.id: fact for fact in last.derived}
    graph = correlator.graph
    return Guess(
        facts=facts,
        edges=tuple(graph.edges),
        causes=lambda key: [(cause.fact.id, cause.confidence) for cause in graph.trace(key)],
        kills=tuple(incident.count for incident in correlator.incidents),
    )


def _batches(one: Labelled, deriver: Deriver) -> list[tuple[datetime, list[Fact]]]:
    told: list[Observation | Fact] = sorted(
        (*one.observations, *one.telemetry), key=attrgetter("observed_at")
    )
    batches = []
    for _, group in groupby(told, key=lambda item: int(item.observed_at.timestamp()) // BATCH_S):
        items = list(group)
        seen = [item for item in items if isinstance(item, Observation)]
        facts = deriver.take(seen) + [item for item in items if isinstance(item, Fact)]
        batches.append((items[-1].observed_at, facts))
    return batches


def _shuffled(one: Labelled, deriver: Deriver, seed: int) -> list[tuple[datetime, list[Fact]]]:
    """Return all facts in an order of chance, in twenty parts, as a late replay brings them."""
    facts: Sequence[Fact] = [fact for _, batch in _batches(one, deriver) for fact in batch]
    end = one.observations[-1].observed_at
    return [(end, [facts[index] for index in part]) for part in _parts(len(facts), seed)]


def _told(
    one: Labelled, deriver: Deriver, parts: Sequence[Sequence[int]]
) -> list[tuple[datetime, list[Fact]]]:
    """Return the facts of observations that come in another order, part by part."""
    seen, end = one.observations, one.observations[-1].observed_at
    batches = [(end, deriver.take([seen[index] for index in part])) for part in parts]
    return [*batches, (end, list(one.telemetry))]


def _overtaking(one: Labelled, seed: int) -> list[list[int]]:
    """Return the order in which observations come that are each on their way for a while."""
    waits = np.random.default_rng([seed, 13]).uniform(0.0, JUMBLED_S, len(one.observations))
    came = np.array([seen.observed_at.timestamp() for seen in one.observations]) + waits
    order = np.argsort(came, kind="stable")
    return [part.tolist() for part in np.array_split(order, max(1, len(order) // JUMBLED_SIZE))]


def _parts(count: int, seed: int) -> list[list[int]]:
    order = np.random.default_rng([seed, 11]).permutation(count)
    return [part.tolist() for part in np.array_split(order, 20) if part.size]
