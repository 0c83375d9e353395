"""Telemetry on its way through the house: micro-batches in columns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from tam_workbench.records.cluster import Observation

TIME: Final = pl.Datetime("us", "UTC")
"""All stamps are UTC with microseconds."""

_ORIGIN: Final[dict[str, pl.DataType]] = {
    "time": TIME,  # when the sender observed it
    "resource": pl.Categorical(),  # the emitter: pod, host, device
    "service": pl.Categorical(),  # service.name that the resource belongs to
    "source": pl.Categorical(),  # the authenticated channel, filled in by OUR adapter
    "row": pl.Int64(),  # number of the row within its channel, counted by OUR adapter
}

METRICS: Final = pl.Schema({**_ORIGIN, "name": pl.Categorical(), "value": pl.Float64()})
"""One row a metric point."""

LOGS: Final = pl.Schema(
    {**_ORIGIN, "severity_number": pl.UInt8(), "body": pl.String(), "trace_id": pl.String()}
)
"""One row a log record; ``severity_number`` 1-24 as in OpenTelemetry, 17 and up is ERROR."""

SPANS: Final = pl.Schema(
    {
        **_ORIGIN,
        "name": pl.Categorical(),
        "trace_id": pl.String(),
        "span_id": pl.String(),
        "parent_service": pl.Categorical(),  # the calling service, null for a root
        "duration_s": pl.Float64(),
        "error": pl.Boolean(),
    }
)
"""One row a finished span."""

CHANGES: Final = pl.Schema(
    {**_ORIGIN, "kind": pl.Categorical(), "object": pl.String(), "detail": pl.String()}
)
"""One row a change of the world: ``deploy config scale restart oom_killed slo_breach slo_recovered
maintenance label``."""

REJECTS: Final = pl.Schema(
    {
        "time": TIME,  # null when it could not be read
        "source": pl.Categorical(),
        "signal": pl.String(),  # metrics | logs | spans | changes | unknown
        "row": pl.Int64(),
        "field": pl.String(),
        "reason": pl.String(),
        "excerpt": pl.String(),  # redacted, at most 200 characters
    }
)
"""One row a thing that could not be taken in: where, which field, why."""

SIGNALS: Final[Mapping[str, pl.Schema]] = MappingProxyType(
    {"metrics": METRICS, "logs": LOGS, "spans": SPANS, "changes": CHANGES}
)


class Authentication(Enum):
    """How a channel proved who it is, from nothing to a checked signature."""

    NONE = "none"
    LOCAL = "local"
    TOKEN = "token"  # noqa: S105 - a kind of proof, not a secret
    SIGNED = "signed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A way in, as our own adapter authenticated it; nothing here is told by the sender."""

    name: str
    authentication: Authentication = Authentication.LOCAL


def _no_rows(schema: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame(schema=schema)


class Columns:
    """A batch's columns as arrays of its own, each frame turned once, when it is first asked for.

    Stages that come one after another read the same arrays, and none of them writes to them.
    Names are the codes of this process moved up by one, null is 0; stamps are microseconds and
    whole numbers, null is -1; a measure that is null is NaN, a severity 0, a flag 0.0. Texts are
    left out.

    >>> frame = pl.DataFrame({"row": [4, None], "error": [True, None], "body": ["a", "b"]})
    >>> {name: values.tolist() for name, values in Columns().of(frame).items()}
    {'row': [4, -1], 'error': [1.0, 0.0]}
    """

    __slots__ = ("kept",)

    def __init__(self) -> None:
        self.kept: dict[int, tuple[pl.DataFrame, Mapping[str, npt.NDArray[Any]]]] = {}

    def of(self, frame: pl.DataFrame) -> Mapping[str, npt.NDArray[Any]]:
        """Return the arrays of a frame by the names of their columns."""
        found = self.kept.get(id(frame))
        if found is None:  # the frame is kept as well, so that its id stays its own
            found = self.kept[id(frame)] = frame, _turned(frame)
        return found[1]

    def adopt(self, others: "Columns") -> None:
        """Take over what a batch that shares frames with this one has turned already."""
        self.kept |= others.kept


def _turned(frame: pl.DataFrame) -> Mapping[str, npt.NDArray[Any]]:
    columns = frame.get_columns()
    kinds = [series.dtype for series in columns]
    names = [isinstance(kind, pl.Categorical) for kind in kinds]
    if frame.height and any(names):
        named = tuple(s.name for s, is_name in zip(columns, names, strict=True) if is_name)
        codes = iter(frame.select_seq(_physical(named)).get_columns())
        columns = [next(codes) if n else s for s, n in zip(columns, names, strict=True)]
    return {
        series.name: _codes(series) if is_name else _numbers(series, kind)
        for series, kind, is_name in zip(columns, kinds, names, strict=True)
        if kind != pl.String
    }


@cache
def _physical(names: tuple[str, ...]) -> pl.Expr:
    return pl.col(names).to_physical()


def _codes(codes: pl.Series) -> npt.NDArray[np.int64]:
    if not codes.len():
        return np.empty(0, np.int64)
    told = codes.to_numpy()
    if told.dtype.kind == "f":  # as polars lends whole numbers with gaps; codes have 32 bits
        told = np.nan_to_num(told, nan=-1.0)
    moved: npt.NDArray[np.int64] = told.astype(np.int64)
    moved += 1
    return moved


def _numbers(series: pl.Series, kind: pl.DataType) -> npt.NDArray[Any]:
    """Return numbers as a copy, since polars lends arrays that are read-only."""
    dtype = _KINDS.get(type(kind), np.int64)
    if not series.len():
        return np.empty(0, dtype)
    if series.null_count() and dtype is np.int64:
        series = series.to_physical().cast(pl.Int64).fill_null(-1)
    elif series.null_count() and kind in {pl.Boolean, pl.UInt8}:
        series = series.cast(pl.UInt8).fill_null(0)
    told = series.to_numpy()
    return (told.view(np.int64) if told.dtype.kind == "M" else told).astype(dtype)


_KINDS: Final[Mapping[type, type]] = MappingProxyType(
    {pl.Boolean: np.float64, pl.Float64: np.float64, pl.Float32: np.float64, pl.UInt8: np.uint8}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A micro-batch: one frame per signal, and what could not be read.

    ``offset`` says where its source resumes *after* this batch; ``sequence`` counts the
    batches of one source from 0.
    """

    source: str
    sequence: int
    offset: str
    received_at: datetime
    metrics: pl.DataFrame = field(default_factory=lambda: _no_rows(METRICS))
    logs: pl.DataFrame = field(default_factory=lambda: _no_rows(LOGS))
    spans: pl.DataFrame = field(default_factory=lambda: _no_rows(SPANS))
    changes: pl.DataFrame = field(default_factory=lambda: _no_rows(CHANGES))
    rejects: pl.DataFrame = field(default_factory=lambda: _no_rows(REJECTS))
    channels: tuple[Channel, ...] = ()
    observations: tuple[Observation, ...] = ()  # objects of clusters, see `records.cluster`
    columns: Columns = field(default_factory=Columns, init=False, repr=False, compare=False)

    @property
    def rows_scored(self) -> int:
        """Rows in the four signals."""
        return self.metrics.height + self.logs.height + self.spans.height + self.changes.height

    @property
    def rows_in(self) -> int:
        """Rows in the four signals and the rejects: what arrived."""
        return self.rows_scored + self.rejects.height


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The row view of one telemetry item, for people and plug-ins; never on the hot path."""

    signal: str
    observed_at: datetime
    resource: str
    service: str
    source: str
    body: str
    trust: float | None = None
    reasons: tuple[str, ...] = ()
