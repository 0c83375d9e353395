"""A batch's columns as numbers: ticks, codes of names, values."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from tam_workbench.features.kernels import count_ticks
from tam_workbench.records import Batch, Bytes, Floats, Ints

SIGNALS: Final = ("metrics", "logs", "spans")
"""The signals that observations are made from."""

_CODED: Final = {
    "metrics": ("time", "resource", "service", "name"),
    "logs": ("time", "resource", "service"),
    "spans": ("time", "resource", "service"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The frames of a batch by signal, with their ticks and codes; ``low`` to ``high`` in ticks."""

    frames: dict[str, pl.DataFrame]
    codes: dict[str, dict[str, pl.Series]]
    ticks: dict[str, Ints]
    low: int
    high: int

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to observe."""
        return self.high < self.low

    @classmethod
    def of(cls, batch: Batch, tick_us: int, first_open: int) -> "Columns":
        """Return the columns of a batch; ``first_open`` is the first tick that may still grow."""
        frames = dict(zip(SIGNALS, (batch.metrics, batch.logs, batch.spans), strict=True))
        codes = {signal: _physical(frame, _CODED[signal]) for signal, frame in frames.items()}
        ticks = {
            s: count_ticks(c["time"].to_numpy(), tick_us, first_open) for s, c in codes.items()
        }
        ends = [(int(t.min()), int(t.max())) for t in ticks.values() if t.size]
        return cls(
            frames=frames,
            codes=codes,
            ticks=ticks,
            low=min((low for low, _ in ends), default=0),
            high=max((high for _, high in ends), default=-1),
        )


def _physical(frame: pl.DataFrame, names: tuple[str, ...]) -> dict[str, pl.Series]:
    chosen = frame.select(pl.col(names).to_physical())
    return {
        series.name: series.cast(pl.Int64).fill_null(-1) if series.null_count() else series
        for series in chosen.get_columns()
    }


def _times(column: pl.Series) -> Ints:
    """Return microseconds as a copy: read-only arrays would have the kernels compiled again."""
    return np.array(column.to_numpy(), dtype=np.int64)


def floats(column: pl.Series) -> Floats:
    """Return a column as float64, null as NaN."""
    return np.array(column.cast(pl.Float64).to_numpy(), dtype=np.float64)


def severities(column: pl.Series) -> Bytes:
    """Return severity numbers, null as 0."""
    filled = column.fill_null(0) if column.null_count() else column
    return np.array(filled.to_numpy(), dtype=np.uint8)


def failures(column: pl.Series) -> Floats:
    """Return 1.0 where a span failed; null did not."""
    return floats(column.fill_null(value=False) if column.null_count() else column)
