"""The same facts for any order, any repetition and any time zone; and none twice."""

from collections import Counter
from datetime import timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from tam_workbench.causal import Deriver, stamp
from tam_workbench.records import Change, Observation
from tests.unit.causal_facts.seen import (
    config,
    deployment,
    ended,
    event,
    iso,
    kinds,
    node,
    only,
    pod,
    replica_set,
    running,
    seen,
    waiting,
)


def story():
    """Ten minutes of a small cluster: a rollout, kills, a loop, pressure, a config, a refusal."""
    oom = {"code": 137, "reason": "OOMKilled"}
    ready = [{"type": "Ready", "status": "True", "lastTransitionTime": iso(5)}]
    unready = [{"type": "Ready", "status": "False", "lastTransitionTime": iso(101)}]
    return [
        replica_set(),
        deployment(0, image="web:1", generation=1),
        config(0, {"mode": "a", "size": "s"}),
        node(1, conditions=[("MemoryPressure", "False", -900), ("Ready", "True", -900)]),
        pod(6, state=running(4), status={"conditions": ready, "startTime": iso(2)}),
        config(30, {"mode": "b", "size": "s"}),
        deployment(60, image="web:2", generation=2),
        node(90, conditions=[("MemoryPressure", "True", 88), ("Ready", "True", -900)]),
        pod(101, state={"terminated": ended(100, **oom)}, status={"conditions": unready}),
        pod(115, state=waiting("CrashLoopBackOff"), last=ended(112, **oom), restarts=1),
        event(116, "BackOff", "Back-off restarting failed container app in pod", container="app"),
        pod(130, state=running(128), last=ended(112, **oom), restarts=2),
        node(200, conditions=[("MemoryPressure", "False", 199), ("Ready", "True", -900)]),
        config(210, {"mode": "b", "size": "s", "new": "n"}),
        deployment(220, image="web:2", replicas=4, generation=3),
        pod(300, state={"terminated": ended(299, **oom)}, last=ended(112, **oom), restarts=2),
        event(301, "FailedScheduling", "0/1 nodes are available: 1 Too many pods.", uid="w2"),
        deployment(400, image="web:3", replicas=4, generation=4),
    ]


def who(facts):
    return [(fact.kind, fact.subject.key) for fact in facts]


def told_by(observations):
    deriver = Deriver("c")
    return once([fact for one in observations for fact in deriver.take([one])])


def once(facts):
    """Return facts by their last telling; who is told of again is told with more."""
    found = {}
    for fact in facts:
        before = found.get(fact.id)
        assert before is None or len(fact.involved) + len(fact.payload) > len(
            before.involved
        ) + len(before.payload), f"{fact.kind} is told twice"
        found[fact.id] = fact
    return list(found.values())


@settings(max_examples=60, deadline=None)
@given(st.permutations(range(len(story()))))
def test_any_order_of_arrival_gives_the_same_facts(order):
    seen_in_order = story()
    usual = told_by(seen_in_order)
    shuffled = told_by([seen_in_order[number] for number in order])
    assert Counter(who(shuffled)) == Counter(who(usual))
    # a step of a wanted state is named by where it was first seen to end: all else by itself
    by_itself = {fact.id for fact in usual if fact.told_by != "spec"}
    assert {fact.id for fact in shuffled if fact.told_by != "spec"} == by_itself
    stamps = {fact.id: fact.happened_at for fact in usual if fact.told_by == "status"}
    for fact in shuffled:
        if fact.kind != "crash_looping":  # told by the status or by the event, as it came
            assert stamps.get(fact.id, fact.happened_at) == fact.happened_at


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, len(story()) - 1), max_size=40), st.integers(1, 20))
def test_what_is_told_again_gives_nothing(again, size):
    """Defects 8 and 10: idempotent, by who and what and never by a clock's tick."""
    observations = story()
    deriver = Deriver("c")
    for first in range(0, len(observations), size):
        deriver.take(observations[first : first + size])
    assert deriver.take([observations[number] for number in again]) == []


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 17), st.integers(1, 18))
def test_a_restart_in_the_middle_tells_nothing_twice(cut, size):
    observations = story()
    first = Deriver("c")
    told = first.take(observations[:cut])
    second = Deriver("c")
    second.restore(first.state())
    told += second.take(observations[max(0, cut - size) :])
    told = once(told)
    assert {fact.id for fact in told} == {fact.id for fact in told_by(observations)}


def _shifted(value, hours):
    zone = timezone(timedelta(hours=hours))
    if isinstance(value, dict):
        return {key: _shifted(one, hours) for key, one in value.items()}
    if isinstance(value, list):
        return [_shifted(one, hours) for one in value]
    if isinstance(value, str) and value.startswith("2026-") and value.endswith("Z"):
        return stamp(value).astimezone(zone).isoformat()
    return value


@settings(max_examples=20, deadline=None)
@given(st.integers(-12, 14))
def test_any_time_zone_gives_the_same_facts(hours):
    """Defect 5: stamps are compared as moments, never as text."""
    elsewhere = [
        Observation(
            change=one.change,
            ref=one.ref,
            observed_at=one.observed_at.astimezone(timezone(timedelta(hours=hours))),
            resource_version=one.resource_version,
            manifest=_shifted(one.manifest, hours),
        )
        for one in story()
    ]
    usual = {fact.id: fact.happened_at for fact in told_by(story())}
    assert {fact.id: fact.happened_at for fact in told_by(elsewhere)} == usual


def test_facts_of_one_tick_of_the_clock_have_ids_of_their_own():
    """Defect 10: the seed keyed events by nanoseconds, and dropped the second of two."""
    ends = [
        pod(11, name=f"web-{n}", state={"terminated": ended(10, code=137, reason="OOMKilled")})
        for n in range(500)
    ]
    told = only(Deriver("c").take(ends), "oom_killed")
    assert len({fact.id for fact in told}) == 500


def test_a_relist_of_what_did_not_change_gives_nothing():
    deriver = Deriver("c")
    told_first = [fact for one in story() for fact in deriver.take([one])]
    assert told_first
    relisted = {}
    for one in story():
        relisted[one.ref.key] = one
    again = [
        Observation(
            change=Change.ADDED,
            ref=one.ref,
            observed_at=one.observed_at + timedelta(hours=1),
            resource_version=one.resource_version,
            manifest=one.manifest,
        )
        for one in relisted.values()
    ]
    assert deriver.take(again) == []


def test_a_gap_is_a_fact():
    gap = seen("Pod", "", 60, {}, uid="", change=Change.GAP)
    told = {"reason": "410 Gone", "from_version": "7", "to_version": "99", "began_at": iso(1)}
    gap.manifest.clear()
    gap.manifest.update(told)
    deriver = Deriver("c")
    (fact,) = deriver.take([gap])
    assert (fact.kind, fact.told_by, fact.payload["to_version"]) == ("gap", "gap", "99")
    assert not deriver.take([gap])


def test_an_event_told_of_a_node_by_name_is_one_before_and_after_the_node_is_seen():
    deriver = Deriver("c")
    warning = event(1, "SystemOOM", "System OOM", about=("Node", "node-1"), uid="node-1")
    assert kinds(deriver.take([warning])) == ["node_oom"]
    deriver.take([node(2, conditions=[("Ready", "True", -900)])])
    assert not deriver.take([warning])


def test_what_an_event_told_of_a_pod_unseen_is_told_again_in_full_and_no_more():
    refused = event(301, "FailedScheduling", "0/1 nodes are available: 1 Too many pods.")
    deriver = Deriver("c")
    (bare,) = deriver.take([refused])
    assert "workload" not in bare.involved
    deriver.take([replica_set(), deployment(0, image="web:1", generation=1)])
    stopped = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Too many pods.",
        "lastTransitionTime": iso(300),
    }
    waits = pod(302, status={"conditions": [stopped]})
    told = [fact for fact in deriver.take([waits]) if fact.kind == "scheduling_failed"]
    assert [fact.id for fact in told] == [bare.id]
    assert told[0].involved["workload"].name == "web"
    assert deriver.take([waits, refused]) == []


def test_the_event_of_a_preemption_names_who_preempted_though_the_status_was_told():
    put_off = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "PreemptionByScheduler",
        "lastTransitionTime": iso(50),
    }
    deriver = Deriver("c")
    told = deriver.take(
        [
            pod(51, status={"conditions": [put_off]}),
            event(52, "Preempted", "Preempted by shop/vip-1 on node n1"),
        ]
    )
    preempted = [fact for fact in told if fact.kind == "preempted"]
    assert [fact.told_by for fact in preempted] == ["status", "event"]
    assert len({fact.id for fact in preempted}) == 1
    assert preempted[1].involved["preemptor"].name == "vip-1"
