"""Facts read out of workloads: rollouts, scaling, stalls, autoscalers, jobs, endpoints."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tam_workbench.causal.deriving_drafts import (
    Draft,
    Seen,
    Turn,
    flips,
    plausible,
    versions,
    written_at,
)
from tam_workbench.causal.deriving_messages import refusal
from tam_workbench.causal.identity import items, mapping, stamp, stamped, text, whole
from tam_workbench.causal.manifests import containers_of, differences, uses_of
from tam_workbench.records import Change

_RESTARTED: Final = "kubectl.kubernetes.io/restartedAt"


def workload_facts(seen: Seen) -> Iterator[Draft]:
    """Yield what a Deployment, ReplicaSet, StatefulSet, DaemonSet or Job tells."""
    yield from _life(seen)
    template = mapping(seen.spec.get("template"))
    replicas = seen.spec.get("replicas")
    if seen.is_latest:
        seen.known.shape = {
            "replicas": replicas,
            "ready": whole(seen.status.get("readyReplicas")),
            "revision": _revision(seen),
            "uses": seen.objects.shared(uses_of(mapping(template.get("spec")))),
            "images": _images(template),
        }
    if seen.change is Change.DELETED:
        return
    if seen.known.ref.kind in {"Deployment", "StatefulSet", "DaemonSet"}:
        yield from _turns(seen, template, replicas)
    for condition in items(seen.status.get("conditions")):
        yield from _condition(seen, condition)


def _life(seen: Seen) -> Iterator[Draft]:
    if seen.created_at:
        payload = {"revision": _revision(seen), "replicas": seen.spec.get("replicas")}
        yield Draft("workload_created", (), seen.created_at, payload, told_by="spec")
    if seen.change is Change.DELETED:
        yield Draft("workload_deleted", (), None)


def _revision(seen: Seen) -> str:
    annotations = mapping(seen.metadata.get("annotations"))
    return text(annotations.get("deployment.kubernetes.io/revision"))


def _images(template: Mapping[str, Any]) -> dict[str, str]:
    spec = mapping(template.get("spec"))
    return {text(one.get("name")): text(one.get("image")) for _, one in containers_of(spec)}


def _turns(seen: Seen, template: Mapping[str, Any], replicas: object) -> Iterator[Draft]:
    generation = text(seen.metadata.get("generation"))
    write = text(mapping(seen.metadata.get("lastWrite")).get("manager"))
    for turn in versions(seen, {"template": template}, number=generation):
        yield _rollout(seen, turn, write if turn.at == seen.at else "")
    if replicas is None:
        return
    for turn in versions(seen, {"replicas": replicas}, slot=" of scale", number=generation):
        before, after = turn.before["replicas"], turn.after["replicas"]
        by = write if turn.at == seen.at else ""
        payload = {"before": before, "after": after, "by": by}
        yield Draft("scaled", (turn.version,), written_at(seen, turn), payload, told_by="spec")


def _rollout(seen: Seen, turn: Turn, by: str) -> Draft:
    """Return the fact that the pod template changed; a bare restart changes one annotation."""
    old, new = turn.before["template"], turn.after["template"]
    diff = differences(old, new)[:50]
    asked_at = _restarted_at(new)
    is_restart = asked_at != _restarted_at(old) and _without_restart(old) == _without_restart(new)
    at = written_at(seen, turn)
    if asked_at and asked_at != _restarted_at(old) and at == turn.at:
        at = plausible(stamp(asked_at), turn.at) or at
    payload = {
        "changed": [path for path, *_ in diff],
        "diff": [list(one) for one in diff],
        "images_before": _images(old),
        "images_after": _images(new),
        "restarted": is_restart,
        "revision": _revision(seen),
        "by": by,
    }
    return Draft("rolled_out", (turn.version,), at, payload, told_by="spec")


def _restarted_at(template: Mapping[str, Any]) -> str:
    annotations = mapping(mapping(template.get("metadata")).get("annotations"))
    return text(annotations.get(_RESTARTED))


def _without_restart(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return a template without the annotation of ``kubectl rollout restart``, and empty parts."""
    metadata = dict(mapping(template.get("metadata")))
    annotations = dict(mapping(metadata.pop("annotations", None)))
    annotations.pop(_RESTARTED, None)
    kept = {key: value for key, value in metadata.items() if value is not None}
    return {**template, "metadata": kept | ({"annotations": annotations} if annotations else {})}


def _condition(seen: Seen, condition: Mapping[str, Any]) -> Iterator[Draft]:
    kind, status = text(condition.get("type")), text(condition.get("status"))
    reason, message = text(condition.get("reason")), text(condition.get("message"))
    at, written = stamped(condition.get("lastTransitionTime"))
    payload = {"reason": reason, "message": message}
    if kind == "Progressing" and reason == "ProgressDeadlineExceeded" and at:
        yield Draft("rollout_stalled", (written,), at, payload)
    elif kind == "ReplicaFailure" and status == "True":
        what, named = refusal(message)
        yield Draft(what, (named.get("quota", ""),), at, payload | named)
    elif kind == "Available" and at:
        for when, turned in flips(seen, kind, written, status):
            what = "availability_restored" if turned == "True" else "availability_lost"
            yield Draft(what, (when,), stamp(when), payload)
    elif kind == "Failed" and status == "True":
        yield Draft("job_failed", (), at, payload)
    elif kind == "Complete" and status == "True":
        yield Draft("job_completed", (), at, payload)


def scaler_facts(seen: Seen) -> Iterator[Draft]:
    """Yield what a HorizontalPodAutoscaler tells: when it scaled, and why it cannot."""
    yield from _life(seen)
    target = mapping(seen.spec.get("scaleTargetRef"))
    me = seen.known.ref
    kind, name = text(target.get("kind")), text(target.get("name"))
    ref = seen.objects.named(kind, name, like=me, namespace=me.namespace)
    status, involved = seen.status, {"target": ref, "workload": ref}
    scaled = stamp(status.get("lastScaleTime"))
    if scaled is not None:
        before = seen.known.shape.get("desired", status.get("currentReplicas"))
        payload = {
            "before": before,
            "after": status.get("desiredReplicas"),
            "least": seen.spec.get("minReplicas"),
            "most": seen.spec.get("maxReplicas"),
            "metrics": status.get("currentMetrics") or [],
        }
        yield Draft("hpa_scaled", (scaled.isoformat(),), scaled, payload, involved)
    for condition in items(status.get("conditions")):
        at = stamp(condition.get("lastTransitionTime"))
        is_wanted = text(condition.get("type")) in {"ScalingActive", "AbleToScale"}
        is_idle = text(condition.get("reason")) == "ScalingDisabled"
        if is_wanted and text(condition.get("status")) == "False" and at and not is_idle:
            payload = {key: text(condition.get(key)) for key in ("type", "reason", "message")}
            parts = (payload["type"], at.isoformat())
            yield Draft("hpa_failed", parts, at, payload, involved)
    if seen.is_latest:
        seen.known.shape = {"desired": status.get("desiredReplicas"), "target": ref.key}


def endpoint_facts(seen: Seen) -> Iterator[Draft]:
    """Yield whether pods stand behind a service, from Endpoints or an EndpointSlice."""
    labels, annotations = (mapping(seen.metadata.get(k)) for k in ("labels", "annotations"))
    name = text(labels.get("kubernetes.io/service-name")) or seen.known.ref.name
    me = seen.known.ref
    service = seen.objects.named("Service", name, like=me, namespace=me.namespace)
    ready = _ready(seen.manifest)
    if seen.is_latest:
        seen.known.shape = {"ready": ready, "service": service.path}
    told_at = stamp(annotations.get("endpoints.kubernetes.io/last-change-trigger-time"))
    for turn in versions(seen, {"is_served": ready > 0}):
        kind = "endpoints_restored" if turn.after["is_served"] else "endpoints_lost"
        at = told_at if told_at and turn.at == seen.at else turn.at
        payload, involved = {"ready": ready}, {"service": service}
        yield Draft(kind, (turn.version,), at, payload, involved, subject=service)


def _ready(manifest: Mapping[str, Any]) -> int:
    slices = items(manifest.get("endpoints"))
    if slices or "endpoints" in manifest:
        ready = [mapping(one.get("conditions")).get("ready", True) is not False for one in slices]
        return sum(ready)
    subsets = items(manifest.get("subsets"))
    return sum(len(items(one.get("addresses"))) for one in subsets)
