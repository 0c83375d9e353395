"""Autoscaling: HorizontalPodAutoscalers that follow a load."""

from collections.abc import Iterable

from tam_workbench.evaluation.clusters.announcing import announce
from tam_workbench.evaluation.clusters.controllers import scale
from tam_workbench.evaluation.clusters.parts import Manifest, Workload
from tam_workbench.evaluation.clusters.world import World


def scaler_of(world: World, workload: Workload) -> Manifest:
    """Return the autoscaler of a workload; it is made at the first call."""
    key = (workload.ref.namespace, workload.ref.name)
    if key not in world.scalers:
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": workload.ref.name}
        manifest: Manifest = {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": workload.ref.name, "namespace": workload.ref.namespace},
            "spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 10},
            "status": {
                "currentReplicas": workload.replicas,
                "desiredReplicas": workload.replicas,
                "conditions": [],
            },
        }
        number = len(world.book.happenings)
        ref = world.create(manifest, tells=(number,))
        world.happen("workload_created", ref, is_key=False)
        world.scalers[key] = manifest
    return world.scalers[key]


def rescale(world: World, workload: Workload, replicas: int, *, because: Iterable[int]) -> int:
    """Let the autoscaler of a workload set its replicas."""
    manifest = scaler_of(world, workload)
    scaled = world.happen("hpa_scaled", world.ref(manifest), because=because)
    status = manifest["status"]
    status |= {"currentReplicas": workload.replicas, "desiredReplicas": replicas}
    status["lastScaleTime"] = world.clock.stamp("controller")
    way = "above" if replicas > workload.replicas else "below"
    words = f"New size: {replicas}; reason: cpu resource utilization (percentage of request) "
    words += f"{way} target"
    set_ = world.happen("scaled", workload.ref, because=(scaled,))
    scale(world, workload, replicas, why=set_)
    world.update(manifest, tells=(scaled,))
    announce(
        world,
        manifest,
        "SuccessfulRescale",
        words,
        by="horizontal-pod-autoscaler",
        clock="controller",
        tells=(scaled,),
    )
    return scaled
