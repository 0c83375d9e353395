"""What the screens get of a batch: pulses, sampled log lines, changes and quarantined rows."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from tam_workbench.engine.summary import ServiceTicks
from tam_workbench.records import (
    TRUST_REASONS,
    Batch,
    Event,
    Observations,
    Pulse,
    TrustScores,
)

Number = TypeVar("Number", np.float64, np.uint8)

PULSES: Final = 8
"""Ticks of one batch that get a pulse; at full speed the older ones are skipped."""

LINES: Final = 50
"""Log lines of one batch that reach the ticker; errors go first."""

_ERROR: Final = 17


def pulses(
    scores: TrustScores,
    observed: Observations,
    seen: ServiceTicks,
    *,
    drift: set[int],
    tick_s: float,
) -> list[Pulse]:
    """Return a pulse for each of the last ticks of a batch."""
    if not seen.ticks.size:
        return []
    trust = _all(scores.values, np.float64)
    reasons = _all(scores.reasons, np.uint8)
    counts = {
        name: int(np.count_nonzero(reasons & np.uint8(1 << bit)))
        for bit, name in enumerate(TRUST_REASONS)
    }
    first = max(0, seen.ticks.size - PULSES)
    mean = float(trust.mean()) if trust.size else 1.0
    low = float(trust.min()) if trust.size else 1.0
    shown = _shown(observed)
    return [
        Pulse(
            tick=tick,
            time=datetime.fromtimestamp(tick * tick_s, tz=UTC),
            rows=trust.size // seen.ticks.size,
            trust=mean,
            trust_low=low,
            reasons=counts,
            probability=float(seen.probability[at].max(initial=0.0)),
            baseline=float(seen.baseline[at].max(initial=0.0)),
            anomaly=float(seen.anomaly[at].max(initial=0.0)),
            is_drift=tick in drift,
            services=seen.services,
            service_probability=tuple(seen.probability[at].tolist()),
            service_anomaly=tuple(seen.anomaly[at].tolist()),
            service_trust=tuple(seen.trust[at].tolist()),
            headline=_headline(observed, tick, shown),
        )
        for at, tick in enumerate(seen.ticks[first:].tolist(), start=first)
    ]


def log_lines(batch: Batch, scores: TrustScores) -> list[Event]:
    """Return the log lines worth showing: errors first, then the newest."""
    logs = batch.logs
    if not logs.height:
        return []
    is_error = logs["severity_number"].to_numpy() >= _ERROR
    errors = np.flatnonzero(is_error)[-LINES:]
    others = np.flatnonzero(~is_error)
    chosen = [errors, others[max(0, others.size + errors.size - LINES) :]]
    return events(logs, "logs", scores, np.sort(np.concatenate(chosen)))


def change_lines(batch: Batch, scores: TrustScores) -> list[Event]:
    """Return the changes of a batch."""
    return events(batch.changes, "changes", scores, np.arange(min(batch.changes.height, 200)))


def reject_lines(batch: Batch) -> list[Event]:
    """Return the quarantined rows of a batch, at most 200."""
    return [
        Event(
            signal=row["signal"],
            observed_at=row["time"] or batch.received_at,
            resource="",
            service="",
            source=str(row["source"]),
            body=f"{row['field']}: {row['reason']} | {row['excerpt']}",
        )
        for row in batch.rejects.head(200).iter_rows(named=True)
    ]


def events(
    frame: pl.DataFrame,
    signal: str,
    scores: TrustScores,
    chosen: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> list[Event]:
    """Return the chosen rows of a signal as events with their trust and reasons."""
    if not chosen.size:
        return []
    trust, reasons = scores.values[signal], scores.reasons[signal]
    told = frame if chosen.size == frame.height else frame[chosen.tolist()]
    rows = told.iter_rows(named=True)
    return [
        Event(
            signal=signal,
            observed_at=row["time"],
            resource=str(row["resource"]),
            service=str(row["service"]),
            source=str(row["source"]),
            body=row.get("body") or f"{row.get('kind')} {row.get('object')} {row.get('detail')}",
            trust=float(trust[at]),
            reasons=reason_names(int(reasons[at])),
        )
        for at, row in zip(chosen, rows, strict=True)
    ]


@cache
def reason_names(byte: int) -> tuple[str, ...]:
    """Return the names of the bits of a reason byte.

    >>> reason_names(0b100001)
    ('unauthenticated', 'uncorroborated')
    """
    return tuple(name for bit, name in enumerate(TRUST_REASONS) if byte >> bit & 1)


def _shown(observed: Observations) -> dict[str, int]:
    """Return the features of the headline and their columns."""
    plain = {
        name: column
        for column, name in enumerate(observed.feature_names)
        if name and not name.endswith((".delta", ".deviation")) and "bucket" not in name
    }
    return dict(list(plain.items())[:24])


def _headline(observed: Observations, tick: int, shown: dict[str, int]) -> dict[str, float]:
    first, last = np.searchsorted(observed.ticks, [tick, tick + 1])
    if first == last:
        return {}
    means = observed.values[first:last, list(shown.values())].mean(axis=0)
    return dict(zip(shown, means.tolist(), strict=True))


def _all(parts: Mapping[str, npt.NDArray[Number]], dtype: type[Number]) -> npt.NDArray[Number]:
    arrays = [np.asarray(part, dtype=dtype) for part in parts.values()]
    return np.concatenate(arrays) if arrays else np.empty(0, dtype=dtype)
