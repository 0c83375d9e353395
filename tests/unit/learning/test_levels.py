"""The live anomaly scores: high for what is strange, wary of long faults, the same however cut."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from tam_workbench.errors import SettingsError
from tam_workbench.learning import ANOMALY_SCORES, LearningRules, LevelScore, make_anomaly
from tam_workbench.records import Observations

PODS, TICKS = 6, 1500
NAMES = ("load", "load.deviation", "load.delta", "delay", "log.count", "change.deploy")


def stream(seed, *, sick=(), by=8.0):
    """Every pod has a level of its own; pod 2 is off by ``by`` in the ticks of ``sick``."""
    rng = np.random.default_rng(seed)
    cube = rng.normal(size=(TICKS, PODS, len(NAMES))) + 10.0 * np.arange(PODS)[:, None]
    cube[list(sick), 2, 3] += by
    return Observations(
        ticks=np.repeat(np.arange(TICKS), PODS),
        resources=np.tile(np.arange(PODS), TICKS),
        values=cube.reshape(-1, len(NAMES)),
        trust=np.ones(TICKS * PODS),
        resource_names=tuple(f"pod-{p}" for p in range(PODS)),
        service_names=tuple(f"s{p}" for p in range(PODS)),
        feature_names=NAMES,
    )


def scored(obs):
    return LevelScore(NAMES).advance(obs).reshape(TICKS, PODS)


@pytest.mark.parametrize("name", sorted(ANOMALY_SCORES))
def test_every_score_stays_within_0_and_1_and_restores(name):
    obs, rules = stream(0, sick=range(700, 750)), LearningRules(anomaly=name)
    whole = make_anomaly(NAMES, rules=rules).advance(obs)
    assert 0.0 <= whole.min() <= whole.max() <= 1.0
    score, pieces = make_anomaly(NAMES, rules=rules), []
    for first, end in pairwise([0, 1, 300, 731, TICKS]):
        rows = slice(first * PODS, end * PODS)
        parts = ("ticks", "resources", "values", "trust")
        again = make_anomaly(NAMES, rules=rules)
        again.restore(score.state())
        pieces.append(again.advance(replace(obs, **{p: getattr(obs, p)[rows] for p in parts})))
        score = again
    assert np.concatenate(pieces).tobytes() == whole.tobytes()


def test_an_unknown_score_is_a_settings_error():
    with pytest.raises(SettingsError, match="choose from: deviations, levels"):
        make_anomaly(NAMES, rules=LearningRules(anomaly="psychic"))


@pytest.mark.parametrize("seed", range(10))
def test_calm_rows_score_half_once_in_a_hundred(seed):
    said = scored(stream(seed))
    assert np.median(said[400:]) < 0.1
    assert 0.003 < (said[400:] > 0.5).mean() < 0.03
    assert (said[:50] == 0.0).all()


@pytest.mark.parametrize("seed", range(10))
def test_a_long_fault_is_strange_to_its_end_and_small_ones_are_not(seed):
    sick = range(700, 1100)
    said = scored(stream(seed, sick=sick))
    assert said[710:1100, 2].mean() > 0.7
    assert np.delete(said[400:], 2, axis=1).mean() < 0.1
    assert scored(stream(seed, sick=sick, by=0.3))[710:1100, 2].mean() < 0.2


def test_an_eager_twin_would_forget_the_fault():
    """The older score learns every row: after 400 sick rows it sees far less in them."""
    obs = stream(1, sick=range(700, 1100))
    older = make_anomaly(NAMES, rules=LearningRules(anomaly="deviations"))
    assert older.advance(obs).reshape(TICKS, PODS)[1000:1100, 2].mean() < 0.4
    assert scored(obs)[1000:1100, 2].mean() > 0.7


def test_what_stays_becomes_the_usual_in_the_end():
    obs = stream(2)
    told = np.concatenate([obs.values] * 4).reshape(4 * TICKS, PODS, -1)
    told[700:, 2, 3] += 8.0
    more = replace(
        obs,
        ticks=np.repeat(np.arange(4 * TICKS), PODS),
        resources=np.tile(np.arange(PODS), 4 * TICKS),
        values=told.reshape(-1, len(NAMES)),
        trust=np.ones(4 * TICKS * PODS),
    )
    said = LevelScore(NAMES).advance(more).reshape(4 * TICKS, PODS)[:, 2]
    assert said[710:1000].mean() > 0.7
    assert said[-500:].mean() < 0.3


def test_derived_columns_and_changes_are_left_out():
    obs = stream(3)
    other = replace(obs, values=obs.values.copy())
    other.values[:, [1, 2, 5]] += 100.0 * np.random.default_rng(0).normal(size=(len(obs.ticks), 3))
    assert scored(obs).tobytes() == scored(other).tobytes()


def test_a_new_resource_is_not_strange_and_a_number_that_changes_hands_begins_anew():
    obs = stream(4)
    score = LevelScore(NAMES)
    score.advance(obs)
    other = replace(obs, resource_names=("new", *obs.resource_names[1:]))
    said = score.advance(replace(other, values=other.values + 50.0)).reshape(TICKS, PODS)
    assert (said[:50, 0] == 0.0).all()
    assert said[:50, 1].max() > 0.5
