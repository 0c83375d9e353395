"""Contenders: the seed's logic and two simple rules, on the same streams as ours."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

from tam_workbench.evaluation.clusters.labelled import Labelled
from tam_workbench.evaluation.clusters.reference import KINDS, Row, SeedMemory, collected
from tam_workbench.evaluation.clusters.watching import Guess
from tam_workbench.records import Edge, Fact, ObjectRef

CHANGES: Final = frozenset(
    {
        "config_changed",
        "config_deleted",
        "hpa_scaled",
        "node_cordoned",
        "node_not_ready",
        "node_pressure",
        "rolled_out",
        "scaled",
    }
)
"""What a person would call a change."""
EFFECTS: Final = frozenset(
    {
        "config_error",
        "config_stale",
        "container_terminated",
        "crash_looping",
        "dependency_failed",
        "endpoints_lost",
        "error_storm",
        "image_pull_failed",
        "job_failed",
        "mount_failed",
        "oom_killed",
        "pod_evicted",
        "pod_unready",
        "preempted",
        "probe_failed",
        "quota_denied",
        "rollout_stalled",
        "sandbox_failed",
        "scheduling_failed",
        "service_degraded",
    }
)
"""What a person would ask about."""


def seed_logic(one: Labelled) -> Guess:
    """Return what seed 001 makes of a stream.

    A row counts at the time of what it tells (when a container ended, when an event was first
    seen) where it says so, else when it was written.
    """
    rows = list(collected(one.observations))
    memory = SeedMemory()
    memory.ingest(rows)
    facts = {row.id: _fact(one.name, row) for row in rows}
    times = {row.id: facts[row.id].happened_at for row in rows}

    def causes(key: str) -> list[tuple[str, float]]:
        latest = memory.latest(facts[key].subject.name, facts[key].subject.namespace)
        return memory.causes(latest) if latest else []

    kills = [row for row in rows if row.pattern_id == "P001"]
    return Guess(
        facts=facts, edges=memory.edges(times), causes=causes, kills=tuple(1 for _ in kills)
    )


def _fact(cluster: str, row: Row) -> Fact:
    if row.pod_uid:
        ref = ObjectRef(
            cluster=cluster, kind="Pod", name=row.pod_name, namespace=row.namespace, uid=row.pod_uid
        )
    else:
        kind = "Node" if row.node_name else "ConfigMap"
        name = row.node_name or row.payload["configmap_name"]
        ref = ObjectRef(
            cluster=cluster, kind=kind, name=name, namespace=row.namespace, uid=row.payload["uid"]
        )
    told = row.payload.get("reason", "") if row.event_type == "SchedulerEvent" else row.event_type
    at = row.payload.get("finished") or row.payload.get("first") or row.timestamp
    return Fact(
        id=row.id,
        kind=KINDS.get(told, told),
        subject=ref,
        happened_at=datetime.fromisoformat(str(at)),
        observed_at=datetime.fromisoformat(row.timestamp),
        payload=row.payload,
    )


def latest_change(ours: Guess) -> Guess:
    """Blame the latest changes in the namespace of an effect, or of its nodes."""

    def before(effect: Fact) -> list[Fact]:
        spaces = {effect.subject.namespace, ""}
        return [
            fact
            for fact in _earlier(ours.facts.values(), effect)
            if fact.kind in CHANGES and fact.subject.namespace in spaces
        ]

    return _ruled(ours, before)


def nearest_fact(ours: Guess) -> Guess:
    """Blame whatever was told last before an effect, anywhere in the cluster."""
    return _ruled(ours, lambda effect: _earlier(ours.facts.values(), effect))


def _earlier(facts: Iterable[Fact], effect: Fact) -> list[Fact]:
    """Return the facts before an effect, the latest first."""
    before = [fact for fact in facts if fact.happened_at < effect.happened_at]
    return sorted(before, key=lambda fact: fact.happened_at, reverse=True)


def _ruled(ours: Guess, before: Callable[[Fact], list[Fact]]) -> Guess:
    found: dict[str, Sequence[Fact]] = {}
    for fact in ours.facts.values():
        if fact.kind in EFFECTS:
            found[fact.id] = before(fact)[:3]
    edges = [
        Edge(
            cause=causes[0].id,
            effect=effect,
            relation="rule",
            confidence=0.5,
            evidence=(),
            observed_at=ours.facts[effect].happened_at,
        )
        for effect, causes in found.items()
        if causes
    ]
    return Guess(
        facts=ours.facts,
        edges=tuple(edges),
        causes=lambda key: [(fact.id, 0.5) for fact in found.get(key, ())],
    )
