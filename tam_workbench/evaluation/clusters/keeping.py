"""Keeping: as many pods as a ReplicaSet, a StatefulSet or a Job asks for."""

from collections.abc import Iterable
from typing import Final

from tam_workbench.evaluation.clusters import shapes
from tam_workbench.evaluation.clusters.announcing import announce
from tam_workbench.evaluation.clusters.conditions import set_condition
from tam_workbench.evaluation.clusters.ending import terminate
from tam_workbench.evaluation.clusters.parts import Manifest, Pod, Workload, owner_of
from tam_workbench.evaluation.clusters.scheduler import place
from tam_workbench.evaluation.clusters.world import World

BACKOFF_LIMIT: Final = 2


def alive(world: World, workload: Workload, digest: str = "") -> list[Pod]:
    """Return the pods of a workload that count: neither gone, going, failed nor done."""
    return [
        pod
        for pod in world.pods.values()
        if pod.workload is workload
        and (not digest or pod.hash == digest)
        and not (pod.is_going or pod.is_gone)
        and pod.manifest["status"]["phase"] not in {"Failed", "Succeeded"}
    ]


def keep(world: World, workload: Workload, digest: str, made: Manifest) -> None:
    """Create or delete pods until a ReplicaSet has as many as it asks for."""
    held = alive(world, workload, digest)
    missing = made["spec"]["replicas"] - len(held)
    scaled = workload.scaled.get(digest, -1)
    for pod in sorted(held, key=lambda pod: (pod.is_ready, pod.created))[: max(-missing, 0)]:
        pod.series["replaced"] = -1  # nobody is to take its place
        gone = terminate(world, pod, because=(scaled,))
        words = f"Deleted pod: {pod.ref.name}"
        announce(
            world,
            made,
            "SuccessfulDelete",
            words,
            by="replicaset-controller",
            clock="controller",
            tells=(gone,),
        )
    for _ in range(missing):
        name = f"{made['metadata']['name']}-{world.suffix()}"
        if not _may_create(world, workload, digest, made, name):
            return
        because = _why_new(world, workload, digest)
        pod = _create_pod(world, workload, name, owner=made, digest=digest, because=because)
        words = f"Created pod: {pod.ref.name}"
        announce(
            world,
            made,
            "SuccessfulCreate",
            words,
            by="replicaset-controller",
            clock="controller",
            tells=(pod.created,),
        )


def _why_new(world: World, workload: Workload, digest: str) -> tuple[int, ...]:
    """Return why a ReplicaSet needs one pod more: one of its own was lost, or it was scaled."""
    lost = [
        pod
        for pod in world.pods.values()
        if pod.workload is workload
        and digest in {"", pod.hash}
        and "replaced" not in pod.series
        and (pod.is_going or pod.is_gone or pod.manifest["status"]["phase"] == "Failed")
    ]
    if not lost:
        why = max(workload.scaled.get(digest, -1), workload.template.why)
        return (why if why >= 0 else workload.born,)
    lost[0].series["replaced"] = -1
    kinds, told = {"pod_deleted", "pod_evicted"}, world.book.happenings
    found: list[int] = []
    for gone in lost:  # which new pod stands for which of them cannot be told
        ends = [one.number for one in told if one.kinds[0] in kinds and one.refs[0] == gone.ref]
        found.extend(ends[-1:] or gone.last_kill)
    return tuple(found)


def _may_create(world: World, workload: Workload, digest: str, made: Manifest, name: str) -> bool:
    space = workload.ref.namespace
    limit, why = world.quotas.get(space, (10_000, -1))
    used = sum(not pod.is_gone and pod.ref.namespace == space for pod in world.pods.values())
    if used < limit:
        return True
    because = (workload.scaled.get(digest, -1), why)
    refs = (world.ref(made), workload.ref)
    denied = world.series(workload.denied, "quota_denied", refs, because=because)
    words = f'Error creating: pods "{name}" is forbidden: exceeded quota: pods-quota, requested: '
    words += f"pods=1, used: pods={used}, limited: pods={limit}"
    announce(
        world,
        made,
        "FailedCreate",
        words,
        by="replicaset-controller",
        clock="controller",
        tells=(denied,),
    )
    world.clock.later(world.clock.between(20.0, 60.0), lambda: world.notify(workload))
    return False


def _create_pod(
    world: World,
    workload: Workload,
    name: str,
    *,
    owner: Manifest,
    digest: str,
    because: Iterable[int],
) -> Pod:
    template = workload.templates[digest]
    labels = {"app": workload.ref.name, "pod-template-hash": digest}
    manifest = shapes.pod(workload.ref.namespace, name, template, labels)
    manifest["metadata"]["ownerReferences"] = [dict(owner_of(owner))]
    number = len(world.book.happenings)
    ref = world.create(manifest, tells=(number,))
    after = (template.why if template.why >= 0 else workload.born,)
    world.happen("pod_created", ref, because=because, after=after, is_key=False)
    pod = Pod(
        ref=ref,
        manifest=manifest,
        workload=workload,
        template=template,
        hash=digest,
        created=number,
    )
    world.pods[ref.uid] = pod
    world.clock.later(world.clock.between(0.05, 0.5), lambda: place(world, pod))
    return pod


def keep_ordinals(world: World, workload: Workload) -> None:
    """Keep name-0, name-1 ...: a pod comes back under its name with a new uid."""
    digest = shapes.template_hash(workload.template)
    held = {
        pod.ref.name: pod
        for pod in world.pods.values()
        if pod.workload is workload and not pod.is_gone
    }
    for ordinal in range(workload.replicas):
        name = f"{workload.ref.name}-{ordinal}"
        pod = held.pop(name, None)
        if pod is None:
            because = _why_new(world, workload, "")
            _create_pod(
                world, workload, name, owner=workload.manifest, digest=digest, because=because
            )
        elif pod.manifest["status"]["phase"] == "Failed":
            terminate(world, pod, because=pod.last_kill)
        elif pod.hash != digest and not pod.is_going:
            terminate(world, pod, because=(workload.template.why,))
            return
    for pod in held.values():
        terminate(world, pod, because=(workload.scaled.get("", -1),))


def keep_job(world: World, workload: Workload) -> None:
    """Run a Job's pod until one succeeds or too many failed."""
    digest = shapes.template_hash(workload.template)
    mine = [pod for pod in world.pods.values() if pod.workload is workload]
    phases = [pod.manifest["status"]["phase"] for pod in mine]
    status = workload.manifest["status"]
    if status.get("conditions") or any(phase in {"Pending", "Running"} for phase in phases):
        return
    failures = [pod for pod, phase in zip(mine, phases, strict=True) if phase == "Failed"]
    stamp = world.clock.stamp("controller")
    if "Succeeded" in phases:
        done = world.happen("job_completed", workload.ref, is_key=False)
        status["succeeded"] = 1
        set_condition(workload.manifest, "Complete", is_true=True, at=stamp)
        world.update(workload.manifest, tells=(done,))
    elif len(failures) > BACKOFF_LIMIT:
        _fail_job(world, workload, [number for pod in failures for number in pod.last_kill])
    else:
        because = failures[-1].last_kill if failures else (workload.template.why,)
        name = f"{workload.ref.name}-{world.suffix()}"
        _create_pod(world, workload, name, owner=workload.manifest, digest=digest, because=because)


def _fail_job(world: World, workload: Workload, because: Iterable[int]) -> None:
    failed = world.happen("job_failed", workload.ref, because=because)
    words = "Job has reached the specified backoff limit"
    workload.manifest["status"]["failed"] = BACKOFF_LIMIT + 1
    set_condition(
        workload.manifest,
        "Failed",
        is_true=True,
        at=world.clock.stamp("controller"),
        reason="BackoffLimitExceeded",
        message=words,
    )
    world.update(workload.manifest, tells=(failed,))
    announce(
        world,
        workload.manifest,
        "BackoffLimitExceeded",
        words,
        by="job-controller",
        clock="controller",
        tells=(failed,),
    )
