"""The scenarios on the shelf: six after seed 001, the others beyond it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from tam_workbench.evaluation.clusters import chains, configs, faults, herrings, nodes, services
from tam_workbench.evaluation.clusters.controllers import deploy
from tam_workbench.evaluation.clusters.ending import terminate
from tam_workbench.evaluation.clusters.parts import Ill, Pod, Template, Workload
from tam_workbench.evaluation.clusters.scenarios import Scenario
from tam_workbench.evaluation.clusters.world import World

SPACE: Final = "shop"


def app(world: World, name: str) -> Workload:
    """Return a workload of a scenario."""
    return world.workloads[SPACE, name]


def _pods(world: World, name: str) -> list[Pod]:
    return [pod for pod in world.pods.values() if pod.workload is app(world, name)]


def _befalls(fault: Callable[[World, Workload], int], name: str) -> Callable[[World], None]:
    def begin(world: World) -> None:
        fault(world, app(world, name))

    return begin


def _stress(world: World) -> None:
    """Deploy a program that asks for 128 MiB and may have 64."""
    template = Template(
        image="polinux/stress", limit_mib=64, request_mib=32, ill=Ill(how="oom", after_s=(3, 8))
    )
    deploy(world, "Deployment", SPACE, "stress", template=template, replicas=1)


def _good_mount(world: World) -> None:
    held, key = faults.config_of(world, app(world, "web"), "volume")
    configs.edit(world, held, {key: "good and new"})


def _too_large_then_room(world: World) -> None:
    """Ask for more than any node has; a larger node joins, and there it is killed."""
    template = Template(
        image="registry.local/victim:1", limit_mib=20_000, request_mib=20_000,
        ill=Ill(how="oom", after_s=(5, 9)),
    )  # fmt: skip
    deploy(world, "Deployment", SPACE, "victim", template=template, replicas=1)
    world.clock.later(120.0, lambda: _join(world))


def _join(world: World) -> None:
    nodes.join(world, "node-large", memory_mib=65_536, cpu_m=16_000)


def _debugged(world: World) -> None:
    faults.debugged(world, app(world, "web"))


def _herrings_first(world: World) -> None:
    """Change what is beside the point, then roll out a version that is killed."""
    herrings.other_config(world, app(world, "api"))
    herrings.good_restart(world, app(world, "store"))
    herrings.other_key(world, app(world, "api"))
    world.clock.later(40.0, lambda: _oom(world))


def _oom(world: World) -> None:
    faults.oom_after_rollout(world, app(world, "api"))


def _name_again(world: World) -> None:
    """Delete store-0 while store-0 is being killed: another pod comes under its name."""
    first = _pods(world, "store")[0]
    terminate(world, first, because=())
    world.notify(first.workload)
    world.clock.later(60.0, lambda: _leak_again(world))


def _leak_again(world: World) -> None:
    faults.leak(world, app(world, "store"))


def _quota(world: World) -> None:
    faults.over_quota(world, app(world, "api"))


def _rollout_back(world: World) -> None:
    """Roll a crashing version out and, three minutes later, back."""
    before = app(world, "api").template
    faults.crash_after_rollout(world, app(world, "api"))
    again = replace(before, restarted_at="")
    world.clock.later(180.0, lambda: _back(world, again))


def _back(world: World, template: Template) -> None:
    faults.rollout(world, app(world, "api"), template)


def _forged(world: World) -> None:
    herrings.forged_storm(world, app(world, "web"))
    herrings.forged_event(world, app(world, "api"))


def _slow_base(world: World) -> None:
    services.tell(world, app(world, "store"), "latency_raised", because=())
    why = world.book.happenings[-1].number
    services.outage(world, app(world, "store"), why, depth=1)


SCENARIOS: Final[tuple[Scenario, ...]] = (
    Scenario(
        name="01-oomkill",
        title="A new Deployment is killed: limit 64Mi, need 128M (seed 001, 1)",
        begin=_stress,
        edges=(("oom_killed", "crash_looping"), ("oom_killed", "pod_unready")),
        answers=(("crash_looping", "workload_created"),),
    ),
    Scenario(
        name="02-config-env",
        title="A ConfigMap read by environment changes; nobody restarts (seed 001, 2)",
        begin=_befalls(faults.stale_env, "web"),
        edges=(("config_changed", "config_stale"),),
        answers=(("config_stale", "config_changed"),),
    ),
    Scenario(
        name="03-config-mount",
        title="A mounted ConfigMap changes and all is well (seed 001, 3)",
        begin=_good_mount,
        edges=(),
        answers=(),
        silent=("config_stale", "oom_killed", "container_terminated"),
    ),
    Scenario(
        name="04-scheduler",
        title="No node has room, then one joins, and there it is killed (seed 001, 4)",
        begin=_too_large_then_room,
        edges=(("workload_created", "scheduling_failed"), ("oom_killed", "crash_looping")),
        answers=(("scheduling_failed", "workload_created"),),
    ),
    Scenario(
        name="05-ephemeral",
        title="A debug container ends with 42; nothing else happens (seed 001, 5)",
        begin=_debugged,
        edges=(),
        answers=(),
        silent=("oom_killed", "container_terminated", "pod_unready"),
    ),
    Scenario(
        name="06-ghost-pod",
        title="A pod that is never restarted is killed within seconds (seed 001, 6)",
        begin=_befalls(chains.ghost, "web"),
        edges=(("oom_killed", "job_failed"),),
        answers=(("job_failed", "workload_created"),),
    ),
    Scenario(
        name="07-crash-rolled-back",
        title="A crashing version is rolled out, and back",
        begin=_rollout_back,
        edges=(("rolled_out", "container_terminated"), ("container_terminated", "crash_looping")),
        answers=(("crash_looping", "rolled_out"),),
    ),
    Scenario(
        name="08-image-missing",
        title="A rollout names an image that is not there",
        begin=_befalls(faults.image_missing, "web"),
        edges=(("rolled_out", "image_pull_failed"), ("image_pull_failed", "rollout_stalled")),
        answers=(("image_pull_failed", "rolled_out"), ("rollout_stalled", "rolled_out")),
    ),
    Scenario(
        name="09-probe",
        title="A new version is probed where it does not answer",
        begin=_befalls(faults.probe_after_rollout, "api"),
        edges=(("rolled_out", "probe_failed"),),
        answers=(("probe_failed", "rolled_out"),),
    ),
    Scenario(
        name="10-node-pressure",
        title="A node runs out of memory and evicts",
        begin=_befalls(faults.node_pressed, "api"),
        edges=(("node_pressure", "pod_evicted"),),
        answers=(("pod_evicted", "node_pressure"),),
    ),
    Scenario(
        name="11-node-lost",
        title="A node falls silent and its pods are moved",
        begin=_befalls(faults.node_lost, "api"),
        edges=(("node_not_ready", "pod_unready"),),
        answers=(("pod_unready", "node_not_ready"), ("pod_deleted", "node_not_ready")),
    ),
    Scenario(
        name="12-key-lost",
        title="A key that pods need is removed before a restart",
        begin=_befalls(faults.key_lost, "web"),
        edges=(("config_changed", "config_error"),),
        answers=(("config_error", "config_changed"),),
    ),
    Scenario(
        name="13-bad-mount",
        title="A bad value reaches running pods through a volume",
        begin=_befalls(faults.bad_mount, "web"),
        edges=(("config_changed", "container_terminated"),),
        answers=(("container_terminated", "config_changed"),),
    ),
    Scenario(
        name="14-quota",
        title="A workload is scaled beyond its namespace's quota",
        begin=_quota,
        edges=(("scaled", "quota_denied"),),
        answers=(("quota_denied", "scaled"),),
    ),
    Scenario(
        name="15-autoscaler",
        title="Load rises, falls and rises, and the autoscaler with it",
        begin=_befalls(chains.load_risen, "api"),
        edges=(("metric_anomaly", "hpa_scaled"), ("hpa_scaled", "scaled")),
        answers=(("hpa_scaled", "metric_anomaly"),),
    ),
    Scenario(
        name="16-outage",
        title="The base of a chain of services is killed; its callers fail",
        begin=_befalls(chains.base_killed, "api"),
        edges=(("endpoints_lost", "dependency_failed"), ("rolled_out", "oom_killed")),
        answers=(("endpoints_lost", "rolled_out"), ("service_degraded", "rolled_out")),
    ),
    Scenario(
        name="17-secret-rotated",
        title="A password is rotated while its reader still uses the old one",
        begin=_befalls(faults.password_turned, "api"),
        edges=(("config_changed", "error_storm"),),
        answers=(("error_storm", "config_changed"), ("service_degraded", "config_changed")),
    ),
    Scenario(
        name="18-job",
        title="A Job reads a bad value and gives up",
        begin=_befalls(chains.job_broken, "api"),
        edges=(("container_terminated", "job_failed"), ("config_changed", "container_terminated")),
        answers=(("job_failed", "config_changed"),),
    ),
    Scenario(
        name="19-preempted",
        title="Others make room for a workload of high priority",
        begin=_befalls(chains.preempting, "web"),
        edges=(("preempted", "pod_terminating"),),
        answers=(("preempted", "workload_created"),),
    ),
    Scenario(
        name="20-scaled-to-zero",
        title="A service is scaled to zero; its callers fail",
        begin=_befalls(faults.scaled_to_zero, "api"),
        edges=(("scaled", "pod_terminating"), ("endpoints_lost", "dependency_failed")),
        answers=(("endpoints_lost", "scaled"), ("dependency_failed", "scaled")),
    ),
    Scenario(
        name="21-pull-secret",
        title="The Secret that images are pulled with is deleted",
        begin=_befalls(chains.pull_locked, "web"),
        edges=(("config_deleted", "image_pull_failed"),),
        answers=(("image_pull_failed", "config_deleted"),),
    ),
    Scenario(
        name="22-certificate",
        title="A certificate runs out and callers are refused",
        begin=_befalls(chains.certificate_out, "api"),
        edges=(("certificate_expired", "dependency_failed"),),
        answers=(("dependency_failed", "certificate_expired"),),
    ),
    Scenario(
        name="23-red-herrings",
        title="Three changes beside the point, then a rollout that is killed",
        begin=_herrings_first,
        edges=(("rolled_out", "oom_killed"),),
        answers=(("oom_killed", "rolled_out"),),
    ),
    Scenario(
        name="24-forged",
        title="An ERROR storm and an OOMKilling event that somebody made up",
        begin=_forged,
        edges=(),
        answers=(),
        silent=("error_storm", "oom_killed", "warned", "service_degraded"),
    ),
    Scenario(
        name="25-name-again",
        title="A pod is deleted, and the next of its name is killed",
        begin=_name_again,
        edges=(("metric_anomaly", "oom_killed"),),
        answers=(("oom_killed", "metric_anomaly"),),
    ),
    Scenario(
        name="26-slow-base",
        title="The base of a chain of services becomes slow",
        begin=_slow_base,
        edges=(("latency_raised", "dependency_failed"),),
        answers=(("service_degraded", "latency_raised"),),
    ),
)
