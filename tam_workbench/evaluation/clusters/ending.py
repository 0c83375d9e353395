"""Ending: how containers die and pods go, with what their kubelet then shows."""

from collections.abc import Iterable
from typing import Final

from tam_workbench.evaluation.clusters.announcing import announce
from tam_workbench.evaluation.clusters.clockwork import moment
from tam_workbench.evaluation.clusters.conditions import set_condition
from tam_workbench.evaluation.clusters.parts import Manifest, Pod
from tam_workbench.evaluation.clusters.world import World

LONGEST_BACKOFF_S: Final = 300.0
GRACE_S: Final = 30


def kubelet(pod: Pod) -> str:
    """Return the component whose clock stamps what happens to a pod on its node."""
    return f"kubelet/{pod.node}"


def status_of(pod: Pod) -> Manifest:
    """Return the live status of a pod's container."""
    status: Manifest = pod.manifest["status"]["containerStatuses"][0]
    return status


def lose_readiness(
    world: World, pod: Pod, because: Iterable[int], *, after: Iterable[int] = ()
) -> None:
    """Show a pod as unready, once."""
    stamp = world.clock.stamp(kubelet(pod) if pod.node else "controller")
    for kind in ("Ready", "ContainersReady"):
        reason, message = "ContainersNotReady", "containers with unready status: [app]"
        set_condition(pod.manifest, kind, is_true=False, at=stamp, reason=reason, message=message)
    if pod.is_ready:
        pod.is_ready = False
        pod.unready = world.happen("pod_unready", pod.ref, because=because, after=after)
        world.notify(pod.workload)


def die(world: World, pod: Pod, code: int, reason: str, *, because: Iterable[int]) -> int:
    """Let a container end by itself or by the kernel, and its kubelet start it again."""
    kinds = ("oom_killed",) if reason == "OOMKilled" else ("container_terminated",)
    killed = world.happen(
        kinds, pod.ref, because=because, after=(pod.started,), occurrence=pod.restarts
    )
    pod.life += 1
    pod.is_running = False
    pod.last_kill = (killed,)
    status = status_of(pod)
    _show_end(world, pod, code, reason)
    status["ready"] = status["started"] = False
    lose_readiness(world, pod, because=(killed,))
    if pod.template.policy == "Never":
        pod.manifest["status"]["phase"] = (
            "Failed" if code or kinds[0] == "oom_killed" else "Succeeded"
        )
        world.update(pod.manifest, tells=(killed, pod.unready))
        world.notify(pod.workload)
        return killed
    world.update(pod.manifest, tells=(killed, pod.unready))
    return killed


def _show_end(world: World, pod: Pod, code: int, reason: str) -> None:
    status = status_of(pod)
    began = status["state"].get("running", {}).get("startedAt", world.clock.stamp(kubelet(pod)))
    status["state"] = {
        "terminated": {
            "exitCode": code,
            "reason": reason,
            "startedAt": began,
            "finishedAt": world.clock.stamp(kubelet(pod)),
            "containerID": status.get("containerID", ""),
        }
    }


def back_off(world: World, pod: Pod) -> float:
    """Show the back-off after a death and return how long it lasts: 0, 10, 20 ... 300 s."""
    count, pod.backoffs = pod.backoffs, pod.backoffs + 1
    status = status_of(pod)
    if not count:
        return 0.0
    wait = min(10.0 * 2.0 ** (count - 1), LONGEST_BACKOFF_S)
    status["lastState"] = {"terminated": status["state"].pop("terminated")}
    text = f"back-off {int(wait)}s restarting failed container=app pod={pod.ref.name}"
    status["state"] = {"waiting": {"reason": "CrashLoopBackOff", "message": text}}
    looping = world.series(pod.series, "crash_looping", pod.ref, because=pod.last_kill)
    world.update(pod.manifest, tells=(looping, *pod.last_kill, pod.unready))
    message = f"Back-off restarting failed container app in pod {pod.ref.name}"
    by = kubelet(pod)
    announce(world, pod.manifest, "BackOff", message, by=by, tells=(looping,))
    return wait


def terminate(world: World, pod: Pod, *, because: Iterable[int]) -> int:
    """Delete a pod: marked now, its container stopped within its grace, then gone."""
    if pod.is_going or pod.is_gone:
        return -1
    pod.is_going = True
    pod.life += 1
    marked = pod.marked = world.happen(("pod_deleted", "pod_terminating"), pod.ref, because=because)
    meta = pod.manifest["metadata"]
    meta["deletionTimestamp"] = world.clock.stamp("apiserver", plus_s=GRACE_S)
    meta["deletionGracePeriodSeconds"] = GRACE_S
    world.update(pod.manifest, tells=(marked,))
    if pod.is_running and world.nodes[pod.node].is_ready:
        words = "Stopping container app"
        told = world.happen("container_stopped", pod.ref, because=(marked,), is_key=False)
        announce(world, pod.manifest, "Killing", words, by=kubelet(pod), tells=(told,))
    world.clock.later(world.clock.between(1.0, 4.0), lambda: _stop(world, pod, marked))
    return marked


def _stop(world: World, pod: Pod, marked: int) -> None:
    tells = [marked]
    if pod.node and not world.nodes[pod.node].is_ready:  # nobody there who could stop it
        world.clock.later(20.0, lambda: _stop(world, pod, marked))
        return
    if pod.is_running:
        pod.is_running = False
        killed = world.happen(
            "container_terminated",
            pod.ref,
            because=(marked,),
            after=(pod.started,),
            occurrence=pod.restarts,
            is_key=False,
        )
        pod.last_kill = (killed,)
        _show_end(world, pod, 143, "Error")
        status_of(pod)["ready"] = False
        lose_readiness(world, pod, because=(marked, killed))
        tells += [killed, pod.unready]
        world.update(pod.manifest, tells=tells)
    world.clock.later(world.clock.between(0.3, 1.5), lambda: vanish(world, pod, marked))


def vanish(world: World, pod: Pod, marked: int) -> None:
    """Remove a pod from the API."""
    if pod.is_gone:
        return
    pod.is_gone = True
    pod.life += 1
    if pod.is_ready:
        pod.is_ready = False
        pod.unready = marked
    deleted = world.book.prolong(marked, at=moment(world.clock.now))
    world.delete(pod.manifest, tells=(deleted, *pod.last_kill))
    world.notify(pod.workload)


def evict(world: World, pod: Pod, *, message: str, because: Iterable[int]) -> int:
    """Let a kubelet evict a pod: it stays as Failed, with the reason."""
    pod.life += 1
    evicted = world.happen("pod_evicted", pod.ref, because=because)
    status = pod.manifest["status"]
    status |= {"phase": "Failed", "reason": "Evicted", "message": message}
    tells = [evicted]
    if pod.is_running:
        pod.is_running = False
        killed = world.happen(
            "container_terminated",
            pod.ref,
            because=(evicted,),
            after=(pod.started,),
            occurrence=pod.restarts,
            is_key=False,
        )
        _show_end(world, pod, 137, "Error")
        status_of(pod)["ready"] = False
        tells.append(killed)
    lose_readiness(world, pod, because=(evicted,), after=tells[1:])
    world.update(pod.manifest, tells=(*tells, pod.unready))
    announce(world, pod.manifest, "Evicted", message, by=kubelet(pod), tells=(evicted,))
    pod.last_kill = (evicted,)
    world.notify(pod.workload)
    return evicted
