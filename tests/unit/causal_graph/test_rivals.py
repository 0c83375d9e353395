"""What is told apart by whose node, whose resource, whose pod and by whose clock it was."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tam_workbench.causal import Correlator
from tests.unit.causal_graph.test_correlating import (
    API,
    POD,
    SETTINGS,
    WEB,
    at,
    change,
    crash,
    fact,
    named,
    ref,
    rollout,
)

NODE = ref("Node", "node-1", namespace="")
SERVICE = ref("Service", "web")
RAISED = [["spec.containers.app.resources.limits.memory", "256Mi", "8000Mi"]]
LOWERED = [["spec.containers.app.resources.limits.memory", "256Mi", "64Mi"]]


def rising(seconds, metric="container_memory_rss"):
    return fact("rising", "metric_anomaly", seconds, SERVICE, workload=WEB, metric=metric)


def pressed(seconds, *workloads, kind="memory"):
    rows = [{"workload": one.key, "workload_path": one.path, "pods": 1} for one in workloads]
    return fact("pressed", "node_pressure", seconds, NODE, type=kind, hosted=rows)


def evicted(seconds):
    told = fact("gone", "pod_evicted", seconds, ref("Pod", "api-1"), workload=API)
    return replace(told, involved={**told.involved, "node": NODE})


def causes(facts, effect):
    correlator = Correlator()
    correlator.take(facts, now=at(0))
    return {edge.cause for edge in correlator.graph.causes(effect)}


def test_a_noisy_neighbour_is_named_before_the_pressure_it_made():
    facts = [rollout("r", 0, diff=RAISED), rising(90), pressed(120, WEB, API), evicted(130)]
    assert named(facts, "gone")[0] == "r"
    assert causes(facts, "pressed") == {"rising", "r"}
    assert named([facts[0], *facts[2:]], "gone")[0] == "r", "no metric is told of at all"


def test_who_is_not_on_the_node_did_not_press_it():
    facts = [rollout("r", 0, diff=RAISED), rising(90), pressed(120, API), evicted(130)]
    assert named(facts, "gone") == ["pressed"]


@pytest.mark.parametrize(("kind", "is_it"), [("memory", True), ("disk", False), ("pid", False)])
def test_a_metric_of_another_resource_did_not_press_the_node(kind, is_it):
    assert ("rising" in causes([rising(90), pressed(120, WEB, kind=kind)], "pressed")) is is_it


@pytest.mark.parametrize(
    ("diff", "metric", "is_it"),
    [
        (RAISED, "container_memory_rss", True),
        (LOWERED, "container_memory_rss", False),
        ([], "container_memory_rss", False),
        (RAISED, "http_requests_per_second", False),
    ],
)
def test_a_rollout_that_lets_its_pods_take_more_makes_their_memory_rise(diff, metric, is_it):
    facts = [rollout("r", 0, diff=diff), rising(90, metric)]
    assert ("r" in causes(facts, "rising")) is is_it


def denied(seconds):
    return fact("denied", "quota_denied", seconds, ref("ReplicaSet", "web-a"), workload=WEB)


def scaled(name, seconds, before, after):
    return fact(name, "scaled", seconds, WEB, workload=WEB, before=before, after=after)


def test_the_later_of_two_demands_met_the_quota():
    assert named([rollout("r", 0), denied(3)], "denied") == ["r"]
    assert named([rollout("r", 0), scaled("s", 200, 1, 5), denied(202)], "denied") == ["s"]


def job_ends(*facts):
    job = ref("Job", "batch")
    told = [replace(one, involved={**one.involved, "workload": job}) for one in facts]
    return causes([*told, fact("failed", "job_failed", 300, job, workload=job)], "failed")


def test_a_wait_that_was_over_did_not_make_a_job_fail():
    waits = fact("waits", "image_pull_failed", 10, POD)
    ready, ends = fact("ready", "pod_ready", 60, POD), crash("ends", 299, made=0)
    assert job_ends(waits, ends) == {"waits", "ends"}
    assert job_ends(waits, ready, ends) == {"ends"}


def test_a_write_seen_late_is_linked_within_the_skew_and_no_further():
    """Stamps of the API server are whole seconds, those of our own clock are not."""
    going = fact("going", "pod_terminating", 100, POD, workload=WEB)
    assert causes([scaled("s", 105.8, 2, 0), going], "going") == {"s"}
    assert causes([scaled("s", 106.1, 2, 0), going], "going") == set()


def test_a_pod_made_before_its_rollout_was_seen_is_still_of_it():
    seen_late = rollout("r", 10)
    stamped = replace(seen_late, observed_at=seen_late.observed_at + timedelta(seconds=1))
    killed = crash("x", 40, made=3)
    assert causes([seen_late, killed], "x") == {"r"}
    assert causes([stamped, killed], "x") == set(), "its stamp says that the pod is older"


def sureness(facts, effect):
    correlator = Correlator()
    correlator.take(facts, now=at(0))
    return correlator.graph.causes(effect)[0].confidence


def test_an_evicted_container_does_not_begin_the_trouble_of_others():
    ended = crash("ended", -600, made=-3600, is_evicted=True)
    ill = crash("ended", -600, made=-3600, is_evicted=False)
    others = [rollout("r", 0), crash("x", 30, made=5)]
    assert sureness([ended, *others], "x") == sureness(others, "x")
    assert sureness([ill, *others], "x") < sureness(others, "x"), "it was there before"


def test_the_telemetry_has_a_clock_of_its_own():
    lost = fact("lost", "endpoints_lost", 104, SERVICE)
    failed = fact("failed", "dependency_failed", 100, ref("Service", "api"))
    failed = replace(failed, involved={"target": SERVICE})
    assert causes([lost, failed], "failed") == {"lost"}


def test_the_word_of_an_event_names_the_preemptor_that_a_status_leaves_out():
    vip, owner = ref("Pod", "vip-1"), ref("Deployment", "vip")
    born = fact("born", "workload_created", 95, owner, workload=owner)
    made = replace(fact("made", "pod_created", 96, vip, workload=owner))
    by_status = fact("gone", "preempted", 95, POD, workload=WEB, reason="PreemptionByScheduler")
    by_event = replace(by_status, told_by="event", payload={}, involved={"preemptor": vip})
    for tellings in ([by_status, by_event], [by_event, by_status]):
        assert named([born, made, *tellings], "gone")[0] == "born"
    assert named([born, made, by_status], "gone") == []


def test_a_change_of_the_config_is_not_hidden_by_a_later_demand():
    assert SETTINGS.kind == "ConfigMap"
    assert named([change("c", 0), scaled("s", 20, 1, 2), crash("x", 60, made=30)], "x")[0] == "c"
