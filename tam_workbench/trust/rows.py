"""A batch as the kernels take it: numbers in columns, sorted by the tick they count in.

``trust`` and ``reasons`` are what the kernels fill in. Arrays are copies on purpose: polars lends
read-only ones, which are another type to numba, and the kernels would be compiled again.
"""

from typing import NamedTuple

import numpy as np
import polars as pl

from tam_workbench.records import Bytes, Floats, Ints

EVIDENT = ("deploy", "config", "restart", "oom_killed", "slo_breach")
"""Kinds of change that are evidence of trouble, or of what commonly brings it."""

CLAIM = "slo_breach"
"""The kind of change that says how a service fares, which telemetry shows as well."""

Column = Bytes | Floats | Ints


class MetricRows(NamedTuple):
    """Metric points."""

    tick: Ints
    service: Ints
    source: Ints
    late: Bytes
    trust: Floats
    reasons: Bytes
    resource: Ints
    name: Ints
    value: Floats


class LogRows(NamedTuple):
    """Log records."""

    tick: Ints
    service: Ints
    source: Ints
    late: Bytes
    trust: Floats
    reasons: Bytes
    severity: Bytes


class SpanRows(NamedTuple):
    """Spans; ``parent`` is the calling service, -1 for none."""

    tick: Ints
    service: Ints
    source: Ints
    late: Bytes
    trust: Floats
    reasons: Bytes
    parent: Ints
    duration: Floats
    error: Floats


class ChangeRows(NamedTuple):
    """Changes; ``evident`` is 1 for the kinds in `EVIDENT`, 2 for a claim others can check."""

    tick: Ints
    service: Ints
    source: Ints
    late: Bytes
    trust: Floats
    reasons: Bytes
    evident: Bytes


def floats(column: pl.Series) -> Floats:
    """Return a column as float64, null as NaN."""
    return np.array(column.cast(pl.Float64).to_numpy(), dtype=np.float64)


def severities(column: pl.Series) -> Bytes:
    """Return severity numbers, null as 0."""
    if column.null_count():
        column = column.fill_null(0)
    return np.array(column.to_numpy(), dtype=np.uint8)


def failures(column: pl.Series) -> Floats:
    """Return 1.0 where a span failed; null did not."""
    return floats(column.fill_null(value=False) if column.null_count() else column)


def evident(column: pl.Series) -> Bytes:
    """Return 1 where a change is evidence, 2 where it is a claim that telemetry must bear out."""
    return np.array([(kind in EVIDENT) + (kind == CLAIM) for kind in column.to_list()], np.uint8)


def physical(frame: pl.DataFrame, columns: tuple[str, ...]) -> dict[str, pl.Series]:
    """Return times as microseconds and names as codes of this process, null as -1."""
    chosen = frame.select(pl.col(columns).to_physical())
    return {
        series.name: series.cast(pl.Int64).fill_null(-1) if series.null_count() else series
        for series in chosen.get_columns()
    }


def order_of(ticks: Ints) -> Ints | None:
    """Return the stable order by tick, None when the rows stand in it already."""
    if ticks.size < 2 or bool((ticks[1:] >= ticks[:-1]).all()):
        return None
    return np.argsort(ticks, kind="stable")
