"""The pool of experts: bounded loss, honest regret, masks by name."""

import numpy as np

from tam_workbench.learning import EXPERTS, Experts, LearningRules


def taught(seed=0, rows=400):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 4))
    y = (rng.random(rows) < 1.0 / (1.0 + np.exp(-2.0 * X[:, 0]))).astype(float)
    learner, ones = Experts(4, rules=LearningRules(prior=0.3)), np.ones(1)
    for i in range(rows):
        p, said = learner.speak(X[i : i + 1])
        learner.weigh(said, p, y[i : i + 1], w=ones)
        learner.learn(X[i : i + 1], y[i : i + 1], w=ones)
    return learner, X, y


def test_the_pool_is_hardly_worse_than_the_best_expert_and_no_worse_than_their_mean():
    learner, _, _ = taught()
    regret = learner.regret()
    assert regret.rows == 400.0
    assert set(regret.experts) == {expert.name for expert in EXPERTS}
    assert regret.against_best < 0.08
    assert regret.pool <= max(regret.experts.values())


def test_speaking_and_predicting_agree_and_the_linear_form_is_the_pool():
    learner, X, _ = taught()
    p, said = learner.speak(X)
    assert said.shape == (len(X), len(EXPERTS))
    assert np.abs(p - learner.predict_proba(X)).max() < 1e-12
    shown = learner.linear()
    Z = np.clip((X - shown.mean) / shown.scale, -shown.clip, shown.clip)
    odds = Z @ shown.weights + shown.intercept
    assert np.abs(1.0 / (1.0 + np.exp(-odds)) - p).max() < 1e-12


def test_relative_experts_ignore_levels():
    learner = Experts(2, rules=LearningRules())
    learner.name_features(("cpu", "cpu.deviation"))
    rng = np.random.default_rng(1)
    X = rng.normal(size=(100, 2))
    learner.learn(X, (X[:, 0] > 0).astype(float), w=np.ones(100))
    X[:, 1] = 0.0
    said = learner.speak(X)[1]
    spread = dict(zip([expert.is_relative for expert in EXPERTS], said.T, strict=False))
    assert np.ptp(spread[True]) < 1e-9
    by_kind = [np.ptp(said[:, n]) for n, expert in enumerate(EXPERTS) if not expert.is_relative]
    assert max(by_kind) > 0.1


def test_weights_of_zero_weigh_nobody():
    learner, X, y = taught()
    before = learner.state()
    p, said = learner.speak(X)
    learner.weigh(said, p, y, w=np.zeros(len(y)))
    assert all(
        np.array_equal(a, b) for a, b in zip(before["parts"], learner.state()["parts"], strict=True)
    )
