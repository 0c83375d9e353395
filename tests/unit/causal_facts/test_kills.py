"""A kill: told once, by its reason, with all its evidence, and what was missed."""

import pytest

from tam_workbench.causal import Deriver
from tam_workbench.records import Change
from tests.unit.causal_facts.seen import (
    config,
    ended,
    event,
    iso,
    kinds,
    node,
    only,
    pod,
    replica_set,
    running,
    waiting,
)

OOM = {"code": 137, "reason": "OOMKilled"}


def kills(facts):
    return only(facts, "oom_killed")


def test_a_kill_holds_all_its_evidence():
    deriver = Deriver("c")
    deriver.take(
        [
            replica_set(),
            node(-80, conditions=[("MemoryPressure", "True", -90)]),
            config(-50, {"mode": "aa"}),
            pod(-40, state=running(-55)),
        ]
    )
    kill = kills(deriver.take([pod(12, state={"terminated": ended(10, **OOM)})]))[0]
    payload = kill.payload
    assert (payload["exit_code"], payload["reason"], payload["restart_count"]) == (
        137,
        "OOMKilled",
        0,
    )
    assert payload["limits"] == {"memory": "64Mi"}
    assert payload["requests"] == {"memory": "32Mi"}
    assert payload["image"] == "web:1"
    assert payload["node_conditions"] == {"MemoryPressure": "True"}
    assert payload["owners"] == ["shop/ReplicaSet/web-abc", "shop/Deployment/web"]
    (used,) = payload["configs"]
    assert (used["kind"], used["name"], used["how"]) == ("ConfigMap", "settings", ["env_from"])
    assert used["hashes"] == {"mode": "aa"}
    assert used["resource_version"] == "" or used["resource_version"]
    assert payload["ran_s"] == 20.0
    assert kill.happened_at.isoformat() == "2026-03-01T12:00:10+00:00"
    roles = {role: ref.path for role, ref in kill.involved.items()}
    assert roles == {
        "owner": "shop/ReplicaSet/web-abc",
        "workload": "shop/Deployment/web",
        "node": "Node/node-1",
        "config": "shop/ConfigMap/settings",
    }
    assert kill.involved["workload"].uid == "dep"


def test_one_kill_seen_in_every_way_is_one_fact():
    """Defect 8: the seed told 3.6 facts a kill, one for every time that it saw the status."""
    deriver = Deriver("c")
    end = ended(10, **OOM)
    ways = [
        pod(11, state={"terminated": end}),
        pod(12, state={"terminated": end}, status={"phase": "Pending"}),
        pod(13, state=waiting("CrashLoopBackOff"), last=end),
        pod(25, state=running(24), last=end, restarts=1),
        pod(60, state=running(24), last=end, restarts=1, change=Change.ADDED),
    ]
    told = [fact for one in ways for fact in deriver.take([one])]
    assert len(kills(told)) == 1
    assert kinds(told).count("container_started") == 1


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (137, "OOMKilled", "oom_killed"),
        (1, "OOMKilled", "oom_killed"),  # a child was killed, and the parent gave up by itself
        (137, "Error", "container_terminated"),  # SIGKILL by somebody
        (0, "Completed", "container_terminated"),
    ],
)
def test_memory_is_blamed_by_the_reason_and_not_by_137(code, reason, kind):
    """Defect 14."""
    told = Deriver("c").take([pod(12, state={"terminated": ended(10, code=code, reason=reason)})])
    assert kinds(told).count(kind) == 1
    assert len([one for one in told if one.kind in {"oom_killed", "container_terminated"}]) == 1


def test_two_kills_in_one_second_are_two():
    deriver = Deriver("c")
    first = ended(10, **OOM, started=10)
    second = ended(10, **OOM, started=10) | {"containerID": "containerd://other"}
    told = deriver.take([pod(11, state={"terminated": first})])
    told += deriver.take([pod(12, state={"terminated": second}, last=first, restarts=1)])
    assert len(kills(told)) == 2
    assert [fact.payload["restart_count"] for fact in kills(told)] == [0, 1]


def test_a_jump_of_the_count_says_how_many_kills_were_missed():
    deriver = Deriver("c")
    deriver.take([pod(11, state={"terminated": ended(10, **OOM)})])
    told = deriver.take([pod(95, state=running(94), last=ended(80, **OOM), restarts=4)])
    assert [(kill.payload["restart_count"], kill.payload["missed"]) for kill in kills(told)] == [
        (3, 2)
    ]


def test_the_first_sight_of_a_pod_tells_its_last_kill_and_what_went_before():
    told = Deriver("c").take(
        [pod(95, state=running(94), last=ended(80, **OOM), restarts=7, change=Change.ADDED)]
    )
    assert [(kill.payload["restart_count"], kill.payload["missed"]) for kill in kills(told)] == [
        (6, 6)
    ]


def test_an_exit_that_was_asked_for_says_so():
    metadata = {"deletionTimestamp": iso(40), "deletionGracePeriodSeconds": 30}
    told = Deriver("c").take(
        [pod(12, state={"terminated": ended(11, code=143)}, metadata=metadata)]
    )
    (asked,) = only(told, "pod_terminating")
    assert asked.happened_at.isoformat() == "2026-03-01T12:00:10+00:00"
    assert only(told, "container_terminated")[0].payload["is_stopping"]


def test_an_ephemeral_container_keeps_its_end_until_the_pod_goes():
    """Defect 13: its status has a state and a last state, and it is never restarted."""
    deriver = Deriver("c")
    exited = pod(
        31,
        container="debugger",
        role="ephemeralContainerStatuses",
        state={"terminated": ended(30, code=42)},
        spec={
            "ephemeralContainers": [
                {"name": "debugger", "image": "busybox", "targetContainerName": "app"}
            ]
        },
    )
    (fact,) = only(deriver.take([exited]), "ephemeral_exited")
    assert (fact.payload["exit_code"], fact.payload["target"]) == (42, "app")
    assert (fact.expires_with, fact.expires_at) == ("pod_deletion", None)
    assert not deriver.take([exited])


def test_a_loop_is_one_fact_by_status_and_by_event():
    deriver = Deriver("c")
    end = ended(10)
    message = "Back-off restarting failed container app in pod web-1"
    told = []
    for count in (1, 2, 3):
        told += deriver.take(
            [
                pod(count * 60, state=waiting("CrashLoopBackOff"), last=end, restarts=count),
                event(count * 60 + 1, "BackOff", message, container="app", count=count),
            ]
        )
    assert kinds(told).count("crash_looping") == 1


def test_a_long_run_ends_a_loop_and_the_next_one_is_new():
    deriver = Deriver("c")
    told = deriver.take(
        [
            pod(60, state=waiting("CrashLoopBackOff"), last=ended(10), restarts=2),
            pod(2000, state=waiting("CrashLoopBackOff"), last=ended(1990, started=100), restarts=3),
        ]
    )
    assert kinds(told).count("crash_looping") == 2


def test_a_pod_with_the_same_name_is_another_pod():
    deriver = Deriver("c")
    first = deriver.take([pod(11, uid="u1", state={"terminated": ended(10, **OOM)})])
    second = deriver.take([pod(211, uid="u2", state={"terminated": ended(10, **OOM)})])
    assert kills(first)[0].id != kills(second)[0].id


def test_a_deleted_pod_leaves_its_last_state():
    deriver = Deriver("c")
    end = ended(10, **OOM)
    deriver.take([pod(11, state={"terminated": end})])
    told = deriver.take([pod(20, state={"terminated": end}, change=Change.DELETED)])
    (gone,) = only(told, "pod_deleted")
    assert gone.payload["containers"]["app"]["state"]["terminated"]["exitCode"] == 137
    assert not deriver.take([pod(11, state={"terminated": end})])
