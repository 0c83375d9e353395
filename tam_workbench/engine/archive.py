"""The archive: bounded copies of what went by, for people to look at."""

import threading
from collections import deque
from datetime import datetime

import polars as pl

from tam_workbench.engine.loop import Turn
from tam_workbench.records import METRICS, REJECTS

METRIC_ROWS = 200_000
PREDICTION_ROWS = 50_000


class _Tail:
    """The last frames that together hold about ``rows`` rows."""

    def __init__(self, rows: int) -> None:
        self.frames: deque[pl.DataFrame] = deque()
        self._rows = rows
        self._held = 0

    def add(self, frame: pl.DataFrame) -> None:
        kept = frame if frame.height <= self._rows else frame.tail(self._rows)
        self.frames.append(kept)
        self._held += kept.height
        while len(self.frames) > 1 and self._held > self._rows:
            self._held -= self.frames.popleft().height


class Archive:
    """Keeps the last metrics, predictions and rejects for people to look at."""

    def __init__(self) -> None:
        self._metrics = _Tail(METRIC_ROWS)
        self._predictions = _Tail(PREDICTION_ROWS)
        self._rejects: deque[pl.DataFrame] = deque(maxlen=200)
        self._lock = threading.Lock()
        self._last_at: datetime | None = None

    def add(self, turn: Turn) -> None:
        """Keep what a turn brought, and drop the oldest."""
        predicted = _predictions(turn)
        with self._lock:
            self._metrics.add(turn.batch.metrics)
            self._predictions.add(predicted)
            if turn.batch.rejects.height:
                self._rejects.append(turn.batch.rejects.head(1000))
            self._last_at = turn.batch.received_at

    def metrics(self) -> pl.DataFrame:
        """Return the recent metric points."""
        return _joined(self._lock, self._metrics.frames, pl.DataFrame(schema=METRICS))

    def predictions(self) -> pl.DataFrame:
        """Return recent predictions per tick and service."""
        return _joined(self._lock, self._predictions.frames, pl.DataFrame(schema=_PREDICTIONS))

    def rejects(self) -> pl.DataFrame:
        """Return recently quarantined rows."""
        return _joined(self._lock, self._rejects, pl.DataFrame(schema=REJECTS))

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


def _predictions(turn: Turn) -> pl.DataFrame:
    seen = turn.seen
    keep = min(seen.ticks.size, 512)
    width = len(seen.services)
    return pl.DataFrame(
        {
            "tick": seen.ticks[-keep:].repeat(width),
            "service": pl.Series(list(seen.services) * keep, dtype=pl.Categorical()),
            "probability": seen.probability[-keep:].ravel(),
            "baseline": seen.baseline[-keep:].ravel(),
            "anomaly": seen.anomaly[-keep:].ravel(),
            "trust": seen.trust[-keep:].ravel(),
            "breached": seen.is_breached[-keep:].ravel(),
        },
        schema=_PREDICTIONS,
    )


def _joined(lock: threading.Lock, frames: deque[pl.DataFrame], empty: pl.DataFrame) -> pl.DataFrame:
    with lock:
        chosen = [frame for frame in frames if frame.height]
    return pl.concat(chosen) if chosen else empty
