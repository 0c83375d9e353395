"""Three to ten percent of a realistic stream stand in the high bucket, whatever its scale."""

import numpy as np
import pytest

from tam_workbench.memory.surprise import RunningQuantile, Surprise, SurpriseRules

N = 6000


def zipf(rng, n, *, kinds=300):
    p = 1.0 / np.arange(1, kinds + 1) ** 1.1
    return [f"t{at}" for at in rng.choice(kinds, n, p=p / p.sum())]


def streams(rng):
    """Return streams of (context, symbol): log templates, few signatures, a deploy half way."""
    services = rng.choice(["web", "db", "cart"], N)
    late = [f"new-{name}" for name in zipf(rng, N // 2)]
    return {
        "templates": list(zip(services, zipf(rng, N), strict=True)),
        "signatures": list(zip(services, zipf(rng, N, kinds=40), strict=True)),
        "deploy": list(zip(services, zipf(rng, N // 2) + late, strict=True)),
    }


@pytest.mark.parametrize("name", ["templates", "signatures", "deploy"])
@pytest.mark.parametrize("seed", range(3))
def test_the_high_bucket_holds_three_to_ten_percent(name, seed):
    surprise, high, warm = Surprise(), 0, 0
    for context, symbol in streams(np.random.default_rng(seed))[name]:
        high += surprise.is_high(context, symbol)
        warm += surprise.is_warm
        surprise.update(context, symbol)
    assert 0.03 <= high / warm <= 0.10, f"{high / warm:.3f}"


@pytest.mark.parametrize("draw", ["normal", "exponential", "pareto", "drift", "coarse"])
def test_the_quantile_of_numbers_follows_every_law(draw):
    rng = np.random.default_rng(4)
    values = {
        "normal": rng.normal(size=N),
        "exponential": rng.exponential(size=N),
        "pareto": rng.pareto(1.1, N),
        "drift": rng.normal(size=N) + np.linspace(0, 1, N),
        "coarse": rng.poisson(6, N).astype(float),
    }[draw]
    seen, high = RunningQuantile(), 0
    for value in values:
        high += seen.quantile(float(value)) >= SurpriseRules().high
        seen.update(float(value))
    assert 0.03 <= high / N <= 0.10, f"{high / N:.3f}"


def test_what_never_changes_never_surprises_and_what_is_new_does():
    surprise = Surprise()
    for _ in range(500):
        assert not surprise.is_high("web", "heartbeat")
        surprise.update("web", "heartbeat")
    assert surprise.is_high("web", "panic")


def test_a_symbol_known_elsewhere_surprises_less_than_one_known_nowhere():
    surprise = Surprise()
    for tick in range(300):
        surprise.update("db", f"d{tick % 7}")
        surprise.update("web", f"w{tick % 5}")
    assert surprise.bits("web", "d1") < surprise.bits("web", "never")
    assert surprise.bits("web", "w1") < surprise.bits("web", "d1")


def test_before_it_is_warm_nothing_is_called_surprising():
    surprise = Surprise()
    assert surprise.quantile("web", "anything") == 0.5
    assert not surprise.is_warm


def test_memory_is_bounded_and_state_restores():
    surprise = Surprise(SurpriseRules(window=100, symbols=20))
    for tick in range(500):
        surprise.update("web", f"s{tick}")
    state = surprise.state()
    assert len(state["seen"]["values"]) == 100
    assert len(state["totals"]) == 20
    copy = Surprise(SurpriseRules(window=100, symbols=20))
    copy.restore(state)
    assert copy.state() == state
    assert copy.bits("web", "s499") == surprise.bits("web", "s499")
