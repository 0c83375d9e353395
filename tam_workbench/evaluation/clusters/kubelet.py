"""Kubelet: from a pod that was given a node to a container that runs, and goes wrong."""

from collections.abc import Callable
from typing import Final

from tam_workbench.evaluation.clusters.announcing import announce
from tam_workbench.evaluation.clusters.conditions import set_condition
from tam_workbench.evaluation.clusters.ending import (
    back_off,
    die,
    kubelet,
    lose_readiness,
    status_of,
)
from tam_workbench.evaluation.clusters.parts import Ill, Pod, Reads
from tam_workbench.evaluation.clusters.world import World

SYNC_S: Final = (8.0, 75.0)
"""How long a kubelet takes to carry a changed config into a mounted volume."""


def admit(world: World, pod: Pod) -> None:
    """Take in a pod: its containers are shown as waiting, then made ready to start."""
    if pod.is_going or pod.is_gone:
        return
    stamp = world.clock.stamp(kubelet(pod))
    status = pod.manifest["status"]
    status |= {"startTime": stamp, "hostIP": "10.0.0.1"}
    set_condition(pod.manifest, "Initialized", is_true=True, at=stamp)
    status["containerStatuses"] = [
        {
            "name": "app",
            "image": pod.template.image,
            "imageID": "",
            "ready": False,
            "started": False,
            "restartCount": 0,
            "state": {"waiting": {"reason": "ContainerCreating"}},
            "lastState": {},
        }
    ]
    lose_readiness(world, pod, ())
    world.update(pod.manifest, tells=(pod.created, pod.started))
    prepare(world, pod)


def prepare(world: World, pod: Pod, tries: int = 0) -> None:
    """Mount, pull and configure; what fails is said and tried again."""
    if pod.is_going or pod.is_gone or pod.is_running:
        return
    if pod.manifest["status"]["phase"] == "Failed":
        return
    lost = None if pod.restarts else _lost(world, pod, {"volume", "sub_path"})
    if lost is not None:
        _no_mount(world, pod, *lost)
    elif not pod.restarts and _cannot_pull(world, pod):
        _no_image(world, pod, tries)
    elif lost := _lost(world, pod, {"env", "env_from"}):
        _no_config(world, pod, *lost)
    else:
        if not pod.restarts and not pod.read:
            words = f'Container image "{pod.template.image}" already present on machine'
            pulled = world.happen("image_pulled", pod.ref, after=(pod.started,), is_key=False)
            announce(world, pod.manifest, "Pulled", words, by=kubelet(pod), tells=(pulled,))
        world.clock.later(world.clock.between(0.3, 1.2), lambda: start(world, pod))
        return
    wait = world.clock.between(10.0, 16.0) if tries < 2 else min(10.0 * 2**tries, 120.0)
    world.clock.later(wait, lambda: prepare(world, pod, tries + 1))


def _cannot_pull(world: World, pod: Pod) -> bool:
    return pod.template.image in world.missing_images or pod.ref.namespace in world.no_pull


def _lost(world: World, pod: Pod, ways: set[str]) -> tuple[Reads, str] | None:
    for reads in pod.template.reads:
        if reads.how not in ways:
            continue
        held = world.configs.get((reads.kind, pod.ref.namespace, reads.name))
        if held is None:
            return reads, ""
        if reads.key and reads.key not in held.data:
            return reads, reads.key
    return None


def _blame(world: World, pod: Pod, reads: Reads, key: str) -> tuple[int, ...]:
    lost = world.losses.get((reads.kind, pod.ref.namespace, reads.name, key), -1)
    return (lost if lost >= 0 else pod.template.why,)


def _no_mount(world: World, pod: Pod, reads: Reads, key: str) -> None:
    kind, name = reads.kind.lower(), reads.name
    because, after = _blame(world, pod, reads, key), (pod.started,)
    failed = world.series(pod.series, "mount_failed", pod.ref, because=because, after=after)
    text = f'MountVolume.SetUp failed for volume "{kind}-{name}" : {kind} "{name}" not found'
    if key:
        text = f'MountVolume.SetUp failed for volume "{kind}-{name}" : references non-existent '
        text += f"{kind} key: {key}"
    announce(world, pod.manifest, "FailedMount", text, by=kubelet(pod), tells=(failed,))


def _no_image(world: World, pod: Pod, tries: int) -> None:
    image = pod.template.image
    locked = world.no_pull.get(pod.ref.namespace, -1)
    why = locked if pod.ref.namespace in world.no_pull else pod.template.why
    failed = world.series(
        pod.series, "image_pull_failed", pod.ref, because=(why,), after=(pod.started,)
    )
    words = world.missing_images.get(image, "pull access denied, authorization failed")
    by = kubelet(pod)
    announce(world, pod.manifest, "Pulling", f'Pulling image "{image}"', by=by)
    text = f'Failed to pull image "{image}": rpc error: code = Unknown desc = {words}'
    announce(world, pod.manifest, "Failed", text, by=by, tells=(failed,))
    reason = "ErrImagePull" if not tries else "ImagePullBackOff"
    announce(world, pod.manifest, "Failed", f"Error: {reason}", by=by, tells=(failed,))
    message = text if not tries else f'Back-off pulling image "{image}"'
    status_of(pod)["state"] = {"waiting": {"reason": reason, "message": message}}
    world.update(pod.manifest, tells=(failed,))


def _no_config(world: World, pod: Pod, reads: Reads, key: str) -> None:
    kind, space = reads.kind.lower(), pod.ref.namespace
    because, after = _blame(world, pod, reads, key), (pod.started,)
    failed = world.series(pod.series, "config_error", pod.ref, because=because, after=after)
    text = f'{kind} "{reads.name}" not found'
    if key:
        text = f"couldn't find key {key} in {reads.kind} {space}/{reads.name}"
    announce(world, pod.manifest, "Failed", f"Error: {text}", by=kubelet(pod), tells=(failed,))
    waiting = {"reason": "CreateContainerConfigError", "message": text}
    status_of(pod)["state"] = {"waiting": waiting}
    world.update(pod.manifest, tells=(failed,))


def start(world: World, pod: Pod) -> None:
    """Start the container; what is wrong with it begins to work."""
    if pod.is_going or pod.is_gone or pod.is_running:
        return
    pod.life += 1
    pod.is_running = True
    after = (pod.started,) if not pod.restarts else pod.last_kill
    pod.started = world.happen(
        "container_started", pod.ref, after=after, occurrence=pod.restarts, is_key=False
    )
    for reads in pod.template.reads:
        held = world.configs.get((reads.kind, pod.ref.namespace, reads.name))
        for key, changed in held.changed.items() if held is not None else ():
            pod.read[reads.kind, reads.name, key] = changed
    by, status = kubelet(pod), status_of(pod)
    if "terminated" in status["state"]:
        status["lastState"] = {"terminated": status["state"].pop("terminated")}
    began = {"startedAt": world.clock.stamp(by)}
    container = f"containerd://{world.uid().replace('-', '')}"
    status |= {"state": {"running": began}, "restartCount": pod.restarts, "started": True}
    status |= {"containerID": container}
    pod.manifest["status"]["phase"] = "Running"
    tells = (pod.started, *pod.last_kill)
    announce(world, pod.manifest, "Created", "Created container app", by=by)
    announce(world, pod.manifest, "Started", "Started container app", by=by, tells=tells[:1])
    world.update(pod.manifest, tells=tells)
    life = pod.life
    world.clock.later(pod.template.ready_s, lambda: _ready(world, pod, life))
    for ill, why in _ills(world, pod):
        wait = world.clock.between(*ill.after_s)
        world.clock.later(wait, _wrong(world, pod, ill, why, life))


def _ills(world: World, pod: Pod) -> list[tuple[Ill, int]]:
    found = [(pod.template.ill, pod.template.why)] if pod.template.ill else []
    for reads in pod.template.reads:
        held = world.configs.get((reads.kind, pod.ref.namespace, reads.name))
        for key, ill in held.ill.items() if held is not None else ():
            if not reads.key or reads.key == key:
                found.append((ill, held.changed[key] if held is not None else -1))
    return found


def _ready(world: World, pod: Pod, life: int) -> None:
    if pod.life != life or pod.is_ready:
        return
    pod.is_ready = True
    stamp = world.clock.stamp(kubelet(pod))
    for kind in ("Ready", "ContainersReady"):
        set_condition(pod.manifest, kind, is_true=True, at=stamp)
    status_of(pod)["ready"] = True
    pod.readied = world.happen("pod_ready", pod.ref, after=(pod.started,), is_key=False)
    world.update(pod.manifest, tells=(pod.readied, *pod.last_kill))
    world.notify(pod.workload)


def _wrong(world: World, pod: Pod, ill: Ill, why: int, life: int) -> Callable[[], None]:
    def strike() -> None:
        if pod.life == life:
            go_wrong(world, pod, ill, why)

    return strike


def go_wrong(world: World, pod: Pod, ill: Ill, why: int) -> None:
    """Let a running container go wrong in its way, for a reason."""
    if not pod.is_running:
        return
    if ill.how == "oom":  # the parent may outlive its killed child: reason says it, not the code
        _again(world, pod, 1 if world.chance(0.3) else 137, "OOMKilled", why)
    elif ill.how == "exit":
        done = "Completed" if not ill.exit_code else "Error"
        _again(world, pod, ill.exit_code, done, why)
    else:
        _probe(world, pod, ill, why, 1)


def _again(world: World, pod: Pod, code: int, reason: str, why: int) -> None:
    die(world, pod, code, reason, because=(why,))
    if pod.template.policy == "Never":
        return
    life = pod.life

    def wait() -> None:
        if pod.life == life and not pod.is_going:
            world.clock.later(back_off(world, pod) + world.clock.between(0.2, 1.0), restart)

    def restart() -> None:
        if pod.life == life and not pod.is_going:
            pod.restarts += 1
            prepare(world, pod)

    world.clock.later(world.clock.between(0.4, 1.5), wait)


def _probe(world: World, pod: Pod, ill: Ill, why: int, failures: int) -> None:
    if not pod.is_running or pod.is_going:
        return
    life = pod.life
    failed = world.series(pod.series, "probe_failed", pod.ref, because=(why,), after=(pod.started,))
    kind = ill.how.capitalize()
    text = f"{kind} probe failed: HTTP probe failed with statuscode: 503"
    announce(world, pod.manifest, "Unhealthy", text, by=kubelet(pod), tells=(failed,))
    if failures < 3:
        again = _repeat(world, pod, ill, why, failures + 1, life)
        world.clock.later(10.0, again)
    elif ill.how == "readiness":
        status_of(pod)["ready"] = False
        lose_readiness(world, pod, because=(failed,))
        world.update(pod.manifest, tells=(failed, pod.unready))
        world.clock.later(60.0, _repeat(world, pod, ill, why, 3, life))
    else:
        text = "Container app failed liveness probe, will be restarted"
        stopped = world.series(pod.series, "probe_killed", pod.ref, because=(failed,))
        announce(world, pod.manifest, "Killing", text, by=kubelet(pod), tells=(stopped,))
        world.clock.later(1.0, lambda: _again(world, pod, 137, "Error", stopped))


def _repeat(
    world: World, pod: Pod, ill: Ill, why: int, failures: int, life: int
) -> Callable[[], None]:
    def strike() -> None:
        if pod.life == life:
            _probe(world, pod, ill, why, failures)

    return strike
