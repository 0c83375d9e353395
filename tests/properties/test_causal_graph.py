"""What holds of the causal graph whatever happens: the seed's defects, turned round."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tam_workbench.causal import Correlated, Correlator, Rules, patterns
from tam_workbench.records import Fact, ObjectRef

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
END = START + timedelta(days=3)
SKEW_S = Rules().skew_s


def ref(kind, name, uid, namespace="shop"):
    return ObjectRef(cluster="c", kind=kind, namespace=namespace, name=name, uid=uid)


NODES = [ref("Node", f"n{i}", f"node{i}", "") for i in range(2)]
LOADS = [ref("Deployment", f"web{i}", f"load{i}") for i in range(2)]
CONFIGS = [ref("ConfigMap", f"cfg{i}", f"config{i}") for i in range(2)]
PODS = [ref("Pod", f"web-{i % 3}", f"pod{i}") for i in range(5)]  # two names are used again
SERVICES = [ref("Service", f"web{i}", "") for i in range(2)]
POD_KINDS = [
    *("pod_created", "pod_scheduled", "scheduling_failed", "pod_deleted", "pod_evicted"),
    *("pod_unready", "pod_ready", "pod_terminating", "container_started", "oom_killed"),
    *("container_terminated", "crash_looping", "image_pull_failed", "config_error"),
    *("probe_failed", "probe_killed", "config_mounted"),
]
OTHER_KINDS = [
    *(("node_pressure", node) for node in NODES),
    *(("node_not_ready", node) for node in NODES),
    *((kind, load) for load in LOADS for kind in ("rolled_out", "scaled", "rollout_stalled")),
    *((kind, load) for load in LOADS for kind in ("quota_denied", "hpa_scaled")),
    *((kind, config) for config in CONFIGS for kind in ("config_changed", "config_deleted")),
    *((kind, one) for one in SERVICES for kind in ("service_degraded", "dependency_failed")),
    *((kind, one) for one in SERVICES for kind in ("error_storm", "endpoints_lost")),
    *(("metric_anomaly", one) for one in SERVICES),
]


def of_pod(kind, number, at, **payload):
    pod, config = PODS[number], CONFIGS[number % 2]
    way = "env" if number % 2 else "volume"
    return fact(
        kind,
        pod,
        at,
        involved={"node": NODES[number % 2], "workload": LOADS[number % 2], "config": config},
        payload={
            "container": "app",
            "exit_code": 1,
            "configs": {f"ConfigMap/{config.name}": {"how": [way]}},
            **payload,
        },
    )


def fact(kind, subject, at, *, involved=None, payload=None):
    when = START + timedelta(seconds=at)
    payload = payload or {}
    key = f"{kind}/{subject.uid or subject.name}/{payload.get('restart_count', '')}/{at}"
    return Fact(
        id=key,
        kind=kind,
        subject=subject,
        happened_at=when,
        observed_at=when + timedelta(seconds=1),
        involved=involved or {},
        payload=payload,
    )


def changed(number):
    """What a change of a config says: a key, and who consumes it."""
    rows = [
        {
            "pod": PODS[n].key,
            "path": PODS[n].path,
            "how": "env" if n % 2 else "volume",
            "container": "app",
            "keys": [],
            "workload": LOADS[n % 2].key,
            "workload_path": LOADS[n % 2].path,
        }
        for n in range(len(PODS))
        if n % 2 == number
    ]
    return {"changed_keys": ["k"], "consumers": rows}


whole_seconds = st.one_of(st.integers(0, 400), st.integers(0, 9000))
seconds = st.builds(lambda whole, part: whole + part, whole_seconds, st.sampled_from([0.0, 0.9]))
HOSTED = [{"workload": load.key, "workload_path": load.path, "pods": 1} for load in LOADS]


@st.composite
def pod_facts(draw):
    kind, number = draw(st.sampled_from(POD_KINDS)), draw(st.integers(0, 4))
    return of_pod(kind, number, draw(seconds), restart_count=draw(st.integers(0, 3)))


@st.composite
def other_facts(draw):
    kind, subject = draw(st.sampled_from(OTHER_KINDS))
    payload = (
        {"type": "memory", "after": 0, **changed(CONFIGS.index(subject))}
        if (subject in CONFIGS)
        else {"type": "memory", "after": 0}
    )
    involved = {}
    if subject.kind == "Node":
        payload["hosted"] = draw(st.sampled_from([[], HOSTED[:1], HOSTED]))
    if kind == "metric_anomaly":
        payload["metric"] = "container_memory_rss"
        involved = {"workload": LOADS[SERVICES.index(subject)]}
    elif subject.kind == "Service":
        other = SERVICES[1] if subject is SERVICES[0] else SERVICES[0]
        involved = {"target": other}
        payload["calls"] = [other.name]
    return fact(kind, subject, draw(seconds), involved=involved, payload=payload)


worlds = st.lists(st.one_of(pod_facts(), pod_facts(), other_facts()), min_size=8, max_size=40)


def told(facts, *, batch=7, rules=None):
    correlator = Correlator(rules=rules or Rules())
    for start in range(0, len(facts), batch):
        correlator.take(facts[start : start + batch], now=START)
    correlator.due(END)
    return correlator


def picture(correlator):
    incidents = [(one.id, one.count, one.counts, one.facts) for one in correlator.incidents]
    return correlator.graph.edges, sorted(correlator.graph.facts), incidents


@given(worlds, st.randoms(use_true_random=False), st.integers(1, 50))
@settings(max_examples=120, deadline=None)
def test_any_order_of_arrival_gives_the_same_graph(facts, rng, batch):
    shuffled = list(facts)
    rng.shuffle(shuffled)
    assert picture(told(facts)) == picture(told(shuffled, batch=batch))


@given(worlds)
@settings(max_examples=60, deadline=None)
def test_told_again_changes_nothing(facts):
    correlator = told(facts)
    before = picture(correlator)
    again = correlator.take(facts, now=END)
    assert again == Correlated()
    assert picture(correlator) == before


@given(worlds, st.integers(-12, 12))
@settings(max_examples=60, deadline=None)
def test_any_time_zone_gives_the_same_graph(facts, hours):
    zone = timezone(timedelta(hours=hours))
    moved = [replace(one, happened_at=one.happened_at.astimezone(zone)) for one in facts]
    assert picture(told(facts)) == picture(told(moved))


@given(worlds)
@settings(max_examples=120, deadline=None)
def test_no_cycle_and_no_effect_before_its_cause(facts):
    graph = told(facts).graph
    edges = graph.edges
    assert nx.is_directed_acyclic_graph(nx.DiGraph([(one.cause, one.effect) for one in edges]))
    for edge in edges:
        cause, effect = graph.facts[edge.cause], graph.facts[edge.effect]
        lag = (effect.happened_at - cause.happened_at).total_seconds()
        assert lag > -SKEW_S - 1.0  # and up to a second that a stamp was cut by
        assert lag <= max(
            link.window_s + (Rules().lookback_s if link.group else 0)
            for pattern in patterns()
            for link in pattern.links
            if pattern.id == edge.relation
        )


@given(worlds)
@settings(max_examples=60, deadline=None)
def test_what_was_given_out_adds_up_to_the_graph(facts):
    correlator, held = Correlator(), {}
    for one in facts:
        changed = correlator.take([one], now=START)
        for edge in changed.retracted:
            del held[edge.cause, edge.effect]
        held.update({(edge.cause, edge.effect): edge for edge in changed.edges})
    changed = correlator.due(END)
    for edge in changed.retracted:
        del held[edge.cause, edge.effect]
    held.update({(edge.cause, edge.effect): edge for edge in changed.edges})
    assert sorted(held) == sorted((one.cause, one.effect) for one in correlator.graph.edges)
    assert {one.id for one in changed.derived} <= set(correlator.graph.facts)


@given(worlds)
@settings(max_examples=40, deadline=None)
def test_a_restored_correlator_is_the_same(facts):
    correlator = told(facts)
    other = Correlator()
    other.restore(correlator.state(), now=END)
    assert picture(other) == picture(correlator)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 30)), max_size=30), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_one_kill_is_counted_once_however_often_it_is_told(kills, times):
    facts = [of_pod("oom_killed", n, run * 40.0, restart_count=run) for n, run in kills]
    correlator = told(facts * times)
    assert sum(one.count for one in correlator.incidents) == len({one.id for one in facts})


@given(worlds)
@settings(max_examples=60, deadline=None)
def test_pods_of_one_name_are_not_one_pod(facts):
    graph = told(facts).graph
    pod_links = {"scheduling_failed", "pod_scheduled", "crash_looping", "oom_killed"}
    for edge in graph.edges:
        cause, effect = graph.facts[edge.cause], graph.facts[edge.effect]
        if cause.kind in pod_links and effect.kind in {*pod_links, "pod_unready"}:
            assert cause.subject.uid == effect.subject.uid


# The seed's own failures, one by one


def test_defect_1_what_caused_the_kill_is_answered():
    pressure = fact("node_pressure", NODES[0], 0, payload={"type": "MemoryPressure"})
    kill = of_pod("oom_killed", 0, 30, restart_count=0, limits={"memory": "64Mi"})
    loop = of_pod("crash_looping", 0, 33, restart_count=1)
    graph = told([pressure, kill, loop]).graph
    causes = graph.trace(loop.id)
    assert [cause.fact.id for cause in causes] == [pressure.id, kill.id]
    assert causes[0].path == (pressure.id, kill.id, loop.id)
    assert any("64Mi" in words for words in causes[1].evidence)
    assert [one.id for one in graph.affected(pressure.id)] == [kill.id, loop.id]


def test_defect_2_a_pod_of_the_same_name_inherits_nothing():
    refused = of_pod("scheduling_failed", 0, 0)
    bound = of_pod("pod_scheduled", 0, 20)
    other = replace(PODS[0], uid="another")
    kill = replace(of_pod("oom_killed", 0, 60, restart_count=0), id="k", subject=other)
    edges = told([refused, bound, kill]).graph.edges
    assert {(one.cause, one.effect) for one in edges} == {(refused.id, bound.id)}


def test_defect_3_in_order_once_or_again_the_same_cross_edge():
    facts = [
        of_pod("scheduling_failed", 0, 0),
        of_pod("pod_scheduled", 0, 20),
        of_pod("oom_killed", 0, 60, restart_count=0),
    ]
    pairs = {(facts[0].id, facts[1].id), (facts[1].id, facts[2].id)}
    for order in (facts, facts[::-1], facts + facts, [facts[2], facts[0], facts[1]]):
        edges = told(order, batch=1).graph.edges
        assert {(one.cause, one.effect) for one in edges} == pairs


@pytest.mark.parametrize(("lag_s", "is_linked"), [(290, True), (301, False), (39_600, False)])
def test_defect_4_windows_are_kept(lag_s, is_linked):
    pressure = fact("node_pressure", NODES[0], 0, payload={"type": "MemoryPressure"})
    kill = of_pod("oom_killed", 0, lag_s, restart_count=0)
    assert bool(told([pressure, kill]).graph.causes(kill.id)) is is_linked


def test_defect_5_hours_of_a_zone_are_not_seconds():
    pressure = fact("node_pressure", NODES[0], 0, payload={"type": "MemoryPressure"})
    kill = of_pod("oom_killed", 0, 10, restart_count=0)
    west = timezone(timedelta(hours=-5))
    same_wall_clock = replace(kill, id="far", happened_at=kill.happened_at.replace(tzinfo=west))
    graph = told([pressure, kill, same_wall_clock]).graph
    assert graph.causes(kill.id)
    assert not graph.causes("far")


def test_defect_8_a_kill_retold_by_an_event_is_one_kill():
    kill = of_pod("oom_killed", 0, 10, restart_count=0)
    retold = replace(kill, told_by="event", payload={"container": "app"})
    for order in ([kill, retold], [retold, kill]):
        correlator = told(order, batch=1)
        assert [one.count for one in correlator.incidents] == [1]
        assert correlator.graph.facts[kill.id] == kill


def test_defect_9_config_patterns_leave_edges_that_can_be_asked_for():
    facts = [
        of_pod("container_started", 1, 0, restart_count=0),
        fact("config_changed", CONFIGS[1], 100, payload=changed(1)),
        fact("config_changed", CONFIGS[0], 100, payload=changed(0)),
        of_pod("config_mounted", 0, 140),
    ]
    relations = {one.relation for one in told(facts).graph.edges}
    assert {"P002", "P003"} <= relations


@given(worlds, st.randoms(use_true_random=False), st.data())
@settings(max_examples=60, deadline=None)
def test_several_tellings_of_a_fact_are_joined_in_any_order(facts, rng, data):
    """Who was involved is told by one, what happened by another: both count, whoever is first."""
    tellings = []
    for one in {fact.id: fact for fact in facts}.values():
        roles = list(one.involved)
        kept = data.draw(st.integers(0, len(roles)))
        by_event = replace(
            one, told_by="event", involved={role: one.involved[role] for role in roles[:kept]}
        )
        by_status = replace(
            one, told_by="status", involved={role: one.involved[role] for role in roles[kept:]}
        )
        tellings += [by_event, by_status]
    shuffled = list(tellings)
    rng.shuffle(shuffled)
    joined = told(shuffled, batch=3)
    assert picture(joined) == picture(told(tellings))
    whole = {one.id: one.involved for one in facts}
    assert {key: dict(one.involved) for key, one in joined.graph.facts.items() if key in whole} == {
        key: dict(involved) for key, involved in whole.items()
    }
