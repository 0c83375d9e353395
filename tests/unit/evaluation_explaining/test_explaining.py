"""Figures of explanations on made-up alarms and boards whose culprits are known."""

import numpy as np
import pytest

from tam_workbench.evaluation.public.corpora import Stream
from tam_workbench.evaluation.scenarios import explaining, explaining_boards
from tam_workbench.evaluation.scenarios.explaining import Moment
from tam_workbench.evaluation.scorers import Segment, attribution
from tam_workbench.learning import Linear

FEATURES = 6


def moment(*, weights=(2.0, -1.0, 0.5, 0.0, 0.0, 1.0), row=3.0, seed=0):
    background = np.random.default_rng(seed).normal(size=(200, FEATURES))
    linear = Linear(
        weights=np.array(weights),
        intercept=-3.0,
        mean=np.zeros(FEATURES),
        scale=np.ones(FEATURES),
        clip=6.0,
    )
    return Moment(row=np.full(FEATURES, row), background=background, linear=linear)


def test_a_moment_explains_what_its_model_says():
    one = moment()
    phi, base = one.shap(one.row[None, :])
    p = one.predict_proba(one.row[None, :])[0]
    assert base + phi.sum() == pytest.approx(np.log(p / (1.0 - p)))
    assert one.exact(one.row).tolist() == phi[0].tolist()
    lime = one.lime(one.row, seed=1)
    assert np.argmax(lime) == np.argmax(phi[0]) == 0


def test_exact_attributions_beat_chance_on_both_curves():
    found = explaining._measured(moment(), np.random.default_rng(1))
    assert found["deletion, exact SHAP"] < found["deletion, chance"] - 0.1
    assert found["insertion, exact SHAP"] > found["insertion, chance"] + 0.1
    assert found["stability, exact SHAP"] > 0.9
    assert -1.0 <= found["agreement SHAP with LIME, rank correlation"] <= 1.0


def test_where_nothing_rises_nothing_is_measured():
    assert explaining._measured(moment(row=0.0), np.random.default_rng(1)) is None


def test_a_figure_says_whether_the_explainer_beats_chance():
    runs = [
        {"deletion, exact SHAP": 0.1 + 0.01 * n, "deletion, LIME": 0.6, "deletion, chance": 0.5}
        for n in range(5)
    ]
    rows = {row.name: row for row in explaining.plant_rows([*runs, {}])}
    assert rows["deletion, exact SHAP"].holds is True
    assert rows["deletion, LIME"].holds is False
    assert rows["deletion, chance"].holds is None
    assert rows["deletion, exact SHAP"].value == pytest.approx(0.12)


def test_the_share_of_time_falls_with_the_cadence():
    rows = [explaining._cost_row("x", 1e-3, 1e-3, every) for every in (1, 10, 1000)]
    assert [row.value for row in rows] == pytest.approx([50.0, 100 / 11, 100 / 1001])


def board(seed=0):
    """Return a stream in which columns 1 and 3 carry every anomaly."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(1500, FEATURES))
    labels = np.zeros(1500, dtype=np.int64)
    segments = []
    for first in (300, 600, 900, 1200):
        values[first : first + 30, [1, 3]] += 6.0
        labels[first : first + 30] = 1
        segments.append(Segment(first=first, last=first + 29, columns=frozenset({1, 3})))
    return Stream(name="made", sha256="", values=values, labels=labels, segments=tuple(segments))


def test_a_learner_that_hears_labels_late_comes_to_blame_the_culprits():
    stream = board()
    told = explaining_boards.learner_shap(stream)
    assert told.shape == stream.values.shape
    assert np.all(told[:64] == 0.0)  # nothing was learnt before the first label came
    assert attribution(told, stream.segments[1:])["hitrate"] == 1.0


def test_no_block_knows_labels_that_came_after_it():
    stream = board()
    told = explaining_boards.learner_shap(stream)
    labels = stream.labels.copy()
    labels[700:] = 1 - labels[700:]
    from dataclasses import replace

    changed = explaining_boards.learner_shap(replace(stream, labels=labels))
    assert np.array_equal(told[:764], changed[:764])
    assert not np.array_equal(told[900:], changed[900:])


def test_hits_stand_beside_what_chance_would_hit(monkeypatch):
    boards = {"made": lambda: iter([board(seed) for seed in range(3)])}
    monkeypatch.setattr(explaining_boards, "BOARDS", boards)
    rows = {row.name: row for row in explaining_boards.hit_rows(("ewma",))}
    found = rows["hitrate on made, detector ewma"]
    assert found.value > 0.9
    assert found.peer == "chance 0.333"
    assert rows["hit@3 on made, detector ewma"].peer == "chance 0.800"
