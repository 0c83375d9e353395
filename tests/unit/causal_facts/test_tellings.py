"""Events of both APIs, and what their words say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tam_workbench.causal import Deriver
from tam_workbench.causal.deriving_messages import missing_config, predicates, pull_trouble, refusal
from tests.unit.causal_facts.seen import event, iso, kinds, only, pod, seen, waiting

POD, HPA = "Pod", "HorizontalPodAutoscaler"
REASONS = [
    "Insufficient cpu",
    "Insufficient nvidia.com/gpu",
    "node(s) were unschedulable",
    "node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }",
    "node(s) didn't match Pod's node affinity/selector",
    "node(s) had volume node affinity conflict",
    "Too many pods",
]
PREEMPTION = (
    " preemption: 0/6 nodes are available: 3 Preemption is not helpful for scheduling, "
    "3 No preemption victims found for incoming pod."
)


@given(
    counts=st.dictionaries(st.sampled_from(REASONS), st.integers(1, 5000), min_size=1),
    with_preemption=st.booleans(),
)
def test_no_word_about_preemption_becomes_a_refusal_by_a_node(counts, with_preemption):
    """Defect 12: "3 Preemption is not helpful" was counted as three nodes that refused."""
    told = ", ".join(f"{count} {reason}" for reason, count in counts.items())
    message = f"0/{sum(counts.values())} nodes are available: {told}."
    found = predicates(message + (PREEMPTION if with_preemption else "")).payload
    assert found["nodes"] == sum(counts.values())
    assert sorted(found["predicates"].values()) == sorted(counts.values())
    assert not [reason for reason in found["predicates"] if "reemption" in reason]
    assert bool(found["preemption"]) == with_preemption


def test_a_refusal_by_status_and_by_event_is_one_fact():
    message = "0/3 nodes are available: 3 Insufficient memory." + PREEMPTION
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": message,
        "lastTransitionTime": iso(1),
    }
    deriver = Deriver("c")
    told = deriver.take(
        [
            pod(2, spec={"nodeName": ""}, status={"conditions": [condition]}),
            event(3, "FailedScheduling", message),
            event(63, "FailedScheduling", message, first=3, count=9),
        ]
    )
    (fact,) = only(told, "scheduling_failed")
    assert fact.payload["predicates"] == {"Insufficient memory": 3}
    (other,) = only(
        deriver.take([event(90, "FailedScheduling", "0/3 nodes are available: 3 Too many pods.")]),
        "scheduling_failed",
    )
    assert other.id != fact.id


def test_new_fields_of_an_event_say_the_same_as_the_old():
    old = event(5, "Unhealthy", "Readiness probe failed: HTTP 503", container="app", count=3)
    new = seen(
        "Event",
        "web-1.new",
        6,
        {
            "type": "Warning",
            "reason": "Unhealthy",
            "note": "Readiness probe failed: HTTP 503",
            "regarding": old.manifest["involvedObject"],
            "eventTime": iso(5),
            "deprecatedFirstTimestamp": None,
            "series": {"count": 3, "lastObservedTime": iso(5)},
            "reportingController": "kubelet",
        },
    )
    deriver = Deriver("c")
    (first,) = deriver.take([old])
    assert (first.kind, first.payload["probe"], first.payload["count"]) == (
        "probe_failed",
        "readiness",
        3,
    )
    assert not deriver.take([new])


def test_a_series_is_one_fact_until_it_was_quiet():
    deriver = Deriver("c")
    message = "Liveness probe failed: timeout"
    series = [
        event(s, "Unhealthy", message, first=0, last=s, count=1 + s // 60) for s in (0, 60, 540)
    ]
    assert len([fact for one in series for fact in deriver.take([one])]) == 1
    (again,) = deriver.take([event(1300, "Unhealthy", message, first=0, last=1300, count=12)])
    assert again.happened_at.isoformat() == "2026-03-01T12:21:40+00:00"
    assert not deriver.take(series)


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ('configmap "settings" not found', ("ConfigMap", "settings", None)),
        ('Error: secret "db" not found', ("Secret", "db", None)),
        ("couldn't find key url in ConfigMap shop/settings", ("ConfigMap", "settings", "url")),
        ("Error: couldn't find key pw in Secret shop/db", ("Secret", "db", "pw")),
        (
            'MountVolume.SetUp failed for volume "v" : configmap "gone" not found',
            ("ConfigMap", "gone", None),
        ),
        (
            'MountVolume.SetUp failed for volume "v" : object "shop"/"db" not registered',
            (None, None, None),
        ),
        ("deployment web not found", (None, None, None)),
    ],
)
def test_a_missing_config_is_named(message, found):
    named = missing_config(message)
    assert (named.get("kind"), named.get("name"), named.get("key")) == found


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ('Failed to pull image "a:1": manifest unknown', "not_found"),
        (
            'Failed to pull image "a:1": pull access denied, does not exist',
            "unauthorized",
        ),
        ('Failed to pull image "a:1": toomanyrequests: rate limit', "throttled"),
        ('Failed to pull image "a:1": dial tcp: lookup r: no such host', "unreachable"),
        ('Failed to pull image "a:1": x509: unknown authority', "certificate"),
        ('Back-off pulling image "a:1"', "unknown"),
    ],
)
def test_a_pull_says_why_it_failed(message, why):
    assert (pull_trouble(message)["why"], pull_trouble(message)["image"]) == (why, "a:1")


def test_a_pull_by_status_and_by_event_is_one_fact():
    deriver = Deriver("c")
    message = 'Failed to pull image "web:1": manifest unknown'
    first = pod(2, state=waiting("ErrImagePull", message))
    first.manifest["status"]["containerStatuses"][0]["image"] = "web:1"
    told = deriver.take([event(1, "Failed", message), first])
    told += deriver.take([event(9, "Failed", "Error: ErrImagePull", container="app")])
    told += deriver.take([event(12, "BackOff", 'Back-off pulling image "web:1"')])
    assert kinds(told).count("image_pull_failed") == 1


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ('pods "w" is forbidden: exceeded quota: compute, requested: cpu=1', "quota_denied"),
        ('pods "w" is forbidden: maximum memory usage per Container is 1Gi', "quota_denied"),
        ("Internal error occurred: no endpoints available for service", "create_failed"),
    ],
)
def test_a_refused_creation_says_by_what(message, kind):
    assert refusal(message)[0] == kind
    told = Deriver("c").take([event(1, "FailedCreate", message, about=("ReplicaSet", "web-abc"))])
    assert kinds(told) == [kind]


@pytest.mark.parametrize(
    ("reason", "message", "about", "kind"),
    [
        ("Killing", "Container app failed liveness probe, will be restarted", POD, "probe_killed"),
        ("Killing", "Stopping container app", POD, "container_stopped"),
        ("FailedMount", 'configmap "gone" not found', POD, "mount_failed"),
        ("FailedCreatePodSandBox", "network: no address", POD, "sandbox_failed"),
        ("Failed", 'Error: secret "db" not found', POD, "config_error"),
        ("Failed", "Error: failed to create containerd task", POD, "container_start_failed"),
        ("Evicted", "The node was low on resource: memory.", POD, "pod_evicted"),
        ("Preempted", "Preempted by pod x on node n", POD, "preempted"),
        ("NodeHasDiskPressure", "Node n status is now: that", "Node", "node_pressure"),
        ("SystemOOM", "System OOM encountered, victim process: x", "Node", "node_oom"),
        ("SuccessfulRescale", "New size: 5; reason: cpu above target", HPA, "hpa_scaled"),
        ("FailedGetResourceMetric", "no metrics", HPA, "hpa_failed"),
        ("BackoffLimitExceeded", "Job has reached the limit", "Job", "job_failed"),
        ("ProgressDeadlineExceeded", "no progress", "Deployment", "rollout_stalled"),
        ("Whatever", "x509: certificate has expired", POD, "certificate_expired"),
        ("Whatever", "something of an operator", POD, "warned"),
    ],
)
def test_each_reason_has_its_kind(reason, message, about, kind):
    told = Deriver("c").take([event(1, reason, message, about=(about, "it"))])
    assert kinds(told) == [kind]
    assert told[0].told_by == "event"
    assert told[0].expires_with == "event_ttl"
    assert (told[0].expires_at - told[0].happened_at).total_seconds() == 3600


def test_what_an_object_tells_better_is_not_told_by_its_events():
    quiet = [
        event(1, "Created", "Created container app", kind="Normal"),
        event(1, "Started", "Started container app", kind="Normal"),
        event(1, "ScalingReplicaSet", "Scaled up", kind="Normal", about=("Deployment", "web")),
    ]
    assert not Deriver("c").take(quiet)
