"""Associations on an incident stream: what belongs together comes to mind, the rest does not."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tam_workbench.errors import BadInputError
from tam_workbench.memory.associations import AssociationRules, Associations

START = datetime(2024, 1, 1, tzinfo=UTC)
CAUSES = {"oom": "deploy", "disk": "backup", "slow": "traffic", "errors": "config"}
FIXES = {"oom": "rollback", "disk": "cleanup", "slow": "scale", "errors": "restart"}
NOISE = [f"template-{n}" for n in range(30)]


def lived(seed, *, weeks=8):
    """Eight weeks, an incident a day: its cause in 80 %, its fix in 70 %, two stray templates."""
    rng, graph = np.random.default_rng(seed), Associations()
    for day in range(weeks * 7):
        now, fault = START + timedelta(days=day), str(rng.choice(list(CAUSES)))
        if rng.random() < 0.8:
            graph.learn(fault, CAUSES[fault], signal=1.0, surprise=rng.random(), now=now)
        if rng.random() < 0.7:
            graph.learn(CAUSES[fault], FIXES[fault], signal=1.0, surprise=0.5, now=now)
        wrong = str(rng.choice(list(FIXES.values())))
        if wrong != FIXES[fault]:
            graph.learn(fault, wrong, signal=-0.5, now=now)
        for stray in rng.choice(NOISE, 2, replace=False):
            graph.learn(fault, str(stray), signal=0.3, now=now)
    return graph, START + timedelta(days=weeks * 7)


@pytest.mark.parametrize("seed", range(5))
def test_two_steps_bring_the_fix_to_mind_though_it_never_stood_beside_the_fault(seed):
    graph, now = lived(seed)
    for fault, fix in FIXES.items():
        minded = graph.spread({fault: 1.0}, now=now)
        fixes = {name: minded.get(name, 0.0) for name in FIXES.values()}
        assert max(fixes, key=fixes.get) == fix
        assert list(minded)[1] == CAUSES[fault]
        assert min(fixes.values()) < 0  # what made it worse is inhibited


def test_the_least_activation_parts_strays_from_what_belongs():
    graph, now = lived(0)
    minded = graph.spread({"oom": 1.0}, now=now)
    known = {*NOISE, *CAUSES, *CAUSES.values(), *FIXES.values()}
    assert "deploy" in minded
    assert len(minded) < len(known)


def test_the_edge_cap_is_met_by_a_hub_and_drops_the_weakest():
    graph = Associations()
    for number in range(80):
        graph.learn("hub", f"n{number}", signal=(number + 1) / 80, now=START)
    kept = graph.neighbours("hub", now=START)
    assert len(kept) == AssociationRules().most == 50
    assert min(kept.values()) > graph.weight("hub", "n29", now=START) == 0.0


def test_origin_defects_do_not_come_back():
    graph = Associations()
    graph.learn("a", "b", signal=9.0, now=START)
    held = graph.weight("a", "b", now=START)
    for _ in range(100):
        graph.learn("a", "b", signal=0.0, now=START)
    assert graph.weight("a", "b", now=START) == held  # its rule: 0.9 -> 0.121
    for _ in range(100):
        graph.learn("a", "b", signal=0.3, now=START)
    assert graph.weight("a", "b", now=START) > 0.99  # its fixed point: 0.430


def test_an_older_lesson_does_not_turn_the_clock_back():
    graph = Associations()
    later = START + timedelta(days=5)
    graph.learn("a", "b", signal=1.0, now=later)
    graph.learn("a", "b", signal=1.0, now=START)
    assert graph.state()["edges"][0][3] == later.isoformat()


def test_forgetting_a_name_leaves_no_tie():
    graph, now = lived(1)
    graph.forget("oom")
    assert graph.neighbours("oom", now=now) == {}
    assert all("oom" not in graph.neighbours(name, now=now) for name in ["deploy", *NOISE])


def test_bad_lessons_are_told():
    with pytest.raises(BadInputError, match="must be finite"):
        Associations().learn("a", "b", signal=float("nan"), now=START)
    with pytest.raises(BadInputError, match="within 0 to 1"):
        Associations().learn("a", "b", signal=1.0, surprise=2.0, now=START)
