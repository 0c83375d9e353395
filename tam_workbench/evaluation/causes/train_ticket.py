"""TrainTicket as Nezha published it: metrics all day, logs and traces around each fault."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import polars as pl

from tam_workbench.errors import BadInputError
from tam_workbench.evaluation.causes.places import folder
from tam_workbench.records import Floats, Ints

TICK_S: Final = 60

_POD: Final = r"-[0-9a-f]{8,10}-[0-9a-z]{5}$"
_HEAD: Final = r"^\S+\s+"  # the writer's own clock
_IDS: Final = r"TraceID: \S+ SpanID: \S+\s*"
_QUIET: Final = "fault_free"
_SLACK_S: Final = 20  # samples of one round come within it


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One injected fault, for the scorer alone."""

    at_s: float
    cause: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What one minute brought: a row of metrics, and spans and log lines where there are any."""

    at_s: float
    metrics: Floats  # shape (1, d)
    spans: pl.DataFrame
    logs: pl.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day: the quiet spans and lines that are shown first, then its ticks; truth beside."""

    name: str
    columns: tuple[tuple[str, str], ...]
    quiet: tuple[pl.DataFrame, pl.DataFrame]
    ticks: tuple[Tick, ...]
    faults: tuple[Fault, ...]


def days() -> Iterator[Day]:
    """Yield the days in order."""
    root = folder("nezha", "nezha_tt")
    paths = sorted(root.glob("*_traces.parquet"))
    if not paths:
        raise BadInputError("data set 'nezha' holds no *_traces.parquet; set TAM_DATASETS")
    for path in paths:
        name = path.name.removesuffix("_traces.parquet")
        spans = _spans(pl.read_parquet(path))
        logs = _logs(pl.read_parquet(root / f"{name}_logs.parquet"))
        times, values, columns = _metrics(pl.read_parquet(root / f"{name}_metrics.parquet"))
        is_quiet = pl.col("phase") == _QUIET
        yield Day(
            name=name,
            columns=columns,
            quiet=(spans.filter(is_quiet), logs.filter(is_quiet)),
            ticks=_ticks(times, values, spans.filter(~is_quiet), logs.filter(~is_quiet)),
            faults=_faults(json.loads((root / f"{name}_fault_list.json").read_bytes())),
        )


def _spans(told: pl.DataFrame) -> pl.DataFrame:
    return told.select(
        "phase",
        trace="TraceID",
        span="SpanID",
        parent="ParentID",
        service=pl.col("PodName").cast(pl.String).str.replace(_POD, ""),
        operation=pl.col("OperationName").cast(pl.String),
        start_ns="StartTimeUnixNano",
        duration_ns=pl.col("Duration") * 1000,
    )


def _logs(told: pl.DataFrame) -> pl.DataFrame:
    """Keep what a line says, without the writer's clock and the trace's ids."""
    body = pl.col("message").cast(pl.String).str.replace_all(_IDS, "").str.replace(_HEAD, "")
    return told.select(
        "phase",
        span="SpanID",
        at_ns="TimeUnixNano",
        service=pl.col("PodName").cast(pl.String).str.replace(_POD, ""),
        body=body,
    )


def _metrics(told: pl.DataFrame) -> tuple[Ints, Floats, tuple[tuple[str, str], ...]]:
    keys = ("TimeStamp", "PodName")
    metrics = [name for name in told.columns if name not in keys]
    first = int(told["TimeStamp"].to_numpy().min())
    rounded = (pl.col("TimeStamp") - first + _SLACK_S) // TICK_S * TICK_S + first
    service = pl.col("PodName").cast(pl.String).str.replace(_POD, "")
    wide = (
        told.with_columns(TimeStamp=rounded, service=service)
        .unpivot(index=["TimeStamp", "service"], on=metrics)
        .with_columns(column=pl.col("service") + "\t" + pl.col("variable"))
        .pivot(on="column", index="TimeStamp", values="value", aggregate_function="first")
        .sort("TimeStamp")
    )
    pairs = [name.split("\t") for name in wide.columns[1:]]
    return (
        wide["TimeStamp"].to_numpy(),
        wide[:, 1:].cast(pl.Float64).to_numpy(),
        tuple((service, metric) for service, metric in pairs),
    )


def _ticks(
    times: Ints, values: Floats, spans: pl.DataFrame, logs: pl.DataFrame
) -> tuple[Tick, ...]:
    """Cut the day into minutes; a trace belongs to the minute in which it began."""
    began = pl.col("start_ns").min().over("trace").alias("began_ns")
    spans = spans.with_columns(began)
    at = np.searchsorted(times, spans["began_ns"].to_numpy() / 1e9, side="left")
    spans = spans.with_columns(tick=pl.Series(at)).drop("began_ns", "phase")
    logs = logs.drop("phase").join(spans.select("span", "tick").unique("span"), on="span")
    spans_by = {key[0]: part.drop("tick") for key, part in spans.group_by("tick")}
    logs_by = {key[0]: part.drop("tick") for key, part in logs.group_by("tick")}
    none = spans.clear().drop("tick"), logs.clear().drop("tick")
    return tuple(
        Tick(
            at_s=float(time),
            metrics=values[[row]],
            spans=spans_by.get(row, none[0]),
            logs=logs_by.get(row, none[1]),
        )
        for row, time in enumerate(times)
    )


def _faults(told: dict[str, list[dict[str, Any]]]) -> tuple[Fault, ...]:
    """Read the faults; of the two times told, only ``inject_time`` is right (it is UTC)."""
    found = [
        Fault(
            at_s=datetime.fromisoformat(each["inject_time"] + "+00:00").timestamp(),
            cause=pl.Series([each["inject_pod"]]).str.replace(_POD, "").item(),
            kind=each["inject_type"],
        )
        for hour in told.values()
        for each in hour
    ]
    return tuple(sorted(found, key=lambda fault: fault.at_s))
