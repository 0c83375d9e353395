"""Scheduler: a node for a pod, or the predicates that refused it."""

from collections import Counter

from tam_workbench.evaluation.clusters.announcing import announce
from tam_workbench.evaluation.clusters.conditions import set_condition
from tam_workbench.evaluation.clusters.ending import terminate
from tam_workbench.evaluation.clusters.kubelet import admit
from tam_workbench.evaluation.clusters.parts import Node, Pod
from tam_workbench.evaluation.clusters.world import World

BY = "default-scheduler"
CLOSED = "node(s) were unschedulable"
AWAY = "node(s) had untolerated taint {node.kubernetes.io/unreachable: }"


def place(world: World, pod: Pod) -> None:
    """Give a pod a node, make room for it by its priority, or say why not and try again."""
    if pod.is_going or pod.is_gone or pod.node:
        return
    refused = {name: _refusal(world, pod, node) for name, node in world.nodes.items()}
    open_nodes = [name for name, words in refused.items() if not words]
    if open_nodes:
        _bind(world, pod, max(open_nodes, key=lambda name: _free(world, name)[0]))
    elif pod.template.priority and (room := _victims(world, pod)):
        _preempt(world, pod, *room)
    else:
        _refuse(world, pod, refused)


def _free(world: World, name: str, *, above: int | None = None) -> tuple[int, int]:
    node = world.nodes[name]
    held = [
        pod.template
        for pod in world.pods.values()
        if name in {pod.node, pod.promised}
        and not pod.is_gone
        and pod.manifest["status"]["phase"] not in {"Failed", "Succeeded"}
        and (above is None or pod.template.priority >= above)
    ]
    memory = node.memory_mib - sum(template.request_mib for template in held)
    return memory, node.cpu_m - sum(template.cpu_m for template in held)


def _refusal(world: World, pod: Pod, node: Node) -> str:
    promised, pod.promised = pod.promised, ""  # what is kept for itself does not stand in its way
    words = _words(world, pod, node)
    pod.promised = promised
    return words


def _words(world: World, pod: Pod, node: Node) -> str:
    if not node.is_ready:
        return AWAY
    if node.is_cordoned:
        return CLOSED
    memory, cpu = _free(world, node.ref.name)
    if pod.template.request_mib > memory:
        return "Insufficient memory"
    return "Insufficient cpu" if pod.template.cpu_m > cpu else ""


def _reasons(world: World, pod: Pod, refused: dict[str, str]) -> tuple[int, ...]:
    """Return what closed the nodes that would have had room, or else what asks for so much."""
    closed = []
    for name, words in refused.items():
        memory, cpu = _free(world, name)
        if words in {AWAY, CLOSED} and pod.template.request_mib <= memory:
            closed.extend([world.nodes[name].why] if pod.template.cpu_m <= cpu else [])
    return tuple(closed) or (pod.template.why,)


def _refuse(world: World, pod: Pod, refused: dict[str, str]) -> None:
    total = len(refused)
    counted = sorted(Counter(refused.values()).items())
    words = ", ".join(f"{count} {reason}" for reason, count in counted)
    helpless = [(reason, count) for reason, count in counted if reason in {AWAY, CLOSED}]
    others = total - sum(count for _, count in helpless)
    parts = []
    if others:
        parts.append(f"{others} No preemption victims found for incoming pod")
    if helpless:
        away = sum(count for _, count in helpless)
        parts.append(f"{away} Preemption is not helpful for scheduling")
    message = f"0/{total} nodes are available: {words}. preemption: 0/{total} nodes are available: "
    message += ", ".join(parts) + "."
    because = _reasons(world, pod, refused)
    failed = world.series(
        pod.series, "scheduling_failed", pod.ref, because=because, after=(pod.created,)
    )
    set_condition(
        pod.manifest,
        "PodScheduled",
        is_true=False,
        at=world.clock.stamp("scheduler"),
        reason="Unschedulable",
        message=message,
    )
    world.update(pod.manifest, tells=(failed, pod.created))
    announce(world, pod.manifest, "FailedScheduling", message, by=BY, tells=(failed,))
    world.clock.later(world.clock.between(15.0, 60.0), lambda: place(world, pod))


def _bind(world: World, pod: Pod, name: str) -> None:
    pod.node, pod.promised = name, ""
    failed = pod.series.get("scheduling_failed", -1)
    placed = world.happen("pod_scheduled", pod.ref, after=(pod.created, failed), is_key=False)
    pod.manifest["spec"]["nodeName"] = name
    stamp = world.clock.stamp("scheduler")
    set_condition(pod.manifest, "PodScheduled", is_true=True, at=stamp)
    world.update(pod.manifest, tells=(placed,))
    full = f"{pod.ref.namespace}/{pod.ref.name}"
    message = f"Successfully assigned {full} to {name}"
    announce(world, pod.manifest, "Scheduled", message, by=BY, tells=(placed,))
    pod.started = placed
    world.clock.later(world.clock.between(0.2, 1.0), lambda: admit(world, pod))


def _victims(world: World, pod: Pod) -> tuple[str, list[Pod]] | None:
    for name, node in world.nodes.items():
        memory, cpu = _free(world, name, above=pod.template.priority)
        if not node.is_ready or node.is_cordoned:
            continue
        if pod.template.request_mib <= memory and pod.template.cpu_m <= cpu:
            return name, _cheapest(world, pod, name)
    return None


def _cheapest(world: World, pod: Pod, name: str) -> list[Pod]:
    memory, cpu = _free(world, name)
    chosen = []
    lower = [
        other
        for other in world.pods.values()
        if other.node == name
        and not (other.is_going or other.is_gone)
        and other.template.priority < pod.template.priority
    ]
    for other in sorted(lower, key=lambda other: -other.template.request_mib):
        if pod.template.request_mib <= memory and pod.template.cpu_m <= cpu:
            break
        memory += other.template.request_mib
        cpu += other.template.cpu_m
        chosen.append(other)
    return chosen


def _preempt(world: World, pod: Pod, name: str, victims: list[Pod]) -> None:
    because = (pod.created, pod.template.why)
    for victim in victims:
        gone = world.happen("preempted", victim.ref, because=because)
        words = f"Preempted by {pod.ref.namespace}/{pod.ref.name} on node {name}"
        announce(world, victim.manifest, "Preempted", words, by=BY, tells=(gone,))
        set_condition(
            victim.manifest,
            "DisruptionTarget",
            is_true=True,
            at=world.clock.stamp("scheduler"),
            reason="PreemptionByScheduler",
            message=f"{BY}: preempting to accommodate a higher priority pod",
        )
        terminate(world, victim, because=(gone,))
    pod.manifest["status"]["nominatedNodeName"] = pod.promised = name
    world.update(pod.manifest, tells=(pod.created,))
    world.clock.later(world.clock.between(7.0, 12.0), lambda: place(world, pod))
