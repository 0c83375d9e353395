"""Labels come late, updates are judged, drift changes something."""

from dataclasses import replace

import numpy as np
import pytest

from tam_workbench.errors import BadInputError, SettingsError
from tam_workbench.learning import Learning, LearningRules, commit_always
from tam_workbench.records import Labels, Observations, UpdateDecision, UpdateVerdict

RULES = LearningRules(horizon=5, commit_every=8, baseline_every=100)


def world(ticks, *, seed=0, pods=4, turn=None, first=0):
    """Breaches come with a sign three ticks ahead; after ``turn`` the sign has another sense."""
    rng = np.random.default_rng(seed)
    when, who = np.repeat(np.arange(first, first + ticks), pods), np.tile(np.arange(pods), ticks)
    X = rng.normal(size=(len(when), 5))
    bad = rng.random((pods, ticks + 10)) < 0.02
    for back in range(1, 6):
        bad[:, back:] |= bad[:, :-back] & (rng.random(bad[:, back:].shape) < 0.5)
    ahead = np.array(
        [bad[p, t - first + 1 : t - first + 6].any() for p, t in zip(who, when, strict=True)]
    )
    sign = np.ones(len(when)) if turn is None else np.where(when >= turn, -1.0, 1.0)
    X[:, 0] += np.where(ahead, 3.0, -1.0) * sign
    names = tuple(f"s{p}" for p in range(pods))
    obs = Observations(
        ticks=when,
        resources=who,
        values=X,
        trust=np.ones(len(when)),
        resource_names=names,
        service_names=names,
        feature_names=("x", "a.deviation", "b.deviation", "log.n", "c"),
    )
    said = [(f"s{p}", first + t) for p, t in np.argwhere(bad[:, :ticks]).tolist()]
    labels = Labels(
        services=tuple(s for s, _ in said),
        ticks=np.array([t for _, t in said], np.int64),
        known_until=first + ticks - 1,
    )
    return obs, labels, ahead


def refuse(evidence):
    return UpdateVerdict(
        version=evidence.version,
        decision=UpdateDecision.REFUSE,
        reasons=("no",),
        tick=evidence.tick,
        measured={},
    )


def accuracy(p, truth):
    return float(((p > 0.5) == truth).mean())


def test_it_learns_what_comes_and_the_baseline_later():
    obs, labels, ahead = world(400)
    told = Learning(RULES, seed=0).advance(obs, labels)
    late = obs.ticks >= 150
    assert accuracy(told.probability[late], ahead[late]) > 0.9
    assert accuracy(told.baseline[late], ahead[late]) > 0.9
    assert told.baseline[obs.ticks < 100] == pytest.approx(0.05)
    assert told.probability[obs.ticks < 8] == pytest.approx(0.05)


def test_nothing_is_learnt_before_its_label_is_known():
    obs, labels, _ = world(40)
    silent = replace(labels, services=(), ticks=np.empty(0, np.int64), known_until=-1)
    learning = Learning(RULES, seed=0)
    told = learning.advance(obs, silent)
    assert learning.version == 0
    assert set(told.probability.tolist()) == {0.05}
    learning.advance(*world(10, first=40)[:2])
    assert learning.version > 0


def test_a_label_delay_makes_everything_later():
    obs, labels, _ = world(60)
    prompt, slow = Learning(RULES, seed=0), Learning(replace(RULES, label_delay=20), seed=0)
    a, b = prompt.advance(obs, labels).probability, slow.advance(obs, labels).probability
    assert int(np.argmax(a != 0.05)) + 20 * 4 <= int(np.argmax(b != 0.05)) + 8 * 4


def test_a_refused_candidate_never_speaks():
    obs, labels, _ = world(200)
    learning = Learning(RULES, seed=0, judge=refuse)
    told = learning.advance(obs, labels)
    assert set(told.probability.tolist()) == {0.05}
    verdicts = learning.verdicts()
    assert len(verdicts) > 20
    assert {v.tick % 8 for v in verdicts} == {0}
    assert learning.verdicts() == []


def test_rolling_back_restores_the_bits_of_the_version_before():
    obs, labels, _ = world(200)
    learning = Learning(RULES, seed=0)
    learning.advance(obs, labels)
    number, before = learning.version, learning.predict_proba(obs.values)
    learning.relabel("s0", tick_from=100, tick_to=180, y=1.0)
    learning.settle(UpdateDecision.COMMIT)
    assert np.abs(learning.predict_proba(obs.values) - before).max() > 0.001
    learning.settle(UpdateDecision.ROLL_BACK)
    assert learning.predict_proba(obs.values).tobytes() == before.tobytes()
    assert learning.version == number
    learning.settle(UpdateDecision.COMMIT)
    assert learning.version == number + 2


def test_a_persons_word_is_learnt_again():
    obs, labels, _ = world(200)
    learning = Learning(RULES, seed=0)
    learning.advance(obs, labels)
    assert learning.relabel("nobody", tick_from=0, tick_to=500, y=1.0) == 0
    assert learning.relabel("s1", tick_from=150, tick_to=160, y=1.0) == 11


def test_a_turned_world_is_noticed_and_relearnt_faster_than_without_detector():
    obs, labels, ahead = world(700, turn=400)
    just_after = (obs.ticks >= 420) & (obs.ticks < 520)
    watching = Learning(RULES, seed=0)
    a = watching.advance(obs, labels).probability
    b = Learning(replace(RULES, detector="none"), seed=0).advance(obs, labels).probability
    drifts = watching.drifts()
    assert any(400 <= d.tick <= 430 and d.detector.endswith("loss") for d in drifts)
    assert all(d.response for d in drifts)
    assert accuracy(a[just_after], ahead[just_after]) > accuracy(b[just_after], ahead[just_after])


def test_a_loss_that_jumps_alone_excuses_nothing_at_the_gate():
    obs, labels, _ = world(700, turn=400)  # labels turn round, the features stay as they were
    shown = []

    def judge(evidence):
        shown.append(evidence)
        worse = evidence.probe_rows >= 16 and evidence.candidate_loss > evidence.live_loss + 0.25
        decision = UpdateDecision.REFUSE if worse else UpdateDecision.COMMIT
        return replace(commit_always(evidence), decision=decision)

    learning = Learning(replace(RULES, learning_rate=0.2), seed=0, judge=judge)
    learning.advance(obs, labels)
    assert any(d.tick >= 400 and d.detector.endswith("loss") for d in learning.drifts())
    after = [e for e in shown if e.tick > 400 + RULES.commit_every]
    assert not any(e.drift_recent for e in after)
    assert after[0].probe_rows >= 16, "a jump of the loss alone must not empty the probe"
    refused = [v.decision is UpdateDecision.REFUSE for v in learning.verdicts() if v.tick > 400]
    assert any(refused)


def test_anomaly_is_high_for_what_deviates_and_low_else():
    obs, labels, _ = world(300)
    obs.values[1000, 1:3] = 30.0
    told = Learning(RULES, seed=0).advance(obs, labels)
    assert told.anomaly[1000] > 0.9
    assert np.median(told.anomaly[400:]) < 0.1
    assert 0.0 <= told.anomaly.min() <= told.anomaly.max() <= 1.0


def test_waiting_rows_are_bounded():
    obs, labels, _ = world(300)
    silent = replace(labels, services=(), ticks=np.empty(0, np.int64), known_until=-1)
    learning = Learning(replace(RULES, pending_rows=100), seed=0)
    learning.advance(obs, silent)
    assert len(learning.state()["delay"]["ticks"]) == 100


def test_no_rows_is_no_trouble():
    obs, labels, _ = world(20)
    none = replace(
        obs,
        ticks=obs.ticks[:0],
        resources=obs.resources[:0],
        values=obs.values[:0],
        trust=obs.trust[:0],
    )
    assert len(Learning(RULES, seed=0).advance(none, labels).probability) == 0


def test_bad_input_says_where():
    obs, labels, _ = world(20)
    obs.values[7, 2] = np.nan
    with pytest.raises(BadInputError, match=r"row 7, feature 'b\.deviation'"):
        Learning(RULES, seed=0).advance(obs, labels)
    with pytest.raises(SettingsError, match=r"choose from: .*logistic"):
        Learning(replace(RULES, learner="oracle"), seed=0).advance(*world(20)[:2])


@pytest.mark.parametrize("learner", ["hoeffding_tree", "naive_bayes", "knn"])
def test_river_learners_run_in_the_stage(learner):
    obs, labels, ahead = world(250, pods=2)
    told = Learning(replace(RULES, learner=learner), seed=0).advance(obs, labels)
    late = obs.ticks >= 150
    assert accuracy(told.probability[late], ahead[late]) > 0.75
