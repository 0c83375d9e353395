"""What each reason of an event means as a fact."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from tam_workbench.causal.deriving_containers import config_error
from tam_workbench.causal.deriving_drafts import Draft, Seen
from tam_workbench.causal.deriving_events import Telling
from tam_workbench.causal.deriving_messages import (
    is_expired,
    missing_config,
    predicates,
    pull_trouble,
    refusal,
)
from tam_workbench.records import ObjectRef

Reader = Callable[[Telling, Seen], "Draft | None"]

_BOUND: Final = re.compile(r"Successfully assigned \S+ to (\S+)")
_PROBED: Final = re.compile(r"(liveness|readiness|startup) probe", re.IGNORECASE)
_CONTAINER: Final = re.compile(
    r'(?:failed|topping|start|illing) container[ =]"?([\w-]+)|^Container ([\w-]+) failed'
)
_PREEMPTOR: Final = re.compile(r"Preempted by (?:pod )?([\w./-]+) on node")
_SIZE: Final = re.compile(r"New size: (\d+); reason: (.*)")
_NODE_LIFE: Final = {
    "NodeHasInsufficientMemory": ("node_pressure", "memory"),
    "NodeHasDiskPressure": ("node_pressure", "disk"),
    "NodeHasInsufficientPID": ("node_pressure", "pid"),
    "EvictionThresholdMet": ("node_pressure", ""),
    "NodeNotReady": ("node_not_ready", ""),
    "NodeNotSchedulable": ("node_cordoned", ""),
    "NodeSchedulable": ("node_uncordoned", ""),
    "RemovingNode": ("node_removed", ""),
    "DeletingNode": ("node_removed", ""),
    "Rebooted": ("node_rebooted", ""),
    "SystemOOM": ("node_oom", ""),
    "OOMKilling": ("node_oom", ""),
}
_ONLY_BY_EVENT: Final = frozenset({"EvictionThresholdMet", "SystemOOM", "OOMKilling"})


def read(told: Telling, seen: Seen) -> Draft | None:
    """Return the fact an event tells; None of what the objects themselves tell better."""
    if told.about.kind == "Node" and told.reason in _NODE_LIFE:
        return _node(told, seen)
    told = _placed(told)
    if is_expired(told.message):
        return _plain("certificate_expired", told)
    reader = READERS.get(told.reason)
    if reader is not None:
        return reader(told, seen)
    return _plain("warned", told) if told.kind == "Warning" else None


def _placed(told: Telling) -> Telling:
    """Return the event with its container where only its words say which.

    What is known of the pod is not asked: the same event must be the same fact at any time.
    """
    if told.container or told.about.kind != "Pod":
        return told
    named = _CONTAINER.search(told.message)
    return replace(told, container=named[1] or named[2]) if named else told


def series(told: Telling, *parts: str) -> tuple[str, ...]:
    """Return what makes an event's series one: its reason, its container, its first stamp."""
    first = told.first_at.isoformat() if told.first_at else ""
    return (told.reason, told.container, first, *parts)


def _payload(told: Telling, **more: object) -> dict[str, Any]:
    return {
        "reason": told.reason,
        "message": told.message[:2000],
        "container": told.container,
        "count": told.count,
        "source": told.source,
        **more,
    }


def _plain(kind: str, told: Telling, **more: object) -> Draft:
    return Draft(kind, series(told), told.first_at, _payload(told, **more), told_by="event")


def _as(kind: str) -> Reader:
    return lambda told, _: _plain(kind, told)


def _node(told: Telling, seen: Seen) -> Draft | None:
    kind, what = _NODE_LIFE[told.reason]
    if seen.known.shape and told.reason not in _ONLY_BY_EVENT:
        return None  # the node is watched itself: its conditions carry the same with their stamps
    if told.reason == "EvictionThresholdMet":
        what = "disk" if "storage" in told.message else "memory"
    return _plain(kind, told, type=what)


def _scheduled(told: Telling, seen: Seen) -> Draft:
    bound = _BOUND.search(told.message)
    node = bound[1] if bound else ""
    involved = {"node": seen.objects.named("Node", node, like=told.about)} if node else {}
    payload = {"node": node, "source": told.source}
    return Draft("pod_scheduled", (), told.first_at, payload, involved, told_by="event")


def _unscheduled(told: Telling, _: Seen) -> Draft:
    found = predicates(told.message)
    payload = _payload(told) | dict(found.payload)
    return Draft("scheduling_failed", (found.key,), told.first_at, payload, told_by="event")


def _evicted(told: Telling, _: Seen) -> Draft:
    return Draft("pod_evicted", (), told.first_at, _payload(told), told_by="event")


def _preempted(told: Telling, seen: Seen) -> Draft:
    """Return the fact with its ``preemptor``: named in older clusters, by uid in newer ones."""
    by = _PREEMPTOR.search(told.message)
    namespace, _, name = by[1].rpartition("/") if by else ("", "", "")
    ref = seen.objects.named("Pod", name, like=told.about, namespace=namespace)
    if name and not namespace:
        cluster = told.about.cluster
        found = seen.objects.known(ObjectRef(cluster=cluster, kind="Pod", name=name, uid=name))
        ref = found.ref if found else ref
    involved = {"preemptor": ref} if name and (namespace or ref.uid) else {}
    payload = _payload(told)
    return Draft("preempted", (), told.first_at, payload, involved, told_by="event")


def _killing(told: Telling, _: Seen) -> Draft:
    probe = _PROBED.search(told.message)
    if probe:
        return _plain("probe_killed", told, probe=probe[1].lower())
    return _plain("container_stopped", told)


def _unhealthy(told: Telling, _: Seen) -> Draft:
    probe = _PROBED.search(told.message)
    return _plain("probe_failed", told, probe=probe[1].lower() if probe else "")


def _back_off(told: Telling, seen: Seen) -> Draft | None:
    if "pulling image" in told.message:
        return _pull_failed(told, seen)
    loops: Mapping[str, str] = seen.known.notes.get("loops", {})
    parts = (told.container, loops.get(told.container, ""))
    return Draft("crash_looping", parts, told.first_at, _payload(told), told_by="event")


def _pull_failed(told: Telling, _: Seen) -> Draft:
    payload = _payload(told) | pull_trouble(told.message)
    parts = (payload["image"] or told.container,)
    return Draft("image_pull_failed", parts, told.first_at, payload, told_by="event")


def _failed(told: Telling, seen: Seen) -> Draft | None:
    if told.about.kind == "Pod":
        if found := missing_config(told.message):
            return config_error(
                seen, told.container, found=found, message=told.message, event_at=told.first_at
            )
        if "pull" in told.message.lower() or "ErrImage" in told.message:
            return None if told.message.startswith("Error: ") else _pull_failed(told, seen)
        return _plain("container_start_failed", told)
    return _plain("warned", told)


def _mount_failed(told: Telling, seen: Seen) -> Draft:
    found = missing_config(told.message)
    draft = _plain("mount_failed", told, missing=found)
    if not found:
        return draft
    namespace = found.get("namespace") or told.about.namespace
    ref = seen.objects.named(found["kind"], found["name"], like=told.about, namespace=namespace)
    involved = {"config": ref}
    return Draft("mount_failed", draft.parts, draft.at, draft.payload, involved, told_by="event")


def _create_failed(told: Telling, _: Seen) -> Draft:
    kind, named = refusal(told.message)
    payload = _payload(told) | named
    return Draft(kind, (named.get("quota", ""),), told.first_at, payload, told_by="event")


def _scaled(told: Telling, seen: Seen) -> Draft | None:
    size = _SIZE.search(told.message)
    if seen.known.shape:
        return None  # the autoscaler is watched itself
    after = int(size[1]) if size else None
    return _plain("hpa_scaled", told, after=after, why=size[2] if size else "")


def _hpa_failed(told: Telling, seen: Seen) -> Draft | None:
    return None if seen.known.shape else _plain("hpa_failed", told)


def _job(kind: str) -> Reader:
    def reader(told: Telling, _: Seen) -> Draft:
        return Draft(kind, (), told.first_at, _payload(told), told_by="event")

    return reader


READERS: Final[Mapping[str, Reader]] = {
    "Scheduled": _scheduled,
    "FailedScheduling": _unscheduled,
    "Preempted": _preempted,
    "Evicted": _evicted,
    "TaintManagerEviction": _evicted,
    "Killing": _killing,
    "Unhealthy": _unhealthy,
    "BackOff": _back_off,
    "Failed": _failed,
    "ErrImageNeverPull": _pull_failed,
    "InspectFailed": _pull_failed,
    "Pulled": _as("image_pulled"),
    "FailedMount": _mount_failed,
    "FailedAttachVolume": _mount_failed,
    "FailedCreatePodSandBox": _as("sandbox_failed"),
    "SandboxChanged": _as("sandbox_failed"),
    "FailedPostStartHook": _as("hook_failed"),
    "FailedPreStopHook": _as("hook_failed"),
    "FailedCreate": _create_failed,
    "ProgressDeadlineExceeded": _as("rollout_stalled"),
    "SuccessfulRescale": _scaled,
    "FailedGetResourceMetric": _hpa_failed,
    "FailedComputeMetricsReplicas": _hpa_failed,
    "FailedRescale": _hpa_failed,
    "BackoffLimitExceeded": _job("job_failed"),
    "DeadlineExceeded": _job("job_failed"),
    "Completed": _job("job_completed"),
}
"""Reason of an event -> how to read it. ``ScalingReplicaSet``, ``Created``, ``Started`` and the
like are left out: the objects tell the same with their own stamps."""
