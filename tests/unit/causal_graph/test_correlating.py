"""The correlator where causes compete, where nothing follows, and where it must forget."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tam_workbench.causal import Correlator, Rules
from tam_workbench.errors import BadInputError
from tam_workbench.records import Fact, ObjectRef

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def ref(kind, name, uid="", namespace="shop"):
    return ObjectRef(cluster="c", kind=kind, namespace=namespace, name=name, uid=uid or name)


WEB, API = ref("Deployment", "web"), ref("Deployment", "api")
SETTINGS, NOTES = ref("ConfigMap", "settings"), ref("ConfigMap", "notes")
POD = ref("Pod", "web-1")


def at(seconds):
    return START + timedelta(seconds=seconds)


def fact(name, kind, seconds, subject, *, workload=None, told_by="status", **payload):
    return Fact(
        id=name,
        kind=kind,
        subject=subject,
        happened_at=at(seconds),
        observed_at=at(seconds),
        involved={"workload": workload} if workload else {},
        payload=payload,
        told_by=told_by,
    )


def crash(name, seconds, *, made=0, how="env", **payload):
    configs = [{"kind": "ConfigMap", "name": "settings", "how": [how], "keys": ["mode"]}]
    given = {
        "container": "app",
        "restart_count": 0,
        "exit_code": 1,
        "configs": configs,
        "pod_created_at": at(made).isoformat(),
        "started_at": at(made + 1).isoformat(),
    } | payload
    return fact(name, "container_terminated", seconds, POD, workload=WEB, **given)


def rollout(name, seconds, workload=WEB, **payload):
    return fact(name, "rolled_out", seconds, workload, workload=workload, **payload)


def change(name, seconds, config=SETTINGS, *keys):
    rows = [
        {
            "pod": POD.key,
            "path": POD.path,
            "how": "env",
            "container": "app",
            "keys": ["mode"],
            "workload": WEB.key,
            "workload_path": WEB.path,
        }
    ]
    consumers = rows if config is SETTINGS else []
    return fact(
        name,
        "config_changed",
        seconds,
        config,
        changed_keys=[*keys] or ["mode"],
        consumers=consumers,
    )


def named(facts, effect):
    correlator = Correlator()
    correlator.take(facts, now=at(0))
    return [cause.fact.id for cause in correlator.graph.trace(effect)]


def test_a_crash_of_new_pods_is_blamed_on_their_rollout():
    assert named([rollout("r", 0), crash("x", 20, made=5)], "x") == ["r"]


def test_a_pod_that_is_older_than_the_rollout_is_not():
    assert named([rollout("r", 0), crash("x", 20, made=-600)], "x") == []


def test_herrings_beside_it_are_not_named():
    herrings = [
        rollout("other", 10, API),
        change("notes", 12, NOTES),
        change("key", 14, SETTINGS, "b"),
    ]
    assert named([rollout("r", 0), *herrings, crash("x", 20, made=5)], "x") == ["r"]


def test_a_restart_only_shows_what_a_config_change_did():
    facts = [change("c", 0), rollout("r", 40, restarted=True), crash("x", 60, made=45)]
    assert named(facts, "x")[0] == "c"


def test_an_older_rollout_is_replaced_by_a_newer_one():
    assert named([rollout("old", -180), rollout("new", 0), crash("x", 20, made=5)], "x") == ["new"]


def test_what_came_after_the_trouble_began_did_not_begin_it():
    first, again = crash("x", 20, made=5), crash("y", 200, made=5, restart_count=1)
    assert named([rollout("r", 0), first, change("late", 150), again], "y") == ["r"]


def test_a_container_that_was_told_to_stop_did_not_crash():
    going = fact("going", "pod_terminating", 18, POD, workload=WEB)
    facts = [rollout("r", 0), going, crash("x", 20, made=-600, is_stopping=True)]
    assert named(facts, "x")[0] == "r"
    correlator = Correlator()
    correlator.take(facts, now=at(0))
    assert [edge.cause for edge in correlator.graph.causes("x")] == ["going"]


def test_silence_after_a_change_is_a_fact_with_its_cause():
    correlator = Correlator()
    correlator.take([change("c", 0)], now=at(0))
    assert correlator.due(at(120)).derived == ()  # 5 s of skew are waited for
    found = correlator.due(at(126))
    assert [(one.kind, one.subject, one.payload["changed_keys"]) for one in found.derived] == [
        ("config_stale", POD, ["mode"])
    ]
    assert [(edge.cause, edge.relation) for edge in found.edges] == [("c", "P002")]
    assert correlator.due(at(200)).derived == ()


@pytest.mark.parametrize(
    ("kind", "seconds", "is_stale"),
    [
        ("container_started", 60, False),
        ("container_started", -60, True),
        ("container_started", 300, True),
        ("pod_deleted", 60, False),
        ("pod_ready", 60, True),
    ],
)
def test_a_restart_that_is_told_late_takes_the_silence_back(kind, seconds, is_stale):
    correlator = Correlator()
    correlator.take([change("c", 0)], now=at(0))
    stale = correlator.due(at(130)).derived
    late = correlator.take([fact("s", kind, seconds, POD)], now=at(140))
    assert late.withdrawn == (() if is_stale else (stale[0].id,))
    assert bool(late.retracted) is not is_stale
    assert (stale[0].id in correlator.graph.facts) is is_stale


def test_another_key_makes_nobody_stale():
    correlator = Correlator()
    correlator.take([change("c", 0, SETTINGS, "other")], now=at(0))
    assert correlator.due(at(500)).derived == ()


def test_incidents_end_with_a_quiet_stretch_and_are_joined_by_a_late_fact():
    correlator = Correlator(rules=Rules(quiet_s=100.0))
    correlator.take([crash("a", 0), crash("b", 150)], now=at(0))
    assert [one.count for one in correlator.incidents] == [1, 1]
    (joined,) = correlator.take([crash("m", 75)], now=at(200)).incidents
    assert (joined.count, joined.id) == (3, "incident-a")
    assert joined.supersedes == ("incident-b",)
    assert len(correlator.incidents) == 1


def test_a_clean_exit_is_no_incident():
    correlator = Correlator()
    assert correlator.take([crash("a", 0, exit_code=0)], now=at(0)).incidents == ()


def test_old_facts_are_let_go_with_their_edges():
    correlator = Correlator(rules=Rules(keep_s=1000.0))
    kept = correlator.take([rollout("r", 0), crash("x", 20, made=5)], now=at(20)).edges
    dropped = correlator.take([crash("y", 6000, made=5990)], now=at(6000)).dropped
    assert dropped == kept
    assert set(correlator.graph.facts) == {"y"}
    assert correlator.take([crash("z", 10)], now=at(6000)).incidents == ()  # came too late


def test_no_more_is_kept_than_asked():
    correlator = Correlator(rules=Rules(max_facts=50))
    correlator.take([crash(f"x{n}", n) for n in range(80)], now=at(0))
    assert len(correlator.graph.facts) == 45


def test_a_time_without_zone_is_refused():
    naive = replace(crash("x", 0), happened_at=datetime(2026, 3, 1, 12))
    with pytest.raises(BadInputError, match="has no zone"):
        Correlator().take([naive], now=at(0))


def test_less_trust_is_less_confidence():
    facts = [rollout("r", 0), crash("x", 20, made=5)]
    sure, unsure = Correlator(), Correlator()
    sure.take(facts, now=at(0))
    unsure.take([facts[0], replace(facts[1], trust=0.3)], now=at(0))
    assert unsure.graph.causes("x")[0].confidence < sure.graph.causes("x")[0].confidence
