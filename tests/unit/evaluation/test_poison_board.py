"""The board sets every attacker beside the trivial gates, and a worse gate shows as worse."""

import pytest

from tam_workbench.evaluation.scenarios import poison, poison_board

TICKS = 360


@pytest.fixture(scope="module")
def lines():
    found = poison_board.figures(1, kinds=("spoofed",), rates=(0.3,), ticks=TICKS)
    return {figure.name: figure for figure in found}


def test_each_attacker_has_what_he_got_through_and_what_the_honest_lost(lines):
    accepted = lines["spoofed at 30%: forged rows accepted"]
    assert accepted.goal == "at most 0.05"
    assert accepted.value < 0.05
    assert accepted.holds
    assert "accept all 1.0000" in accepted.peer
    assert lines["spoofed at 30%: genuine rows of real incidents denied"].holds
    assert "spoofed at 30%: loss of average precision" in lines
    assert "nobody at 0%: genuine rows denied" in lines


@pytest.mark.parametrize(
    ("arm", "accepted", "denied"), [("accept all", 1.0, 0.0), ("deny all", 0.0, 1.0)]
)
def test_the_trivial_gates_are_the_two_ends(arm, accepted, denied):
    said = poison.tried(kind="spoofed", rate=0.3, arm=arm, seed=1, ticks=TICKS)
    assert said["forged_accepted"] == accepted
    assert said["genuine_denied"] == said["real_denied"] == denied


@pytest.mark.parametrize(("kind", "accepted"), [("self_declared", 0.0), ("spoofed", 1.0)])
def test_the_seeds_gate_stops_only_who_says_that_he_is_nobody(kind, accepted):
    said = poison.tried(kind=kind, rate=0.3, arm="seed's gate", seed=1, ticks=TICKS)
    assert said["forged_accepted"] == accepted
