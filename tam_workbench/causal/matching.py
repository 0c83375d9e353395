"""Who is related to whom: the keys by which a cause finds its effects, and the order of facts.

A relation is a pair of sorts of key, one read off the cause and one off the effect; two facts
are related if they share a key. So every search is a look-up, however many facts there are.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tam_workbench.records import Fact, ObjectRef

Keys = tuple[str, ...]

PREEMPTED_BY = re.compile(r"[Pp]reempted by (?:a? ?pod )?(\S+)")
WORKLOADS = frozenset(
    {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Workload"}
)
CONFIGS = frozenset({"ConfigMap", "Secret"})

RELATIONS: Mapping[str, tuple[str, str]] = {
    "same_object": ("object", "object"),
    "same_run": ("run", "run"),  # of one container: the same restart count
    "same_container": ("container", "container"),
    "same_pod": ("pod", "pod"),
    "same_node": ("node", "node"),
    "same_workload": ("workload", "workload"),
    "same_service": ("service", "service"),
    "owns": ("object", "workload"),  # the cause's subject is the effect's topmost owner
    "preempts": ("named", "preemptor"),  # the effect's words name the cause's pod
    "same_namespace": ("namespace", "namespace"),
    "same_cluster": ("cluster", "cluster"),
    "consumes": ("config", "consumed"),  # the effect's pod reads the cause's config
    "because": ("id", "because"),  # the effect was derived from the cause
    "readers": ("readers", "workload"),  # the cause says that the effect's workload reads it
    "hosts": ("workload", "hosted"),  # the effect's node has pods of the cause's workload
    "calls": ("service", "called"),  # the effect's service calls the cause's
    "targets": ("service", "target"),  # the effect names the cause's service as what failed it
}
"""Relation -> (sort of the cause's key, sort of the effect's key)."""

_IN_ORDER: tuple[tuple[int, str], ...] = (
    (-2, "metric_anomaly"),
    (-1, "hpa_failed hpa_scaled"),
    (0, "certificate_expired config_created config_changed config_deleted certificate_renewed"),
    (0, "node_removed node_rebooted node_oom node_pressure node_not_ready node_cordoned"),
    (0, "workload_created workload_deleted rolled_out scaled pod_evicted"),
    (1, "pod_created quota_denied create_failed"),
    (2, "scheduling_failed preempted pod_scheduled"),
    (3, "pod_terminating"),
    (4, "container_stopped sandbox_failed mount_failed config_error image_pull_failed"),
    (4, "config_mounted container_start_failed container_started hook_failed"),
    (4, "probe_failed probe_killed"),
    (4, "oom_killed container_terminated ephemeral_exited pod_ready pod_unready"),
    (5, "crash_looping job_failed job_completed pod_deleted endpoints_lost availability_lost"),
    (5, "rollout_stalled config_stale"),
    (6, "latency_raised error_storm service_degraded dependency_failed"),
)
"""Kinds by whose clock stamps them, and in one second by what comes first.

-2 and -1 what decides to scale, 0 who acts, 1 controllers, 2 scheduler, 3 API server, 4 kubelet,
5 collector, 6 telemetry. A cause of a lower level may be stamped up to the skew after its effect.
"""

LEVELS: Mapping[str, int] = {kind: level for level, kinds in _IN_ORDER for kind in kinds.split()}
"""Kind -> whose clock stamps it."""

CUT = 0.999999
"""How much of a second may have been cut off a stamp."""

LATE_S = 5.0
"""How much later than it was done a deed may be seen that only our own clock stamps, in seconds."""

_DEEDS = frozenset(
    {"rolled_out", "scaled", "config_changed", "config_deleted", "workload_deleted"}
) | {"node_cordoned"}

RANKS: Mapping[str, int] = {kind: number for number, kind in enumerate(LEVELS)}
"""Kind -> its place among facts of one second."""


def lateness(fact: Fact) -> float:
    """Return how much too late a fact may be stamped, besides the skew of clocks, in seconds.

    A write that carries no stamp of its own has that of its arrival: the watch was on the way.
    """
    is_late = fact.kind in _DEEDS and fact.happened_at == fact.observed_at
    return LATE_S if is_late else 0.0


def order_of(fact: Fact, *, at: float, skew_s: float) -> tuple[float, int, float, str]:
    """Return the place of a fact in an order that every edge must follow.

    A cause may be stamped up to ``skew_s`` after its effect, if another clock stamped it. Stamps
    are therefore shifted by ``skew_s`` for each level of clock and cut to whole seconds (as
    Kubernetes cuts them); ties are broken by what kinds of facts come first. It is a total
    order, so a graph whose edges all follow it has no cycle.
    """
    level = LEVELS.get(fact.kind, 0)
    return (at // 1.0 + level * skew_s, RANKS.get(fact.kind, 99), at, fact.id)


def keys_of(sort: str, fact: Fact) -> Keys:
    """Return a fact's keys of one sort; none if the fact does not tell.

    >>> from datetime import UTC, datetime
    >>> may = datetime(2026, 5, 1, tzinfo=UTC)
    >>> pod = ObjectRef(cluster="c", kind="Pod", namespace="shop", name="web-1", uid="u1")
    >>> node = ObjectRef(cluster="c", kind="Node", name="n1", uid="u2")
    >>> killed = Fact(id="f", kind="oom_killed", subject=pod, happened_at=may, observed_at=may,
    ...     involved={"node": node}, payload={"container": "app", "restart_count": 3})
    >>> keys_of("node", killed), keys_of("run", killed), keys_of("workload", killed)
    (('c/Node/n1',), ('c/u1/app#3',), ())
    """
    return SORTS[sort](fact)


def _id(fact: Fact) -> Keys:
    return (fact.id,)


def _because(fact: Fact) -> Keys:
    cause = fact.payload.get("because")
    return (cause,) if isinstance(cause, str) else ()


def identity_of(ref: ObjectRef) -> str:
    """Return who an object is: by uid, but nodes by name, which is one of a kind in a cluster."""
    return f"{ref.cluster}/{ref.path}" if ref.kind == "Node" else ref.key


def _object(fact: Fact) -> Keys:
    return (identity_of(fact.subject),)


def _container(fact: Fact) -> Keys:
    pod = _pod(fact)
    return (f"{pod[0]}/{fact.payload.get('container', '')}",) if pod else ()


def _run(fact: Fact) -> Keys:
    container, count = _container(fact), fact.payload.get("restart_count")
    return (f"{container[0]}#{count}",) if container and count is not None else ()


def _pod(fact: Fact) -> Keys:
    return _of_role(fact, "pod", "Pod")


def _node(fact: Fact) -> Keys:
    return _of_role(fact, "node", "Node")


def _of_role(fact: Fact, role: str, kind: str) -> Keys:
    ref = fact.subject if fact.subject.kind == kind else fact.involved.get(role)
    return (identity_of(ref),) if ref is not None else ()


def _workload(fact: Fact) -> Keys:
    top = fact.involved.get("workload")
    if top is not None:
        return (top.key,)
    if fact.subject.kind in WORKLOADS:
        return (fact.subject.key,)
    owner = fact.involved.get("owner")
    return (owner.key,) if owner is not None else ()


def _namespace(fact: Fact) -> Keys:
    subject = fact.subject
    return (f"{subject.cluster}/{subject.namespace}",) if subject.namespace else ()


def _cluster(fact: Fact) -> Keys:
    return (fact.subject.cluster,)


def config_key(ref: ObjectRef) -> str:
    """Return the key of a ConfigMap or Secret: a pod refers to it by name, whatever its uid."""
    return f"{ref.cluster}/{ref.path}"


def _config(fact: Fact) -> Keys:
    return (config_key(fact.subject),) if fact.subject.kind in CONFIGS else ()


def _consumed(fact: Fact) -> Keys:
    named = {
        config_key(ref): None
        for role, ref in fact.involved.items()
        if ref.kind in CONFIGS and role.startswith("config")
    }
    space = f"{fact.subject.cluster}/{fact.subject.namespace}"
    for row in _configs(fact):
        named[f"{space}/{row['kind']}/{row['name']}"] = None
    return tuple(named)


def _configs(fact: Fact) -> Sequence[Mapping[str, Any]]:
    """Return what a fact tells of the configs that its pod uses."""
    told = fact.payload.get("configs")
    return told if isinstance(told, list | tuple) else ()


def _readers(fact: Fact) -> Keys:
    rows = fact.payload.get("consumers") or ()
    return tuple(dict.fromkeys(row["workload"] for row in rows if row.get("workload")))


def _hosted(fact: Fact) -> Keys:
    """Return the workloads that have pods on a node, as the node's own fact tells them."""
    return tuple(row["workload"] for row in fact.payload.get("hosted") or ())


def ways_of(cause: Fact, effect: Fact) -> frozenset[str]:
    """Return how the effect's pod reads the cause's config, as far as either of them tells.

    The effect's own words count most; else what the change said of the pod, else of its workload.
    """
    config = cause.subject
    for row in _configs(effect):
        if row["kind"] == config.kind and row["name"] == config.name:
            return frozenset(row.get("how") or ())
    rows = cause.payload.get("consumers") or ()
    for sort, name in (("pod", "pod"), ("workload", "workload")):
        keys = keys_of(sort, effect)
        ways = frozenset(row["how"] for row in rows if row.get(name) and row[name] in keys)
        if ways:
            return ways
    return frozenset()


def _service(fact: Fact) -> Keys:
    """Services are known by name: telemetry has no uid. A pod stands for its workload's."""
    ref = fact.involved.get("service")
    if ref is None:
        subject = fact.subject
        if subject.kind == "Service" or subject.kind in WORKLOADS:
            ref = subject
        else:
            ref = fact.involved.get("workload")
    return (_service_key(ref.cluster, ref.name),) if ref is not None else ()


def _service_key(cluster: str, name: str) -> str:
    return f"{cluster}/svc/{name}"


def _named(fact: Fact) -> Keys:
    """Return a pod's uid and its name: the scheduler's messages give one or the other."""
    ref = fact.subject
    return (ref.key, f"{ref.cluster}/{ref.namespace}/{ref.name}") if ref.kind == "Pod" else ()


def _preemptor(fact: Fact) -> Keys:
    ref = fact.involved.get("preemptor")
    if ref is not None:
        return (ref.key,) if ref.uid else (f"{ref.cluster}/{ref.namespace}/{ref.name}",)
    found = PREEMPTED_BY.search(str(fact.payload.get("message", "")))
    return (f"{fact.subject.cluster}/{found[1]}",) if found else ()


def _called(fact: Fact) -> Keys:
    cluster = fact.subject.cluster
    named = [_service_key(cluster, str(name)) for name in fact.payload.get("calls") or ()]
    return tuple(dict.fromkeys((*_target(fact), *named)))


def _target(fact: Fact) -> Keys:
    cluster = fact.subject.cluster
    return tuple(
        _service_key(cluster, ref.name)
        for role, ref in fact.involved.items()
        if role.startswith("target")
    )


SORTS: Mapping[str, Callable[[Fact], Keys]] = {
    "id": _id,
    "because": _because,
    "object": _object,
    "container": _container,
    "run": _run,
    "pod": _pod,
    "node": _node,
    "workload": _workload,
    "namespace": _namespace,
    "cluster": _cluster,
    "config": _config,
    "consumed": _consumed,
    "readers": _readers,
    "hosted": _hosted,
    "named": _named,
    "preemptor": _preemptor,
    "service": _service,
    "called": _called,
    "target": _target,
}


def fits(where: Mapping[str, Any], payload: Mapping[str, Any]) -> bool:
    """Return whether a payload has what a step asks of it.

    >>> fits({"type": ["MemoryPressure"]}, {"type": "MemoryPressure"}), fits({"after": 0}, {})
    (True, False)
    """
    for name, wanted in where.items():
        have = payload.get(name)
        if isinstance(wanted, list | tuple):
            if have not in wanted:
                return False
        elif have != wanted:
            return False
    return True
