"""Acts: what each action changes on its object, and what would undo it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from tam_workbench.adapters.actuators.kubernetes.bounds import (
    Bounds,
    Found,
    RefusedError,
    whole,
)
from tam_workbench.adapters.apiserver import ApiError, ApiServer

__all__ = ["ACTS", "NODE_ACTS", "Plan", "Scene"]

_REVISION: Final = "deployment.kubernetes.io/revision"
_RESTARTED: Final = "kubectl.kubernetes.io/restartedAt"
_HASH: Final = "pod-template-hash"
_POLICIES: Final = "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies"
_SCALERS: Final = "/apis/autoscaling/v1/namespaces/{}/horizontalpodautoscalers"
_Patch = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What an act is planned on."""

    server: ApiServer
    found: Found
    bounds: Bounds
    arguments: Mapping[str, str]
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be changed: operations on the object and, perhaps, a policy beside it."""

    detail: str
    patch: _Patch = field(default_factory=list)
    undo: Mapping[str, str] = field(default_factory=dict)
    policy: Mapping[str, Any] | None = None  # to make
    policies: str = ""  # where policies are
    unmade: str = ""  # name of the policy to take away


def _rollout_restart(scene: Scene) -> Plan:
    found, at = scene.found, scene.now.isoformat()
    spec = found.manifest["spec"]
    if spec.get("paused"):
        raise RefusedError(f"{found.shown} is paused; resume it before it can be rolled out")
    about = spec["template"].get("metadata") or {}
    annotations = {**(about.get("annotations") or {}), _RESTARTED: at}
    told = {**about, "annotations": annotations}
    patch = [{"op": "add", "path": "/spec/template/metadata", "value": told}]
    return Plan(patch=patch, detail=f"rolling restart of {found.shown}")


def _scale(scene: Scene) -> Plan:
    found, asked = scene.found, scene.arguments.get("replicas", "")
    if found.kind == "DaemonSet":
        raise RefusedError(f"{found.shown} has a pod a node; it cannot be scaled")
    before = int(found.manifest["spec"].get("replicas", 1))
    if not asked:
        raise RefusedError("scale needs the argument replicas: a number, or +1 or -1")
    step = {"+": 1, "-": -1}.get(asked[0], 0)
    after = before + step * whole(asked[1:], "replicas") if step else whole(asked, "replicas")
    if not 0 <= after <= scene.bounds.max_replicas:
        most = scene.bounds.max_replicas
        raise RefusedError(f"{found.shown} would have {after} replicas; allowed are 0 to {most}")
    if after == before:
        raise RefusedError(f"{found.shown} has {before} replicas already; nothing to do")
    scaler = _scaler(scene)
    if scaler:
        raise RefusedError(
            f"{found.shown} is scaled by HorizontalPodAutoscaler/{scaler}, which would take it "
            "back; change its bounds instead"
        )
    return Plan(
        patch=[{"op": "add", "path": "/spec/replicas", "value": after}],
        detail=f"scaled {found.shown} from {before} to {after}",
        undo={"action": "scale", "replicas": str(before)},
    )


def _scaler(scene: Scene) -> str:
    """Return the name of the autoscaler of a workload; empty if there is none we may see."""
    found = scene.found
    try:
        told = scene.server.get(_SCALERS.format(found.namespace))
    except ApiError as error:
        if error.status not in {403, 404}:
            raise
        return ""
    for item in told.get("items") or ():
        target = item["spec"].get("scaleTargetRef") or {}
        if (target.get("kind"), target.get("name")) == (found.kind, found.name):
            return str(item["metadata"]["name"])
    return ""


def _rollback(scene: Scene) -> Plan:
    found = scene.found
    if found.kind != "Deployment":
        raise RefusedError(f"{found.shown} keeps no former template here; only a Deployment does")
    present = _revision(found.manifest)
    if not present:  # what is present could be taken for former
        raise RefusedError(f"{found.shown} has no former revision that is known yet; try again")
    former = _former(scene)
    asked = scene.arguments.get("revision", "")
    if asked:
        former = {n: t for n, t in former.items() if n == whole(asked, "revision")}
    wanted = max((number for number in former if number != present), default=None)
    if wanted is None:
        which = f"revision {asked}" if asked else "former revision"
        raise RefusedError(f"{found.shown} has no {which} to go back to")
    return Plan(
        patch=[{"op": "replace", "path": "/spec/template", "value": former[wanted]}],
        detail=f"rolled {found.shown} back from revision {present} to {wanted}",
        undo={"action": "rollback", "revision": str(present)},
    )


def _former(scene: Scene) -> dict[int, Mapping[str, Any]]:
    """Return the templates that a Deployment's ReplicaSets keep, by revision."""
    found = scene.found
    uid = found.manifest["metadata"]["uid"]
    told = scene.server.get(f"/apis/apps/v1/namespaces/{found.namespace}/replicasets")
    templates: dict[int, Mapping[str, Any]] = {}
    for item in told.get("items") or ():
        owners = item["metadata"].get("ownerReferences") or ()
        if any(owner.get("uid") == uid for owner in owners) and _revision(item):
            template = item["spec"]["template"]
            about = dict(template.get("metadata") or {})
            labels = dict(about.get("labels") or {})
            labels.pop(_HASH, None)
            about["labels"] = labels
            templates[_revision(item)] = {**template, "metadata": about}
    return templates


def _revision(manifest: Mapping[str, Any]) -> int:
    text = (manifest["metadata"].get("annotations") or {}).get(_REVISION, "0")
    return int(text) if text.isdigit() else 0


def _cordon(scene: Scene) -> Plan:
    found = scene.found
    if found.manifest["spec"].get("unschedulable"):
        raise RefusedError(f"{found.shown} is cordoned already; nothing to do")
    nodes = scene.server.get("/api/v1/nodes").get("items") or ()
    left = [one for one in nodes if not one["spec"].get("unschedulable")]
    least = scene.bounds.min_nodes
    if len(left) - 1 < least:
        raise RefusedError(f"{found.shown} is one of {len(left)} schedulable nodes; keep {least}")
    return Plan(
        patch=[{"op": "add", "path": "/spec/unschedulable", "value": True}],
        detail=f"cordoned {found.shown}",
        undo={"action": "uncordon"},
    )


def _uncordon(scene: Scene) -> Plan:
    found = scene.found
    if not found.manifest["spec"].get("unschedulable"):
        raise RefusedError(f"{found.shown} is not cordoned; nothing to do")
    return Plan(
        patch=[{"op": "add", "path": "/spec/unschedulable", "value": False}],
        detail=f"uncordoned {found.shown}",
        undo={"action": "cordon"},
    )


def _policy_name(found: Found) -> str:
    return f"tam-block-{found.kind.lower()}-{found.name}"[:253].rstrip("-.")


def _network_block(scene: Scene) -> Plan:
    found = scene.found
    name, sides = _policy_name(found), ["Ingress", "Egress"]
    asked = scene.arguments.get("direction", "")
    if asked:
        sides = [side for side in sides if side.lower() == asked.lower()]
        if not sides:
            raise RefusedError(f"direction {asked[:40]!r} is neither ingress nor egress")
    selector = found.manifest["spec"]["selector"]
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "tam-workbench"}},
        "spec": {"podSelector": selector, "policyTypes": sides},
    }
    return Plan(
        policy=policy,
        policies=_POLICIES.format(found.namespace),
        detail=f"blocked {' and '.join(sides).lower()} of {found.shown} by NetworkPolicy/{name}",
        undo={"action": "network_unblock"},
    )


def _network_unblock(scene: Scene) -> Plan:
    found = scene.found
    name, policies = _policy_name(found), _POLICIES.format(found.namespace)
    asked = {"fieldSelector": f"metadata.name={name}"}
    if not scene.server.get(policies, asked).get("items"):
        raise RefusedError(f"{found.shown} is not blocked by us; nothing to do")
    return Plan(
        policies=policies,
        unmade=name,
        detail=f"took NetworkPolicy/{name} of {found.shown} away",
        undo={"action": "network_block"},
    )


ACTS: Final[Mapping[str, Callable[[Scene], Plan]]] = MappingProxyType(
    {
        "rollout_restart": _rollout_restart,
        "scale": _scale,
        "rollback": _rollback,
        "cordon": _cordon,
        "uncordon": _uncordon,
        "network_block": _network_block,
        "network_unblock": _network_unblock,
    }
)
"""Every action and what plans it."""

NODE_ACTS: Final = ("cordon", "uncordon")
"""The actions whose target is a node."""
