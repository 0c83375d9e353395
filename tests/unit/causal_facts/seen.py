"""Observations as a watcher makes them, short to write."""

from datetime import UTC, datetime, timedelta

from tam_workbench.records import Change, ObjectRef, Observation

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SALT = b"a salt of ours"


def at(seconds):
    return START + timedelta(seconds=seconds)


def iso(seconds):
    return at(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def seen(kind, name, seconds, manifest, *, version="", uid=None, change=Change.MODIFIED):
    namespace = "" if kind == "Node" else "shop"
    uid = f"{kind}-{name}" if uid is None else uid
    ref = ObjectRef(cluster="c", kind=kind, namespace=namespace, name=name, uid=uid)
    metadata = {"name": name, "namespace": namespace, "uid": uid} | manifest.get("metadata", {})
    return Observation(
        change=change,
        ref=ref,
        observed_at=at(seconds),
        resource_version=version or str(1000 + round(seconds * 10)),
        manifest={"kind": kind, **manifest, "metadata": metadata},
    )


def ended(finished, *, code=1, reason="Error", started=None):
    return {
        "exitCode": code,
        "reason": reason,
        "startedAt": iso(finished - 20 if started is None else started),
        "finishedAt": iso(finished),
        "containerID": f"containerd://{finished}",
    }


def pod(seconds, *, name="web-1", state=None, last=None, restarts=0, container="app", **more):
    """A pod of one container; more: uid, version, change, spec, status, metadata, role."""
    role = more.pop("role", "containerStatuses")
    status = {"name": container, "restartCount": restarts, "state": state or {}}
    if last:
        status["lastState"] = {"terminated": last}
    spec = {
        "nodeName": "node-1",
        "containers": [
            {
                "name": "app",
                "image": "web:1",
                "resources": {"limits": {"memory": "64Mi"}, "requests": {"memory": "32Mi"}},
                "envFrom": [{"configMapRef": {"name": "settings"}}],
            }
        ],
    }
    owner = {"kind": "ReplicaSet", "name": "web-abc", "uid": "rs", "controller": True}
    metadata = {"creationTimestamp": iso(-60), "ownerReferences": [owner]}
    manifest = {
        "metadata": metadata | more.pop("metadata", {}),
        "spec": spec | more.pop("spec", {}),
        "status": {"phase": "Running", role: [status]} | more.pop("status", {}),
    }
    return seen("Pod", name, seconds, manifest, **more)


def running(since):
    return {"running": {"startedAt": iso(since)}}


def waiting(reason, message=""):
    return {"waiting": {"reason": reason, "message": message}}


def replica_set():
    owner = {"kind": "Deployment", "name": "web", "uid": "dep", "controller": True}
    return seen("ReplicaSet", "web-abc", -70, {"metadata": {"ownerReferences": [owner]}}, uid="rs")


def node(seconds, *, name="node-1", conditions=(), **more):
    listed = [
        {"type": kind, "status": status, "lastTransitionTime": iso(since)}
        for kind, status, since in conditions
    ]
    manifest = {"spec": more.pop("spec", {}), "status": {"conditions": listed}}
    return seen("Node", name, seconds, manifest, **more)


def config(seconds, hashes, *, name="settings", kind="ConfigMap", **more):
    manifest = {"hashes": hashes, "metadata": more.pop("metadata", {})}
    return seen(kind, name, seconds, manifest, **more)


def deployment(seconds, *, image="web:1", replicas=2, generation=1, **more):
    metadata = more.pop("template", {"labels": {"app": "web"}})
    template = {"metadata": metadata, "spec": {"containers": [{"name": "app", "image": image}]}}
    manifest = {
        "metadata": {"generation": generation},
        "spec": {"replicas": replicas, "template": template},
        "status": more.pop("status", {}),
    }
    return seen("Deployment", "web", seconds, manifest, uid="dep", **more)


def event(seconds, reason, message, *, about=("Pod", "web-1"), count=1, **more):
    """An event of core v1; more: first, last, kind, container, uid of what it is about."""
    kind, name = about
    told = {"kind": kind, "name": name, "namespace": "shop"}
    told["uid"] = more.pop("uid", f"{kind}-{name}")
    if container := more.pop("container", ""):
        told["fieldPath"] = f"spec.containers{{{container}}}"
    manifest = {
        "type": more.pop("kind", "Warning"),
        "reason": reason,
        "message": message,
        "involvedObject": told,
        "count": count,
        "firstTimestamp": iso(more.pop("first", seconds)),
        "lastTimestamp": iso(more.pop("last", seconds)),
        "source": {"component": "kubelet"},
    }
    return seen("Event", f"{name}.{reason}.{seconds}", seconds, manifest)


def kinds(facts):
    return [fact.kind for fact in facts]


def only(facts, kind):
    return [fact for fact in facts if fact.kind == kind]
