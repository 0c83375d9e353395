"""The scorers on cases worked out by hand: they can fail without any reference beside them."""

import math

import numpy as np
import pytest

from tam_workbench.evaluation.scorers import (
    Changes,
    NabFile,
    Segment,
    acf_window,
    attribution,
    binary,
    changepoint_score,
    changes_of,
    grouping,
    nab_scores,
    precision_recall_f1,
    vus_pr,
)

SECOND = 1_000_000_000


def spikes(rows, **at):
    scores = np.zeros(rows)
    for place, value in at.items():
        scores[int(place[1:])] = value
    return scores


def nab(*files):
    return nab_scores([NabFile(scores=scores, windows=windows) for scores, windows in files])


def sigma(x):
    return 2.0 / (1.0 + math.exp(5.0 * x)) - 1.0


def test_nab_pays_less_for_a_late_alarm():
    # 40 rows, window 20..29: row 29 is worth sigma(-1/10) / sigma(-1), a miss -1, silence 0
    late = nab((spikes(40, r29=1.0), ((20, 29),)))["standard"]
    worth = sigma(-0.1) / sigma(-1.0)
    assert late.best == pytest.approx(100.0 * (worth + 1.0) / 2.0, abs=1e-12)
    assert (late.threshold, late.alarms) == (1.0, 1)


def test_nab_takes_off_for_alarms_outside_by_profile():
    # one hit at the window's first row, one equally high alarm before any window: -1 x weight
    told = nab((spikes(40, r20=1.0, r10=1.0), ((20, 29),)))
    assert told["standard"].best == pytest.approx(100.0 * (2.0 - 0.11) / 2.0)
    assert told["low_fp"].best == pytest.approx(100.0 * (2.0 - 0.22) / 2.0)
    assert told["low_fn"].best == pytest.approx(100.0 * (3.0 - 0.11) / 3.0)


def test_nab_does_not_score_the_probation():
    silent = nab((spikes(40, r20=1.0), ((20, 29),)))["standard"]
    early = nab((spikes(40, r20=1.0, r5=1.0), ((20, 29),)))["standard"]  # 15 % of 40 are 6 rows
    assert silent.best == early.best == pytest.approx(100.0)


def test_a_held_out_threshold_does_not_know_its_own_file():
    # together 0.5 is best; without the first file the other says 1.0, which misses its window
    first = (spikes(40, r20=0.5), ((20, 29),))
    second = (spikes(40, r20=1.0, r10=0.5), ((20, 29),))
    told = nab(first, second)["standard"]
    assert told.threshold == 0.5
    assert told.best == pytest.approx(100.0 * (4.0 - 0.11) / 4.0)
    assert told.held_out == pytest.approx(100.0 * (0.0 + 2.0 - 0.11) / 4.0)


def test_silence_scores_zero_and_always_never_more():
    windows = ((20, 29),)
    assert (
        nab((np.zeros(40), windows))["standard"].held_out
        <= nab((np.zeros(40), windows))["standard"].best
    )
    assert nab((spikes(40), ()), (spikes(40, r20=1.0), windows))["standard"].best > 99.0


def test_vus_at_no_tolerance_is_precision_over_recall_times_existence():
    # two lone anomalies ranked 1st and 4th: recall 1/2 x 1/2 at precision 1, then 1 at 2/4
    labels = np.zeros(250, dtype=np.int64)
    labels[[50, 150]] = 1
    scores = np.linspace(0.5, 0.0, 250)
    scores[[50, 60, 70, 150]] = [1.0, 0.9, 0.8, 0.7]
    assert vus_pr(scores, labels, window=0) == pytest.approx(0.25 * 1.0 + 0.75 * 0.5)


def test_vus_prefers_what_is_near():
    labels = np.zeros(500, dtype=np.int64)
    labels[200:210] = 1
    near, far = np.zeros(500), np.zeros(500)
    near[195:205], far[300:310] = 1.0, 1.0
    perfect = labels.astype(float)
    by = [vus_pr(scores, labels, window=20) for scores in (perfect, near, far)]
    assert by[0] > by[1] > by[2]
    assert math.isnan(vus_pr(near, np.zeros(500, dtype=np.int64), window=5))


def test_the_window_is_the_strongest_period():
    noise = np.random.default_rng(0).normal(size=4000)
    wave = np.sin(np.arange(4000) * 2 * np.pi / 60)
    assert acf_window(wave + 0.1 * noise) == 60
    assert acf_window(np.zeros(100)) == 125


def changes(*told, true=(50,), rows=400):
    at = np.arange(rows)
    return Changes(times=at * SECOND, true=np.isin(at, true), told=np.isin(at, told))


def test_a_changepoint_found_half_way_is_worth_less_and_a_false_one_costs():
    # half = (1 + 0.11) / 2; in the middle of the window tanh is about 0: half - 0.11
    middle = 100.0 * (0.555 - 0.11 + 1.0) / 2.0
    assert changepoint_score([changes(80)])["standard"] == pytest.approx(middle, abs=0.06)
    assert changepoint_score([changes(50)])["standard"] == pytest.approx(100.0)
    assert changepoint_score([changes(50, 300)])["standard"] == pytest.approx(94.5)
    assert changepoint_score([changes(300)])["standard"] == pytest.approx(-5.5)
    assert changepoint_score([changes()])["low_fn"] == 0.0


def test_where_windows_overlap_the_second_starts_at_the_first_ones_end():
    # changepoints at 50 and 90: windows 50..110 and 110..150; an alarm at 100 is the first's
    assert changepoint_score([changes(50, 100, true=(50, 90))])["standard"] == pytest.approx(50.0)
    assert changepoint_score([changes(50, 111, true=(50, 90))])["standard"] > 90.0


def test_an_alarm_changes_where_it_begins_and_where_its_hold_ends():
    alarms = np.zeros(100, dtype=bool)
    alarms[40:50] = True
    assert np.flatnonzero(changes_of(alarms, hold=30)).tolist() == [40, 79]
    always = np.ones(100, dtype=bool)
    assert np.flatnonzero(changes_of(always, hold=30)).tolist() == [0, 29]


def test_rows_groups_and_sessions():
    true = np.array([1, 1, 1, 0, 0, 0, 0, 0], dtype=bool)
    told = np.array([1, 1, 0, 1, 0, 0, 0, 0], dtype=bool)
    assert binary(true, told) == {
        "f1": pytest.approx(2 / 3),
        "far": 20.0,
        "mar": pytest.approx(100 / 3),
    }
    assert precision_recall_f1(true, told)["f1"] == pytest.approx(2 / 3)
    assert precision_recall_f1(true, ~true) == {"precision": 0.0, "recall": 0.0, "f1": 0.0}
    found = grouping(
        ["a", "a", "b", "c"],
        [1, 1, 2, 3],
        true_text=["x <*>", "x <*>", "y", "z"],
        told_text=["x <*>", "x <*>", "y", "other"],
    )
    assert found["ga"] == found["fga"] == 1.0
    assert (found["pa"], found["fta"]) == (0.75, pytest.approx(2 / 3))


def test_attribution_by_hand_and_its_chance():
    told = np.zeros((10, 5))
    told[4:6] = [0.1, 0.9, 0.5, 0.3, 0.0]
    segments = [
        Segment(first=4, last=5, columns=frozenset({1, 3})),
        Segment(first=0, last=2, columns=frozenset({0})),  # all columns tie: not judged
    ]
    found = attribution(told, segments)
    assert (found["hit@1"], found["hit@3"], found["hitrate"]) == (1.0, 1.0, 0.5)
    ideal = 1.0 + 1.0 / math.log2(3.0)
    assert found["ndcg@5"] == pytest.approx((1.0 + 1.0 / 2.0) / ideal)
    assert found["hit@3_chance"] == pytest.approx(1.0 - 1.0 / 10.0)
    assert math.isnan(attribution(np.zeros((10, 5)), segments)["hit@3"])


def test_the_chance_of_an_attribution_is_what_random_orders_get():
    rng = np.random.default_rng(5)
    many = rng.random((4000, 8))
    segments = [
        Segment(first=row, last=row, columns=frozenset({1, 2, 6})) for row in range(len(many))
    ]
    found = attribution(many, segments)
    for name in ("hit@1", "hit@3", "hitrate", "ndcg@5"):
        assert found[name] == pytest.approx(found[f"{name}_chance"], abs=0.02)
