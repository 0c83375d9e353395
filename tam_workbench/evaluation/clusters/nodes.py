"""Nodes: they come under pressure, fall silent, are closed and drained."""

from collections.abc import Callable, Iterable
from typing import Final

from tam_workbench.evaluation.clusters.announcing import announce
from tam_workbench.evaluation.clusters.conditions import set_condition
from tam_workbench.evaluation.clusters.ending import evict, lose_readiness, terminate
from tam_workbench.evaluation.clusters.parts import Manifest, Node, Pod
from tam_workbench.evaluation.clusters.world import World

GRACE_S: Final = 40.0
"""After so long without a word of its kubelet a node counts as not ready."""
TOLERATED_S: Final = 300.0
"""So long pods tolerate that their node is not ready."""


def join(world: World, name: str, *, memory_mib: int = 8192, cpu_m: int = 4000) -> Node:
    """Add a node."""
    resources = {"cpu": f"{cpu_m}m", "memory": f"{memory_mib}Mi", "pods": "110"}
    manifest: Manifest = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "spec": {},
        "status": {
            "capacity": resources,
            "allocatable": dict(resources),
            "nodeInfo": {"kubeletVersion": "v1.31.0", "containerRuntimeVersion": "containerd://2"},
        },
    }
    stamp = world.clock.stamp(f"kubelet/{name}")
    for kind, is_true in (("MemoryPressure", False), ("DiskPressure", False), ("Ready", True)):
        reason = "KubeletReady" if kind == "Ready" else f"KubeletHasSufficient{kind[:6]}"
        set_condition(manifest, kind, is_true=is_true, at=stamp, reason=reason)
    ref = world.create(manifest)
    world.nodes[name] = Node(ref=ref, manifest=manifest, memory_mib=memory_mib, cpu_m=cpu_m)
    return world.nodes[name]


def pods_on(world: World, node: Node) -> list[Pod]:
    """Return the pods that still run on a node."""
    return [
        pod
        for pod in world.pods.values()
        if pod.node == node.ref.name
        and not (pod.is_going or pod.is_gone)
        and pod.manifest["status"]["phase"] not in {"Failed", "Succeeded"}
    ]


def press(world: World, node: Node, *, evicted: int, because: Iterable[int] = ()) -> int:
    """Let a node run out of memory: its kubelet evicts some pods, and later it is over."""
    by = f"kubelet/{node.ref.name}"
    pressed = world.happen("node_pressure", node.ref, because=because)
    words = "kubelet has insufficient memory available"
    stamp = world.clock.stamp(by)
    set_condition(
        node.manifest,
        "MemoryPressure",
        is_true=True,
        at=stamp,
        reason="KubeletHasInsufficientMemory",
        message=words,
    )
    world.update(node.manifest, tells=(pressed,))
    text = f"Node {node.ref.name} status is now: NodeHasInsufficientMemory"
    announce(world, node.manifest, "NodeHasInsufficientMemory", text, by=by, tells=(pressed,))
    wait = 0.0
    for pod in [pod for pod in pods_on(world, node) if pod.is_running][:evicted]:
        wait += world.clock.between(3.0, 14.0)
        world.clock.later(wait, _evicting(world, pod, pressed))
    world.clock.later(wait + TOLERATED_S, lambda: _relieve(world, node))
    return pressed


def _evicting(world: World, pod: Pod, why: int) -> Callable[[], None]:
    text = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 52Mi. "
    text += f"Container app was using {pod.template.request_mib + 60}Mi, request is "
    text += f"{pod.template.request_mib}Mi, has larger consumption of memory. "

    def deed() -> None:
        if pod.is_running and not pod.is_going:
            evict(world, pod, message=text, because=(why,))

    return deed


def _relieve(world: World, node: Node) -> None:
    by = f"kubelet/{node.ref.name}"
    over = world.happen("node_pressure_over", node.ref, is_key=False)
    set_condition(
        node.manifest,
        "MemoryPressure",
        is_true=False,
        at=world.clock.stamp(by),
        reason="KubeletHasSufficientMemory",
    )
    world.update(node.manifest, tells=(over,))


def fail(world: World, node: Node, *, for_s: float) -> int:
    """Let a node fall silent: it is not ready, its pods are taken off it, and it comes back."""
    node.is_ready = False
    lost = node.why = world.happen("node_not_ready", node.ref)
    set_condition(
        node.manifest,
        "Ready",
        is_true=None,
        at=world.clock.stamp("controller"),
        reason="NodeStatusUnknown",
        message="Kubelet stopped posting node status.",
    )
    taint = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}
    node.manifest["spec"]["taints"] = [taint]
    world.update(node.manifest, tells=(lost,))
    words = f"Node {node.ref.name} status is now: NodeNotReady"
    announce(
        world,
        node.manifest,
        "NodeNotReady",
        words,
        by="node-controller",
        clock="controller",
        tells=(lost,),
    )
    for pod in pods_on(world, node):
        pod.life += 1
        lose_readiness(world, pod, because=(lost,))
        world.update(pod.manifest, tells=(pod.unready,))
        announce(
            world,
            pod.manifest,
            "NodeNotReady",
            "Node is not ready",
            by="node-controller",
            clock="controller",
            tells=(pod.unready,),
        )
    world.clock.later(TOLERATED_S, lambda: _take_off(world, node, lost))
    world.clock.later(for_s, lambda: _come_back(world, node))
    return lost


def _take_off(world: World, node: Node, lost: int) -> None:
    if node.is_ready:
        return
    for pod in pods_on(world, node):
        words = f"Marking for deletion Pod {pod.ref.namespace}/{pod.ref.name}"
        taken = world.happen("pod_evicted", pod.ref, because=(lost,))
        terminate(world, pod, because=(taken,))
        announce(
            world,
            pod.manifest,
            "TaintManagerEviction",
            words,
            by="taint-eviction-controller",
            clock="controller",
            tells=(taken,),
        )
        world.notify(pod.workload)


def _come_back(world: World, node: Node) -> None:
    node.is_ready, node.why = True, -1
    back = world.happen("node_ready", node.ref, is_key=False)
    stamp = world.clock.stamp(f"kubelet/{node.ref.name}")
    set_condition(node.manifest, "Ready", is_true=True, at=stamp, reason="KubeletReady")
    node.manifest["spec"].pop("taints", None)
    world.update(node.manifest, tells=(back,))


def cordon(world: World, node: Node) -> int:
    """Close a node for new pods."""
    node.is_cordoned = True
    node.why = world.happen("node_cordoned", node.ref)
    node.manifest["spec"]["unschedulable"] = True
    world.update(node.manifest, tells=(node.why,))
    return node.why


def drain(world: World, node: Node) -> None:
    """Move all pods off a node that is closed."""
    for pod in pods_on(world, node):
        terminate(world, pod, because=(node.why,))
        world.notify(pod.workload)


def uncordon(world: World, node: Node) -> None:
    """Open a node again."""
    node.is_cordoned, node.why = False, -1
    opened = world.happen("node_uncordoned", node.ref, is_key=False)
    node.manifest["spec"].pop("unschedulable", None)
    world.update(node.manifest, tells=(opened,))
