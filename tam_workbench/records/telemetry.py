"""Telemetry on its way through the house: micro-batches in columns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Final

import polars as pl

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
