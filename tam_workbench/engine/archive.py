"""The archive: bounded copies of what went by, for people to look at."""

import threading
from collections import deque
from dataclasses import replace
from datetime import datetime
from typing import Generic, TypeVar

import polars as pl

from tam_workbench.engine.loop import Turn
from tam_workbench.engine.summary import ServiceTicks
from tam_workbench.records import METRICS, REJECTS

METRIC_ROWS = 200_000
PREDICTION_ROWS = 50_000
TICKS = 512
"""Ticks of one batch whose predictions are kept."""


Part = TypeVar("Part", pl.DataFrame, ServiceTicks)


class _Tail(Generic[Part]):
    """The last parts that together hold about ``rows`` rows."""

    def __init__(self, rows: int) -> None:
        self.parts: deque[Part] = deque()
        self._sizes: deque[int] = deque()
        self._rows = rows
        self._held = 0

    def add(self, part: Part, *, rows: int) -> None:
        if not rows:
            return
        self.parts.append(part)
        self._sizes.append(rows)
        self._held += rows
        while len(self.parts) > 1 and self._held > self._rows:
            self.parts.popleft()
            self._held -= self._sizes.popleft()


class Archive:
    """Keeps the last metrics, predictions and rejects for people to look at."""

    def __init__(self) -> None:
        self._metrics: _Tail[pl.DataFrame] = _Tail(METRIC_ROWS)
        self._predictions: _Tail[ServiceTicks] = _Tail(PREDICTION_ROWS)
        self._rejects: deque[pl.DataFrame] = deque(maxlen=200)
        self._lock = threading.Lock()
        self._last_at: datetime | None = None

    def add(self, turn: Turn) -> None:
        """Keep what a turn brought, and drop the oldest."""
        metrics, seen = turn.batch.metrics, _latest(turn.seen)
        if metrics.height > METRIC_ROWS:
            metrics = metrics.tail(METRIC_ROWS)
        with self._lock:
            self._metrics.add(metrics, rows=metrics.height)
            self._predictions.add(seen, rows=seen.probability.size)
            if turn.batch.rejects.height:
                self._rejects.append(turn.batch.rejects.head(1000))
            self._last_at = turn.batch.received_at

    def metrics(self) -> pl.DataFrame:
        """Return the recent metric points."""
        with self._lock:
            frames = list(self._metrics.parts)
        return _joined(frames, pl.DataFrame(schema=METRICS))

    def predictions(self) -> pl.DataFrame:
        """Return recent predictions per tick and service."""
        with self._lock:
            parts = list(self._predictions.parts)
        return _joined([_frame(part) for part in parts], pl.DataFrame(schema=_PREDICTIONS))

    def rejects(self) -> pl.DataFrame:
        """Return recently quarantined rows."""
        with self._lock:
            frames = list(self._rejects)
        return _joined(frames, pl.DataFrame(schema=REJECTS))

    def lag_s(self, now: datetime) -> float:
        """Return the seconds since the last batch was received."""
        return (now - self._last_at).total_seconds() if self._last_at else 0.0


_PREDICTIONS = pl.Schema(
    {
        "tick": pl.Int64(),
        "service": pl.Categorical(),
        "probability": pl.Float64(),
        "baseline": pl.Float64(),
        "anomaly": pl.Float64(),
        "trust": pl.Float64(),
        "breached": pl.Boolean(),
    }
)


def _latest(seen: ServiceTicks) -> ServiceTicks:
    """Return the last ticks of a batch; copies, so that nothing else is kept alive."""
    if seen.ticks.size <= TICKS:
        return seen
    arrays = ("ticks", "probability", "baseline", "anomaly", "trust", "is_breached", "rows")
    return replace(seen, **{name: getattr(seen, name)[-TICKS:].copy() for name in arrays})


def _frame(seen: ServiceTicks) -> pl.DataFrame:
    services = list(seen.services) * seen.ticks.size
    return pl.DataFrame(
        {
            "tick": seen.ticks.repeat(len(seen.services)),
            "service": pl.Series(services, dtype=pl.Categorical()),
            "probability": seen.probability.ravel(),
            "baseline": seen.baseline.ravel(),
            "anomaly": seen.anomaly.ravel(),
            "trust": seen.trust.ravel(),
            "breached": seen.is_breached.ravel(),
        },
        schema=_PREDICTIONS,
    )


def _joined(frames: list[pl.DataFrame], empty: pl.DataFrame) -> pl.DataFrame:
    return pl.concat(frames) if frames else empty
