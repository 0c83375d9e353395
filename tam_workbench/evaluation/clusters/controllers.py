"""Controllers: Deployments roll from one ReplicaSet to the next and tell how far they are."""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from tam_workbench.evaluation.clusters import shapes
from tam_workbench.evaluation.clusters.announcing import announce
from tam_workbench.evaluation.clusters.conditions import set_condition
from tam_workbench.evaluation.clusters.keeping import alive, keep, keep_job, keep_ordinals
from tam_workbench.evaluation.clusters.parts import Template, Workload, owner_of
from tam_workbench.evaluation.clusters.services import follow
from tam_workbench.evaluation.clusters.world import World

DEADLINE_S: Final = 300.0


def deploy(  # noqa: PLR0913 - one workload, all by name
    world: World,
    kind: str,
    space: str,
    name: str,
    *,
    template: Template,
    replicas: int = 2,
    calls: tuple[str, ...] = (),
) -> Workload:
    """Create a workload and let its controller make its pods."""
    number = len(world.book.happenings)
    if world.clock.now > 0.0:  # what is there from the beginning needs no reason
        template = replace(template, why=number)
    manifest = shapes.workload(kind, space, name, template, replicas)
    ref = world.create(manifest, tells=(number,))
    world.happen(("workload_created", "rolled_out"), ref, is_key=False)
    workload = Workload(
        ref=ref, manifest=manifest, replicas=replicas, template=template, calls=calls, born=number
    )
    world.workloads[space, name] = workload
    digest = shapes.template_hash(template)
    workload.templates[digest] = template
    workload.rollout_began = world.clock.now
    if kind == "Deployment":
        _new_set(world, workload, digest, (number,))
        _scale_set(world, workload, digest, replicas, (number,))
    reconcile(world, workload)
    return workload


def roll_out(world: World, workload: Workload, template: Template) -> None:
    """Give a workload a new template; ``template.why`` is the happening that this is."""
    workload.template = template
    workload.revision += 1
    workload.rollout_began = world.clock.now
    workload.stalled = -1
    manifest = workload.manifest
    manifest["metadata"]["generation"] += 1
    manifest["spec"]["template"] = shapes.pod_template(workload.ref.name, template)
    manifest["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = str(
        workload.revision
    )
    world.update(manifest, tells=(template.why,))
    digest = shapes.template_hash(template)
    workload.templates[digest] = template
    if workload.ref.kind == "Deployment":
        if digest not in workload.sets:
            _new_set(world, workload, digest, (template.why,))
        revision = workload.revision
        world.clock.later(DEADLINE_S, lambda: _deadline(world, workload, revision))
    world.notify(workload)


def scale(world: World, workload: Workload, replicas: int, *, why: int) -> None:
    """Set the number of replicas of a workload."""
    workload.replicas = replicas
    workload.manifest["spec"]["replicas"] = replicas
    workload.manifest["metadata"]["generation"] += 1
    world.update(workload.manifest, tells=(why,))
    digest = shapes.template_hash(workload.template)
    if workload.ref.kind == "Deployment":
        _scale_set(world, workload, digest, replicas, (why,))
    world.notify(workload)


def reconcile(world: World, workload: Workload) -> None:
    """Bring a workload nearer to what is asked of it."""
    if workload.ref.kind == "Job":
        keep_job(world, workload)
    elif workload.ref.kind == "StatefulSet":
        keep_ordinals(world, workload)
    elif workload.ref.kind == "Deployment":
        _roll(world, workload)
        for digest, made in workload.sets.items():
            keep(world, workload, digest, made)
    _count(world, workload)
    follow(world, workload)


def _new_set(world: World, workload: Workload, digest: str, why: Iterable[int]) -> None:
    made = shapes.replica_set(workload.manifest, owner_of(workload.manifest), digest)
    number = len(world.book.happenings)
    ref = world.create(made, tells=(number,))
    world.happen(("workload_created", "rolled_out"), ref, because=why, is_key=False)
    workload.sets[digest] = made


def _scale_set(
    world: World, workload: Workload, digest: str, replicas: int, why: Iterable[int]
) -> None:
    made = workload.sets[digest]
    before = made["spec"]["replicas"]
    if before == replicas:
        return
    made["spec"]["replicas"] = replicas
    number = world.happen("scaled", world.ref(made), because=why, is_key=False)
    workload.scaled[digest] = number
    world.update(made, tells=(number,))
    way = "up" if replicas > before else "down"
    name = made["metadata"]["name"]
    words = f"Scaled {way} replica set {name} to {replicas} from {before}"
    by = "deployment-controller"
    announce(
        world,
        workload.manifest,
        "ScalingReplicaSet",
        words,
        by=by,
        clock="controller",
        tells=(number,),
    )


def _roll(world: World, workload: Workload) -> None:
    """Move replicas from old ReplicaSets to the new one: a quarter more, a quarter fewer."""
    digest = shapes.template_hash(workload.template)
    olds = [key for key in workload.sets if key != digest]
    wanted = {key: workload.sets[key]["spec"]["replicas"] for key in workload.sets}
    why = (workload.template.why,)
    total = sum(wanted.values())
    surge = math.ceil(workload.replicas / 4)
    if not any(wanted[key] for key in olds):
        if wanted[digest] != workload.replicas:
            _scale_set(world, workload, digest, workload.replicas, why)
        return
    room = workload.replicas + surge - total
    grown = min(workload.replicas, wanted[digest] + max(room, 0))
    if grown != wanted[digest]:
        _scale_set(world, workload, digest, grown, why)
    ready = sum(pod.is_ready for pod in alive(world, workload))
    spare = ready - (workload.replicas - workload.replicas // 4)
    for key in olds:
        fewer = min(wanted[key], max(spare, 0))
        if fewer:
            spare -= fewer
            _scale_set(world, workload, key, wanted[key] - fewer, why)


def _count(world: World, workload: Workload) -> None:
    """Show how many replicas are ready."""
    held = alive(world, workload)
    ready = sum(pod.is_ready for pod in held)
    status = workload.manifest["status"]
    shown = (status.get("readyReplicas", 0), status.get("replicas", 0))
    if workload.ref.kind == "Job" or shown == (ready, len(held)):
        return
    status |= {"replicas": len(held), "readyReplicas": ready, "availableReplicas": ready}
    status["observedGeneration"] = workload.manifest["metadata"]["generation"]
    status["unavailableReplicas"] = max(workload.replicas - ready, 0)
    world.update(workload.manifest)


def _deadline(world: World, workload: Workload, revision: int) -> None:
    digest = shapes.template_hash(workload.template)
    fresh = alive(world, workload, digest)
    if workload.revision != revision or sum(pod.is_ready for pod in fresh) >= workload.replicas:
        return
    because = [n for pod in fresh for kind, n in pod.series.items() if kind != "replaced"]
    because += [pod.unready for pod in fresh if not pod.is_ready]
    workload.stalled = world.happen(
        "rollout_stalled", workload.ref, because=(*because, *workload.denied.values())
    )
    name = workload.sets[digest]["metadata"]["name"]
    set_condition(
        workload.manifest,
        "Progressing",
        is_true=False,
        at=world.clock.stamp("controller"),
        reason="ProgressDeadlineExceeded",
        message=f'ReplicaSet "{name}" has timed out progressing.',
    )
    world.update(workload.manifest, tells=(workload.stalled,))
