"""The archive: bounded copies of what went by, and the state that a checkpoint holds."""

import threading
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from tam_workbench.engine.checkpoint import pack, unpack
from tam_workbench.engine.loop import Turn
from tam_workbench.engine.scribe import from_json
from tam_workbench.plant import Plant
from tam_workbench.records import METRICS, REJECTS, Incident

if TYPE_CHECKING:
    from tam_workbench.engine.runner import Runner

METRIC_ROWS = 200_000
PREDICTION_ROWS = 50_000


class Archive:
    """Keeps the last metrics, predictions and rejects for people to look at."""

    def __init__(self, plant: Plant | None = None) -> None:
        self._plant = plant
        self._metrics: deque[pl.DataFrame] = deque()
        self._predictions: deque[pl.DataFrame] = deque()
        self._rejects: deque[pl.DataFrame] = deque(maxlen=200)
        self._lock = threading.Lock()
        self._last_at: datetime | None = None

    def add(self, turn: Turn) -> None:
        """Keep what a turn brought, and drop the oldest."""
        predicted = _predictions(turn)
        with self._lock:
            self._metrics.append(turn.batch.metrics.tail(METRIC_ROWS))
            self._predictions.append(predicted)
            if turn.batch.rejects.height:
                self._rejects.append(turn.batch.rejects.head(1000))
            _trim(self._metrics, METRIC_ROWS)
            _trim(self._predictions, PREDICTION_ROWS)
            self._last_at = turn.batch.received_at

    def metrics(self) -> pl.DataFrame:
        """Return the recent metric points."""
        return _joined(self._lock, self._metrics, pl.DataFrame(schema=METRICS))

    def predictions(self) -> pl.DataFrame:
        """Return recent predictions per tick and service."""
        return _joined(self._lock, self._predictions, pl.DataFrame(schema=_PREDICTIONS))

    def rejects(self) -> pl.DataFrame:
        """Return recently quarantined rows."""
        return _joined(self._lock, self._rejects, pl.DataFrame(schema=REJECTS))

    def lag_s(self, now: datetime) -> float:
        """Return the seconds since the last batch was received."""
        return (now - self._last_at).total_seconds() if self._last_at else 0.0

    def state(self, runner: "Runner", offset: str | None) -> dict[str, Any]:
        """Return the state of every stage and where the source stands."""
        stages, responder = runner.loop.stages, runner.loop.responder
        tally = runner.loop.tally
        return {
            "offset": offset,
            "ledger_head": runner.scribe.head.number if runner.scribe.head else 0,
            "memory_version": runner.recollection.version(),
            "screening": stages.screening.state(),
            "trust": stages.trust.state(),
            "features": stages.features.state(),
            "labeller": stages.labeller.state(),
            "learning": stages.learning.state(),
            "book": stages.book.state(),
            "responder": responder.state(),
            "gate": responder.gate_state(),
            "plant": self._plant.state() if self._plant else None,
            "tally": [tally.batches, tally.rows_in, tally.rows_scored, tally.rows_quarantined],
        }

    def model(self, runner: "Runner") -> bytes:
        """Return the learner's state alone, for a snapshot."""
        return pack({"learning": runner.loop.stages.learning.state()})

    def restore_model(self, packed: bytes, runner: "Runner") -> None:
        """Put the learner back to a snapshot."""
        runner.loop.stages.learning.restore(unpack(packed)["learning"])

    def restore(self, packed: bytes, runner: "Runner") -> str | None:
        """Put every stage back to a checkpoint and return where the source stood."""
        kept = unpack(packed)
        stages, tally = runner.loop.stages, runner.loop.tally
        stages.screening.restore(kept["screening"])
        stages.trust.restore(kept["trust"])
        stages.features.restore(kept["features"])
        stages.labeller.restore(kept["labeller"])
        stages.learning.restore(kept["learning"])
        documents = runner.journal.documents("incident").values()
        stages.book.restore(kept["book"], [from_json(text, Incident) for text in documents])
        runner.loop.responder.restore(kept["responder"], gate=kept["gate"])
        tally.batches, tally.rows_in, tally.rows_scored, tally.rows_quarantined = kept["tally"]
        if self._plant is not None:
            self._plant.restore(kept["plant"])
        offset: str | None = kept["offset"]
        return offset


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


def _trim(frames: deque[pl.DataFrame], rows: int) -> None:
    total = sum(frame.height for frame in frames)
    while len(frames) > 1 and total > rows:
        total -= frames.popleft().height


def _joined(
    lock: threading.Lock, frames: Sequence[pl.DataFrame] | deque[pl.DataFrame], empty: pl.DataFrame
) -> pl.DataFrame:
    with lock:
        chosen = [frame for frame in frames if frame.height]
    return pl.concat(chosen) if chosen else empty
