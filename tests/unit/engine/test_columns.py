"""A batch's columns as arrays: nulls have their numbers, and a frame is turned but once."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import polars as pl

from tam_workbench.records import LOGS, METRICS, SPANS, Batch

AT = datetime(2026, 1, 1, tzinfo=UTC)


def batch(**frames):
    return Batch(source="t", sequence=0, offset="", received_at=AT, **frames)


def test_nulls_are_told_apart_from_values():
    rows = [
        [AT, "r", "s", "a", 7, "n", "t", "p", None, 0.5, True],
        [None, None, "s", "a", None, "n", "t", "p", "s", None, None],
    ]
    frame = pl.DataFrame(rows, schema=SPANS, orient="row")
    told = batch(spans=frame).columns.of(frame)
    assert told["time"].tolist() == [int(AT.timestamp() * 1e6), -1]
    assert told["resource"][1] == told["parent_service"][0] == 0 < told["resource"][0]
    assert told["row"].tolist() == [7, -1]
    assert told["error"].tolist() == [1.0, 0.0]
    assert np.isnan(told["duration_s"][1])
    assert "trace_id" not in told


def test_arrays_are_of_one_kind_whether_there_are_rows_or_not():
    full = pl.DataFrame([[AT, "r", "s", "a", 1, 9, "b", None]], schema=LOGS, orient="row")
    some = batch().columns.of(full)
    none = batch().columns.of(full.clear())
    assert {name: a.dtype for name, a in some.items()} == {n: a.dtype for n, a in none.items()}
    assert all(array.flags.writeable for array in some.values())


def test_what_shares_a_frame_need_not_turn_it_again():
    frame = pl.DataFrame([[AT, "r", "s", "a", 1, "n", 0.5]], schema=METRICS, orient="row")
    first = batch(metrics=frame)
    told = first.columns.of(frame)
    second = replace(first, offset="7")
    assert second.columns.of(frame) is not told
    third = replace(first, offset="8")
    third.columns.adopt(first.columns)
    assert third.columns.of(frame) is told
