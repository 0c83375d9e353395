"""Worlds that turn round: a fresh or a remembered model takes over, however the stream is cut."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from tam_workbench.learning import Learning, LearningRules
from tam_workbench.records import Labels, Observations

RULES = LearningRules(horizon=1, commit_every=32, baseline_every=0)
PODS, TURNS = 12, (300, 500, 700)


def worlds(seed, *, ticks=900, turns=TURNS):
    """Two worlds in turn: what foretold a breach in one foretells quiet in the other."""
    rng = np.random.default_rng(seed)
    when, who = np.repeat(np.arange(ticks), PODS), np.tile(np.arange(PODS), ticks)
    X = rng.normal(size=(ticks * PODS, 6))
    sign = np.where(np.searchsorted(turns, when, side="right") % 2 == 0, 1.0, -1.0)
    odds = 3.0 * sign * (X[:, 0] - X[:, 1]) - 2.0
    comes = rng.random(len(odds)) < 1.0 / (1.0 + np.exp(-odds))
    names = tuple(f"s{pod}" for pod in range(PODS))
    obs = Observations(
        ticks=when,
        resources=who,
        values=X,
        trust=np.ones(len(when)),
        resource_names=names,
        service_names=names,
        feature_names=tuple("abcdef"),
    )
    labels = Labels(
        services=tuple(f"s{pod}" for pod in who[comes]), ticks=when[comes] + 1, known_until=ticks
    )
    return obs, labels, comes


def cut(obs, labels, first, last):
    kept, told = (obs.ticks >= first) & (obs.ticks < last), (labels.ticks >= first)
    told &= labels.ticks < last
    names = ("ticks", "resources", "values", "trust")
    part = replace(obs, **{name: getattr(obs, name)[kept] for name in names})
    services = tuple(np.array(labels.services)[told].tolist())
    return part, Labels(services=services, ticks=labels.ticks[told], known_until=last - 1)


def losses(p, comes):
    """Mean log-loss per tick."""
    q = np.clip(np.where(comes, p, 1.0 - p), 1e-3, 1.0)
    return -np.log(q).reshape(-1, PODS).mean(axis=1)


@pytest.mark.parametrize("seed", range(3))
def test_a_world_that_returns_is_remembered_at_once(seed):
    obs, labels, comes = worlds(seed)
    learning = Learning(RULES, seed=0)
    lost = losses(learning.advance(obs, labels).probability, comes)
    said = [d for d in learning.drifts() if d.detector == "memory"]
    assert [any(turn <= d.tick <= turn + 10 for d in said) for turn in TURNS] == [False, True, True]
    for turn in TURNS[1:]:
        assert lost[turn + 11 : turn + 31].mean() < lost[turn - 100 : turn].mean() + 0.1


def test_without_memory_the_return_takes_longer():
    obs, labels, comes = worlds(0)
    lost = [
        losses(
            Learning(replace(RULES, remembered=n), seed=0).advance(obs, labels).probability, comes
        )
        for n in (4, 0)
    ]
    after = slice(TURNS[1] + 5, TURNS[1] + 15)
    assert lost[0][after].mean() < lost[1][after].mean() - 0.2


@pytest.mark.parametrize("step", [1, 7, 50])
def test_take_overs_do_not_depend_on_the_cuts(step):
    obs, labels, _ = worlds(1, ticks=620)
    whole, pieces = Learning(RULES, seed=0), Learning(RULES, seed=0)
    first = [whole.advance(*cut(obs, labels, 0, 620)).probability]
    edges = [*range(0, 620, step), 620]
    second = [pieces.advance(*cut(obs, labels, a, b)).probability for a, b in pairwise(edges)]
    assert np.concatenate(first).tobytes() == np.concatenate(second).tobytes()
    assert whole.drifts() == pieces.drifts()
    assert [v.tick for v in whole.verdicts()] == [v.tick for v in pieces.verdicts()]


@pytest.mark.parametrize("at", [303, 308, 504, 506])
def test_restoring_amid_a_take_over_continues_bit_for_bit(at):
    obs, labels, _ = worlds(2, ticks=600)
    first, second = Learning(RULES, seed=0), Learning(RULES, seed=0)
    first.advance(*cut(obs, labels, 0, at))
    second.restore(first.state())
    a, b = (stage.advance(*cut(obs, labels, at, 600)) for stage in (first, second))
    assert a.probability.tobytes() == b.probability.tobytes()
