"""The meta-model beats its average and follows change; resources rank by what they will cost."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tam_workbench.errors import BadInputError
from tam_workbench.memory.priorities import (
    MetaModel,
    MetaRules,
    PastIncident,
    gamma_quantile,
    prioritize_resources,
)

NOW = datetime(2024, 3, 1, tzinfo=UTC)
SINCE = NOW - timedelta(days=56)


def lived(seed, model, *, n=600):
    """Return mean squared errors: of the meta-model, the plain mean, and the best learner."""
    rng, lost = np.random.default_rng(seed), []
    for tick in range(n):
        truth = rng.normal()
        noise = {"good": 0.3, "fair": 0.7, "poor": 1.5 if tick < n / 2 else 3.0}
        said = {name: truth + sd * rng.normal() for name, sd in noise.items()}
        answers = (model.predict(said), np.mean(list(said.values())), said["good"])
        lost.append([(answer - truth) ** 2 for answer in answers])
        for name, value in said.items():
            model.update(name, (value - truth) ** 2)
    return np.mean(lost, axis=0)


def test_weighing_by_errors_beats_the_plain_mean_by_far():
    meta, plain, best = np.mean([lived(seed, MetaModel()) for seed in range(10)], axis=0)
    assert meta < 0.4 * plain
    assert meta < 1.1 * best


def test_one_lucky_guess_is_not_trusted_and_change_is_followed():
    meta = MetaModel(MetaRules(half_life=50.0))
    for _ in range(200):
        meta.update("steady", 0.2)
        meta.update("turning", 0.05)
    meta.update("new", 0.0)
    weights = meta.weights()
    assert weights["turning"] > weights["steady"]
    assert weights["new"] < weights["turning"]
    for _ in range(200):
        meta.update("steady", 0.2)
        meta.update("turning", 0.9)
    assert meta.weights()["steady"] > 5 * meta.weights()["turning"]


def test_states_and_bad_errors():
    meta, copy = MetaModel(), MetaModel()
    meta.update("a", 0.3)
    copy.restore(meta.state())
    assert copy.weights() == meta.weights() == {"a": 1.0}
    for wrong in (-0.1, float("nan"), float("inf")):
        with pytest.raises(BadInputError, match="must be 0 or more"):
            meta.update("a", wrong)
    with pytest.raises(BadInputError, match="no prediction"):
        meta.predict({})
    assert MetaModel().predict({"a": 1.0, "b": 3.0}) == 2.0


def test_gamma_quantiles_are_near_the_exact_ones():
    from scipy.stats import gamma

    for shape in (1.0, 2.0, 5.0, 30.0):
        for mass in (0.05, 0.5, 0.95):
            exact = gamma.ppf(mass, shape)
            assert gamma_quantile(mass, shape) == pytest.approx(exact, rel=0.02, abs=0.02)


def weeks(rng, rates, *, unresolved=None):
    """Return eight weeks of Poisson incidents by weekly rate."""
    past = []
    for name, rate in rates.items():
        for _ in range(rng.poisson(rate * 8)):
            is_resolved = bool(rng.random() >= (unresolved or {}).get(name, 0.1))
            at = SINCE + timedelta(days=float(rng.uniform(0, 56)))
            past.append(PastIncident(resource=name, at=at, is_resolved=is_resolved))
    return past


def test_the_ranking_finds_next_weeks_trouble_better_than_last_weeks_count():
    """Rank correlation with the true rates over 60 worlds of twelve services."""
    ours, last_week = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        rates = {f"s{n}": float(rng.gamma(0.8, 1.5)) for n in range(12)}
        past = weeks(rng, rates)
        order = prioritize_resources(past, since=SINCE, now=NOW, resources=list(rates))
        score = {one.resource: one.score for one in order}
        recent = dict.fromkeys(rates, 0)
        for one in past:
            recent[one.resource] += one.at >= NOW - timedelta(days=7)
        truth = np.argsort(np.argsort([rates[name] for name in rates]))
        for found, into in ((score, ours), (recent, last_week)):
            ranks = np.argsort(np.argsort([found[name] for name in rates], kind="stable"))
            into.append(np.corrcoef(ranks, truth)[0, 1])
    assert np.mean(ours) > np.mean(last_week) + 0.05


def test_intervals_hold_the_true_rate_about_as_often_as_they_say():
    rng, hit, asked = np.random.default_rng(3), 0, 0
    for _ in range(60):
        rates = {f"s{n}": float(rng.gamma(1.5, 1.0)) for n in range(8)}
        for one in prioritize_resources(
            weeks(rng, rates), since=SINCE, now=NOW, resources=list(rates)
        ):
            scale = one.score / one.per_week
            hit += one.low / scale <= rates[one.resource] <= one.high / scale
            asked += 1
    assert 0.8 <= hit / asked <= 0.97


def test_unresolved_recent_and_rising_trouble_comes_first():
    def every(name, days, *, is_resolved=True):
        return [
            PastIncident(resource=name, at=NOW - timedelta(days=day), is_resolved=is_resolved)
            for day in days
        ]

    same = range(1, 56, 7)
    order = prioritize_resources(
        every("open", same, is_resolved=False) + every("closed", same), since=SINCE, now=NOW
    )
    assert [one.resource for one in order] == ["open", "closed"]
    moving = every("rising", range(1, 20, 2)) + every("falling", range(36, 55, 2))
    order = prioritize_resources(moving, since=SINCE, now=NOW)
    assert [one.resource for one in order] == ["rising", "falling"]
    assert order[0].p_rising > 0.95
    assert order[1].p_rising < 0.05


def test_watching_must_have_lasted():
    with pytest.raises(BadInputError, match="must lie after"):
        prioritize_resources([], since=NOW, now=NOW)
    assert prioritize_resources([], since=SINCE, now=NOW) == ()
