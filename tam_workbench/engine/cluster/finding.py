"""Finding: an incident of a cluster as the rules of bounded autonomy look at it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from tam_workbench.causal import ClusterIncident
from tam_workbench.causal.correlator_incidents import KILLS, TROUBLE
from tam_workbench.engine.cluster.asking import same_workload
from tam_workbench.engine.cluster.view import ClusterView
from tam_workbench.gate import Finding
from tam_workbench.records import Fact, ObjectRef

CRITICAL: Final = frozenset(
    {"oom_killed", "crash_looping", "endpoints_lost", "pod_evicted", "config_error"}
)
HEARSAY: Final = 0.4
"""Trust in what only an Event says: whoever may create Events can make one say anything."""

INFO: Final = frozenset({"config_stale", "scheduling_failed", "quota_denied", "preempted"})


def findings(view: ClusterView, incident: ClusterIncident) -> list[Finding]:
    """Return what an incident shows, one a kind of trouble, the surest first."""
    best: dict[str, Finding] = {}
    for fact_id in incident.facts:
        fact = view.graph.facts.get(fact_id)
        if fact is None or fact.kind not in TROUBLE:
            continue
        found = _finding(view, incident, fact)
        known = best.get(fact.kind)
        if known is None or (found.confidence, found.at) > (known.confidence, known.at):
            best[fact.kind] = found
    return sorted(best.values(), key=lambda one: (-one.confidence, one.kind))


def _finding(view: ClusterView, incident: ClusterIncident, fact: Fact) -> Finding:
    causes = view.graph.trace(fact.id, k=1)
    cause = causes[0] if causes else None
    way = [view.graph.facts[one] for one in cause.path] if cause else [fact]
    node = fact.involved.get("node")
    return Finding(
        incident=incident.id,
        kind=fact.kind,
        root=cause.fact.kind if cause else "",
        pattern=cause.pattern if cause else "",
        namespace=incident.workload.namespace,
        target=_place(view, incident.workload),
        node=_place(view, node) if node else "",
        severity=_severity(fact.kind),
        recurrence=0,
        confidence=cause.confidence if cause else 0.0,
        trust=min(_trust(one) for one in way),
        reach=_reach(view, incident.workload),
        at=fact.happened_at,
    )


def _place(view: ClusterView, ref: ObjectRef) -> str:
    """Return the path of an object, with its cluster before it where there are several."""
    return f"{ref.cluster}/{ref.path}" if len(view.derivers) > 1 else ref.path


def _trust(fact: Fact) -> float:
    return min(fact.trust, HEARSAY) if fact.told_by == "event" else fact.trust


def recurrence(
    incidents: Iterable[ClusterIncident], this: ClusterIncident, *, since: datetime
) -> int:
    """Return how many incidents of the like the workload had before, each kill counted once."""
    kinds = set(this.counts) & set(KILLS) or set(this.counts)
    return sum(
        1
        for one in incidents
        if one.id != this.id
        and since <= one.first_at < this.first_at
        and same_workload(one.workload, this.workload)
        and kinds & set(one.counts)
    )


def _severity(kind: str) -> str:
    if kind in CRITICAL:
        return "critical"
    return "info" if kind in INFO else "warning"


def _reach(view: ClusterView, workload: ObjectRef) -> int:
    """Return how many pods a workload has or is to have, whichever is more."""
    deriver = view.derivers.get(workload.cluster)
    if deriver is None:
        return 0
    pods = (one.ref for one in deriver.objects.every() if one.ref.kind == "Pod" and not one.is_gone)
    alive = sum(1 for pod in pods if (owner := deriver.workload(pod)) and owner.key == workload.key)
    return max(alive, _declared(view.history.last(workload) or {}))


def _declared(manifest: Mapping[str, Any]) -> int:
    """Return how many pods a workload asks for; not all of them need have been seen."""
    spec, status = manifest.get("spec") or {}, manifest.get("status") or {}
    told = (spec.get("replicas"), spec.get("parallelism"), status.get("desiredNumberScheduled"))
    return max((number for number in told if isinstance(number, int)), default=0)
