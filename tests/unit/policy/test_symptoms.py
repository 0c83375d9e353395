"""The symptom table: what would be tried first, and both sides of its threshold."""

import pytest

from tam_workbench.policy import SYMPTOMS, diagnose

ACTIONS = ("restart", "scale", "rollback", "clear_disk", "block", "undo")


def first(evidence):
    found = diagnose(evidence, actions=ACTIONS, threshold=3.0)
    return found.signature, max(found.prior, key=found.prior.get)


@pytest.mark.parametrize(
    ("evidence", "signature", "action"),
    [
        ({"memory.usage.deviation": 9.0}, "memory", "restart"),
        ({"system.memory.utilization.deviation": 9.0}, "memory", "restart"),
        ({"cpu.deviation": 9.0, "span.p95": 5.0}, "saturation", "scale"),
        ({"queue.depth.deviation": 9.0}, "saturation", "scale"),
        ({"change.deploy": 1.0, "log.error": 7.0}, "change", "rollback"),
        ({"change.config": 1.0, "span.error_ratio": 6.0}, "change", "rollback"),
        ({"system.filesystem.utilization.deviation": 6.0}, "disk", "clear_disk"),
        ({"span.p95.deviation": 6.0}, "latency", "restart"),
        ({"log.error.deviation": 6.0}, "errors", "restart"),
        ({"memory.deviation": 2.9}, "unknown", "restart"),
        ({"memory.deviation": 3.0}, "memory", "restart"),
        ({}, "unknown", "restart"),
    ],
)
def test_the_first_remedy(evidence, signature, action):
    assert first(evidence) == (signature, action)


def test_a_change_that_the_loop_made_itself_is_no_symptom():
    evidence = {"change.restart": 1.0, "cpu.deviation": 9.0}
    assert first(evidence) == ("saturation", "scale")


def test_the_cause_leads_unless_it_is_far_weaker():
    assert first({"memory.deviation": 5.0, "log.error": 9.0})[0] == "memory"
    assert first({"memory.deviation": 3.5, "log.error": 9.0})[0] == "errors"


def test_a_value_below_its_usual_is_no_symptom():
    assert first({"cpu.deviation": -9.0})[0] == "unknown"


def test_a_distrusted_flood_is_blocked_at_its_source():
    evidence = {"source:agent-7": 6.0, "source:agent-2": 4.0, "log.error.deviation": 9.0}
    found = diagnose(evidence, actions=ACTIONS, threshold=3.0)
    assert found.signature == "distrust"
    assert max(found.prior, key=found.prior.get) == "block"
    assert found.targets == {"block": "agent-7"}


def test_without_distrust_nobody_is_blocked():
    evidence = {"source:agent-7": 2.9, "log.error.deviation": 9.0}
    found = diagnose(evidence, actions=ACTIONS, threshold=3.0)
    assert found.prior["block"] < 0.05
    assert "block" not in found.targets


def test_the_prior_covers_exactly_the_actions_with_probabilities():
    for symptom in SYMPTOMS:
        evidence = {f"{word}.deviation": 8.0 for word in symptom.words}
        found = diagnose(evidence, actions=("restart", "dance"), threshold=3.0)
        assert set(found.prior) == {"restart", "dance"}
        assert all(0.0 < value < 1.0 for value in found.prior.values())
