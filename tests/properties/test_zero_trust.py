"""Zero trust teaches nothing, for every registered learner, alone and in the whole stage."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tam_workbench.learning import LEARNERS, Learning, LearningRules
from tam_workbench.records import Labels, Observations


@pytest.mark.parametrize("name", sorted(LEARNERS))
@given(seed=st.integers(0, 2**32 - 1), known=st.integers(0, 60))
@settings(max_examples=8, deadline=None)
def test_zero_trust_teaches_nothing(name, seed, known):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(60, 4)), (rng.random(60) < 0.5).astype(float)
    learner = LEARNERS[name](4, rules=LearningRules(), seed=5)
    learner.learn(X[:known], y[:known], w=np.ones(known))
    before = learner.predict_proba(X)
    learner.learn(rng.normal(size=(40, 4)) * 100, np.ones(40), w=np.zeros(40))
    assert learner.predict_proba(X).tobytes() == before.tobytes()


@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_full_trust_teaches(name):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(80, 4))
    learner = LEARNERS[name](4, rules=LearningRules(), seed=5)
    before = learner.predict_proba(X)
    learner.learn(X, (X[:, 0] > 0).astype(float), w=np.ones(80))
    assert np.abs(learner.predict_proba(X) - before).max() > 0.01


def observations(rng, *, first, ticks, trust):
    n = ticks * 2
    return Observations(
        ticks=np.repeat(np.arange(first, first + ticks), 2),
        resources=np.tile([0, 1], ticks),
        values=rng.normal(size=(n, 3)),
        trust=np.full(n, trust),
        resource_names=("a", "b"),
        service_names=("a", "b"),
        feature_names=("x.deviation", "log.errors", "z"),
    )


def labels(ticks, until):
    return Labels(services=("a",) * len(ticks), ticks=np.array(ticks, np.int64), known_until=until)


def forge(honest, rng, *, trust):
    """Return the stream with a third, shouting resource among the two honest ones."""
    n = len(honest.ticks) // 2
    order = np.argsort(np.r_[honest.ticks, honest.ticks[::2]], kind="stable")
    return replace(
        honest,
        ticks=np.r_[honest.ticks, honest.ticks[::2]][order],
        resources=np.r_[honest.resources, np.full(n, 2)][order],
        values=np.r_[honest.values, rng.normal(size=(n, 3)) * 50.0][order],
        trust=np.r_[honest.trust, np.full(n, trust)][order],
        resource_names=("a", "b", "forged"),
        service_names=("a", "b", "a"),
    )


@pytest.mark.parametrize("learner", ["logistic", "hoeffding_tree", "naive_bayes"])
def test_rows_of_no_trust_change_nothing_in_the_stage(learner):
    """A stage that also saw a forged resource says the same bits of the honest ones."""
    rules = LearningRules(learner=learner, horizon=3, commit_every=8, baseline_every=0)
    rng = np.random.default_rng(4)
    honest = observations(rng, first=0, ticks=300, trust=1.0)
    said = labels(list(range(20, 60)), 299)
    clean, alone, fooled = (Learning(rules, seed=0) for _ in range(3))
    a = clean.advance(honest, said)
    forged = forge(honest, np.random.default_rng(5), trust=0.0)
    b = alone.advance(forged, said)
    mine = forged.resources < 2
    assert a.probability.tobytes() == b.probability[mine].tobytes()
    assert a.anomaly.tobytes() == b.anomaly[mine].tobytes()
    assert clean.drifts() == alone.drifts()
    assert a.model_version == b.model_version > 10
    c = fooled.advance(replace(forged, trust=np.ones(len(forged.trust))), said)
    assert np.abs(c.probability[mine] - a.probability).max() > 0.01
