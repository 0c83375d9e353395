"""Busy: a long stream of a busy cluster, made cheaply: pods that are killed and start again.

Most of a manifest is shared between observations; three of them make a kill, and between them
nodes tell that they are short of memory, so that there is something to correlate.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from tam_workbench.evaluation.clusters import shapes
from tam_workbench.evaluation.clusters.clockwork import START
from tam_workbench.evaluation.clusters.parts import Manifest, Reads, Template
from tam_workbench.records import Change, ObjectRef, Observation

PODS_OF_ONE: Final = 10
STEP_S: Final = 0.5
"""Between two observations: two a second, a million in less than six days."""


def _name(index: int) -> str:
    return f"app-{index // PODS_OF_ONE}"


def _uid(kind: str, index: int) -> str:
    return f"{index:08x}-{sum(kind.encode()):04x}-4000-a000-{index * 7919 % 2**48:012x}"


def _pods(count: int) -> list[tuple[ObjectRef, Manifest]]:
    made = []
    for index in range(count):
        app = _name(index)
        reads = (Reads(kind="ConfigMap", name=f"{app}-env", how="env_from"),)
        template = Template(image=f"registry.local/{app}:1", reads=reads)
        manifest = shapes.pod(
            f"space-{index // PODS_OF_ONE % 20}", f"{app}-{index}", template, {"app": app}
        )
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": app, "controller": True}
        meta = manifest["metadata"]
        meta["uid"] = _uid("Pod", index)
        meta["creationTimestamp"] = START.strftime("%Y-%m-%dT%H:%M:%SZ")
        meta["ownerReferences"] = [owner | {"uid": _uid("ReplicaSet", index // PODS_OF_ONE)}]
        manifest["spec"]["nodeName"] = f"node-{index % 50}"
        ref = ObjectRef(
            cluster="busy", kind="Pod", name=meta["name"], namespace=meta["namespace"],
            uid=meta["uid"],
        )  # fmt: skip
        made.append((ref, manifest))
    return made


def _status(step: int, restarts: int, at: datetime) -> Manifest:
    """Return a status: 0 just killed, 1 waiting to start again, 2 running again a second later."""
    began = (at - timedelta(seconds=40)).strftime("%Y-%m-%dT%H:%M:%SZ")
    ended = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    turned = (at + timedelta(seconds=step // 2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    over = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "startedAt": began,
                           "finishedAt": ended}}  # fmt: skip
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 20s restarting"}}
    running = {"running": {"startedAt": turned}}
    state, last = ((over, {}), (waiting, over), (running, over))[step]
    last = {} if restarts < 0 else last  # nothing has ended yet
    container: dict[str, Any] = {
        "name": "app", "image": "registry.local/app:1", "imageID": "", "ready": step == 2,
        "restartCount": restarts + (step == 2), "state": state, "lastState": last,
    }  # fmt: skip
    ready = {"type": "Ready", "status": str(step == 2), "lastTransitionTime": turned}
    return {"phase": "Running", "conditions": [ready], "containerStatuses": [container]}


def initial(pods: int) -> list[Observation]:
    """Return the list that a watcher begins with: every pod, running."""
    return [
        Observation(
            change=Change.ADDED,
            ref=ref,
            observed_at=START,
            resource_version=str(index + 1),
            manifest=_with(manifest, _status(2, -1, START), str(index + 1)),
        )
        for index, (ref, manifest) in enumerate(_pods(pods))
    ]


def busy(count: int, *, pods: int = 2000) -> Iterator[Observation]:
    """Yield a stream of so many observations, in which pods are killed one after another."""
    held = _pods(pods)
    version = pods
    made = 0
    while made < count:
        number = made // 3
        ref, manifest = held[number * 7 % pods]
        restarts = number // pods
        ended = START + timedelta(seconds=made * STEP_S)
        if number % 10 == 0:
            version += 1
            yield _node(number // 10, made, version)
            made += 1
        for step in range(3):
            version += 1
            yield Observation(
                change=Change.MODIFIED,
                ref=ref,
                observed_at=START + timedelta(seconds=made * STEP_S + 0.2),
                resource_version=str(version),
                manifest=_with(manifest, _status(step, restarts, ended), str(version)),
            )
            made += 1
            if made >= count:
                return


def _node(number: int, made: int, version: int) -> Observation:
    """Return a node's status: every third time it is short of memory."""
    at = START + timedelta(seconds=made * STEP_S)
    index = number * 13 % 50
    ref = ObjectRef(cluster="busy", kind="Node", name=f"node-{index}", uid=_uid("Node", index))
    meta = {"name": ref.name, "uid": ref.uid, "resourceVersion": str(version)}
    since = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    short = {"type": "MemoryPressure", "status": str(number % 3 == 0), "lastTransitionTime": since}
    manifest = {"apiVersion": "v1", "kind": "Node", "metadata": meta, "spec": {},
                "status": {"conditions": [short]}}  # fmt: skip
    return Observation(
        change=Change.MODIFIED,
        ref=ref,
        observed_at=at,
        resource_version=str(version),
        manifest=manifest,
    )


def _with(manifest: Manifest, status: Manifest, version: str) -> Manifest:
    meta = {**manifest["metadata"], "resourceVersion": version}
    return {**manifest, "metadata": meta, "status": status}
