"""Weights are shares, better records weigh no less, and rankings are lawful and order-free."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tam_workbench.memory.priorities import MetaModel, PastIncident, prioritize_resources

NOW = datetime(2024, 3, 1, tzinfo=UTC)
SINCE = NOW - timedelta(days=30)
errors = st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 100)), max_size=40)
incidents = st.lists(
    st.builds(
        PastIncident,
        resource=st.sampled_from(["db", "web", "cart"]),
        at=st.floats(-5, 40).map(lambda days: NOW - timedelta(days=days)),
        is_resolved=st.booleans(),
    ),
    max_size=25,
)


@given(errors)
def test_weights_are_shares(told):
    meta = MetaModel()
    for name, error in told:
        meta.update(name, error)
    weights = meta.weights()
    assert set(weights) == {name for name, _ in told}
    assert all(weight > 0 for weight in weights.values())
    assert not weights or sum(weights.values()) == pytest.approx(1)
    said = dict.fromkeys("abc", 0.0) | {"a": 1.0}
    assert 0 <= meta.predict(said) <= 1


@given(errors, st.floats(0, 100))
def test_a_smaller_error_never_weighs_less(told, error):
    good, bad = MetaModel(), MetaModel()
    for name, value in told:
        for meta in (good, bad):
            meta.update(name, value)
    good.update("a", error / 2)
    bad.update("a", error)
    others = {name for name, _ in told} - {"a"}
    for other in others:
        held = [meta.weights()["a"] / meta.weights()[other] for meta in (good, bad)]
        assert held[0] >= held[1] * (1 - 1e-9)


@given(incidents, st.randoms(use_true_random=False))
def test_rankings_are_lawful(past, rng):
    shuffled = list(past)
    rng.shuffle(shuffled)
    order = prioritize_resources(past, since=SINCE, now=NOW, resources=["idle"])
    again = prioritize_resources(shuffled, since=SINCE, now=NOW, resources=["idle"])
    assert [one.incidents for one in again if one.resource == "idle"] == [0]
    by_name = {one.resource: one for one in again}
    for one in order:
        assert by_name[one.resource].score == pytest.approx(one.score)
        assert 0 <= one.low <= one.score <= one.high * (1 + 1e-9)
        assert 0 < one.unresolved < 1
    assert [one.score for one in order] == sorted((one.score for one in order), reverse=True)
    inside = [one for one in past if SINCE <= one.at <= NOW]
    assert sum(one.incidents for one in order) == len(inside)
