"""The board of foresight says who is better, and only when the interval says so too."""

import pytest

from tam_workbench.evaluation.scenarios.prediction_board import lines


def told(learner, static):
    names = ("learner", "static model, retrained", "always fire")
    return [
        [
            {"model": n, "log_loss": v, "average_precision": 1.0 - v}
            for n, v in zip(names, row, strict=True)
        ]
        for row in zip(learner, static, [6.0] * len(learner), strict=True)
    ]


@pytest.mark.parametrize("measure", ["log_loss", "average_precision"])
@pytest.mark.parametrize(
    ("static", "holds"), [([0.3, 0.4, 0.5], True), ([0.05, 0.4, 0.1], False), ([0.0] * 3, False)]
)
def test_a_goal_holds_when_the_paired_interval_does(measure, static, holds):
    first, *others = lines(told([0.1, 0.2, 0.3], static), measure)
    assert first.holds is holds
    assert "static model" in first.peer
    assert [line.name.partition(": ")[2] for line in others] == [
        "static model, retrained",
        "always fire",
    ]
