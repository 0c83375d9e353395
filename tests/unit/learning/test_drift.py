import numpy as np
import pytest

from tam_workbench.errors import SettingsError
from tam_workbench.learning import DETECTORS, Learning, LearningRules, PageHinkley
from tam_workbench.records import Labels, Observations


def test_page_hinkley_is_quick_and_quiet_over_30_seeds():
    """Step .02 -> .17 (sd .01) at 300: at most 5 ticks late, no false alarm in 10,000 ticks."""
    for seed in range(30):
        rng = np.random.default_rng(seed)
        detector, calm = DETECTORS["page_hinkley"](seed, 3), DETECTORS["page_hinkley"](seed, 3)
        detector.update(np.r_[rng.normal(0.02, 0.01, 300), rng.normal(0.17, 0.01, 50)])
        assert detector.detections
        assert 300 <= detector.detections[0] <= 305
        calm.update(rng.normal(0.02, 0.01, 10_000))
        assert calm.detections == ()


def test_one_outlier_is_not_a_drift():
    rng = np.random.default_rng(0)
    signal = rng.normal(size=300)
    signal[200] = 1e6
    detector = PageHinkley()
    detector.update(signal)
    assert detector.detections == ()


def test_two_sided_sees_a_fall_and_one_sided_does_not():
    rng = np.random.default_rng(0)
    signal = np.r_[rng.normal(5.0, 1.0, 200), rng.normal(-5.0, 1.0, 50)]
    both, up = PageHinkley(), PageHinkley(only_up=True)
    both.update(signal)
    up.update(signal)
    assert len(both.detections) == 1
    assert up.detections == ()


@pytest.mark.parametrize("name", sorted(set(DETECTORS) - {"none"}))
def test_every_detector_sees_a_step_and_restores(name):
    rng = np.random.default_rng(2)
    signal = np.r_[rng.normal(0.02, 0.01, 300), rng.normal(0.17, 0.01, 200)]
    first, second = DETECTORS[name](1, 3), DETECTORS[name](1, 3)
    first.update(signal[:290])
    second.restore(first.state())
    assert all(at > 0 for at in first.detections)
    first.update(signal[290:])
    second.update(signal[290:])
    assert first.detections == second.detections
    assert any(10 <= at <= 110 for at in first.detections)
    assert np.isfinite(first.statistic)


def test_an_unknown_detector_is_a_settings_error():
    obs = Observations(
        ticks=np.array([0]),
        resources=np.array([0]),
        values=np.ones((1, 1)),
        trust=np.ones(1),
        resource_names=("a",),
        service_names=("a",),
        feature_names=("x",),
    )
    labels = Labels(services=(), ticks=np.empty(0, np.int64), known_until=0)
    with pytest.raises(SettingsError, match="choose from"):
        Learning(LearningRules(detector="psychic"), seed=0).advance(obs, labels)
