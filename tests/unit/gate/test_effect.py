"""Whether an action helped, and taking it back."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tam_workbench.gate import EffectRules, effect_check, rollback_is_due, rollback_of
from tam_workbench.records import Proposal

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RULES = EffectRules()
SCALE = Proposal(
    key="k1",
    incident="i-1",
    action="scale",
    target="cart",
    rationale="cpu",
    confidence=0.8,
    blast_radius=2,
    proposed_at=NOW,
    rollback="undo",
    arguments={"service": "cart"},
)


@pytest.mark.parametrize(
    ("before", "now", "helped"),
    [
        (0.9, 0.49, True),
        (0.9, 0.51, False),
        (0.9, 0.9, False),
        (0.49, 0.1, None),  # nothing was wrong
    ],
)
def test_both_sides_of_recovery(before, now, helped):
    assert effect_check([before] * 5, [now] * 5, rules=RULES) is helped


def test_a_large_drop_counts_though_it_is_not_over():
    rules = EffectRules(recovered_below=0.1)
    assert effect_check([0.9] * 5, [0.45] * 5, rules=rules) is True
    assert effect_check([0.9] * 5, [0.46] * 5, rules=rules) is False


def test_too_little_says_nothing():
    assert effect_check([0.9] * 4, [0.1] * 9, rules=RULES) is None
    assert effect_check([0.9] * 9, [0.1] * 4, rules=RULES) is None


def test_the_time_an_action_takes_does_not_count_against_it():
    assert effect_check([0.9] * 5, [0.9] * 4 + [0.1] * 5, rules=RULES) is True


def test_a_single_outlier_does_not_decide():
    assert effect_check([0.9] * 5, [0.1, 0.1, 0.1, 0.1, 0.1, 0.9], rules=RULES) is True


@pytest.mark.parametrize(
    ("rollback", "helped", "due"),
    [("undo", False, True), ("undo", True, False), ("undo", None, False), ("", False, False)],
)
def test_when_a_rollback_is_due(rollback, helped, due):
    assert rollback_is_due(replace(SCALE, rollback=rollback), helped=helped) is due


def test_the_rollback_has_its_own_key_and_says_what_it_undoes():
    back = rollback_of(SCALE, now=NOW)
    assert (back.action, back.target, back.rollback) == ("undo", "cart", "")
    assert back.key == rollback_of(SCALE, now=NOW).key != SCALE.key
    assert back.arguments == {"service": "cart", "undoes": "scale", "undoes_key": "k1"}
