"""Lazy fading is exact, zero teaches nothing, weights are bounded, ties reversible."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tam_workbench.memory.associations import AssociationRules, Associations

START = datetime(2024, 1, 1, tzinfo=UTC)
RULES = AssociationRules()
names = st.sampled_from("abcdef")
lessons = st.lists(
    st.tuples(names, names, st.floats(-50, 50), st.floats(0, 1), st.floats(0, 10**7)), max_size=20
)


def taught(rows, rules=RULES):
    graph = Associations(rules)
    for one, other, signal, surprise, at_s in rows:
        now = START + timedelta(seconds=at_s)
        graph.learn(one, other, signal=signal, surprise=surprise, now=now)
    return graph


@given(lessons, st.lists(st.floats(0, 10**8), max_size=10), st.floats(0, 10**8))
def test_many_readings_fade_as_much_as_one(rows, reads, at_s):
    graph, once = taught(rows), taught(rows)
    for read_s in reads:
        graph.neighbours("a", now=START + timedelta(seconds=read_s))
        graph.spread({"a": 1.0}, now=START + timedelta(seconds=read_s))
    now = START + timedelta(seconds=at_s)
    assert graph.state() == once.state()
    assert graph.neighbours("a", now=now) == once.neighbours("a", now=now)


@given(st.floats(0, 10**8))
def test_fading_is_the_closed_form(idle_s):
    graph = taught([("a", "b", 8.0, 0.0, 0.0)])
    z = 0.8 * math.exp(-RULES.fade_per_s * max(0.0, idle_s - RULES.grace_s))
    now = START + timedelta(seconds=idle_s)
    assert graph.weight("a", "b", now=now) == pytest.approx(math.tanh(z), abs=1e-9)


@given(lessons, names, names, st.floats(0, 10**7))
def test_zero_changes_nothing_not_even_when_it_was_touched(rows, one, other, at_s):
    graph = taught(rows)
    before = graph.state()
    for _ in range(100):
        graph.learn(one, other, signal=0.0, now=START + timedelta(seconds=at_s))
    assert graph.state() == before


@given(lessons)
def test_weights_and_activations_are_bounded_and_symmetric(rows):
    graph, now = taught(rows), START + timedelta(days=100)
    for one in "abcdef":
        for other, weight in graph.neighbours(one, now=now).items():
            assert abs(weight) < RULES.wmax
            assert graph.weight(other, one, now=now) == weight
    spread = graph.spread({"a": 1.0}, now=now)
    assert all(-1 <= value <= 1 for value in spread.values())
    assert all(abs(row[2]) <= RULES.clip * RULES.wmax for row in graph.state()["edges"])


@given(st.integers(1, 2000))
def test_what_was_learnt_a_thousand_times_can_be_unlearnt(times):
    graph = taught([("a", "b", 1.0, 0.0, 0.0)] * times)
    needed = 0
    while graph.weight("a", "b", now=START) > 0:
        graph.learn("a", "b", signal=-1.0, now=START)
        needed += 1
    assert needed <= math.ceil(RULES.clip * RULES.wmax / RULES.eta) + 1


@given(lessons)
def test_state_restores_every_tie(rows):
    graph, copy = taught(rows), Associations()
    copy.restore(graph.state())
    assert copy.state() == graph.state()
    assert len(copy) == len(graph)


@given(lessons)
def test_frozen_nothing_is_learnt(rows):
    graph = Associations()
    graph.learn("a", "b", signal=1.0, now=START)
    graph.freeze()
    before = graph.state()
    for one, other, signal, surprise, _ in rows:
        graph.learn(one, other, signal=signal, surprise=surprise, now=START)
    assert graph.state() == before


@given(lessons, st.integers(1, 3))
def test_no_node_has_more_edges_than_allowed(rows, most):
    graph = taught(rows, AssociationRules(most=most))
    assert all(len(graph.neighbours(name, now=START)) <= most for name in "abcdef")
