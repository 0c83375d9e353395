"""Regret and off-policy figures on made-up incidents, the ledger's tale, and one real plant."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from tam_workbench.evaluation.scenarios import policies, policy_cases, policy_ledger
from tam_workbench.evaluation.scenarios.policy_cases import (
    VERBS,
    Case,
    best_fixed,
    rewards,
    stream_of,
)
from tam_workbench.evaluation.scenarios.policy_rivals import Even, Ours, play
from tam_workbench.plant import Plant, PlantSpec
from tam_workbench.policy import BanditPolicy, PolicyRules, ThresholdPolicy
from tam_workbench.records import AuditEntry, Incident, Phase

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MEMORY = ("memory", {"container.memory.working_set.deviation": 9.0})
CPU = ("saturation", {"container.cpu.utilization.deviation": 9.0})


def case(what, rewards, number=0):
    incident = Incident(
        id=f"i-{number}",
        service="cart",
        opened_at=NOW,
        opened_tick=number,
        phase=Phase.OPEN,
        probability=0.9,
        anomaly=0.9,
        trust=0.9,
    )
    return Case(incident=incident, evidence=what[1], signature=what[0], rewards=rewards, idle=0.0)


def runs(memory=(1.0, 0.0, 0.0, 0.0), cpu=(0.0, 1.0, 0.0, 0.0)):
    return [[case(MEMORY, memory, n), case(CPU, cpu, n + 1)] * 10 for n in range(6)]


def test_hindsight_knows_the_best_verb_of_each_symptom():
    stream = [
        case(MEMORY, (0.0, 1.0, 0.0, 0.0)),
        case(MEMORY, (0.0, 1.0, 1.0, 0.0)),
        case(MEMORY, (0.0, 0.0, 1.0, 0.0)),
        case(MEMORY, (0.0, 1.0, 0.0, 0.0)),
        case(CPU, (0.0, 0.0, 0.0, 1.0)),
    ]
    assert best_fixed(stream).tolist() == [1.0, 1.0, 0.0, 1.0, 1.0]


def test_a_stream_renames_and_may_turn_the_world():
    stream = stream_of(runs(), seed=1)
    assert len({c.incident.id for c in stream}) == len(stream) == 120
    assert {c.rewards for c in stream if c.signature == "memory"} == {(1.0, 0.0, 0.0, 0.0)}
    turned = stream_of(runs(), seed=1, turned=1)
    assert {c.rewards for c in turned if c.signature == "memory"} == {(0.0, 1.0, 0.0, 0.0)}
    assert [c.signature for c in turned] == [c.signature for c in stream]


def test_a_rival_tries_until_something_helps_and_nothing_twice():
    stream = [case(MEMORY, (0.0, 0.0, 0.0, 1.0), n) for n in range(40)]
    played = play(Even(), stream, seed=3)
    assert played.value(stream) == pytest.approx(0.25)
    assert played.wrong.max() == 3.0
    assert played.wrong.mean() == pytest.approx(1.5, abs=0.5)


def test_where_the_table_is_wrong_the_bandit_leaves_it_and_the_table_stays():
    rows = {row.name: row.value for row in policies.regret_rows(runs(), "", turned=1, streams=3)}
    assert rows["first attempt helps, best fixed per symptom"] == 1.0
    assert rows["first attempt helps, symptom table"] == 0.0
    assert rows["  regret per 100 incidents, symptom table"] == 100.0
    assert rows["first attempt helps, bandit"] > 0.8
    assert rows["  wrong actions per incident, bandit"] < 0.3
    assert rows["first attempt helps, even odds"] == pytest.approx(0.25)


def test_a_first_run_starts_from_nothing_but_the_table():
    rows = {row.name: row.value for row in policies.cold_rows(runs())}
    assert rows["first attempt helps, symptom table, first run"] == 1.0
    assert rows["first attempt helps, bandit, first run"] > 0.9
    assert rows["first attempt helps, river LinUCB, first run"] < 1.0


def test_estimates_from_the_bandits_log_find_the_true_value_of_others():
    rng = np.random.default_rng(1)
    noisy = [
        [case(what, tuple((rng.random(4) < odds).astype(float)), n) for n in range(30)]
        for what, odds in [(MEMORY, (0.6, 0.5, 0.4, 0.1)), (CPU, (0.5, 0.6, 0.1, 0.1))] * 4
    ]
    stream = stream_of(noisy, seed=1)
    rules = PolicyRules(exploration=0.5, exploration_width=0.2, min_expected=0.0)
    errors = []
    for seed in range(4):
        played = play(Ours(BanditPolicy(rules, seed=seed)), stream, seed=seed)
        found = policies.judged(played, stream)
        assert set(found) == {"symptom table", "even odds", "table, a fifth at random"}
        errors += [
            [abs(estimate.value - truth) for estimate in told] for truth, told in found.values()
        ]
    assert np.mean(errors, axis=0).max() < 0.1
    truth, _ = found["even odds"]
    assert truth == pytest.approx(rewards(stream).mean())


def test_a_rule_is_judged_by_its_certainty():
    stream = stream_of(runs(), seed=1)
    played = play(Ours(ThresholdPolicy(PolicyRules())), stream, seed=1)
    assert set(np.unique(played.odds)) == {0.0, 1.0}
    assert played.value(stream) == 1.0


def entry(number, kind, **body):
    return AuditEntry(number=number, kind=kind, at=NOW, body=json.dumps(body), previous="", hash="")


def told(**arguments):
    """Return a ledger of two incidents: one treated twice, one whose proposal was denied."""
    first = {"incident": "a", "key": "k1", "action": "restart", "arguments": arguments}
    second = {"incident": "a", "key": "k2", "action": "scale", "arguments": arguments}
    denied = {"incident": "b", "key": "k3", "action": "restart", "arguments": arguments}
    return [
        entry(1, "incident", id="a", phase="open", evidence=["cpu.deviation +9.0"]),
        entry(2, "proposal", **first),
        entry(3, "acting", key="k1", action="restart"),
        entry(4, "incident", id="a", phase="open", helped=False),
        entry(5, "proposal", **second),
        entry(6, "acting", key="k2", action="scale"),
        entry(7, "incident", id="a", phase="resolved", helped=True),
        entry(8, "proposal", **denied),
        entry(9, "incident", id="b", phase="resolved", helped=None),
    ]


def test_the_ledger_tells_first_attempts_that_were_carried_out_and_judged():
    found = policy_ledger.decisions(
        told(odds="restart=0.3 scale=0.7", signature="saturation", expected="")
    )
    assert found.log.action.tolist() == [VERBS.index("restart")]
    assert found.log.propensity.tolist() == [0.3]
    assert found.log.reward.tolist() == [0.0]
    assert found.contexts == (({"cpu.deviation": 9.0}, "saturation"),)


def test_a_ledger_without_odds_tells_nothing():
    assert policy_ledger.decisions(told()) is None


def test_a_fork_tries_without_touching_the_plant():
    plant = Plant(PlantSpec(ticks=200), seed=1)
    plant.inject("cpu_saturation", "cart")
    plant.advance(60)
    before = plant.measures()
    done = [policy_cases._tried(plant, "cart", verb) for verb in (*VERBS, None)]
    assert done == [0.0, 1.0, 0.0, 0.0, 0.0]
    assert plant.tick == 60
    assert plant.measures() == before
