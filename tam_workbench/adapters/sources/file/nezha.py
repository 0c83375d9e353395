"""Nezha: metrics, logs and traces of one day, merged in time order."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from tam_workbench.adapters.loglines import guess_severity
from tam_workbench.adapters.sources.file.casting import cast_table, cast_times, categorical
from tam_workbench.adapters.sources.file.columnar import table_of
from tam_workbench.adapters.sources.file.shapes import Origin, Shape, guess_shape, service_of
from tam_workbench.adapters.sources.file.slices import LINE, Slice, rejects_of
from tam_workbench.errors import BadInputError
from tam_workbench.records import LOGS, SPANS

__all__ = ["NezhaReader", "is_nezha"]

_PARTS: Final = ("metrics", "logs", "traces")


def is_nezha(path: Path) -> bool:
    """Say whether the file is one of a day's three, with the other two beside it.

    >>> is_nezha(Path("2023-01-29.csv"))
    False
    """
    day, _, part = path.stem.rpartition("_")
    siblings = [path.with_name(f"{day}_{other}.parquet") for other in _PARTS]
    return part in _PARTS and path.suffix == ".parquet" and all(s.exists() for s in siblings)


class NezhaReader:
    """Reads a day of the Nezha data set: three channels, one stream in time order.

    A span's service is its pod's name without the generated suffixes, its parent service that
    of the span its ``ParentID`` names, and it is in error when a log of severity ERROR or worse
    carries its trace and span id. A raw row of the metrics is a pod and minute: many metrics.
    """

    def __init__(self, path: Path, *, name: str) -> None:
        if not is_nezha(path):
            raise BadInputError(f"{path} lacks its siblings *_metrics, *_logs, *_traces.parquet")
        day = path.stem.rpartition("_")[0]
        self.channels = tuple(f"{name}/{part}" for part in _PARTS)
        self._paths = [path.with_name(f"{day}_{part}.parquet") for part in _PARTS]
        self._at = 0
        self._loaded = False

    def open(self, cursor: Mapping[str, int] | None) -> None:
        """Start, or go on after a row of the merged stream."""
        self._at = cursor["row"] if cursor else 0
        if not self._loaded:
            self._load()
            self._loaded = True

    def _load(self) -> None:
        metrics, logs, spans = (table_of(path) for path in self._paths)
        numeric = [n for n in metrics.columns if metrics[n].dtype.is_numeric()]
        self._shape: Shape = guess_shape(metrics.columns, numeric=numeric, where="metrics")
        stamps = [metrics["TimeStamp"], logs["TimeUnixNano"], spans["EndTimeUnixNano"]]
        times = [cast_times(stamp).to_physical().fill_null(0).to_numpy() for stamp in stamps]
        order = np.argsort(np.concatenate(times), kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(1, len(order) + 1)
        bounds = np.cumsum([len(part) for part in times])[:-1]
        lines = [pl.Series(LINE, part, dtype=pl.Int64) for part in np.split(place, bounds)]
        raw = (metrics, _logs(logs, self.channels[1]), _spans(spans, logs, self.channels[2]))
        self._raw = tuple(
            part.with_columns(line).sort(LINE) for part, line in zip(raw, lines, strict=True)
        )
        self._height = len(order)

    def read(self, rows: int) -> Slice | None:
        """Return up to ``rows`` rows of the merged stream."""
        first = self._at + 1
        count = min(rows, self._height - self._at)
        if count <= 0:
            return None
        self._at += count
        metrics, logs, spans = (_between(part, first, count) for part in self._raw)
        origin = Origin(channel=self.channels[0], resource="", metric="")
        frames, rejects = cast_table(metrics, self._shape, origin)
        parts = [rejects]
        for signal, part in (("logs", logs), ("spans", spans)):
            frames[signal] = part.filter(pl.col("time").is_not_null())
            timeless = part.filter(pl.col("time").is_null())
            if timeless.height:
                parts.append(_timeless(timeless, signal))
        return Slice(
            first=first,
            count=count,
            frames=frames,
            rejects=pl.concat(parts),
            cursor=lambda k: {"row": first + k - 1},
        )

    def close(self) -> None:
        """Nothing is held open."""


def _between(part: pl.DataFrame, first: int, count: int) -> pl.DataFrame:
    lines = part[LINE].to_numpy()
    low, high = np.searchsorted(lines, (first, first + count))
    return part.slice(int(low), int(high - low))


def _timeless(part: pl.DataFrame, signal: str) -> pl.DataFrame:
    text = part["body"] if signal == "logs" else part["name"].cast(pl.String)
    return rejects_of(
        {
            "source": part["source"],
            "row": part["row"],
            LINE: part[LINE],
            "signal": [signal] * part.height,
            "field": ["time"] * part.height,
            "reason": ["time is not a time"] * part.height,
            "excerpt": text,
        }
    )


def _emitters(pods: pl.Series, channel: str) -> dict[str, pl.Series]:
    names = {pod: service_of(pod) for pod in pods.unique().to_list()}
    return {
        "resource": pods.cast(pl.Categorical()),
        "service": pods.replace(names).cast(pl.Categorical()),
        "source": categorical(channel, len(pods)),
    }


def _logs(raw: pl.DataFrame, channel: str) -> pl.DataFrame:
    message = raw["message"].str.replace(r"^\d\d:\d\d:\d\d\.\d+\s+", "")
    body = message.str.replace(r" TraceID: [0-9a-f]+ SpanID: [0-9a-f]+", "")
    columns = {
        "time": cast_times(raw["TimeUnixNano"]),
        **_emitters(raw["PodName"], channel),
        "row": _numbers(raw["TimeUnixNano"]),
        "severity_number": guess_severity(message),
        "body": body,
        "trace_id": raw["TraceID"].cast(pl.String),
    }
    return pl.DataFrame(columns, schema=LOGS)


def _spans(raw: pl.DataFrame, logs: pl.DataFrame, channel: str) -> pl.DataFrame:
    emitters = _emitters(raw["PodName"], channel)
    services = pl.DataFrame({"id": raw["SpanID"], "parent_service": emitters["service"]})
    parents = raw.select(id="ParentID").join(
        services.unique("id", keep="first"), on="id", how="left", maintain_order="left"
    )
    wrong = logs.filter(guess_severity(logs["message"]) >= 17).select("TraceID", "SpanID")
    failed = raw.select("TraceID", "SpanID").join(
        wrong.unique().with_columns(failed=pl.lit(value=True)),
        on=["TraceID", "SpanID"],
        how="left",
        maintain_order="left",
    )
    columns = {
        "time": cast_times(raw["EndTimeUnixNano"]),
        **emitters,
        "row": _numbers(raw["EndTimeUnixNano"]),
        "name": raw["OperationName"].cast(pl.Categorical()),
        "trace_id": raw["TraceID"].cast(pl.String),
        "span_id": raw["SpanID"].cast(pl.String),
        "parent_service": parents["parent_service"],
        "duration_s": raw["Duration"].cast(pl.Float64) / 1e6,
        "error": failed["failed"].fill_null(value=False),
    }
    return pl.DataFrame(columns, schema=SPANS)


def _numbers(stamps: pl.Series) -> pl.Series:
    """Give numbers to the rows of a channel in the order they are read."""
    order = np.argsort(cast_times(stamps).to_physical().fill_null(0).to_numpy(), kind="stable")
    numbers = np.empty_like(order)
    numbers[order] = np.arange(1, len(order) + 1)
    return pl.Series("row", numbers, dtype=pl.Int64)
