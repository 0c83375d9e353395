"""From an effect to its causes, from a cause to its effects, and what supports a story."""

import heapq
import itertools
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from tam_workbench.records import Cause, Edge, Fact

SYMPTOMS = frozenset(
    {
        "metric_anomaly",
        "error_storm",
        "service_degraded",
        "latency_raised",
        "dependency_failed",
        "endpoints_lost",
        "pod_unready",
        "crash_looping",
        "container_terminated",
        "pod_terminating",
        "rollout_stalled",
        "availability_lost",
    }
)
"""Kinds that tell of something wrong rather than what somebody or something did."""

SHOWN = ("reason", "exit_code", "limits", "message", "changed", "changed_keys", "image", "type")
"""Fields of a payload that are shown as evidence, if they are there."""


class Graph(Protocol):
    """What a walk asks of a graph."""

    @property
    def facts(self) -> Mapping[str, Fact]:
        """Facts by id."""

    def reasons(self, fact_id: str) -> tuple[Edge, ...]:
        """Return the edges into a fact that say why."""

    def effects(self, fact_id: str) -> tuple[Edge, ...]:
        """Return the edges out of a fact."""


def trace(graph: Graph, fact_id: str, *, depth: int = 16, k: int = 5) -> list[Cause]:
    """Return what caused a fact, the likeliest root cause first.

    A root is a cause for which no reason is known. Of all ways from a cause to the effect the
    surest counts; its confidence is the product of its edges', as each of them must hold. Roots
    stand before what lies between them and the effect, deeds before symptoms that nothing
    explains.
    """
    ways = _surest_ways(graph, fact_id, depth)
    found = [_cause(graph, way, confidence) for confidence, way in ways if len(way) > 1]
    found.sort(key=lambda cause: (-_standing(graph, cause), cause.fact.happened_at, cause.fact.id))
    return found[:k]


def _standing(graph: Graph, cause: Cause) -> float:
    """Return how good an answer a cause is: a root that is a deed, then a symptom, then links."""
    if graph.reasons(cause.fact.id):
        return 0.2 * cause.confidence
    return cause.confidence * (0.5 if cause.fact.kind in SYMPTOMS else 1.0)


def _surest_ways(graph: Graph, start: str, depth: int) -> list[tuple[float, tuple[str, ...]]]:
    """Best-first over products of confidences; each fact is settled once, so cycles do no harm."""
    settled: dict[str, tuple[float, tuple[str, ...]]] = {}
    waiting: list[tuple[float, tuple[str, ...]]] = [(-1.0, (start,))]
    while waiting:
        negative, way = heapq.heappop(waiting)
        here = way[0]
        if here in settled or here not in graph.facts:
            continue
        settled[here] = (-negative, way)
        if len(way) > depth:
            continue
        for edge in graph.reasons(here):
            if edge.cause not in settled:
                heapq.heappush(waiting, (negative * edge.confidence, (edge.cause, *way)))
    return list(settled.values())


def _cause(graph: Graph, way: tuple[str, ...], confidence: float) -> Cause:
    edges = [
        next(edge for edge in graph.reasons(effect) if edge.cause == cause)
        for cause, effect in itertools.pairwise(way)
    ]
    fact = graph.facts[way[0]]
    words = dict.fromkeys((*_shown(fact), *(word for edge in edges for word in edge.evidence)))
    return Cause(
        fact=fact,
        confidence=confidence,
        path=way,
        relations=tuple(edge.relation for edge in edges),
        evidence=(*words, *_shown(graph.facts[way[-1]])),
        pattern=edges[0].relation,
    )


def _shown(fact: Fact) -> tuple[str, ...]:
    told = fact.payload
    return tuple(f"{fact.kind} {name}: {told[name]}" for name in SHOWN if told.get(name))


def affected(graph: Graph, fact_id: str, *, depth: int = 8) -> list[Fact]:
    """Return all that a fact led to, nearest first, without the fact itself."""
    seen = {fact_id}
    ring = [fact_id]
    found: list[Fact] = []
    for _ in range(depth):
        ring = [
            edge.effect
            for here in ring
            for edge in graph.effects(here)
            if edge.effect not in seen and not seen.add(edge.effect)  # type: ignore[func-returns-value]
        ]
        found.extend(graph.facts[fact] for fact in ring if fact in graph.facts)
    return found


def support(facts: Iterable[Fact], *, service: str, window: tuple[datetime, datetime]) -> float:
    """Return in [0, 1] how far a cluster's own facts support what a service's logs say.

    Each kind of evidence counts once, with the trust of its best fact: 1 - Π (1 - w·trust) over
    pod, node, config, rollout and metric facts of the service's workload within the window. A
    storm of ERROR lines with none of them is supported by nothing: 0.
    """
    began, ended = window
    best: dict[str, float] = {}
    for fact in facts:
        weight = SUPPORTS.get(fact.kind, 0.0)
        if weight and began <= fact.happened_at <= ended and _is_of(fact, service):
            best[fact.kind] = max(best.get(fact.kind, 0.0), weight * fact.trust)
    doubt = 1.0
    for weight in best.values():
        doubt *= 1.0 - weight
    return 1.0 - doubt


SUPPORTS: Mapping[str, float] = {
    **dict.fromkeys(("oom_killed", "container_terminated", "crash_looping"), 0.9),
    **dict.fromkeys(("pod_evicted", "endpoints_lost", "config_error", "mount_failed"), 0.9),
    **dict.fromkeys(("image_pull_failed", "probe_failed", "pod_unready", "job_failed"), 0.8),
    **dict.fromkeys(("service_degraded", "latency_raised", "dependency_failed"), 0.7),
    **dict.fromkeys(("metric_anomaly", "config_changed", "config_deleted"), 0.6),
    **dict.fromkeys(("rolled_out", "scaled", "hpa_scaled", "config_stale"), 0.6),
    **dict.fromkeys(("node_pressure", "node_not_ready", "certificate_expired"), 0.5),
}
"""Kind of fact -> how far it alone supports that a service is in trouble (a log never does)."""


def _is_of(fact: Fact, service: str) -> bool:
    if fact.subject.name == service:
        return True
    roles: Sequence[str] = ("service", "workload", "owner", "target", "consumer")
    return any(
        ref.name == service for role, ref in fact.involved.items() if role.split(":")[0] in roles
    )
