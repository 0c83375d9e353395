"""Screening: each rule fires and can be kept from firing; rows are conserved."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tam_workbench.records import LOGS, METRICS, SPANS, Batch
from tam_workbench.trust.screening import Screening, ScreeningRules

NOW = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)


def metrics(*rows, first=1):
    """Rows of (seconds before NOW, value[, source])."""
    columns = [
        [NOW + timedelta(seconds=s), "r", "s", (*more, "a")[0], first + i, "cpu", value]
        for i, (s, value, *more) in enumerate(rows)
    ]
    return pl.DataFrame(columns, schema=METRICS, orient="row")


def batch(**frames):
    return Batch(source="t", sequence=0, offset="", received_at=NOW, **frames)


def screen(*frames, rules=None):
    screening = Screening(rules or ScreeningRules())
    return [screening.screen(batch(metrics=frame), now=NOW) for frame in frames]


def reasons(screened):
    return screened.rejects["reason"].to_list()


def test_a_clean_batch_is_the_same_object():
    given_batch = batch(metrics=metrics((-3, 1.0), (-2, 2.0)))
    assert Screening(ScreeningRules()).screen(given_batch, now=NOW) is given_batch


@pytest.mark.parametrize(
    ("rows", "rules", "reason"),
    [
        ([(-2, float("nan"))], {}, "value is not finite"),
        ([(-2, None)], {}, "value is missing"),
        ([(61, 1.0)], {}, "time lies in the future"),
        ([(-100, 1.0)], {"max_age_s": 99}, "time is too old"),
        ([(-2, 1.0), (-1000, 1.0)], {}, "time is out of order"),
        ([(-9, 1.0), (-9, 1.0)], {}, "row says what was said before"),
        ([(-400_000, 1.0), (-9, 1.0), (-399_999, 1.0)], {}, "time runs ahead of its channel"),
    ],
)
def test_each_rule_fires(rows, rules, reason):
    (screened,) = screen(metrics(*rows), rules=ScreeningRules(**rules))
    assert reasons(screened) == [reason]
    assert screened.rows_in == len(rows)


@pytest.mark.parametrize(
    ("rows", "rules"),
    [
        ([(59, 1.0)], {}),
        ([(-98, 1.0)], {"max_age_s": 99}),
        ([(-2, 1.0), (-890, 1.0)], {}),
        ([(-2, 1.0), (-90_000, 1.0)], {"lateness_s": None}),
        ([(-9, 1.0), (-9, 1.5)], {}),
        ([(-400_000, 1.0), (-9, 1.0), (-8, 1.0)], {}),
    ],
)
def test_the_other_side_of_each_threshold(rows, rules):
    (screened,) = screen(metrics(*rows), rules=ScreeningRules(**rules))
    assert reasons(screened) == []


def test_rows_and_contents_seen_in_an_earlier_batch():
    first = metrics((-20, 1.0), (-10, 2.0))
    rows, contents = screen(first, first)[1], screen(first, metrics((-10, 2.0), first=3))[1]
    assert reasons(rows) == ["row was seen before"] * 2
    assert reasons(contents) == ["row says what was said before"]
    forgets = ScreeningRules(remember_rows=0)
    assert reasons(screen(first, metrics((-10, 2.0), first=3), rules=forgets)[1]) == []


def test_channels_do_not_disturb_each_other():
    both = metrics((-1, 1.0, "a"), (-5000, 1.0, "b"), (-1, 2.0, "a"), (-4999, 1.0, "b"))
    assert reasons(screen(both)[0]) == []


def test_a_clock_that_was_set_back_is_followed_after_a_while():
    late = metrics((-1, 0.0), *[(-50_000 + i, float(i)) for i in range(100)])
    (screened,) = screen(late)
    assert screened.rejects.height == 64


def test_logs_and_spans():
    row = [NOW, "r", "s", "a"]
    logs = [
        [*row, 1, 9, "x", None],
        [*row, 2, 9, "x", None],
        [*row, 3, 25, "x", None],
        [*row, 4, 9, "y" * 70_000, None],
    ]
    spans = [
        [*row, 1, "GET", "t", "1", None, -0.1, False],
        [*row, 2, "GET", "t", "2", None, 0.1, False],
    ]
    screened = Screening(ScreeningRules()).screen(
        batch(
            logs=pl.DataFrame(logs, schema=LOGS, orient="row"),
            spans=pl.DataFrame(spans, schema=SPANS, orient="row"),
        ),
        now=NOW,
    )
    assert screened.logs["row"].to_list() == [1, 2]  # a whole second tells too little
    assert screened.spans["row"].to_list() == [2]
    assert set(reasons(screened)) == {
        "severity_number is not in 1-24",
        "body is too long",
        "duration_s is negative",
    }
    assert screened.rejects["excerpt"].str.len_chars().max() <= 200


ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(-2000, 200)),
        st.one_of(st.none(), st.floats(allow_nan=True), st.just(1.0)),
        st.sampled_from(["a", "b"]),
        st.one_of(st.none(), st.integers(1, 30)),
    ),
    max_size=30,
)


def dirty(rows):
    columns = [
        [None if s is None else NOW + timedelta(seconds=s), "r", "s", source, row, "cpu", value]
        for s, value, source, row in rows
    ]
    return pl.DataFrame(columns, schema=METRICS, orient="row")


@settings(max_examples=150, deadline=None)
@given(st.lists(ROWS, max_size=4))
def test_every_row_is_scored_or_set_aside_and_restoring_changes_nothing(batches):
    one, other = Screening(ScreeningRules(remember_rows=8)), None
    for rows in batches:
        given_batch = batch(metrics=dirty(rows))
        other = Screening(ScreeningRules(remember_rows=8))
        other.restore(one.state())
        left, right = (s.screen(given_batch, now=NOW) for s in (one, other))
        assert left.rows_in == given_batch.rows_in
        assert left.metrics.equals(right.metrics)
        assert left.rejects.equals(right.rejects)
        assert left.metrics["value"].is_finite().all()
        assert (
            not left.rejects.select("source", "signal", "field", "reason")
            .null_count()
            .sum_horizontal()[0]
        )
