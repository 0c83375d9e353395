"""Updates of real learners: honest ones pass, poisoned ones do not."""

import numpy as np
import pytest

from tam_workbench.gate.updates import UpdateRules, judge_update
from tam_workbench.learning import LEARNERS, LearningRules
from tam_workbench.records import UpdateDecision

RULES = UpdateRules()


def rows(rng, n, *, turned=False):
    X = rng.normal(size=(n, 6))
    y = (X[:, 0] + 0.5 * X[:, 1] > 0.3).astype(float)
    return X, 1.0 - y if turned else y


def loss(learner, X, y):
    p = np.clip(learner.predict_proba(X), 1e-3, 1 - 1e-3)
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))


def judge(live, candidate, probe, *, trust_mean=1.0, drift_recent=False, previous=None):
    X, y = probe
    attribute = getattr(live, "attribute", lambda _: np.empty(0))
    after = getattr(candidate, "attribute", lambda _: np.empty(0))
    return judge_update(
        version=2,
        tick=64,
        live_loss=loss(live, X, y),
        candidate_loss=loss(candidate, X, y),
        probe_rows=len(y),
        attributions_before=attribute(X),
        attributions_after=after(X),
        feature_names=tuple("abcdef"),
        trust_mean=trust_mean,
        drift_recent=drift_recent,
        rules=RULES,
        previous_loss=None if previous is None else loss(previous, X, y),
    )


def taught(name, rng, n=400, **kind):
    learner = LEARNERS[name](6, rules=LearningRules(), seed=0)
    X, y = rows(rng, n, **kind)
    learner.learn(X, y, w=np.ones(n))
    return learner


@pytest.mark.parametrize("name", ["logistic", "logistic_river", "naive_bayes"])
@pytest.mark.parametrize("seed", range(5))
def test_honest_is_committed_poison_is_refused(name, seed):
    rng = np.random.default_rng(seed)
    live, probe = taught(name, rng), rows(rng, 128)
    honest, poisoned = live.clone(), live.clone()
    X, y = rows(rng, 100)
    honest.learn(X, y, w=np.ones(100))
    X, y = rows(rng, 1500, turned=True)
    poisoned.learn(X, y, w=np.full(1500, 0.7))
    good, bad = judge(live, honest, probe), judge(live, poisoned, probe, trust_mean=0.7)
    assert good.decision is UpdateDecision.COMMIT
    assert bad.decision is UpdateDecision.REFUSE
    assert "log-loss on trusted rows rose" in bad.reasons[0]


@pytest.mark.parametrize("seed", range(5))
def test_an_update_after_a_real_drift_is_committed(seed):
    rng = np.random.default_rng(seed)
    live, probe = taught("logistic", rng), rows(rng, 128, turned=True)
    candidate = live.clone()
    X, y = rows(rng, 300, turned=True)
    candidate.learn(X, y, w=np.full(300, 4.0))
    verdict = judge(live, candidate, probe, drift_recent=True)
    assert verdict.decision is UpdateDecision.COMMIT
    assert "a drift was seen lately" in verdict.reasons


def test_low_trust_is_refused_even_without_a_probe():
    rng = np.random.default_rng(0)
    live = taught("logistic", rng)
    X, y = rows(rng, 4)
    verdict = judge(live, live.clone(), (X, y), trust_mean=0.3)
    assert verdict.decision is UpdateDecision.REFUSE
    assert verdict.reasons == ("mean trust of the taught rows is 0.30 (least 0.50)",)
    assert judge(live, live.clone(), (X, y), trust_mean=0.9).decision is UpdateDecision.COMMIT


def figures(**other):
    told = {
        "version": 2,
        "tick": 64,
        "live_loss": 0.3,
        "candidate_loss": 0.3,
        "probe_rows": 64,
        "attributions_before": np.array([1.0, 0.5]),
        "attributions_after": np.array([1.0, 0.5]),
        "feature_names": ("a", "b"),
        "trust_mean": 0.9,
        "drift_recent": False,
        "rules": RULES,
    }
    return judge_update(**(told | other))


def test_each_threshold_is_reached_from_both_sides():
    commit, refuse = UpdateDecision.COMMIT, UpdateDecision.REFUSE
    turned = np.array([-1.0, -0.5])
    assert figures(candidate_loss=0.54).decision is commit
    assert figures(candidate_loss=0.56).decision is refuse
    assert figures(candidate_loss=0.70, drift_recent=True).decision is commit
    assert figures(candidate_loss=0.90, drift_recent=True).decision is refuse
    assert figures(attributions_after=turned, candidate_loss=0.31).decision is refuse
    assert figures(attributions_after=turned, candidate_loss=0.29).decision is commit
    assert (
        figures(attributions_after=turned, candidate_loss=0.31, drift_recent=True).decision
        is commit
    )
    assert figures(trust_mean=0.49).decision is refuse
    assert figures(trust_mean=0.51).decision is commit
    assert figures(candidate_loss=0.9, probe_rows=15).decision is commit
    assert figures(candidate_loss=0.9, probe_rows=16).decision is refuse


def test_live_that_turned_out_worse_is_rolled_back():
    worse = {"live_loss": 0.8, "candidate_loss": 0.8, "previous_loss": 0.3}
    assert figures(**worse).decision is UpdateDecision.ROLL_BACK
    assert figures(**worse | {"previous_loss": 0.6}).decision is UpdateDecision.COMMIT
    assert figures(**worse | {"drift_recent": True}).decision is UpdateDecision.COMMIT
    healing = worse | {"candidate_loss": 0.3}
    assert figures(**healing).decision is UpdateDecision.COMMIT


def test_a_verdict_says_what_it_measured():
    verdict = figures(attributions_after=np.array([2.0, -0.1]), previous_loss=0.3)
    assert verdict.before == (1.0, 0.5)
    assert verdict.after == (2.0, 0.1)
    assert set(verdict.measured) == {
        "live_loss",
        "candidate_loss",
        "previous_loss",
        "probe_rows",
        "trust_mean",
        "cosine",
        "drift_recent",
    }


def test_labels_turned_round_are_refused_even_when_loss_holds_and_a_drift_was_seen():
    refuse, commit = UpdateDecision.REFUSE, UpdateDecision.COMMIT
    turned = figures(label_contrast=-0.2, candidate_loss=0.29, drift_recent=True)
    assert turned.decision is refuse
    assert "labels turned round" in turned.reasons[0]
    assert turned.measured["label_contrast"] == -0.2
    assert figures(label_contrast=-0.2, probe_rows=0).decision is refuse
    assert figures(label_contrast=-0.05).decision is commit
    assert figures(label_contrast=1.5).decision is commit
