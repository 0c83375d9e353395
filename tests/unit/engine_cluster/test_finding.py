"""What an incident of a cluster looks like to the rules of autonomy."""

import importlib.util
import sys
from pathlib import Path

import pytest

from tam_workbench.engine.cluster import ClusterShelf
from tam_workbench.engine.cluster.finding import findings

_spec = importlib.util.spec_from_file_location(
    "engine_cluster_worlds", Path(__file__).with_name("worlds.py")
)
worlds = sys.modules[_spec.name] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(worlds)


@pytest.mark.parametrize("seen", [1, 3])
def test_pods_that_were_not_seen_yet_count_as_reached(seen):
    past = worlds.past("02-config-env")
    (workload,) = {
        one.ref.path
        for one in past
        if one.ref.kind == "Deployment" and one.manifest["spec"]["replicas"] == 3
    }
    name = workload.rsplit("/", 1)[1]
    pods = sorted(
        {o.ref.key for o in past if o.ref.kind == "Pod" and o.ref.name.startswith(f"{name}-")}
    )
    unseen = set(pods[seen:])
    memory = worlds.ClusterMemory(ClusterShelf(None))
    for batch in worlds.batches([one for one in past if one.ref.key not in unseen]):
        memory.take(batch, None)
    memory.settle(300)
    found = [
        finding
        for incident in memory.view.incidents.values()
        if incident.workload.path == workload
        for finding in findings(memory.view, incident)
    ]
    assert len(pods) == 3
    assert {finding.reach for finding in found} == {3}
