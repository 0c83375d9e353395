"""Services: their endpoints, and what callers notice when there are none (as telemetry)."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

from tam_workbench.evaluation.clusters.clockwork import moment
from tam_workbench.evaluation.clusters.parts import Manifest, Workload
from tam_workbench.evaluation.clusters.world import World
from tam_workbench.records import Fact, ObjectRef

EPISODE: Final = timedelta(seconds=180)
"""What telemetry says again within this time is the same episode, and no new fact."""


def expose(world: World, workload: Workload) -> None:
    """Give a workload a Service of its name."""
    meta = {"name": workload.ref.name, "namespace": workload.ref.namespace}
    spec = {"selector": {"app": workload.ref.name}, "ports": [{"port": 80, "targetPort": 8080}]}
    world.create({"apiVersion": "v1", "kind": "Service", "metadata": dict(meta), "spec": spec})
    made: Manifest = {"apiVersion": "v1", "kind": "Endpoints", "metadata": meta, "subsets": []}
    world.create(made)
    world.endpoints[workload.ref.namespace, workload.ref.name] = made


def service_ref(world: World, workload: Workload) -> ObjectRef:
    """Return the service of a workload, as telemetry names it: without a uid."""
    return ObjectRef(
        cluster=world.name,
        kind="Service",
        name=workload.ref.name,
        namespace=workload.ref.namespace,
    )


def follow(world: World, workload: Workload) -> None:
    """Bring the endpoints up to date; when the last is lost, callers will notice."""
    made = world.endpoints.get((workload.ref.namespace, workload.ref.name))
    if made is None:
        return
    pods = [pod for pod in world.pods.values() if pod.workload is workload and not pod.is_gone]
    ready = [pod for pod in pods if pod.is_ready and not pod.is_going]
    shown = [entry["targetRef"]["name"] for part in made["subsets"] for entry in part["addresses"]]
    if [pod.ref.name for pod in ready] == shown:
        return
    made["subsets"] = (
        [{"addresses": [_address(pod.ref) for pod in ready], "ports": [{"port": 8080}]}]
        if ready
        else []
    )
    tells: tuple[int, ...] = ()
    if not ready:
        tells = (_lose(world, workload),)
    elif workload.lost >= 0 or not shown:
        workload.lost = -1
        reasons = [pod.readied for pod in ready]
        refs = (service_ref(world, workload), workload.ref)
        tells = (world.happen("endpoints_restored", refs, after=reasons, is_key=False),)
    world.update(made, tells=tells)


def _address(ref: ObjectRef) -> Mapping[str, Any]:
    target = {"kind": "Pod", "name": ref.name, "namespace": ref.namespace, "uid": ref.uid}
    return {"ip": f"10.244.0.{sum(ref.uid.encode()) % 250 + 1}", "targetRef": target}


def _lose(world: World, workload: Workload) -> int:
    here: list[int] = []
    gone: list[int] = []
    for pod in world.pods.values():
        if pod.workload is not workload or (pod.is_ready and not pod.is_going):
            continue
        unready = pod.unready if pod.unready > pod.readied else -1
        for number in {unready, pod.marked} - {-1}:
            is_late = not pod.is_gone or _age(world, number) < 60.0
            (here if is_late else gone).append(number)
    refs = (service_ref(world, workload), workload.ref)
    workload.lost = world.happen("endpoints_lost", refs, because=here, after=gone)
    lost = workload.lost
    world.clock.later(world.clock.between(2.0, 8.0), lambda: outage(world, workload, lost, depth=0))
    return lost


def _age(world: World, number: int) -> float:
    return (moment(world.clock.now) - world.book.happenings[number].at).total_seconds()


def outage(world: World, workload: Workload, why: int, *, depth: int) -> None:
    """Let those who call a broken service notice it, and those who call them in their turn."""
    if depth == 0 and workload.lost != why:
        return  # it came back in time
    for caller in world.workloads.values():
        if workload.ref.name not in caller.calls:
            continue
        if caller.ref.namespace != workload.ref.namespace:
            continue
        target = {"target": service_ref(world, workload)}
        because = (why, world.expired.get(target["target"].path, -1))
        failed = tell(world, caller, "dependency_failed", because=because, involved=target)
        tell(world, caller, "error_storm", because=(failed,), delay_s=2.0)
        degraded = tell(world, caller, "service_degraded", because=(failed,), delay_s=4.0)
        world.clock.later(
            world.clock.between(5.0, 12.0),
            _further(world, caller, degraded, depth + 1),
        )


def _further(world: World, caller: Workload, why: int, depth: int) -> Callable[[], None]:
    return lambda: outage(world, caller, why, depth=depth) if depth < 3 else None


def tell(  # noqa: PLR0913 - one fact, all by name
    world: World,
    workload: Workload,
    kind: str,
    *,
    because: Iterable[int],
    delay_s: float = 0.0,
    involved: Mapping[str, ObjectRef] | None = None,
    payload: Mapping[str, Any] | None = None,
    is_true: bool = True,
) -> int:
    """Let telemetry say something of a service; a lie has no happening behind it."""
    ref = service_ref(world, workload)
    at = moment(world.clock.now + delay_s)
    about = involved["target"].name if involved and "target" in involved else ""
    key = (ref.path, kind, about)
    told = world.told.get(key, -1)
    if is_true and told >= 0 and at - world.book.happenings[told].until < EPISODE:
        return world.book.prolong(told, at=at, because=because)
    number = world.book.write(kind, ref, at=at, because=because) if is_true else -1
    if is_true:
        world.told[key] = number
    shown = world.clock.shown("telemetry") + timedelta(seconds=delay_s)
    world.count += 1
    fact = Fact(
        id=f"telemetry {kind} {ref.path} {world.count}",
        kind=kind,
        subject=ref,
        happened_at=shown,
        observed_at=at + timedelta(seconds=world.clock.between(0.5, 3.0)),
        involved={"workload": workload.ref, **(involved or {})},
        payload={"service": ref.name, "calls": list(workload.calls), **(payload or {})},
        told_by="telemetry",
    )
    world.facts.append((fact, number))
    return number
