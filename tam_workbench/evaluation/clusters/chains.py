"""Chains: faults that reach further than their own workload."""

from collections.abc import Callable

from tam_workbench.evaluation.clusters import autoscaling, configs, nodes, services
from tam_workbench.evaluation.clusters.controllers import deploy, scale
from tam_workbench.evaluation.clusters.faults import rollout, version
from tam_workbench.evaluation.clusters.parts import Ill, Node, Reads, Template, Workload
from tam_workbench.evaluation.clusters.world import World


def load_risen(world: World, app: Workload) -> int:
    """Let load rise and fall again and again, so that the autoscaler thrashes."""
    metric = {"metric": "http_requests_per_second"}
    risen = services.tell(world, app, "metric_anomaly", because=(), payload=metric)
    sizes = (app.replicas + 3, app.replicas + 1, app.replicas + 4)
    for index, size in enumerate(sizes):
        world.clock.later(25.0 + 45.0 * index, _rescaled(world, app, size, risen))
    return risen


def _rescaled(world: World, app: Workload, size: int, why: int) -> Callable[[], None]:
    def deed() -> None:
        autoscaling.rescale(world, app, size, because=(why,))

    return deed


def load_over_quota(world: World, app: Workload) -> int:
    """Let load rise where a quota leaves no room for more pods."""
    space = app.ref.namespace
    used = sum(not pod.is_gone and pod.ref.namespace == space for pod in world.pods.values())
    world.quotas[space] = (used + 1, -1)
    world.clock.later(400.0, lambda: world.quotas.update({space: (10_000, -1)}))
    metric = {"metric": "http_requests_per_second"}
    risen = services.tell(world, app, "metric_anomaly", because=(), payload=metric)
    world.clock.later(30.0, _rescaled(world, app, app.replicas + 4, risen))
    return risen


def job_broken(world: World, app: Workload) -> int:
    """Run a Job that reads a config with a bad value, until it gives up."""
    space = app.ref.namespace
    name = f"{app.ref.name}-batch"
    held = configs.make(world, "ConfigMap", space, name, {"query": "good", "limit": "10"})
    changed: list[int] = []

    def edit() -> None:
        ill = {"query": Ill(how="exit", after_s=(2.0, 9.0), exit_code=3)}
        changed.append(configs.edit(world, held, {"query": world.suffix(6)}, ill=ill))

    def run() -> None:
        reads = (Reads(kind="ConfigMap", name=name, how="env_from"),)
        template = Template(image="registry.local/batch:1", policy="Never", reads=reads)
        deploy(world, "Job", space, f"{name}-{world.suffix(4)}", template=template, replicas=1)

    edit()
    world.clock.later(world.clock.between(20.0, 60.0), run)
    return changed[0]


def certificate_out(world: World, app: Workload) -> int:
    """Let the certificate of a service run out: who calls it is refused."""
    out = services.tell(world, app, "certificate_expired", because=())
    world.expired[services.service_ref(world, app).path] = out
    world.clock.later(
        world.clock.between(3.0, 15.0), lambda: services.outage(world, app, out, depth=1)
    )
    return out


def preempting(world: World, app: Workload) -> int:
    """Roll out a workload of high priority that fits only where others make room."""
    nodes_ = [node for node in world.nodes.values() if node.is_ready and not node.is_cordoned]
    free = min(node.memory_mib for node in nodes_) - 300
    template = Template(
        image="registry.local/vip:1", request_mib=free, limit_mib=free, priority=1000
    )
    name = f"vip-{world.suffix(3)}"
    return deploy(world, "Deployment", app.ref.namespace, name, template=template, replicas=1).born


def base_killed(world: World, app: Workload) -> int:
    """Let a new version of a service run out of memory in all its pods; its callers fail."""
    ill = Ill(how="oom", after_s=(20.0, 30.0))
    return rollout(world, app, version(world, app, limit_mib=64, ill=ill))


def neighbour(world: World, app: Workload) -> int:
    """Let a new version eat the memory of its node until others are evicted."""
    why = rollout(world, app, version(world, app, limit_mib=8000))

    def press() -> None:
        for pod in world.pods.values():
            if pod.workload is app and pod.is_running and pod.template.why == why:
                metric = {"metric": "container_memory_working_set_bytes"}
                rising = services.tell(world, app, "metric_anomaly", because=(why,), payload=metric)
                _press(world, world.nodes[pod.node], rising)
                return

    world.clock.later(world.clock.between(60.0, 120.0), press)
    return why


def _press(world: World, node: Node, why: int) -> None:
    wait = world.clock.between(10.0, 40.0)
    world.clock.later(wait, lambda: _pressed(world, node, why))


def _pressed(world: World, node: Node, why: int) -> None:
    nodes.press(world, node, evicted=3, because=(why,))


def pull_locked(world: World, app: Workload) -> int:
    """Delete the Secret that images are pulled with, then scale: new pods get no image."""
    space = app.ref.namespace
    held = world.configs.get(("Secret", space, "registry"))
    if held is None:
        held = configs.make(world, "Secret", space, "registry", {".dockerconfigjson": "x"})
    gone = configs.remove(world, held)
    world.no_pull[space] = gone
    world.clock.later(500.0, lambda: _unlock(world, space))
    world.clock.later(world.clock.between(10.0, 60.0), lambda: _more(world, app))
    return gone


def _more(world: World, app: Workload) -> None:
    scale(world, app, app.replicas + 1, why=world.happen("scaled", app.ref))


def _unlock(world: World, space: str) -> None:
    world.no_pull.pop(space, None)


def ghost(world: World, app: Workload) -> int:
    """Run a bare pod that is killed within seconds and never started again."""
    template = Template(
        image="registry.local/ghost:1",
        limit_mib=64,
        policy="Never",
        ill=Ill(how="oom", after_s=(5.0, 9.0)),
    )
    name = f"ghost-{world.suffix(4)}"
    made = deploy(world, "Job", app.ref.namespace, name, template=template, replicas=1)
    return made.born
