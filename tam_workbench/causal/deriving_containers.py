"""Facts read out of a pod's container statuses: starts, ends with all evidence, waits."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from tam_workbench.causal.deriving_drafts import Draft, Seen
from tam_workbench.causal.deriving_evidence import around
from tam_workbench.causal.deriving_messages import missing_config, pull_trouble
from tam_workbench.causal.identity import mapping, stamp, stamped, text, whole
from tam_workbench.causal.manifests import containers_of

_STATUSES: Final = (
    ("initContainerStatuses", "init"),
    ("containerStatuses", "app"),
    ("ephemeralContainerStatuses", "ephemeral"),
)
_PULLS: Final = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
    }
)
_CONFIG_WAITS: Final = frozenset({"CreateContainerConfigError", "CreateContainerError"})
_START_WAITS: Final = frozenset({"RunContainerError", "PreStartHookError", "CreateContainerError"})
_RESET: Final = timedelta(minutes=10)  # after so long a run the kubelet starts its back-off anew
_LONGEST_S: Final = 300.0
_FIRST_S: Final = 10.0
_MOST_RUNS: Final = 16


def backoff_s(restart_count: int) -> float:
    """Return how long the kubelet waits before a restart: 10 s, doubling, at most 5 minutes.

    >>> [backoff_s(n) for n in (0, 1, 2, 3, 9)]
    [0.0, 10.0, 20.0, 40.0, 300.0]
    """
    if restart_count <= 0:
        return 0.0
    return min(_FIRST_S * 2.0 ** min(restart_count - 1, 10), _LONGEST_S)


def container_shapes(spec: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return of each container what a kill must be explained with."""
    return {
        text(one.get("name")): {
            "image": text(one.get("image")),
            "limits": dict(mapping(mapping(one.get("resources")).get("limits"))),
            "requests": dict(mapping(mapping(one.get("resources")).get("requests"))),
            "target": text(one.get("targetContainerName")),
        }
        for _, one in containers_of(spec)
    }


def container_facts(seen: Seen) -> Iterator[Draft]:
    """Yield starts, ends and waits of every container, init and ephemeral ones as well."""
    for part, role in _STATUSES:
        for status in seen.status.get(part) or ():
            state = mapping(status.get("state"))
            before = mapping(status.get("lastState")).get("terminated")
            count = whole(status.get("restartCount"))
            if before:  # while a container waits to be started again, its count has not moved yet
                run = count if "waiting" in state else max(count - 1, 0)
                yield from _end(seen, status, before, role=role, run=run)
            if running := state.get("running"):
                yield from _start(seen, status, running, count)
            elif ended := state.get("terminated"):
                yield from _end(seen, status, ended, role=role, run=count)
            elif waiting := state.get("waiting"):
                yield from _waits(seen, status, waiting)


def _start(
    seen: Seen, status: Mapping[str, Any], running: Mapping[str, Any], count: int
) -> Iterator[Draft]:
    name = text(status.get("name"))
    at = stamp(running.get("startedAt"))
    if at is not None and seen.is_new("container_started", name, str(count)):
        payload = {
            "container": name,
            "restart_count": count,
            "image": text(status.get("image")),
            "image_id": text(status.get("imageID")),
        }
        yield Draft("container_started", (name, str(count)), at, payload)


def _end(
    seen: Seen, status: Mapping[str, Any], end: Mapping[str, Any], *, role: str, run: int
) -> Iterator[Draft]:
    name, kind = text(status.get("name")), "container_terminated"
    at, finished = stamped(end.get("finishedAt"))
    if role == "ephemeral":
        kind = "ephemeral_exited"
    elif end.get("reason") == "OOMKilled":
        kind = "oom_killed"
    if not seen.is_new(kind, name, str(run), finished):
        return
    run = _run(seen, name, end, run=run)
    if not seen.is_new(kind, name, str(run), finished):
        return
    expires_at, expires_with = _horizon(seen, status, end, role=role)
    told = {"restart_count": run, "missed": _missed(seen, name, run), "role": role}
    yield Draft(
        kind,
        (name, str(run), finished),
        at,
        _evidence(seen, status, end) | told,
        expires_with=expires_with,
        expires_at=expires_at,
    )


def _run(seen: Seen, name: str, end: Mapping[str, Any], *, run: int) -> int:
    """Return which run ended: what was said of the same end before counts."""
    runs: dict[str, int] = seen.known.notes.setdefault("runs", {})
    started, finished = stamped(end.get("startedAt")), stamped(end.get("finishedAt"))
    alias = f"{name}|{started[1]}|{finished[1]}|{end.get('containerID', '')}"
    found = runs.setdefault(alias, run)
    if len(runs) > _MOST_RUNS:
        del runs[next(iter(runs))]
    return found


def _missed(seen: Seen, name: str, run: int) -> int:
    """Return how many ends before this one were never seen; a late one was counted as such."""
    ends: dict[str, int] = seen.known.notes.setdefault("ends", {})
    newest = ends.get(name, -1)
    ends[name] = max(newest, run)
    return max(run - newest - 1, 0)


def _horizon(
    seen: Seen, status: Mapping[str, Any], end: Mapping[str, Any], *, role: str
) -> tuple[datetime | None, str]:
    """Return when the cluster is likely to forget an end, and what makes it forget.

    ``lastState`` holds one end: it lives until the next one. While the kubelet backs off, that is
    the back-off and about as long a run as the last; of a healthy container nobody knows.
    Ephemeral containers are never restarted: theirs lives until the pod is deleted.
    """
    if role == "ephemeral" or text(seen.spec.get("restartPolicy")) == "Never":
        return None, "pod_deletion"
    started, finished = stamp(end.get("startedAt")), stamp(end.get("finishedAt"))
    count = whole(status.get("restartCount"))
    if started is None or finished is None or count == 0 or finished - started > _RESET:
        return None, "next_restart"
    again = finished + timedelta(seconds=backoff_s(count)) + (finished - started)
    return again, "next_restart"


def _evidence(seen: Seen, status: Mapping[str, Any], end: Mapping[str, Any]) -> dict[str, Any]:
    """Return what explains an end, as it stood when it was seen."""
    name = text(status.get("name"))
    shape = mapping(seen.known.shape.get("containers")).get(name, {})
    node = text(seen.spec.get("nodeName")) or text(seen.known.shape.get("node"))
    started, finished = stamp(end.get("startedAt")), stamp(end.get("finishedAt"))
    ran_s = (finished - started).total_seconds() if started and finished else None
    return {
        "container": name,
        "reason": text(end.get("reason")),
        "exit_code": end.get("exitCode"),
        "signal": end.get("signal"),
        "message": text(end.get("message"))[:2000],
        "started_at": text(end.get("startedAt")),
        "finished_at": text(end.get("finishedAt")),
        "ran_s": ran_s,
        "image": text(status.get("image")) or shape.get("image", ""),
        "image_id": text(status.get("imageID")),
        "limits": shape.get("limits", {}),
        "requests": shape.get("requests", {}),
        "target": shape.get("target", ""),
        "phase": text(seen.status.get("phase")),
        "qos": text(seen.status.get("qosClass")),
        "is_stopping": bool(seen.metadata.get("deletionTimestamp")),
        "is_evicted": text(seen.status.get("reason")) == "Evicted",
        "node": node,
        "node_conditions": _node_conditions(seen, node),
        "configs": around(seen.objects, seen.known).with_hashes,
        "owners": [one.path for one in seen.objects.owners(seen.known.ref)],
    }


def _node_conditions(seen: Seen, name: str) -> Mapping[str, Any]:
    known = seen.objects.known(seen.objects.named("Node", name, like=seen.known.ref))
    return known.shape.get("conditions", {}) if known else {}


def _waits(seen: Seen, status: Mapping[str, Any], waiting: Mapping[str, Any]) -> Iterator[Draft]:
    reason, message = text(waiting.get("reason")), text(waiting.get("message"))
    name = text(status.get("name"))
    if reason == "CrashLoopBackOff":
        yield from _looping(seen, status, message)
    elif reason in _PULLS:
        payload = pull_trouble(message) | {
            "container": name,
            "reason": reason,
            "image": text(status.get("image")),
        }
        yield Draft("image_pull_failed", (payload["image"] or name,), None, payload)
    elif reason in _CONFIG_WAITS and (found := missing_config(message)):
        yield config_error(seen, name, found=found, message=message)
    elif reason in _START_WAITS | _CONFIG_WAITS:
        payload = {"container": name, "reason": reason, "message": message}
        yield Draft("container_start_failed", (name,), None, payload)


def config_error(
    seen: Seen,
    container: str,
    *,
    found: Mapping[str, str],
    message: str,
    event_at: datetime | None = None,
) -> Draft:
    """Return the fact that a container waits for a config that is not there."""
    namespace = found.get("namespace") or seen.known.ref.namespace
    ref = seen.objects.named(found["kind"], found["name"], like=seen.known.ref, namespace=namespace)
    return Draft(
        "config_error",
        (found["kind"], found["name"], found.get("key", "")),
        event_at,
        {"container": container, "message": message, "missing": dict(found)},
        involved={"config": ref},
        told_by="event" if event_at else "status",
    )


def _looping(seen: Seen, status: Mapping[str, Any], message: str) -> Iterator[Draft]:
    """Yield one fact a loop: a run of ten minutes ends one loop and may begin another."""
    name, count = text(status.get("name")), whole(status.get("restartCount"))
    end = mapping(mapping(status.get("lastState")).get("terminated"))
    started, finished = stamp(end.get("startedAt")), stamp(end.get("finishedAt"))
    loops: dict[str, str] = seen.known.notes.setdefault("loops", {})
    if started and finished and finished - started > _RESET:
        loops[name] = text(end.get("finishedAt"))
    if not seen.is_new("crash_looping", name, loops.get(name, "")):
        return
    payload = {
        "container": name,
        "restart_count": count,
        "exit_code": end.get("exitCode"),
        "reason": text(end.get("reason")),
        "backoff_s": backoff_s(count),
        "message": message,
    }
    yield Draft("crash_looping", (name, loops.get(name, "")), finished, payload)
