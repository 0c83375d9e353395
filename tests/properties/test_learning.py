"""The compiled path agrees with River, and with itself however the stream is cut."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tam_workbench.learning import LEARNERS, Learning, LearningRules, Logistic, check_learner
from tam_workbench.learning.guests import logistic_river
from tam_workbench.learning.reference import PlainLearning, Row
from tam_workbench.records import Labels, Observations


def stream(*, ticks, pods=3, features=6, seed=0):
    rng = np.random.default_rng(seed)
    n = ticks * pods
    X = rng.normal(size=(n, features))
    X[:, 3] = 1.5
    when, who = np.repeat(np.arange(ticks) + 1000, pods), np.tile(np.arange(pods), ticks)
    bad = {
        (int(s), int(t)) for s in range(pods) for t in rng.integers(1000, 1000 + ticks, ticks // 9)
    }
    soon = np.array(
        [any((s, t + k) in bad for k in (1, 2, 3)) for s, t in zip(who, when, strict=True)]
    )
    X[soon, 0] += 2.0
    names = tuple(f"pod{i}" for i in range(pods))
    columns = ("a.deviation", "b.deviation", "log.errors", "c", "span.error_ratio", "d")[:features]
    obs = Observations(
        ticks=when,
        resources=who,
        values=X,
        trust=rng.choice([0.0, 0.5, 1.0], n),
        resource_names=names,
        service_names=names,
        feature_names=columns,
    )
    return obs, sorted(bad)


def part(obs, bad, first, last):
    """Return observations and labels of the ticks [first, last]."""
    kept = (obs.ticks >= first) & (obs.ticks <= last)
    now = replace(
        obs,
        ticks=obs.ticks[kept],
        resources=obs.resources[kept],
        values=obs.values[kept],
        trust=obs.trust[kept],
    )
    said = [(s, t) for s, t in bad if first <= t <= last]
    labels = Labels(
        services=tuple(f"pod{s}" for s, _ in said),
        ticks=np.array([t for _, t in said], dtype=np.int64),
        known_until=last,
    )
    return now, labels


def run(learning, obs, bad, edges):
    out = [learning.advance(*part(obs, bad, a, b - 1)) for a, b in pairwise(edges)]
    columns = ("probability", "baseline", "anomaly")
    return {c: np.concatenate([getattr(p, c) for p in out]) for c in columns}


RULES = LearningRules(horizon=4, commit_every=5, baseline_every=40, boost_ticks=12, shadow_ticks=30)


@pytest.mark.parametrize("w_kind", ["ones", "trust"])
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 120))
@settings(max_examples=15, deadline=None)
def test_compiled_agrees_with_river(w_kind, seed, rows):
    rng = np.random.default_rng(seed)
    X = rng.normal(3.0, 10.0, size=(rows, 5))
    X[:, 2] = 0.1
    X[:, 4] *= rng.random(rows) < 0.2
    y = (rng.random(rows) < 0.4).astype(float)
    w = np.ones(rows) if w_kind == "ones" else rng.choice([0.0, 0.3, 1.0, 4.0], rows)
    rules = LearningRules(clip_sd=np.inf, positive_weight=2.5)
    ours, river = Logistic(5, rules=rules), logistic_river(rules, 0)
    theirs = []
    for i in range(rows):
        x = dict(enumerate(X[i].tolist()))
        if w[i] > 0:
            river.learn_one(x, bool(y[i]), w=w[i])
        theirs.append(river.predict_proba_one(x)[True])
    mine = []
    for i in range(rows):
        ours.learn(X[i : i + 1], y[i : i + 1], w=w[i : i + 1])
        mine.append(ours.predict_proba(X[i : i + 1])[0])
    assert np.abs(np.array(mine) - np.array(theirs)).max() < 1e-9


@given(seed=st.integers(0, 1000), cuts=st.lists(st.integers(1001, 1149), max_size=20))
@settings(max_examples=12, deadline=None)
def test_other_cuts_give_the_same_bits(seed, cuts):
    obs, bad = stream(ticks=150, seed=seed)
    whole = Learning(RULES, seed=1)
    pieces = Learning(RULES, seed=1)
    edges = [1000, *sorted(set(cuts)), 1150]
    a, b = run(whole, obs, bad, [1000, 1150]), run(pieces, obs, bad, edges)
    assert all(a[name].tobytes() == b[name].tobytes() for name in a)
    assert a["probability"].std() > 0.0
    assert whole.drifts() == pieces.drifts()
    assert whole.version == pieces.version > 5


def test_tick_by_tick_through_a_drift_gives_the_same_bits():
    obs, bad = stream(ticks=400, seed=3)
    late = obs.ticks >= 1250
    obs.values[late] += 8.0
    obs.values[late, 0] *= -1.0
    obs = replace(obs, trust=np.ones(len(obs.trust)))
    whole, single = Learning(RULES, seed=1), Learning(RULES, seed=1)
    a = run(whole, obs, bad, [1000, 1400])
    b = run(single, obs, bad, list(range(1000, 1401)))
    assert all(a[name].tobytes() == b[name].tobytes() for name in a)
    drifts = whole.drifts()
    assert drifts == single.drifts()
    assert any(1250 <= drift.tick <= 1260 for drift in drifts)


def test_stage_agrees_with_the_readable_reference():
    rules = LearningRules(
        learner="logistic", horizon=4, commit_every=5, detector="none", clip_sd=np.inf
    )
    obs, bad = stream(ticks=200, seed=5)
    fast = run(Learning(rules, seed=0), obs, bad, [1000, 1077, 1200])["probability"]
    plain, breaches, slow = PlainLearning(rules), {(f"pod{s}", t) for s, t in bad}, []
    for first in range(0, len(obs.ticks), 3):
        rows = [
            Row(
                tick=int(obs.ticks[i]),
                service=f"pod{obs.resources[i]}",
                x=dict(zip(obs.feature_names, obs.values[i].tolist(), strict=True)),
                trust=float(obs.trust[i]),
            )
            for i in range(first, first + 3)
        ]
        slow.extend(plain.advance(rows, breaches=breaches))
    assert np.abs(fast - np.array(slow)).max() < 1e-9
    assert fast.std() > 0.01


@pytest.mark.parametrize("at", [1003, 1066, 1251, 1263])
def test_restored_stage_continues_bit_for_bit(at):
    obs, bad = stream(ticks=300, seed=9)
    obs.values[obs.ticks >= 1250, 1] += 9.0
    first, second = Learning(RULES, seed=1), Learning(RULES, seed=1)
    run(first, obs, bad, [1000, at])
    second.restore(first.state())
    a, b = run(first, obs, bad, [at, 1300]), run(second, obs, bad, [at, 1300])
    assert all(a[name].tobytes() == b[name].tobytes() for name in a)
    assert first.version == second.version


@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_every_learner_keeps_its_promises(name):
    check_learner(lambda features: LEARNERS[name](features, rules=LearningRules(), seed=3))
