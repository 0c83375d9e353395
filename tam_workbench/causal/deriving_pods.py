"""Facts read out of a pod: its life, its conditions, what became of it."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from tam_workbench.causal.deriving_containers import container_facts, container_shapes
from tam_workbench.causal.deriving_drafts import Draft, Seen, flips
from tam_workbench.causal.deriving_messages import predicates
from tam_workbench.causal.identity import items, mapping, stamp, stamped, text, whole
from tam_workbench.causal.manifests import differences, uses_of
from tam_workbench.records import Change

_NOTHING: Final[Mapping[str, Any]] = {}
_SETTLING: Final = timedelta(seconds=2)  # conditions of a new pod are stamped within this
_PUT_OFF: Final = {
    "PreemptionByScheduler": "preempted",
    "PreemptionByKubeScheduler": "preempted",
    "DeletionByTaintManager": "pod_evicted",
    "EvictionByEvictionAPI": "pod_evicted",
    "TerminationByKubelet": "pod_evicted",
    "DeletionByPodGC": "pod_evicted",
}


def pod_facts(seen: Seen) -> Iterator[Draft]:
    """Yield what a pod's state tells; the same state tells the same, whenever it comes."""
    before = seen.known.shape.get("containers")
    _remember(seen)
    after = seen.known.shape.get("containers")
    if before and after and after is not before:
        both = before.keys() & after.keys()  # an ephemeral container may come on top
        old, new = ({name: one[name] for name in both} for one in (before, after))
        if diff := [list(one) for one in differences(old, new)]:
            yield Draft("pod_resized", (seen.version,), None, {"diff": diff}, told_by="spec")
    if seen.is_new("pod_created") and seen.created_at:
        owner = seen.known.owner
        yield Draft("pod_created", (), seen.created_at, {"owner": owner.path if owner else ""})
    if seen.change is Change.DELETED or "deletionTimestamp" in seen.metadata:
        yield from _deletion(seen)
    for condition in items(seen.status.get("conditions")):
        if (reader := _CONDITIONS.get(text(condition.get("type")))) is not None:
            yield from reader(seen, condition)
    yield from container_facts(seen)
    if "reason" in seen.status:
        yield from _eviction(seen)


def _remember(seen: Seen) -> None:
    """Keep the slim state and the uses of configs of the newest state."""
    known, spec = seen.known, seen.spec
    if not seen.is_latest and known.shape.get("containers"):
        return
    shape, labels = known.shape, mapping(seen.metadata.get("labels"))
    containers, uses = shape.get("containers", {}), shape.get("uses", ())
    if spec and not (shape and _is_same(spec, containers)):
        uses = seen.objects.shared(uses_of(spec))
        containers = seen.objects.shared(container_shapes(spec))
        if not known.is_gone:
            seen.objects.link(known, uses)
    kept, node = shape.get("labels"), text(spec.get("nodeName")) or shape.get("node", "")
    if node and not known.is_gone and node != shape.get("node"):
        seen.objects.place(known, node)
    known.shape = {
        "phase": text(seen.status.get("phase")),
        "created_at": text(seen.metadata.get("creationTimestamp")),
        "node": node,
        "qos": text(seen.status.get("qosClass")),
        "deleting_at": text(seen.metadata.get("deletionTimestamp")),
        "labels": kept if labels == kept else seen.objects.shared(dict(labels)),
        "containers": containers,
        "uses": uses,
    }


def _is_same(spec: Mapping[str, Any], containers: Mapping[str, Any]) -> bool:
    """Return whether nothing moved that may move in the spec of a living pod."""
    count = 0
    for part in ("containers", "initContainers", "ephemeralContainers"):
        for one in spec.get(part) or ():
            count += 1
            shape = containers.get(one.get("name"))
            if shape is None or shape["image"] != one.get("image", ""):
                return False
            resources = one.get("resources") or _NOTHING
            if shape["limits"] != (resources.get("limits") or _NOTHING):
                return False
            if shape["requests"] != (resources.get("requests") or _NOTHING):
                return False
    return count == len(containers)


def _deletion(seen: Seen) -> Iterator[Draft]:
    gone_by = stamp(seen.metadata.get("deletionTimestamp"))
    if gone_by is not None:
        grace_s = whole(seen.metadata.get("deletionGracePeriodSeconds"))
        asked_at = gone_by - timedelta(seconds=grace_s)
        yield Draft("pod_terminating", (), asked_at, {"grace_s": grace_s})
    if seen.change is Change.DELETED:
        yield Draft("pod_deleted", (), None, _last_state(seen))


def _last_state(seen: Seen) -> dict[str, Any]:
    """Return what is worth keeping of a pod that is going."""
    status = seen.status
    ends = {
        text(one.get("name")): {
            "restart_count": whole(one.get("restartCount")),
            "state": dict(mapping(one.get("state"))),
            "last_state": dict(mapping(one.get("lastState"))),
        }
        for part in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
        for one in items(status.get(part))
    }
    return {
        "phase": text(status.get("phase")),
        "reason": text(status.get("reason")),
        "message": text(status.get("message")),
        "containers": ends,
    }


def _disruption(_: Seen, condition: Mapping[str, Any]) -> Iterator[Draft]:
    if text(condition.get("status")) == "True":
        reason = text(condition.get("reason"))
        payload = {"reason": reason, "message": text(condition.get("message"))}
        at = stamp(condition.get("lastTransitionTime"))
        yield Draft(_PUT_OFF.get(reason, "pod_evicted"), (), at, payload)


def _scheduling(seen: Seen, condition: Mapping[str, Any]) -> Iterator[Draft]:
    at = stamp(condition.get("lastTransitionTime"))
    if text(condition.get("status")) == "True":
        node = text(seen.spec.get("nodeName"))
        if node and seen.is_new("pod_scheduled"):
            yield Draft("pod_scheduled", (), at, {"node": node})
    elif text(condition.get("reason")) == "Unschedulable":
        message = text(condition.get("message"))
        found = predicates(message)
        if seen.is_new("scheduling_failed", found.key):
            payload = {**found.payload, "message": message}
            yield Draft("scheduling_failed", (found.key,), at, payload)


def _readiness(seen: Seen, condition: Mapping[str, Any]) -> Iterator[Draft]:
    at, written = stamped(condition.get("lastTransitionTime"))
    status = text(condition.get("status"))
    if at is None:
        return
    if status == "True":
        if seen.is_new("pod_ready", written):
            yield Draft("pod_ready", (written,), at)
    elif status and seen.is_new("pod_unready", written):
        started = stamp(seen.status.get("startTime"))
        if started is not None and at > started + _SETTLING:
            yield Draft("pod_unready", (written,), at, _unready(seen, condition))
    for when, turned in flips(seen, "Ready", written, status):
        if turned != "True":
            yield Draft("pod_unready", (when,), stamp(when), _unready(seen, condition))


def _unready(seen: Seen, condition: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "reason": text(condition.get("reason")),
        "message": text(condition.get("message")),
        "is_stopping": bool(seen.metadata.get("deletionTimestamp")),
        "is_evicted": text(seen.status.get("reason")) == "Evicted",
    }


_CONDITIONS: Final[Mapping[str, Callable[[Seen, Mapping[str, Any]], Iterator[Draft]]]] = {
    "PodScheduled": _scheduling,
    "Ready": _readiness,
    "DisruptionTarget": _disruption,
}


def _eviction(seen: Seen) -> Iterator[Draft]:
    reason = text(seen.status.get("reason"))
    if reason not in {"Evicted", "NodeLost", "NodeAffinity", "UnexpectedAdmissionError"}:
        return
    message = text(seen.status.get("message"))
    yield Draft("pod_evicted", (), _ended_at(seen), {"reason": reason, "message": message})


def _ended_at(seen: Seen) -> datetime | None:
    stamps = [
        stamp(mapping(mapping(one.get("state")).get("terminated")).get("finishedAt"))
        for one in items(seen.status.get("containerStatuses"))
    ]
    found = [one for one in stamps if one is not None]
    return min(found) if found else None
