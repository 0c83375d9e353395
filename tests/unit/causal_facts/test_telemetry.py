"""Facts out of metrics, logs and spans: a beginning is told once, an ordinary day never."""

import json
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from tam_workbench.causal import Deriver, Habits, facts_of_telemetry
from tam_workbench.records import LOGS, METRICS, SPANS
from tests.unit.causal_facts.seen import START, at, deployment, kinds, pod

TICKS = 40


def frame(schema, rows):
    full = [dict.fromkeys(schema) | row for row in rows]
    return pl.DataFrame(full, schema=schema)


def metrics(values):
    return frame(
        METRICS,
        [
            {"time": at(10 * n), "resource": "web-1", "service": "web", "name": "rss", "value": v}
            for n, v in enumerate(values)
        ],
    )


def logs(errors):
    rows = [
        {"time": at(10 * n + k / 100), "service": "web", "severity_number": 17 if k < count else 9}
        for n, count in enumerate(errors)
        for k in range(max(count, 3))
    ]
    return frame(LOGS, rows)


def spans(failed, *, took=None, callee="db"):
    rows = [
        {
            "time": at(10 * n + k / 100),
            "service": callee,
            "parent_service": "web",
            "duration_s": 0.1 if took is None else took[n],
            "error": k < count,
        }
        for n, count in enumerate(failed)
        for k in range(20)
    ]
    return frame(SPANS, rows)


def told(**frames):
    return facts_of_telemetry(frames, Habits(), cluster="c", observed_at=at(10 * TICKS))


def with_trouble(usual, odd, *, first=30, ticks=5):
    return [odd if first <= n < first + ticks else usual for n in range(TICKS)]


def test_a_metric_that_leaves_its_habit_is_one_fact_from_its_first_tick():
    (fact,) = told(metrics=metrics(with_trouble(100.0, 180.0)))
    assert fact.kind == "metric_anomaly"
    assert fact.happened_at == START + timedelta(seconds=300)
    assert (fact.payload["name"], fact.payload["resource"]) == ("rss", "web-1")
    assert (fact.payload["value"], fact.payload["usual"]) == (180.0, 100.0)


@pytest.mark.parametrize(("step", "facts"), [(0.55, 0), (0.65, 1)])
def test_six_deviations_lie_between_what_is_said_and_what_is_not(step, facts):
    """A steady series may move by a tenth of itself: its deviation is at least that."""
    assert len(told(metrics=metrics(with_trouble(100.0, 100.0 * (1 + step))))) == facts


@pytest.mark.parametrize("seed", range(5))
def test_an_ordinary_day_says_nothing(seed):
    rng = np.random.default_rng(seed)
    frames = {
        "metrics": metrics(rng.normal(100.0, 12.0, TICKS).tolist()),
        "logs": logs(rng.poisson(2.0, TICKS).tolist()),
        "spans": spans(rng.binomial(20, 0.02, TICKS).tolist()),
    }
    assert told(**frames) == []


@pytest.mark.parametrize(("errors", "facts"), [(4, 0), (6, 1)])
def test_a_few_errors_are_no_storm(errors, facts):
    assert len(told(logs=logs(with_trouble(0, errors)))) == facts


def test_failing_calls_name_the_callee_and_degrade_it():
    facts = told(spans=spans(with_trouble(0, 12)))
    assert sorted(kinds(facts)) == ["dependency_failed", "service_degraded"]
    (failed,) = [fact for fact in facts if fact.kind == "dependency_failed"]
    assert (failed.subject.name, failed.involved["target"].name) == ("web", "db")
    assert failed.payload["calls"] == ["db"]


def test_slow_calls_are_told():
    facts = told(spans=spans([0] * TICKS, took=with_trouble(0.1, 0.9)))
    assert kinds(facts) == ["latency_raised"]


def test_the_end_of_the_first_trouble_lets_the_second_be_told():
    values = with_trouble(100.0, 300.0, first=15, ticks=3)
    values[30:33] = [300.0] * 3
    assert len(told(metrics=metrics(values))) == 2
    values[18:30] = [300.0] * 12
    assert len(told(metrics=metrics(values))) == 1


def test_nothing_is_said_before_a_habit_is_known():
    assert told(metrics=metrics(with_trouble(100.0, 900.0, first=5, ticks=3)[:20])) == []


def test_batches_however_cut_say_the_same_and_habits_survive_a_restart():
    whole = metrics(with_trouble(100.0, 180.0))
    expected = [(fact.id, fact.happened_at) for fact in told(metrics=whole)]
    habits, found = Habits(), []
    for first in range(0, TICKS, 7):
        part = {"metrics": whole[first : first + 7]}
        found += facts_of_telemetry(part, habits, cluster="c", observed_at=at(0))
    assert [(fact.id, fact.happened_at) for fact in found] == expected
    again = Habits()
    again.restore(json.loads(json.dumps(habits.state())))
    assert again.state() == habits.state()


def test_telemetry_is_joined_to_pod_node_and_workload():
    deriver = Deriver("c")
    deriver.take([deployment(0), pod(1)])
    (fact,) = facts_of_telemetry(
        {"metrics": metrics(with_trouble(100.0, 180.0))},
        Habits(),
        cluster="c",
        observed_at=at(0),
        objects=deriver.objects,
    )
    assert {role: ref.path for role, ref in fact.involved.items()} == {
        "pod": "shop/Pod/web-1",
        "node": "Node/node-1",
        "workload": "shop/Deployment/web",
    }
