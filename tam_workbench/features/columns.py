"""A batch's columns as numbers: ticks, codes of names, values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy.typing as npt
import polars as pl

from tam_workbench.features.kernels import count_ticks
from tam_workbench.records import Batch, Ints

SIGNALS: Final = ("metrics", "logs", "spans")
"""The signals that observations are made from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The frames of a batch by signal, their arrays and ticks; ``low`` to ``high`` in ticks."""

    frames: dict[str, pl.DataFrame]
    arrays: dict[str, Mapping[str, npt.NDArray[Any]]]
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
        arrays = {signal: batch.columns.of(frame) for signal, frame in frames.items()}
        ticks = {s: count_ticks(a["time"], tick_us, first_open) for s, a in arrays.items()}
        ends = [(int(t.min()), int(t.max())) for t in ticks.values() if t.size]
        return cls(
            frames=frames,
            arrays=arrays,
            ticks=ticks,
            low=min((low for low, _ in ends), default=0),
            high=max((high for _, high in ends), default=-1),
        )
