"""Beliefs about actions: exact against closed forms, and as good a guide as UCB."""

import math

import numpy as np
import pytest

from tam_workbench.memory.posteriors import (
    Effect,
    Experience,
    OutcomeRules,
    Posterior,
    Result,
    beta_cdf,
    student_quantile,
)

ACTIONS = ["restart", "scale", "rollback", "block", "cleanup"]


def test_the_beta_law_agrees_with_scipy():
    from scipy.special import betainc, stdtrit

    rng = np.random.default_rng(0)
    for _ in range(300):
        a, b, x = rng.gamma(2, 5) + 0.3, rng.gamma(2, 5) + 0.3, rng.random()
        assert beta_cdf(x, a, b) == pytest.approx(betainc(a, b, x), abs=1e-10)
    for degrees in (1, 2, 5, 30):
        assert student_quantile(0.9, degrees) == pytest.approx(stdtrit(degrees, 0.95), rel=1e-5)


def test_beats_agrees_with_drawing():
    one, other = Posterior(a=8, b=3), Posterior(a=4, b=5)
    rng = np.random.default_rng(0)
    drawn = np.mean(rng.beta(8, 3, 400_000) > rng.beta(4, 5, 400_000))
    assert one.beats(other) == pytest.approx(drawn, abs=0.004)
    assert one.beats(other) + other.beats(one) == pytest.approx(1.0, abs=0.002)


@pytest.mark.parametrize("truth", [0.2, 0.5, 0.85])
def test_intervals_hold_the_truth_as_often_as_they_say(truth):
    """Mean coverage of the 90 % interval over 600 worlds lies within 0.86 to 0.95."""
    rng, hit = np.random.default_rng(1), 0
    for _ in range(600):
        helped = rng.binomial(20, truth)
        low, high = Posterior(a=1 + helped, b=21 - helped).interval(0.9)
        hit += low <= truth <= high
    assert 0.86 <= hit / 600 <= 0.95


def test_effects_have_honest_intervals():
    rng, hit = np.random.default_rng(2), 0
    for _ in range(400):
        effect = Effect()
        for delta in rng.normal(0.3, 1.0, 6):
            effect = effect.seen(float(delta))
        low, high = effect.interval(0.9)
        hit += low <= 0.3 <= high
    assert 0.86 <= hit / 400 <= 0.94
    assert Effect().seen(1.0).interval(0.9) == (-math.inf, math.inf)


def test_dead_ends_stand_on_both_sides_and_crashes_close_a_road():
    known = Experience()
    for _ in range(2):
        known.record("oom", "restart", Result.CRASHED)
    assert known.dead_ends("oom") == []
    known.record("oom", "restart", Result.CRASHED)
    for result in (Result.FAILED, Result.FAILED, Result.FAILED, Result.HELPED):
        known.record("oom", "scale", result)
    assert known.dead_ends("oom") == ["restart"]
    assert known.tried("oom", "restart").crashed == 3


@pytest.mark.parametrize("helps", [0.15, 0.5, 0.8])
def test_dead_ends_on_a_realistic_year(helps):
    """Ten trials: most actions of 15 % are found out, of 50 % at most one in ten is."""
    rng, found = np.random.default_rng(3), 0
    for world in range(300):
        known = Experience()
        for _ in range(10):
            result = Result.HELPED if rng.random() < helps else Result.FAILED
            known.record(f"w{world}", "restart", result)
        found += bool(known.dead_ends(f"w{world}"))
    assert {0.15: found / 300 > 0.7, 0.5: found / 300 < 0.1, 0.8: found == 0}[helps]


def ucb1(known, signature, t):
    """UCB1 with c = 0.5, the best baseline of the origin."""
    best = {}
    for action in ACTIONS:
        own = known.tried(signature, action)
        n = own.helped + own.failed
        best[action] = own.helped / n + 0.5 * math.sqrt(2 * math.log(t + 1) / n) if n else math.inf
    return best


def regret(choose, seed, *, rounds=200):
    rng, known, lost = np.random.default_rng(seed), Experience(), 0.0
    truth = {f"s{n}": rng.beta(1, 2, len(ACTIONS)) for n in range(3)}
    for t in range(rounds):
        signature = f"s{rng.integers(3)}"
        values = choose(known, signature, t, rng)
        at = int(np.argmax([values[action] for action in ACTIONS]))
        result = Result.HELPED if rng.random() < truth[signature][at] else Result.FAILED
        known.record(signature, ACTIONS[at], result)
        lost += float(truth[signature].max() - truth[signature][at])
    return lost


def test_regret_is_no_more_than_the_ucb_baseline_and_far_below_chance():
    """Mean regret over 30 worlds of 200 incidents, printed by running this with -s -v."""
    ways = {
        "bayes-ucb": lambda known, s, _t, _rng: known.ucb(s, ACTIONS),
        "thompson": lambda known, s, _t, rng: known.thompson(s, ACTIONS, rng=rng),
        "ucb1": lambda known, s, t, _rng: ucb1(known, s, t),
        "chance": lambda _k, _s, _t, rng: dict(zip(ACTIONS, rng.random(5), strict=True)),
    }
    mean = {
        name: np.mean([regret(choose, seed) for seed in range(30)]) for name, choose in ways.items()
    }
    assert mean["bayes-ucb"] <= mean["ucb1"], mean
    assert mean["thompson"] <= 0.7 * mean["chance"], mean


def test_what_worked_elsewhere_is_tried_first_and_own_outcomes_win():
    known = Experience()
    for number in range(10):
        known.record(f"other-{number}", "scale", Result.HELPED)
        known.record(f"other-{number}", "restart", Result.FAILED)
    assert known.posterior("new", "scale").mean > 0.6
    assert known.posterior("new", "restart").mean < 0.4
    for _ in range(4):
        known.record("new", "scale", Result.FAILED)
    assert known.posterior("new", "scale").mean < 0.35
    blind = Experience(OutcomeRules(pooling=0.0))
    blind.record("other", "scale", Result.HELPED)
    assert blind.posterior("new", "scale").mean == 0.5


def test_state_restores_everything():
    known, copy = Experience(), Experience()
    known.record("oom", "scale", Result.HELPED, delta=0.5)
    known.record("oom", "scale", Result.CRASHED)
    known.record("disk", "scale", Result.FAILED, delta=-0.1)
    copy.restore(known.state())
    assert copy.state() == known.state()
    assert copy.posterior("new", "scale") == known.posterior("new", "scale")
