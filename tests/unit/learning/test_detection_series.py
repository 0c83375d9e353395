import numpy as np
import pytest

from tam_workbench.errors import SettingsError
from tam_workbench.learning.detection.checks import check_anomaly_detector
from tam_workbench.learning.detection.series import SeriesDetector
from tam_workbench.learning.detection.series_alerts import tell
from tam_workbench.learning.detection.series_kernels import BINS, Places, learn, rarity, strangeness
from tam_workbench.learning.detection.series_rules import SeriesRules

LIMITS = np.array([8000.0, 4000.0, 1.0 / 256.0])
QUIET = SeriesRules(rest_rows=0.0, fatigue=0.0)


def places(slots=514):
    return Places(
        at=np.zeros(slots),
        seen=np.zeros(slots, np.int64),
        bins=np.zeros(BINS),
        tree=np.zeros(BINS + 1),
        tally=np.array([0.0, np.nan]),
        used=np.zeros(1, np.int64),
    )


def taught(values, limits=LIMITS):
    p = places()
    for tick, value in enumerate(values):
        learn(p, float(value), 1.0, tick, limits)
    return p


def scores(series, rules=None):
    return SeriesDetector(1, rules=rules).advance(series[:, None], np.ones(len(series)))


def cycle(rows, seed=0):
    noise = np.random.default_rng(seed).normal(size=rows)
    return np.sin(np.arange(rows) / 20.0) * 3.0 + 0.2 * noise


def test_it_keeps_the_promises_of_a_detector():
    check_anomaly_detector(lambda columns, seed: SeriesDetector(columns, seed=seed))
    check_anomaly_detector(lambda columns, seed: SeriesDetector(columns, rules=QUIET, seed=seed))


def test_rarity_is_the_rank_among_the_distances_met():
    p = taught(np.random.default_rng(1).normal(size=3000))
    met = p.tally[0]
    some = [rarity(p, distance) for distance in (1e-6, 1e-3, 1e-2, 0.1, 1.0)]
    assert some == sorted(some)
    assert rarity(p, 1e-9) < 0.3
    assert rarity(p, 1e3) > np.log10(met + 1.0) - np.log10(12.0)


def test_counts_agree_with_the_tree():
    p = taught(np.random.default_rng(2).normal(size=5000))
    assert p.bins.sum() == pytest.approx(p.tally[0])
    assert p.tree[BINS] == pytest.approx(p.tally[0])
    assert p.tally[0] <= LIMITS[1]


def test_a_place_once_visited_is_no_longer_strange():
    p = taught(np.random.default_rng(3).normal(size=2000))
    before = strangeness(p, 12.0)
    learn(p, 12.0, 1.0, 2000, LIMITS)
    assert before > 4.0
    assert strangeness(p, 12.0) == 0.0


def test_a_gap_inside_the_range_is_strange_too():
    values = np.where(np.arange(2000) % 2 == 0, -5.0, 5.0)
    p = taught(values + 0.1 * np.random.default_rng(4).normal(size=2000))
    assert strangeness(p, 0.0) > 4.0
    assert strangeness(p, 5.05) < 2.5


def test_what_is_not_visited_again_is_forgotten():
    noise = np.random.default_rng(5).normal(size=4000)
    noise[100] = 12.0
    remembering, forgetting = taught(noise), taught(noise, np.array([1000.0, 4000.0, 1.0 / 256.0]))
    assert strangeness(remembering, 12.0) == 0.0
    assert strangeness(forgetting, 12.0) > 4.0


def test_memory_is_bounded_though_the_range_explodes():
    p = taught(np.exp(np.random.default_rng(6).normal(size=20_000) * 3.0))
    assert p.used[0] <= p.at.shape[0]
    assert np.all(np.diff(p.at[: p.used[0]]) > 0.0)


def test_the_unit_of_the_values_does_not_matter():
    series = cycle(2000)
    series[1500] += 5.0
    plain, scaled = scores(series), scores(series * 1024.0)
    assert plain[1500] > 0.9
    assert np.allclose(plain, scaled, atol=0.02)


def test_the_spike_is_told_once_and_first():
    series = cycle(3000)
    series[2000:2030] += 9.0
    alerts = np.flatnonzero(scores(series) > 0.5)
    assert alerts[0] == 2000
    assert np.sum((alerts > 2000) & (alerts < 2300)) <= 3


def test_without_rest_every_row_speaks():
    series = cycle(3000)
    series[2000:2030:2] += np.linspace(9.0, 40.0, 15)
    assert (scores(series, QUIET) > 0.5).sum() > (scores(series) > 0.5).sum() > 0


def test_numbers_at_the_edge_of_what_fits_break_nothing():
    series = cycle(1200)
    series[[300, 500, 700, 900]] = [1e308, -1e308, np.inf, 5e-324]
    rows = scores(series)
    assert np.isfinite(rows).all()
    assert rows[300] > 0.9
    assert rows[700] < 0.01


def told(strange, *, fade=0.9, rise=1.2, fatigue=0.0, trust=None):
    strange = np.array(strange, np.float64)
    trust = np.ones(len(strange)) if trust is None else np.array(trust)
    return tell(strange, trust, np.zeros(2), np.array([fade, rise, fatigue, 0.999])).tolist()


def test_an_echo_is_silent_and_what_is_stranger_is_news():
    assert told([4.0, 4.0, 4.1, 6.0, 1.0]) == [4.0, 0.0, 0.0, 6.0, 0.0]
    assert told([4.0, *([0.0] * 30), 4.0])[-1] == 4.0


def test_who_cries_often_must_cry_louder():
    often = [5.0, *([0.0] * 50)] * 20
    tired = [score for score in told(often, fatigue=1.0) if score > 0.0]
    assert tired[0] == 5.0
    assert tired[-1] < 4.5
    assert [score for score in told(often) if score > 0.0] == [5.0] * 20


def test_a_distrusted_alert_leaves_no_echo():
    assert told([4.0, 4.0], trust=[0.0, 1.0]) == [4.0, 4.0]


def test_a_series_that_does_not_move_is_never_strange():
    assert scores(np.full(1000, 45.0)).max() < 0.2


def test_a_square_wave_is_quiet_once_it_is_known():
    wave = np.where((np.arange(4000) // 100) % 2 == 0, 20.0, 80.0)
    assert scores(wave)[600:].max() < 0.3


def test_the_column_that_moved_is_named():
    rng = np.random.default_rng(8)
    rows = rng.normal(size=(1500, 4))
    rows[1200, 2] += 15.0
    detector = SeriesDetector(4)
    assert detector.advance(rows, np.ones(1500))[1200] > 0.9
    assert detector.attributions()[1200].argmax() == 2


def test_missing_values_say_and_teach_nothing():
    series = cycle(1000)
    holes = series.copy()
    holes[700:750] = np.nan
    kept = np.delete(series, np.arange(700, 750))
    assert scores(holes)[700:750].max() < 0.01
    rest = np.delete(scores(holes, QUIET), np.arange(700, 750))
    assert np.array_equal(rest, scores(kept, QUIET))


@pytest.mark.parametrize(
    "wrong",
    [
        {"mean_rows": 0},
        {"spread_rows": 500},
        {"adapt_rows": 0.0},
        {"fatigue": -1.0},
        {"grain": 0.5},
        {"memory_rows": 10},
        {"warmup_rows": 1},
        {"rise": 0.5},
    ],
)
def test_wrong_settings_are_named(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        SeriesRules(**wrong)
