"""Foresight is scored on fair questions, and the trivial rivals score what they must."""

import numpy as np
import polars as pl
import pytest

from tam_workbench.engine.summary import ServiceTicks
from tam_workbench.errors import SettingsError
from tam_workbench.evaluation.scenarios import prediction
from tam_workbench.plant import START

ZERO = int(START.timestamp())


def foresight(ticks=40, services=("a", "b")):
    blank = np.zeros((ticks, len(services)))
    return prediction.Foresight(
        ticks=np.arange(ticks), services=services, learner=blank, static=blank, anomaly=blank
    )


def truth(*rows):
    columns = {"tick": pl.Int64, "service": pl.String, "fault": pl.String, "phase": pl.String}
    return pl.DataFrame([(t, s, "novel", p) for t, s, p in rows], schema=columns, orient="row")


def test_the_answer_is_a_breach_within_the_horizon_and_not_before_or_after():
    came = prediction.answers(truth((20, "a", "breach")), foresight(), horizon=5)
    assert np.flatnonzero(came.is_soon[:, 0]).tolist() == [15, 16, 17, 18, 19]
    assert not came.is_soon[:, 1].any()
    assert np.flatnonzero(came.is_lately[:, 0]).tolist() == [21, 22, 23, 24, 25]


def test_ticks_in_breach_and_ticks_whose_answer_is_unknown_are_not_asked():
    told = truth((20, "a", "breach"), (21, "a", "recovery"), (22, "a", "impact"), (9, "b", "onset"))
    came = prediction.answers(told, foresight(), horizon=5)
    assert np.flatnonzero(~came.is_asked[:, 0]).tolist() == [20, 21, 22, 35, 36, 37, 38, 39]
    assert np.flatnonzero(~came.is_asked[:, 1]).tolist() == [35, 36, 37, 38, 39]


def test_services_that_come_later_were_silent_before():
    def part(ticks, services, p):
        shape = (len(ticks), len(services))
        values = np.full(shape, p)
        return ServiceTicks(
            ticks=np.array(ticks) + ZERO,
            services=services,
            probability=values,
            baseline=values,
            anomaly=values,
            trust=values,
            is_breached=np.zeros(shape, dtype=np.bool_),
            rows=np.zeros(shape, dtype=np.int64),
        )

    said = prediction.joined([part([0, 1], ("a",), 0.2), part([2], ("a", "b"), 0.4)])
    assert said.ticks.tolist() == [0, 1, 2]
    assert said.learner.tolist() == [[0.2, 0.0], [0.2, 0.0], [0.4, 0.4]]


def test_a_seer_beats_all_and_a_liar_loses():
    came = prediction.answers(truth((20, "a", "breach")), foresight(), horizon=5)
    seer = prediction.row("seer", came.is_soon.astype(float), came)
    liar = prediction.row("liar", 1.0 - came.is_soon, came)
    assert seer["average_precision"] == 1.0
    assert seer["recall_at_1pct_fpr"] == 1.0
    assert seer["log_loss"] < 0.01
    assert liar["log_loss"] > 5.0
    assert seer["positives"] == 5


def test_a_world_without_breaches_is_scored_without_a_warning():
    came = prediction.answers(truth(), foresight(), horizon=5)
    never = prediction.row("never", np.zeros(came.is_soon.shape), came)
    assert never["positives"] == 0
    assert never["average_precision"] == 0.0


def test_on_the_plant_every_rival_answers_the_same_questions():
    rows = prediction.compare("scenario:faults", seed=1, ticks=700)
    by_model = {row["model"]: row for row in rows}
    assert len(by_model) == 8
    assert len({(row["questions"], row["positives"]) for row in rows}) == 1
    assert by_model["learner"]["positives"] > 0
    assert by_model["always fire"]["log_loss"] > 1.0 > by_model["never fire"]["log_loss"]
    assert by_model["learner"]["log_loss"] < by_model["random"]["log_loss"]


def test_a_source_without_ground_truth_is_turned_away():
    with pytest.raises(SettingsError, match="no ground truth"):
        prediction.compare("scenario:legacy-drift", seed=1, ticks=10)
