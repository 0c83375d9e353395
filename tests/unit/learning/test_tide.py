"""What moves everywhere at once is taken off; what moves in one place, or breaks, is not."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from tam_workbench.learning import LearningRules
from tam_workbench.learning.tide import Tide
from tam_workbench.records import Observations

PODS, TICKS, AT = 12, 400, 200
NAMES = tuple(name + end for name in ("load", "delay", "error_ratio") for end in ("", ".deviation"))
LOAD, DELAY, ERRORS = 0, 2, 4
SERVICES = np.arange(PODS) // 2


def stream(seed, *, step=5.0, columns=(LOAD, DELAY), pods=range(PODS), at=AT, until=TICKS):
    """Noise of deviation 1 in three metrics; some columns of some pods step up at ``at``."""
    rng = np.random.default_rng(seed)
    cube = np.repeat(rng.normal(size=(TICKS, PODS, 3)), 2, axis=2)
    for column in columns:
        for end in (0, 1):
            cube[at:until, list(pods), column + end] += step
    return Observations(
        ticks=np.repeat(np.arange(TICKS), PODS),
        resources=np.tile(np.arange(PODS), TICKS),
        values=cube.reshape(TICKS * PODS, 6),
        trust=np.ones(TICKS * PODS),
        resource_names=tuple(f"pod-{p}" for p in range(PODS)),
        service_names=tuple(f"service-{s}" for s in SERVICES),
        feature_names=NAMES,
    )


def ridden(obs, *, breached=(), rules=None):
    """Return the tide, after the observations went through, and what it made of them."""
    tide = Tide(obs.feature_names, rules=rules or LearningRules())
    flags = np.isin(obs.ticks, list(breached))
    kept = tide.advance(obs, services=SERVICES[obs.resources], is_breached=flags)
    return tide, kept


def noticed(obs, **how):
    return [tick for tick, _, _ in ridden(obs, **how)[0].sightings]


@pytest.mark.parametrize("seed", range(30))
def test_a_step_of_the_world_is_seen_within_2_ticks_and_taken_off(seed):
    obs = stream(seed)
    tide, kept = ridden(obs)
    ((tick, name, size),) = tide.sightings
    assert AT <= tick <= AT + 1
    assert name == "tide:features"
    assert size >= LearningRules().tide_step
    after = obs.ticks >= AT + 2
    assert abs(kept.values[after, DELAY + 1].mean()) < 1.0 < obs.values[after, DELAY + 1].mean()
    assert np.array_equal(kept.values[:, [0, 2, 4, 5]], obs.values[:, [0, 2, 4, 5]])


@pytest.mark.parametrize("seed", range(30))
def test_a_small_step_is_none(seed):
    assert noticed(stream(seed, step=1.0)) == []


def test_calm_noise_moves_nothing_in_10_000_ticks():
    for seed in range(25):
        obs = stream(seed, step=0.0)
        tide, kept = ridden(obs)
        assert tide.sightings == ()
        assert kept is obs


@pytest.mark.parametrize(
    ("why", "how"),
    [
        ("one metric alone", {"columns": (DELAY,)}),
        ("one service in two", {"pods": range(0, PODS, 2)}),
        ("errors rise as well", {"columns": (LOAD, DELAY, ERRORS)}),
    ],
)
def test_an_incident_is_no_step_of_the_world(why, how):
    assert noticed(stream(1, **how)) == [], why


def test_what_moves_amid_a_breach_belongs_to_it():
    assert noticed(stream(1), breached=[AT - 3]) == []
    assert noticed(stream(1), breached=[AT - 30]) == noticed(stream(1)) != []


def test_it_takes_six_resources_of_three_services():
    obs = stream(1)
    for pods, is_seen in ((range(6), True), (range(5), False), ((0, 1, 2, 3), False)):
        kept = np.isin(obs.resources, list(pods))
        parts = {name: getattr(obs, name)[kept] for name in ("ticks", "resources", "trust")}
        assert bool(noticed(replace(obs, values=obs.values[kept], **parts))) is is_seen


def test_distrusted_rows_neither_make_a_step_nor_hide_one():
    obs = stream(1, pods=range(10))
    liars = obs.resources >= 10
    assert noticed(obs) == []
    assert noticed(replace(obs, trust=np.where(liars, 0.1, 1.0))) == [AT]
    assert noticed(replace(stream(1), trust=np.full(len(obs.ticks), 0.1))) == []


def test_a_world_that_returns_leaves_nothing_taken_off():
    obs = stream(2, until=300)
    tide, kept = ridden(obs)
    assert [AT <= t <= AT + 1 or 300 <= t <= 301 for t, _, _ in tide.sightings] == [True, True]
    after = obs.ticks >= 302
    assert abs(kept.values[after, LOAD + 1].mean()) < 0.5


def test_what_is_taken_off_never_passes_zero_nor_grows_later():
    obs = stream(3, step=-6.0)
    _, kept = ridden(obs)
    taken = (obs.values - kept.values)[:, LOAD + 1].reshape(TICKS, PODS)
    assert (taken <= 0.0).all()
    assert (np.diff(taken[AT + 8 :], axis=0) >= 0.0).all()


def test_an_incident_on_top_of_a_step_still_shows():
    obs = stream(4)
    sick = (obs.ticks >= 300) & (obs.resources == 5)
    obs.values[sick, DELAY + 1] += 8.0
    _, kept = ridden(obs)
    assert kept.values[sick, DELAY + 1].mean() > 7.0


@pytest.mark.parametrize("step", [1, 7, 64])
def test_cuts_and_restores_change_no_bit(step):
    obs = stream(5, until=300)
    _, whole = ridden(obs)
    tide, pieces, seen = Tide(NAMES, rules=LearningRules()), [], []
    for first, end in pairwise([*range(0, TICKS, step), TICKS]):
        rows = slice(first * PODS, end * PODS)
        names = ("ticks", "resources", "values", "trust")
        part = replace(obs, **{name: getattr(obs, name)[rows] for name in names})
        again = Tide(NAMES, rules=LearningRules())
        again.restore(tide.state())
        flags = np.zeros(len(part.ticks), np.bool_)
        kept = again.advance(part, services=SERVICES[part.resources], is_breached=flags)
        pieces.append(kept.values)
        seen += again.sightings
        tide = again
    assert np.concatenate(pieces).tobytes() == whole.values.tobytes()
    assert len(seen) == 2


def test_a_number_that_changes_hands_begins_anew():
    obs = stream(6)
    tide, _ = ridden(obs)
    other = replace(obs, resource_names=("new", *obs.resource_names[1:]))
    flags = np.zeros(len(obs.ticks), np.bool_)
    kept = tide.advance(other, services=SERVICES[obs.resources], is_breached=flags)
    mine = other.resources == 0
    early = mine & (other.ticks < 50)
    assert np.array_equal(kept.values[early], other.values[early])


def test_it_can_be_switched_off_and_needs_two_metrics():
    assert not Tide(NAMES, rules=LearningRules(tide_step=float("inf"))).is_on
    assert not Tide(NAMES[:2], rules=LearningRules()).is_on
    assert Tide(NAMES, rules=LearningRules()).is_on
