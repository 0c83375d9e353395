"""Faults: what goes wrong in a simulated cluster; each is one deed with its own root in the book.

A fault takes the world and the workload that it befalls and returns the numbers of its roots. What
follows, follows from the physics.
"""

from collections.abc import Callable
from dataclasses import replace

from tam_workbench.evaluation.clusters import configs, nodes, services
from tam_workbench.evaluation.clusters.announcing import announce
from tam_workbench.evaluation.clusters.controllers import roll_out, scale
from tam_workbench.evaluation.clusters.ending import kubelet
from tam_workbench.evaluation.clusters.parts import Config, Ill, Node, Template, Workload
from tam_workbench.evaluation.clusters.world import World

Fault = Callable[[World, Workload], int]
"""Begins a fault and returns the happening that is its root."""


def rollout(world: World, app: Workload, template: Template) -> int:
    """Roll a new template out: the root of many faults, and harmless most of the time."""
    why = world.happen("rolled_out", app.ref)
    roll_out(world, app, replace(template, why=why))
    return why


def version(world: World, app: Workload, **changes: object) -> Template:
    """Return the next template of a workload: a new image tag, and what else is new."""
    name = app.template.image.split(":")[0]
    fresh = replace(app.template, image=f"{name}:2.{app.revision}.{world.rng.integers(90)}")
    return replace(fresh, **{"ill": None, **changes})  # type: ignore[arg-type]


def restart(world: World, app: Workload) -> int:
    """Restart all pods of a workload, as ``kubectl rollout restart`` does."""
    stamp = world.clock.stamp("apiserver")
    return rollout(world, app, replace(app.template, restarted_at=stamp))


def config_of(world: World, app: Workload, *ways: str) -> tuple[Config, str]:
    """Return the config of its own that a workload reads in one of these ways, and a key."""
    for reads in app.template.reads:
        held = world.configs.get((reads.kind, app.ref.namespace, reads.name))
        if reads.how in ways and held is not None and reads.kind == "ConfigMap":
            return held, reads.key or min(held.data)
    raise LookupError(f"{app.ref.path} reads no config by {ways}")


def oom_after_rollout(world: World, app: Workload) -> int:
    """Roll out a version that needs more memory than its limit."""
    return rollout(world, app, version(world, app, ill=Ill(how="oom", after_s=(5.0, 45.0))))


def crash_after_rollout(world: World, app: Workload) -> int:
    """Roll out a version that ends with an error soon after its start."""
    code = int(world.rng.choice([1, 2, 127, 139]))
    return rollout(world, app, version(world, app, ill=Ill(how="exit", exit_code=code)))


def probe_after_rollout(world: World, app: Workload) -> int:
    """Roll out a version that is probed at a path that it does not serve."""
    how = "liveness" if world.chance(0.5) else "readiness"
    ill = Ill(how=how, after_s=(10.0, 30.0))
    return rollout(world, app, version(world, app, path="/health/v2", ill=ill))


def image_missing(world: World, app: Workload) -> int:
    """Roll out an image that the registry does not have."""
    fresh = version(world, app)
    image = fresh.image + "-typo"
    world.missing_images[image] = f'failed to resolve reference "{image}": not found'
    return rollout(world, app, replace(fresh, image=image))


def too_large(world: World, app: Workload) -> int:
    """Roll out pods that ask for more memory than any node has."""
    return rollout(world, app, version(world, app, request_mib=16_384, limit_mib=16_384))


def bad_value_restarted(world: World, app: Workload) -> int:
    """Write a bad value into a config read by environment, then restart the pods."""
    config, key = config_of(world, app, "env", "env_from")
    how = "oom" if world.chance(0.5) else "exit"
    ill = {key: Ill(how=how, after_s=(3.0, 20.0))}
    changed = configs.edit(world, config, {key: f"bad {world.suffix()}"}, ill=ill)
    world.clock.later(world.clock.between(20.0, 90.0), lambda: _restart(world, app))
    return changed


def _restart(world: World, app: Workload) -> None:
    restart(world, app)


def stale_env(world: World, app: Workload) -> int:
    """Edit a config read by environment, and restart none of its readers."""
    config, key = config_of(world, app, "env", "env_from")
    return configs.edit(world, config, {key: world.suffix(8)})


def bad_mount(world: World, app: Workload) -> int:
    """Write a bad value that reaches running pods through a volume and ends them."""
    config, key = config_of(world, app, "volume")
    ill = {key: Ill(how="exit", after_s=(1.0, 4.0), exit_code=78)}
    return configs.edit(world, config, {key: f"bad {world.suffix()}"}, ill=ill)


def key_lost(world: World, app: Workload) -> int:
    """Remove a key that pods need; after the next restart they cannot start."""
    config, key = config_of(world, app, "env")
    changed = configs.edit(world, config, {key: None})
    world.clock.later(world.clock.between(10.0, 80.0), lambda: _restart(world, app))
    return changed


def config_lost(world: World, app: Workload) -> int:
    """Delete a mounted config; the pods of the next restart cannot mount it."""
    config, _ = config_of(world, app, "volume")
    gone = configs.remove(world, config)
    world.clock.later(world.clock.between(10.0, 80.0), lambda: _restart(world, app))
    return gone


def node_pressed(world: World, app: Workload) -> int:
    """Let the node of one of its pods run out of memory and evict."""
    return nodes.press(world, _node(world, app), evicted=int(world.rng.integers(2, 5)))


def node_lost(world: World, app: Workload) -> int:
    """Let the node of one of its pods fall silent."""
    return nodes.fail(world, _node(world, app), for_s=world.clock.between(500.0, 800.0))


def _node(world: World, app: Workload) -> Node:
    for pod in world.pods.values():
        if pod.workload is app and pod.is_running and pod.node:
            return world.nodes[pod.node]
    return next(iter(world.nodes.values()))


def drained(world: World, app: Workload) -> int:
    """Close and drain a node for work on it, and open it again later."""
    node = _node(world, app)
    why = nodes.cordon(world, node)
    world.clock.later(world.clock.between(3.0, 20.0), lambda: nodes.drain(world, node))
    world.clock.later(world.clock.between(400.0, 600.0), lambda: nodes.uncordon(world, node))
    return why


def scaled_to_zero(world: World, app: Workload) -> int:
    """Scale a service to zero; who calls it fails."""
    why = world.happen("scaled", app.ref)
    scale(world, app, 0, why=why)
    return why


def over_quota(world: World, app: Workload) -> int:
    """Scale a workload beyond the quota of its namespace."""
    space = app.ref.namespace
    used = sum(not pod.is_gone and pod.ref.namespace == space for pod in world.pods.values())
    world.quotas[space] = (used + 1, -1)
    why = world.happen("scaled", app.ref)
    scale(world, app, app.replicas + 4, why=why)
    world.clock.later(300.0, lambda: world.quotas.update({space: (10_000, -1)}))
    return why


def password_turned(world: World, app: Workload) -> int:
    """Rotate the password of a dependency; running readers still use the old one."""
    secret = next(
        world.configs[reads.kind, app.ref.namespace, reads.name]
        for reads in app.template.reads
        if reads.kind == "Secret"
    )
    changed = configs.edit(world, secret, {"password": world.suffix(8)})
    world.clock.later(
        world.clock.between(20.0, 60.0),
        lambda: _refused(world, app, changed),
    )
    return changed


def _refused(world: World, app: Workload, why: int) -> None:
    storm = services.tell(world, app, "error_storm", because=(why,))
    degraded = services.tell(world, app, "service_degraded", because=(storm,), delay_s=3.0)
    wait = world.clock.between(5.0, 12.0)
    world.clock.later(wait, lambda: services.outage(world, app, degraded, depth=1))


def leak(world: World, app: Workload) -> int:
    """Let memory rise until the kernel kills; nothing was changed, a metric is all there is."""
    rising = services.tell(
        world, app, "metric_anomaly", because=(), payload={"metric": "container_memory_rss"}
    )
    for pod in [pod for pod in world.pods.values() if pod.workload is app and pod.is_running]:
        life = pod.life
        wait = world.clock.between(30.0, 150.0)
        world.clock.later(wait, configs.strike(world, pod, Ill(how="oom"), rising, life))
    return rising


def debugged(world: World, app: Workload) -> int:
    """Debug a pod by an ephemeral container, which ends with a code of its own."""
    pod = next(pod for pod in world.pods.values() if pod.workload is app and pod.is_running)
    by, name = kubelet(pod), f"debugger-{world.suffix()}"
    spec = {"name": name, "image": "busybox:1.36", "targetContainerName": "app"}
    pod.manifest["spec"].setdefault("ephemeralContainers", []).append(spec)
    began = {"startedAt": world.clock.stamp(by)}
    status = {"name": name, "image": "busybox:1.36", "restartCount": 0, "ready": False}
    status |= {"state": {"running": began}, "lastState": {}}
    held = pod.manifest["status"].setdefault("ephemeralContainerStatuses", [])
    held.append(status)
    began_at = world.happen("container_started", pod.ref, is_key=False)
    world.update(pod.manifest, tells=(began_at,))
    announce(world, pod.manifest, "Started", f"Started container {name}", by=by)

    def end() -> None:
        if pod.is_gone:
            return
        over = {"exitCode": 42, "reason": "Error", "finishedAt": world.clock.stamp(by)}
        number = world.happen("ephemeral_exited", pod.ref, after=(began_at,), is_key=False)
        status["state"] = {"terminated": {**began, **over}}
        world.update(pod.manifest, tells=(number,))

    world.clock.later(10.0, end)
    return began_at
