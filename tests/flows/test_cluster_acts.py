"""The kubernetes actuator against a real control plane, whose controllers answer."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from cluster_world import World
from control_plane import plane  # noqa: F401 - a fixture

from tam_workbench.adapters.actuators.kubernetes import Bounds, KubernetesActuator
from tam_workbench.adapters.actuators.kubernetes.notes import ANNOTATION
from tam_workbench.adapters.apiserver import connect
from tam_workbench.ports.actuator_checks import check_actuator
from tam_workbench.records import Proposal, Result

pytestmark = [pytest.mark.xdist_group("cluster"), pytest.mark.slow]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def world(plane, request):  # noqa: F811
    return World(plane, "act-" + request.node.name.replace("_", "-")[5:55].strip("-"))


@pytest.fixture
def make(plane, world):  # noqa: F811
    def make(user="admin", **bounds):
        config = str(plane.kubeconfig)
        told = {"namespaces": (world.namespace,), **bounds}
        return KubernetesActuator(
            user, bounds=Bounds(**told), connect=lambda c: connect(c, config_file=config)
        )

    return make


def proposal(key, action, target, /, **arguments):
    return Proposal(
        key=key, incident="i", action=action, target=target, rationale="", confidence=1.0,
        blast_radius=1, proposed_at=NOW, arguments=arguments,
    )  # fmt: skip


def did(actuator, key, action, target, /, **arguments):
    outcome = actuator.act(proposal(key, action, target, **arguments), now=NOW)
    assert outcome.result is Result.SUCCEEDED, outcome.detail
    return outcome.detail


def refused(actuator, key, action, target, /, **arguments):
    outcome = actuator.act(proposal(key, action, target, **arguments), now=NOW)
    assert outcome.result is Result.FAILED, outcome.detail
    assert "\n" not in outcome.detail
    return outcome.detail


def image(world, name="web"):
    return world.get("Deployment", name)["spec"]["template"]["spec"]["containers"][0]["image"]


def test_the_promises_of_an_actuator(world, make):
    world.deploy("web")
    check_actuator(make, target="Deployment/web", survives_restart=True)


def test_a_rolling_restart_makes_new_pods_once(world, make):
    world.deploy("web")
    old = world.until(lambda: world.pods("web"))[0]["metadata"]["uid"]
    actuator = make()
    assert did(actuator, "k", "rollout_restart", "web").startswith("rolling restart")
    world.until(lambda: {p["metadata"]["uid"] for p in world.pods("web")} - {old})
    sets = len(world.all("ReplicaSet"))
    did(make(), "k", "rollout_restart", "web")
    assert len(world.all("ReplicaSet")) == sets == 2, "the annotation is the memory"
    notes = json.loads(world.get("Deployment", "web")["metadata"]["annotations"][ANNOTATION])
    assert [note["key"] for note in notes] == ["k"]
    assert "cannot be undone" in refused(actuator, "u", "undo", "web")


def test_scaling_and_its_undoing(world, make):
    world.deploy("web", replicas=2)
    actuator = make(max_replicas=4)
    assert "from 2 to 3" in did(actuator, "up", "scale", "web", replicas="+1")
    world.until(lambda: len(world.pods("web")) == 3)
    assert "from 3 to 4" in did(actuator, "more", "scale", "web", replicas="4")
    assert "allowed are 0 to 4" in refused(actuator, "far", "scale", "web", replicas="5")
    assert "allowed are 0 to 4" in refused(actuator, "low", "scale", "web", replicas="-9")
    assert "no number" in refused(actuator, "odd", "scale", "web", replicas="many")
    assert "needs the argument" in refused(actuator, "none", "scale", "web")
    assert "nothing to do" in refused(actuator, "same", "scale", "web", replicas="4")
    assert "from 4 to 2" in did(actuator, "back", "undo", "web", key="up")
    world.until(lambda: len(world.pods("web")) == 2)


def test_what_an_autoscaler_scales_is_left_to_it(world, make):
    world.deploy("web")
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    world.make(
        {
            "apiVersion": "autoscaling/v1",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web-hpa"},
            "spec": {"scaleTargetRef": target, "maxReplicas": 3},
        }
    )
    told = refused(make(), "k", "scale", "web", replicas="2")
    assert "is scaled by HorizontalPodAutoscaler/web-hpa" in told


def test_a_rollback_and_its_undoing(world, make):
    world.deploy("web", image="shop:1")
    world.until(lambda: len(world.all("ReplicaSet")) == 1)
    actuator = make()
    assert "no former revision" in refused(actuator, "early", "rollback", "web")
    world.until(lambda: revision(world) == "1")
    assert "no former revision to go" in refused(actuator, "first", "rollback", "web")
    container = {"containers": [{"name": "app", "image": "shop:2"}]}
    world.change("Deployment", "web", {"spec": {"template": {"spec": container}}})
    world.until(lambda: len(world.all("ReplicaSet")) == 2)
    world.until(lambda: revision(world) == "2")
    assert "from revision 2 to 1" in did(actuator, "back", "rollback", "web")
    assert image(world) == "shop:1"
    world.until(lambda: revision(world) == "3")
    assert len(world.all("ReplicaSet")) == 2, "the former ReplicaSet serves again"
    did(actuator, "forth", "undo", "web")
    assert image(world) == "shop:2"
    assert "no revision 77" in refused(actuator, "far", "rollback", "web", revision="77")


def revision(world):
    annotations = world.get("Deployment", "web")["metadata"].get("annotations") or {}
    return annotations.get("deployment.kubernetes.io/revision", "none yet")


def test_cordoning_leaves_nodes_to_run_on(world, make):
    for name in ("n1", "n2"):
        world.make({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
    actuator = make()
    assert did(actuator, "c1", "cordon", "n1") == "cordoned Node/n1"
    assert world.get("Node", "n1")["spec"]["unschedulable"] is True
    assert "cordoned already" in refused(actuator, "c2", "cordon", "n1")
    assert "one of 1 schedulable" in refused(actuator, "c3", "cordon", "Node/n2")
    did(actuator, "c4", "undo", "Node/n1")
    assert not world.get("Node", "n1")["spec"].get("unschedulable")
    assert "is no node" in refused(actuator, "c5", "cordon", "Deployment/web")
    assert "is a node" in refused(actuator, "c6", "scale", "Node/n1", replicas="1")


def test_a_network_block_and_its_end(world, make):
    world.deploy("web")
    actuator = make()
    assert "ingress and egress" in did(actuator, "b", "network_block", "web")
    (policy,) = world.all("NetworkPolicy")
    assert policy["spec"]["podSelector"] == {"matchLabels": {"app": "web"}}
    assert policy["metadata"]["annotations"] == {"tam-workbench.io/key": "b"}
    did(make(), "b", "network_block", "web")
    did(actuator, "e", "undo", "web", key="b")
    assert world.all("NetworkPolicy") == []
    assert "not blocked by us" in refused(actuator, "again", "network_unblock", "web")
    did(actuator, "in", "network_block", "web", direction="ingress")
    assert world.all("NetworkPolicy")[0]["spec"]["policyTypes"] == ["Ingress"]


def test_bounds_hold(world, make, plane):  # noqa: F811
    other = World(plane, f"{world.namespace}-not")
    other.deploy("web")
    world.deploy("web")
    actuator = make()
    outside = f"{other.namespace}/Deployment/web"
    assert "out of bounds" in refused(actuator, "o", "rollout_restart", outside)
    assert "no workload 'none'" in refused(actuator, "n", "rollout_restart", "none")
    both = make(namespaces=(world.namespace, other.namespace))
    assert "is 2 workloads" in refused(both, "t", "rollout_restart", "web")
    did(both, "full", "rollout_restart", outside)
    dry = make(is_dry=True)
    outcome = dry.act(proposal("d", "scale", "web", replicas="3"), now=NOW)
    assert outcome.result is Result.SKIPPED
    assert world.get("Deployment", "web")["spec"]["replicas"] == 1
    assert make().outcome_of("d") is None


def test_the_role_for_acting_is_enough_and_another_is_refused(world, make):
    world.deploy("web")
    assert "forbidden" in refused(make("nobody"), "a", "rollout_restart", "Deployment/web")
    world.allow("watch-cluster.yaml", users=["reader"])
    assert "forbidden" in refused(make("reader"), "b", "rollout_restart", "Deployment/web")
    world.allow("act.yaml", users=["actor"])
    actor = make("actor")
    did(actor, "c", "rollout_restart", "web")
    did(actor, "d", "scale", "web", replicas="2")
    did(actor, "e", "network_block", "web")
    did(actor, "f", "network_unblock", "web")
    did(actor, "g", "undo", "web", key="d")
    world.until(lambda: revision(world) == "2")
    assert "from revision 2 to 1" in did(actor, "h", "rollback", "web")
    for name in ("m1", "m2"):
        world.make({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
    did(actor, "i", "cordon", "m1")
    did(actor, "j", "uncordon", "m1")


def test_two_that_act_at_once_do_it_once(world, make):
    from threading import Barrier, Thread

    world.deploy("web", replicas=1)
    together, outcomes = Barrier(2), []

    def act(actuator):
        together.wait()
        outcomes.append(actuator.act(proposal("one", "scale", "web", replicas="+1"), now=NOW))

    threads = [Thread(target=act, args=(make(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.get("Deployment", "web")["spec"]["replicas"] == 2
    assert {outcome.result for outcome in outcomes} == {Result.SUCCEEDED}


def test_an_unreachable_cluster_is_an_outcome_and_asked_again(world, make, plane):  # noqa: F811
    world.deploy("web")
    actuator = make()
    plane.kill_apiserver()
    try:
        assert "does not answer" in refused(actuator, "k", "rollout_restart", "web")
    finally:
        plane.start_apiserver()
    did(actuator, "k", "rollout_restart", "web")
