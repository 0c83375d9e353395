"""The multivariate detector keeps its promises and finds what is planted."""

import numpy as np
import pytest

from tam_workbench.learning.detection.checks import check_anomaly_detector
from tam_workbench.learning.detection.vector import VectorDetector
from tam_workbench.learning.detection.vector_alarm import CHANGE_RULE, AlarmRule, alarms, switches


def _coupled(rows, columns, seed=0):
    """Columns that swing together, each with its own noise."""
    rng = np.random.default_rng(seed)
    swing = np.sin(np.arange(rows) / 40.0)[:, None] * rng.uniform(0.5, 2.0, columns)
    return swing + 0.1 * rng.normal(size=(rows, columns))


def _run(X, **kw):
    detector = VectorDetector(X.shape[1], **kw)
    return detector, detector.advance(X, np.ones(len(X)))


def test_keeps_the_promises_of_a_detector():
    check_anomaly_detector(lambda columns, seed: VectorDetector(columns, seed=seed))


def test_finds_a_break_between_columns_that_no_column_shows_alone():
    X = _coupled(4000, 6)
    X[3500:3520, 2] *= -1.0
    told = _run(X)[1]
    assert np.abs(X[3500:3520, 2]).max() <= np.abs(X[:3500, 2]).max()
    assert told[3500:3525].max() > 1.5 * np.delete(told, np.s_[3500:3545])[1000:].max()


def test_finds_a_level_that_was_never_seen():
    X = _coupled(4000, 6)
    X[3000:3100, 4] += 5.0
    told = _run(X)[1]
    assert np.median(told[3010:3100]) > np.quantile(told[500:3000], 0.999)


def test_a_lasting_change_is_accepted_in_the_end():
    X = _coupled(12_000, 4)
    X[3000:, 1] += 5.0
    told = _run(X)[1]
    assert np.median(told[3010:3050]) > 3 * np.median(told[9000:])


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_units_do_not_matter(scale):
    X = _coupled(1500, 4)
    X[1200:1210, 1] += 3.0
    assert np.allclose(_run(X)[1], _run(X * scale)[1], atol=1e-3)


def test_constant_columns_and_silence_are_not_strange():
    X = _coupled(2000, 4)
    X[:, 1] = 7.0
    X[1500:1600] = np.nan
    told = _run(X)[1]
    assert np.isfinite(told).all()
    assert told[1520:1590].max() < 0.5


def test_blames_the_columns_that_broke():
    X = _coupled(4000, 12)
    X[3500:3520, [3, 7]] += 2.0
    detector, _ = _run(X)
    shares = detector.attributions()[3500:3520].sum(axis=0)
    assert set(np.argsort(shares)[-2:]) == {3, 7}


def test_nothing_is_scored_before_there_is_a_past():
    told = _run(_coupled(300, 3))[1]
    assert (told[:100] == 0.0).all()
    assert told[250:].max() > 0.0


def test_two_minds_disagree_after_a_lasting_change():
    """The eager one accepts it first: without the wary one the score would sink sooner."""
    X = _coupled(6000, 4)
    X[3000:, 1] += 5.0
    detector = VectorDetector(4)
    both = detector.advance(X, np.ones(len(X)))
    levels = [detector.state()[f"{mind}.scale"][1, 1] for mind in (0, 1)]
    assert levels[0] > levels[1]
    assert both[3050:3200].mean() > both[2000:3000].mean()


@pytest.mark.parametrize(("rule", "first"), [(AlarmRule(), 114), (CHANGE_RULE, 104)])
def test_an_alarm_rises_once_enough_rows_agree(rule, first):
    scores = np.full(300, 0.05)
    scores[20:22] = 0.9  # too short
    scores[100:200] = 0.6
    alarm = alarms(np.full(200, 0.05), scores, rule)
    assert int(alarm.argmax()) == first
    assert np.flatnonzero(switches(alarm)).tolist() == [first, first + 100]


def test_between_fall_and_rise_an_alarm_stays_as_it_is():
    rule = AlarmRule(rise=2.0, fall=0.5, confirm=1)
    odds = np.array([1.5, 2.5, 1.5, 0.9, 1.5]) ** 2
    alarm = alarms(np.full(9, 0.5), odds / (1.0 + odds), rule)
    assert alarm.tolist() == [0.0, 1.0, 1.0, 0.0, 0.0]
