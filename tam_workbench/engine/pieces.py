"""Pieces: what batches leave for signing, as columns; many small ones are folded into one."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from tam_workbench.engine.kernels import group
from tam_workbench.engine.window_kernels import Flags
from tam_workbench.records import Batch, Bytes, Floats, Ints, TrustScores

Rows = TypeVar("Rows", "LogRows", "SpanRows")

SIGNALS: Final = ("logs", "spans", "changes")

_BELIEVED: Final = 0.35  # as an incident's observations must be to raise an alarm
_SLO: Final = "slo_"  # changes that are labels


@dataclass(frozen=True, slots=True)
class LogRows:
    """Believed log lines: names as codes of the process, moved up by one, as in a batch."""

    ticks: Ints
    services: Ints
    severity: Bytes
    bodies: pl.Series


@dataclass(frozen=True, slots=True)
class SpanRows:
    """Believed spans; ``called`` are the names of their operations, ``names`` the codes."""

    ticks: Ints
    services: Ints
    parents: Ints
    names: Ints
    failed: Flags
    seconds: Floats
    called: pl.Series
    traces: pl.Series


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A believed change that is no label."""

    tick: int
    service: str
    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class Piece:
    """What one batch left, or several: its ticks, and its believed rows (None: none came)."""

    first: int
    last: int
    logs: LogRows | None
    spans: SpanRows | None
    changes: tuple[ChangeRow, ...]

    def height(self, signal: str) -> int:
        """Return how many rows of a signal there are."""
        if signal == "changes":
            return len(self.changes)
        rows = self.logs if signal == "logs" else self.spans
        return 0 if rows is None else rows.ticks.size


def piece_of(
    batch: Batch, *, ticks: tuple[int, int], tick_us: int, scores: TrustScores | None
) -> Piece:
    """Return what a batch leaves; without ``scores`` every row is believed."""
    chosen = {signal: _believed(scores, signal) for signal in SIGNALS}
    return Piece(
        first=ticks[0],
        last=ticks[1],
        logs=_logs(batch, chosen["logs"], tick_us),
        spans=_spans(batch, chosen["spans"], tick_us),
        changes=_changes(batch, chosen["changes"], tick_us),
    )


def folded(pieces: Sequence[Piece]) -> Piece:
    """Return pieces that follow each other as one."""
    if len(pieces) == 1:
        return pieces[0]
    return Piece(
        first=pieces[0].first,
        last=pieces[-1].last,
        logs=_joined([p.logs for p in pieces if p.logs is not None]),
        spans=_joined([p.spans for p in pieces if p.spans is not None]),
        changes=tuple(change for p in pieces for change in p.changes),
    )


def _joined(rows: Sequence[Rows]) -> Rows | None:
    if len(rows) < 2:
        return rows[0] if rows else None
    columns: list[Any] = []
    for field in fields(rows[0]):
        parts = [getattr(each, field.name) for each in rows]
        is_series = isinstance(parts[0], pl.Series)
        columns.append(pl.concat(parts) if is_series else np.concatenate(parts))
    return type(rows[0])(*columns)


def _believed(scores: TrustScores | None, signal: str) -> Ints | None:
    """Return the rows that are believed, None where all are."""
    if scores is None:
        return None
    flags = scores.values[signal] >= _BELIEVED
    return None if flags.all() else np.flatnonzero(flags)


def _taken(column: npt.NDArray[Any], chosen: Ints | None) -> npt.NDArray[Any]:
    return column if chosen is None else column[chosen]


def _texts(column: pl.Series, chosen: Ints | None) -> pl.Series:
    return column if chosen is None else column[chosen]


def _logs(batch: Batch, chosen: Ints | None, tick_us: int) -> LogRows | None:
    frame = batch.logs
    if not frame.height:
        return None
    told = batch.columns.of(frame)
    return LogRows(
        ticks=_taken(told["time"], chosen) // tick_us,
        services=_taken(told["service"], chosen),
        severity=_taken(told["severity_number"], chosen),
        bodies=_texts(frame["body"], chosen),
    )


def _spans(batch: Batch, chosen: Ints | None, tick_us: int) -> SpanRows | None:
    frame = batch.spans
    if not frame.height:
        return None
    told = batch.columns.of(frame)
    return SpanRows(
        ticks=_taken(told["time"], chosen) // tick_us,
        services=_taken(told["service"], chosen),
        parents=_taken(told["parent_service"], chosen),
        names=_taken(told["name"], chosen),
        failed=_taken(told["error"], chosen) > 0.0,
        seconds=_taken(told["duration_s"], chosen),
        called=_texts(frame["name"], chosen),
        traces=_texts(frame["trace_id"], chosen),
    )


def _changes(batch: Batch, chosen: Ints | None, tick_us: int) -> tuple[ChangeRow, ...]:
    frame = batch.changes
    if not frame.height:
        return ()
    kept = told_changes(batch)
    if chosen is not None:
        kept = np.intersect1d(kept, chosen)
    if not kept.size:
        return ()
    ticks = batch.columns.of(frame)["time"][kept] // tick_us
    services, kinds, details = (frame[n][kept].to_list() for n in ("service", "kind", "detail"))
    return tuple(
        ChangeRow(int(tick), str(service), str(kind), str(detail or ""))
        for tick, service, kind, detail in zip(ticks, services, kinds, details, strict=True)
    )


def told_changes(batch: Batch) -> Ints:
    """Return the rows of a batch's changes that are no labels, in order."""
    kinds = batch.changes["kind"]
    first, which = group(batch.columns.of(batch.changes)["kind"])
    is_told = [not str(kinds[int(row)]).startswith(_SLO) for row in first]
    return np.flatnonzero(np.array(is_told, dtype=np.bool_)[which])
