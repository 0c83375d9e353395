"""What really happened, kept beside the stream: faults, breaches, forgeries, costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from tam_workbench.plant.kernels import Flags
from tam_workbench.plant.spec import FAULTS
from tam_workbench.plant.vocabulary import CHANNELS
from tam_workbench.records import Ints

PHASES: Final = ("onset", "breach", "recovery", "impact")
_SIGNALS: Final = ("metrics", "logs", "spans", "changes")
_KEPT: Final = 4096  # pieces; the oldest are let go


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRecord:
    """A fault from its start to the first tick when its service was well again."""

    kind: str
    service: str
    started: int
    breached: int | None
    resolved: int | None
    recovered: int | None
    by_action: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What the run cost; ``mttr_s`` averages breached faults, open ones up to now."""

    ticks: int
    slo_minutes_lost: Mapping[str, float]
    mttr_s: float | None
    action_cost: float
    actions: int
    wrong_actions: int
    faults: tuple[FaultRecord, ...]


class Truth:
    """Collects ground truth piece by piece; bounded in memory."""

    def __init__(self, service_names: tuple[str, ...], callees: Flags) -> None:
        self._names = service_names
        self._reach = callees  # (S, S) bool: column's service is below row's
        self._phases: list[tuple[Ints, Any]] = []
        self._forged: list[tuple[int, Any, Ints]] = []
        self._before = np.zeros(len(service_names), dtype=np.int64)

    def observe(self, tick: int, fault: Ints, breach: Ints) -> None:
        """Take in (T, S) fault codes (kind + 1, 0 without) and breaches."""
        own = np.where(fault > 0, fault, 0)
        last = np.vstack([self._before, own])
        for i in range(1, len(last)):  # a fault's name stays until its breach is over
            last[i] = np.where(own[i - 1] > 0, own[i - 1], np.where(breach[i - 1] == 1, last[i], 0))
            lingering = (own[i - 1] == 0) & (breach[i - 1] == 1) & (last[i - 1] > 0)
            last[i] = np.where(lingering, last[i - 1], last[i])
        self._before = last[-1].astype(np.int64)
        last = last[1:]
        below = np.where(self._reach[None], last[:, None, :], 0).max(axis=2)
        phase = np.where(own > 0, np.where(breach == 1, 2, 1), np.where(last > 0, 3, 0))
        impact = (phase == 0) & (breach == 1)
        phase = np.where(impact, 4, phase)
        code = np.where(impact, below, last)
        ticks, services = np.nonzero(phase)
        rows = np.stack([services, code[ticks, services], phase[ticks, services]])
        self._phases.append(((tick + ticks).astype(np.int64), rows.astype(np.uint8)))
        del self._phases[:-_KEPT]

    def forge(self, signal: str, channels: Ints, rows: Ints) -> None:
        """Remember which rows of a signal were forged."""
        if len(rows):
            piece = (_SIGNALS.index(signal), channels.astype(np.uint8), rows.astype(np.int64))
            self._forged.append(piece)
            del self._forged[:-_KEPT]

    def phases(self) -> pl.DataFrame:
        """Return (tick, service, fault, phase); impact is a caller's breach from below."""
        names = np.array(self._names)
        ticks = np.concatenate([t for t, _ in self._phases] or [np.zeros(0, np.int64)])
        codes = np.concatenate([c for _, c in self._phases] or [np.zeros((3, 0), np.uint8)], axis=1)
        return pl.DataFrame(
            {
                "tick": pl.Series(ticks, dtype=pl.Int64),
                "service": pl.Series(names[codes[0]].tolist(), dtype=pl.String),
                "fault": pl.Series(
                    np.array(("overload", *FAULTS))[codes[1]].tolist(), dtype=pl.String
                ),
                "phase": pl.Series(np.array(("none", *PHASES))[codes[2]].tolist(), dtype=pl.String),
            }
        )

    def forged(self) -> pl.DataFrame:
        """Return (source, row, signal) of every forged row."""
        sources = np.array([channel.name for channel in CHANNELS])
        pieces = [
            pl.DataFrame(
                {
                    "source": pl.Series(sources[channels].tolist(), dtype=pl.String),
                    "row": pl.Series(rows),
                    "signal": pl.Series([_SIGNALS[signal]] * len(rows), dtype=pl.String),
                }
            )
            for signal, channels, rows in self._forged
        ]
        schema = {"source": pl.String, "row": pl.Int64, "signal": pl.String}
        return pl.concat(pieces) if pieces else pl.DataFrame(schema=schema)
