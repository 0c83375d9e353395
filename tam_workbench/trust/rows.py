"""A batch as the kernels take it: numbers in columns, sorted by the tick they count in.

``trust`` and ``reasons`` are what the kernels fill in; they write to no other array.
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


def evident(column: pl.Series) -> Bytes:
    """Return 1 where a change is evidence, 2 where it is a claim that telemetry must bear out."""
    return np.array([(kind in EVIDENT) + (kind == CLAIM) for kind in column.to_list()], np.uint8)


def order_of(ticks: Ints) -> Ints | None:
    """Return the stable order by tick, None when the rows stand in it already."""
    if ticks.size < 2 or bool((ticks[1:] >= ticks[:-1]).all()):
        return None
    return np.argsort(ticks, kind="stable")
