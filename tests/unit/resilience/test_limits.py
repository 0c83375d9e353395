"""Back-off, budget, back-pressure and health."""

import numpy as np
import pytest

from tam_workbench.resilience import (
    Backoff,
    Backpressure,
    Budget,
    Grade,
    HealthScore,
    Pressure,
    PressureRules,
    Vital,
    grade,
    health_score,
)


def test_backoff_is_capped_however_often_it_fails():
    assert Backoff(base_s=1.0, factor=2.0, cap_s=30.0).delay_s(100_000) == 30.0


def test_jitter_only_shortens():
    backoff = Backoff(base_s=10.0, factor=1.0, cap_s=10.0, jitter=0.3)
    rng = np.random.default_rng(0)
    delays = [backoff.delay_s(3, rng=rng) for _ in range(200)]
    assert 7.0 <= min(delays) < 7.5
    assert 9.5 < max(delays) <= 10.0
    assert backoff.delay_s(3) == 10.0


def test_budget_never_saves_more_than_its_capacity():
    budget = Budget(capacity=2.0, refill_per_s=1.0, level=0.0, as_of=0.0)
    assert budget.remaining(now=1000.0) == 2.0
    assert not budget.affords(2.1, now=1000.0)


def test_budget_pays_back_an_overspending_first():
    budget = Budget(capacity=1.0, refill_per_s=0.1, level=1.0, as_of=0.0).after(3.0, now=0.0)
    assert not budget.affords(0.01, now=20.0)
    assert budget.affords(0.5, now=25.0)


def test_budget_gains_nothing_from_a_clock_that_goes_back():
    budget = Budget(capacity=1.0, refill_per_s=1.0, level=0.0, as_of=10.0).after(0.0, now=5.0)
    assert budget.remaining(now=10.0) == 0.0


@pytest.mark.parametrize(
    ("before", "depth", "level"),
    [
        (Pressure.NORMAL, 69, Pressure.NORMAL),
        (Pressure.NORMAL, 70, Pressure.WARNING),
        (Pressure.WARNING, 61, Pressure.WARNING),
        (Pressure.WARNING, 59, Pressure.NORMAL),
        (Pressure.WARNING, 90, Pressure.CRITICAL),
        (Pressure.CRITICAL, 81, Pressure.CRITICAL),
        (Pressure.CRITICAL, 79, Pressure.WARNING),
        (Pressure.CRITICAL, 0, Pressure.NORMAL),
    ],
)
def test_pressure_has_hysteresis(before, depth, level):
    rules = PressureRules(capacity=100.0)
    assert Backpressure(rules=rules, level=before).after(depth).level is level


def test_too_little_data_counts_less_and_no_data_not_at_all():
    good = Vital(name="good", value=1.0, samples=100)
    bad = Vital(name="bad", value=0.0, samples=100)
    hardly = Vital(name="bad", value=0.0, samples=3)
    never = Vital(name="bad", value=0.0, samples=0)
    assert health_score([good, bad]).value == pytest.approx(0.5)
    assert health_score([good, hardly]).value == pytest.approx(1 / 1.1)
    assert health_score([good, never]).value == 1.0


@pytest.mark.parametrize(
    ("value", "previous", "colour"),
    [
        (0.39, Grade.UNKNOWN, Grade.RED),
        (0.41, Grade.UNKNOWN, Grade.AMBER),
        (0.71, Grade.UNKNOWN, Grade.GREEN),
        (0.42, Grade.RED, Grade.RED),
        (0.46, Grade.RED, Grade.AMBER),
        (0.37, Grade.AMBER, Grade.AMBER),
        (0.34, Grade.AMBER, Grade.RED),
        (0.72, Grade.AMBER, Grade.AMBER),
        (0.76, Grade.AMBER, Grade.GREEN),
        (0.66, Grade.GREEN, Grade.GREEN),
        (0.64, Grade.GREEN, Grade.AMBER),
    ],
)
def test_every_border_of_a_colour_is_reached_from_both_sides(value, previous, colour):
    score = HealthScore(value=value, sufficiency=1.0, missing=())
    assert grade(score, previous=previous) is colour


def test_without_enough_data_the_colour_is_unknown():
    assert grade(health_score([])) is Grade.UNKNOWN
    scarce = health_score([Vital(name="v", value=1.0, samples=5)])
    assert grade(scarce) is Grade.UNKNOWN
