"""Nodes, workloads, autoscalers, jobs and services; owners and users of configs."""

from tam_workbench.causal import FACTS, Deriver
from tam_workbench.causal.deriving_reasons import READERS
from tam_workbench.records import Change, ObjectRef
from tests.unit.causal_facts.seen import (
    config,
    deployment,
    event,
    iso,
    kinds,
    node,
    only,
    pod,
    replica_set,
    seen,
)


def take(*observations):
    deriver = Deriver("c")
    return [fact for one in observations for fact in deriver.take([one])]


def test_a_rollout_tells_what_changed_of_the_template():
    told = take(
        deployment(0, image="web:1"),
        deployment(30, image="web:1", status={"readyReplicas": 2}),
        deployment(60, image="web:2", generation=2),
        deployment(61, image="web:2", generation=2, status={"readyReplicas": 1}),
    )
    (rollout,) = only(told, "rolled_out")
    assert rollout.payload["images_before"] == {"app": "web:1"}
    assert rollout.payload["images_after"] == {"app": "web:2"}
    assert rollout.payload["changed"] == ["spec.containers[app].image"]
    assert not rollout.payload["restarted"]
    assert not only(told, "scaled")


def test_a_restart_is_a_rollout_that_changes_nothing_else():
    restarted = {"kubectl.kubernetes.io/restartedAt": "2026-03-01T14:00:50+02:00"}
    labels = {"app": "web"}
    for before in ({"labels": labels}, {"labels": labels, "annotations": {}}):
        told = take(
            deployment(0, template=before),
            deployment(60, template={"labels": labels, "annotations": restarted}, generation=2),
        )
        (rollout,) = only(told, "rolled_out")
        assert rollout.payload["restarted"]
        assert rollout.happened_at.isoformat() == "2026-03-01T12:00:50+00:00"
    told = take(
        deployment(0, template={"labels": labels}),
        deployment(
            60, image="web:2", template={"labels": labels, "annotations": restarted}, generation=2
        ),
    )
    assert not only(told, "rolled_out")[0].payload["restarted"]


def test_scaling_is_no_rollout():
    (scaled,) = only(take(deployment(0), deployment(60, replicas=9, generation=2)), "scaled")
    assert (scaled.payload["before"], scaled.payload["after"]) == (2, 9)


def test_a_stalled_rollout_and_a_refused_pod_are_read_from_the_conditions():
    conditions = [
        {
            "type": "Progressing",
            "status": "False",
            "reason": "ProgressDeadlineExceeded",
            "lastTransitionTime": iso(600),
        },
        {
            "type": "ReplicaFailure",
            "status": "True",
            "reason": "FailedCreate",
            "message": 'pods "x" is forbidden: exceeded quota: team',
            "lastTransitionTime": iso(30),
        },
    ]
    told = take(deployment(0), deployment(601, status={"conditions": conditions}))
    assert only(told, "rollout_stalled")[0].happened_at.minute == 10
    assert only(told, "quota_denied")[0].payload["quota"] == "team"


def test_availability_is_lost_and_restored():
    def available(seconds, status, since):
        condition = {"type": "Available", "status": status, "lastTransitionTime": iso(since)}
        return deployment(seconds, status={"conditions": [condition]})

    told = take(available(1, "True", 0), available(61, "False", 60), available(91, "True", 90))
    assert [kind for kind in kinds(told) if "availability" in kind] == [
        "availability_lost",
        "availability_restored",
    ]


def scaler(seconds, desired, scaled_at, conditions=()):
    manifest = {
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 9},
        "status": {
            "currentReplicas": 2,
            "desiredReplicas": desired,
            "lastScaleTime": scaled_at,
            "conditions": list(conditions),
        },
    }
    return seen("HorizontalPodAutoscaler", "web", seconds, manifest)


def test_an_autoscaler_tells_its_target():
    blind = {
        "type": "ScalingActive",
        "status": "False",
        "reason": "FailedGetResourceMetric",
        "lastTransitionTime": iso(90),
    }
    told = take(
        deployment(0), scaler(1, 2, None), scaler(61, 6, iso(60)), scaler(91, 6, iso(60), [blind])
    )
    (scaled,) = only(told, "hpa_scaled")
    assert (scaled.payload["before"], scaled.payload["after"]) == (2, 6)
    assert scaled.involved["target"].uid == "dep"
    assert len(only(told, "hpa_failed")) == 1


def test_a_node_tells_pressure_readiness_and_cordons():
    taint = {"key": "node.kubernetes.io/unschedulable", "timeAdded": iso(200)}
    told = take(
        node(0, conditions=[("MemoryPressure", "False", -99), ("Ready", "True", -99)]),
        node(10, conditions=[("MemoryPressure", "True", 9), ("Ready", "True", -99)]),
        node(50, conditions=[("MemoryPressure", "False", 49), ("Ready", "True", -99)]),
        node(90, conditions=[("MemoryPressure", "False", 49), ("Ready", "Unknown", 89)]),
        node(99, conditions=[("MemoryPressure", "False", 49), ("Ready", "True", 98)]),
        node(201, spec={"unschedulable": True, "taints": [taint]}),
        node(300, spec={}),
        node(400, change=Change.DELETED),
    )
    assert kinds(told) == [
        "node_pressure",
        "node_pressure_over",
        "node_not_ready",
        "node_ready",
        "node_cordoned",
        "node_uncordoned",
        "node_removed",
    ]
    assert told[0].payload["type"] == "memory"


def test_a_job_fails_once():
    failed = {
        "type": "Failed",
        "status": "True",
        "reason": "BackoffLimitExceeded",
        "lastTransitionTime": iso(60),
    }
    told = take(
        seen("Job", "sum", 1, {"status": {}}),
        seen("Job", "sum", 61, {"status": {"conditions": [failed]}}),
        seen("Job", "sum", 71, {"status": {"conditions": [failed], "failed": 7}}),
    )
    assert kinds(told) == ["job_failed"]


def test_endpoints_are_lost_and_restored_old_and_new():
    def old(seconds, count):
        subsets = [{"addresses": [{"ip": str(n)} for n in range(count)]}] if count else []
        return seen("Endpoints", "web", seconds, {"subsets": subsets})

    def new(seconds, *ready):
        told = [{"conditions": {"ready": one}} for one in ready]
        labels = {"kubernetes.io/service-name": "web"}
        return seen(
            "EndpointSlice", "web-x", seconds, {"endpoints": told, "metadata": {"labels": labels}}
        )

    lost_and_back = ["endpoints_lost", "endpoints_restored"]
    assert kinds(take(old(0, 3), old(10, 1), old(20, 0), old(30, 2))) == lost_and_back
    told = take(new(0, True, True), new(10, False, True), new(20, False, False), new(30, True))
    assert kinds(told) == lost_and_back
    assert told[0].subject.path == "shop/Service/web"


def test_a_pod_that_was_ready_and_is_no_more():
    def ready(seconds, status, since):
        condition = {"type": "Ready", "status": status, "lastTransitionTime": iso(since)}
        return pod(seconds, status={"conditions": [condition], "startTime": iso(0)})

    told = take(ready(1, "False", 0), ready(10, "True", 9), ready(60, "False", 59))
    assert [kind for kind in kinds(told) if kind.endswith("ready")] == ["pod_ready", "pod_unready"]
    assert kinds(take(ready(60, "False", 59))).count("pod_unready") == 1  # of which none saw ready
    assert not only(take(ready(1, "False", 0)), "pod_unready")


def test_a_pod_is_put_off_once_however_it_is_told():
    disrupted = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "TerminationByKubelet",
        "message": "low on memory",
        "lastTransitionTime": iso(9),
    }
    status = {
        "conditions": [disrupted],
        "reason": "Evicted",
        "message": "The node was low on resource: memory.",
        "phase": "Failed",
    }
    assert kinds(take(pod(10, status=status))).count("pod_evicted") == 1


def test_a_resized_pod_tells_from_what_to_what():
    bigger = pod(60)
    bigger.manifest["spec"]["containers"][0]["resources"] = {"limits": {"memory": "128Mi"}}
    (resized,) = only(take(pod(1), bigger, bigger), "pod_resized")
    assert ["app.limits.memory", "64Mi", "128Mi"] in resized.payload["diff"]


def test_owners_are_found_in_any_order_within_a_batch():
    deriver = Deriver("c")
    told = deriver.take([pod(1), replica_set()])
    assert only(told, "pod_created")[0].involved["workload"].path == "shop/Deployment/web"
    web = ObjectRef(cluster="c", kind="Pod", namespace="shop", name="web-1", uid="Pod-web-1")
    assert deriver.workload(web).uid == "dep"
    assert deriver.objects[web.key]["node"] == "node-1"


def test_users_of_a_config_are_those_who_live():
    deriver = Deriver("c")
    settings = config(0, {})
    deriver.take([settings, pod(1, name="a"), pod(1, name="b")])
    assert [one.pod.name for one in deriver.consumers(settings.ref)] == ["a", "b"]
    deriver.take([pod(9, name="a", change=Change.DELETED)])
    assert [one.pod.name for one in deriver.consumers(settings.ref)] == ["b"]
    restored = Deriver("c")
    restored.restore(deriver.state())
    assert restored.consumers(settings.ref) == deriver.consumers(settings.ref)


def test_what_is_gone_is_forgotten_in_the_end():
    deriver = Deriver("c", most_gone=3)
    for number in range(10):
        gone = pod(20 + number, name=f"p{number}", change=Change.DELETED)
        deriver.take([pod(number, name=f"p{number}"), gone])
    assert len([key for key in deriver.objects if "Pod-" in key]) == 3


def test_every_kind_that_is_told_has_a_meaning():
    assert all(meaning.endswith(".") for meaning in FACTS.values())
    assert READERS.keys() >= {"FailedScheduling", "Unhealthy", "FailedMount"}


def test_a_pod_whose_replica_set_was_not_seen_yet_still_has_its_workload():
    deriver = Deriver("c")
    labels = {"labels": {"pod-template-hash": "abc"}}
    (created,) = only(deriver.take([deployment(0), pod(1, metadata=labels)]), "pod_created")
    assert created.involved["owner"].path == "shop/ReplicaSet/web-abc"
    assert created.involved["workload"].uid == "dep"
    strange = {"labels": {"pod-template-hash": "xyz"}}
    (created,) = only(deriver.take([pod(1, name="web-2", metadata=strange)]), "pod_created")
    assert created.involved["workload"].path == "shop/ReplicaSet/web-abc"


def test_an_event_in_a_batch_knows_the_pod_that_comes_after_it():
    warning = event(1, "Unhealthy", "Readiness probe failed", container="app")
    (failed,) = only(Deriver("c").take([warning, pod(1), replica_set()]), "probe_failed")
    assert failed.involved["workload"].path == "shop/Deployment/web"
    assert failed.involved["node"].path == "Node/node-1"


def test_what_is_only_told_of_is_forgotten_in_the_end_and_what_is_seen_is_not():
    deriver = Deriver("c", most_gone=3)
    deriver.take([event(0, "Unhealthy", "Readiness probe failed")])
    deriver.take([pod(1)])
    for number in range(10):
        about = ("Certificate", f"tls-{number}")
        deriver.take([event(number, "IssuerNotReady", "no issuer", about=about)])
    assert len(deriver.objects) == 4
    assert deriver.objects["c/Pod-web-1"]["node"] == "node-1"
