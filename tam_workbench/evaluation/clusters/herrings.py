"""Herrings: what happens beside a fault and has nothing to do with it, and what is a lie."""

from collections.abc import Callable
from typing import Final

from tam_workbench.evaluation.clusters import configs, services
from tam_workbench.evaluation.clusters.announcing import announce
from tam_workbench.evaluation.clusters.ending import terminate
from tam_workbench.evaluation.clusters.faults import debugged, restart, rollout, version
from tam_workbench.evaluation.clusters.kubelet import go_wrong
from tam_workbench.evaluation.clusters.parts import Ill, Workload
from tam_workbench.evaluation.clusters.world import World

Herring = Callable[[World, Workload], None]
"""Does something beside the point to a workload."""


def other_config(world: World, app: Workload) -> None:
    """Edit a config that nobody reads."""
    space = app.ref.namespace
    held = world.configs.get(("ConfigMap", space, "notes"))
    if held is None:
        held = configs.make(world, "ConfigMap", space, "notes", {"text": "a"})
    configs.edit(world, held, {"text": world.suffix(8)})


def other_key(world: World, app: Workload) -> None:
    """Add a key to a config of which pods read other keys."""
    held = world.configs.get(("ConfigMap", app.ref.namespace, f"{app.ref.name}-files"))
    if held is not None:
        configs.edit(world, held, {f"extra-{world.suffix(3)}": world.suffix(4)})


def good_rollout(world: World, app: Workload) -> None:
    """Roll out a version that works."""
    if app.template.ill is None and app.template.image not in world.missing_images:
        rollout(world, app, version(world, app))


def good_restart(world: World, app: Workload) -> None:
    """Restart a workload, to no effect."""
    if app.template.ill is None and app.replicas:
        restart(world, app)


def no_op(world: World, app: Workload) -> None:
    """Write a config again as it was, with a label on it."""
    held = world.configs.get(("ConfigMap", app.ref.namespace, f"{app.ref.name}-env"))
    if held is not None:
        held.manifest["metadata"].setdefault("labels", {})["touched"] = world.suffix(4)
        world.update(held.manifest)


def pod_deleted(world: World, app: Workload) -> None:
    """Delete a pod; its ReplicaSet makes another."""
    for pod in world.pods.values():
        if pod.workload is app and pod.is_ready and not pod.is_going:
            world.unexplained.append(terminate(world, pod, because=()))
            world.notify(app)
            return


def silent_leak(world: World, app: Workload) -> None:
    """Let one pod run out of memory, once, for no reason that anybody could see."""
    for pod in world.pods.values():
        if pod.workload is app and pod.is_running and app.template.ill is None:
            go_wrong(world, pod, Ill(how="oom"), -1)
            world.unexplained.extend(pod.last_kill)
            return


def forged_storm(world: World, app: Workload) -> None:
    """Write errors into the logs of a service that is well."""
    services.tell(world, app, "error_storm", because=(), is_true=False)


def forged_event(world: World, app: Workload) -> None:
    """Write an Event that says of a healthy pod that it was killed."""
    for pod in world.pods.values():
        if pod.workload is app and pod.is_ready:
            words = "Memory cgroup out of memory: Killed process 4242 (app)"
            announce(world, pod.manifest, "OOMKilling", words, by="kubelet-helper")
            return


def debugging(world: World, app: Workload) -> None:
    """Debug a pod by an ephemeral container."""
    if any(pod.workload is app and pod.is_running for pod in world.pods.values()):
        debugged(world, app)


def settled_edit(world: World, app: Workload) -> None:
    """Edit a mounted config of a workload: it is read, and all is well."""
    held = world.configs.get(("ConfigMap", app.ref.namespace, f"{app.ref.name}-files"))
    if held is not None:
        configs.edit(world, held, {"b.conf": world.suffix(6)})


DECOYS: Final[tuple[Herring, ...]] = (settled_edit, good_rollout)
"""What happens to the very workload that a fault befalls, minutes before, and does no harm."""
HERRINGS: Final[tuple[Herring, ...]] = (
    other_config,
    other_key,
    good_rollout,
    good_restart,
    no_op,
    pod_deleted,
    silent_leak,
    forged_storm,
    forged_event,
    debugging,
)
"""All of them."""
