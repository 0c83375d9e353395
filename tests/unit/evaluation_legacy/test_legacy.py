"""The seed's loop and baseline give the anchor's figures."""

import numpy as np
import pytest

from tam_workbench.errors import SettingsError
from tam_workbench.evaluation.scenarios import legacy

# means over seeds 1..30, from ../shared/scoring/legacy_anchor_30_seeds.csv
# scenario, arm: accuracy, clean accuracy, FPR, FNR, latency, first 50
ANCHOR = {
    ("drift", "closed"): (0.9608, 0.9608, 0.12811111, 0.00109524, 0.0, 0.98466667),
    ("drift", "baseline"): (0.701, 0.701, 0.0, 0.42714286, 346.0, 0.0),
    ("poison", "closed"): (0.94808333, 0.96683333, 0.1295361, 0.02946453, 32.06666667, 0.988),
    ("poison", "baseline"): (0.974, 0.99997222, 0.0, 0.03346404, 25.6, 1.0),
    ("novel", "closed"): (0.73226667, 0.73226667, 0.06405556, 0.57325, 397.0, 0.0),
    ("novel", "baseline"): (0.701, 0.701, 0.0, 0.7475, 346.0, 0.0),
}


def figures(scenario: str, arm: str, seeds: range) -> np.ndarray:
    scores = [legacy.run(scenario, arm=arm, seed=seed) for seed in seeds]
    return np.mean(
        [
            (
                s.accuracy,
                s.accuracy_clean,
                s.false_positive_rate,
                s.false_negative_rate,
                s.latency,
                s.first50,
            )
            for s in scores
        ],
        axis=0,
    )


@pytest.mark.parametrize(("scenario", "arm"), ANCHOR)
def test_five_seeds_are_near_the_anchor(scenario: str, arm: str) -> None:
    if arm == "baseline" and scenario == "poison":
        seeds = range(1, 3)  # scikit-learn predicts row by row: slow
    else:
        seeds = range(1, 6) if arm == "closed" else range(1, 2)
    found, anchor = figures(scenario, arm, seeds), ANCHOR[scenario, arm]
    assert found[0] == pytest.approx(anchor[0], abs=0.01)
    assert found[2] == pytest.approx(anchor[2], abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize(("scenario", "arm"), ANCHOR)
def test_thirty_seeds_are_the_anchor(scenario: str, arm: str) -> None:
    np.testing.assert_allclose(
        figures(scenario, arm, range(1, 31)), ANCHOR[scenario, arm], atol=1e-6
    )


@pytest.mark.slow
def test_forged_hits_are_the_anchor() -> None:
    scores = [legacy.run("poison", arm="closed", seed=seed) for seed in range(1, 31)]
    assert np.mean([s.forged_hit for s in scores]) == pytest.approx(0.13681609, abs=1e-6)


def test_the_trust_of_the_seed_is_what_the_sender_says() -> None:
    row = legacy.LegacyRow(0, 40.0, 0.01, "ERROR timeout", "trusted", forged=True)
    assert legacy.trust(row) == 1.0
    assert legacy.trust(row._replace(source="untrusted")) == 0.1
    assert legacy.action(0.9, 0.1) == "no_op"
    assert legacy.action(0.9, 1.0) == "restart_service"
    assert legacy.action(0.5, 1.0) == "scale_up"
    assert legacy.action(0.1, 1.0) == "no_op"


def test_the_loop_is_timed_on_as_many_ticks_as_asked() -> None:
    assert legacy.legacy_loop_rate(1500, 1) > 1000


def test_unknown_arms_are_named() -> None:
    with pytest.raises(SettingsError, match="closed, baseline"):
        legacy.run("drift", arm="open", seed=1)
