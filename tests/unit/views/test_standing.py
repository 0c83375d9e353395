"""The table of learner and baselines: figures by hand, order, and what is said when empty."""

import numpy as np
import polars as pl
import pytest

from tam_workbench.evaluation.scenarios.standing import standings
from tam_workbench.views import standing_table

TICKS, HORIZON = 1200, 10


def said(probability, breached, baseline=0.5):
    return pl.DataFrame(
        {
            "tick": np.arange(TICKS),
            "service": ["cart"] * TICKS,
            "probability": probability,
            "baseline": np.full(TICKS, baseline),
            "breached": breached,
        }
    )


@pytest.fixture
def breached():
    found = np.zeros(TICKS, dtype=bool)
    for start in range(100, TICKS, 200):
        found[start : start + 20] = True
    return found


def foreseen(breached):
    soon = np.zeros(TICKS, dtype=bool)
    for ahead in range(1, HORIZON + 1):
        soon[:-ahead] |= breached[ahead:]
    return soon


def test_one_who_foresees_everything_stands_first_and_a_coin_costs_log_2(breached):
    rows = standings(said(np.where(foreseen(breached), 0.99, 0.01), breached), horizon=HORIZON)
    by_name = {row.model: row for row in rows}
    assert rows[0].model == "learner"
    assert by_name["learner"].log_loss == pytest.approx(-np.log(0.99))
    assert by_name["learner"].average_precision == pytest.approx(1.0)
    assert by_name["static model, retrained"].log_loss == pytest.approx(np.log(2.0))
    assert rows[-1].model == "always fire"
    assert rows[0].breaches == 6 * HORIZON
    assert all(row.low <= row.log_loss <= row.high for row in rows)


def test_what_is_already_in_breach_is_no_question(breached):
    (row, *_) = standings(said(np.full(TICKS, 0.5), breached), horizon=HORIZON)
    assert row.questions == TICKS - HORIZON - breached[:-HORIZON].sum()


def test_the_base_rate_knows_no_answer_before_it_came(breached):
    late = np.zeros(TICKS, dtype=bool)
    late[900:920] = True
    rows = {r.model: r for r in standings(said(np.zeros(TICKS), late), horizon=HORIZON)}
    never = rows["learner"].log_loss  # says 0.001 always
    assert rows["base rate so far"].log_loss == pytest.approx(never, rel=0.5)


def test_too_little_is_said_in_words():
    assert standings(said(np.zeros(TICKS), np.zeros(TICKS, dtype=bool)), horizon=HORIZON) == []
    assert "five minutes" in standing_table([])


def test_the_table_shows_every_model_with_its_interval(breached):
    page = standing_table(standings(said(np.full(TICKS, 0.1), breached), horizon=HORIZON))
    assert page.count("<tr>") == 6
    assert "off the axis" in page
    assert "95 % between" in page
