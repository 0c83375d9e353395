"""Sock Shop: 1 Hz metrics of a shop into which a CPU or memory hog was put (RCD, RCAEval)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from tam_workbench.causal.ranking import Onset, metric_clues, rank, strongest
from tam_workbench.errors import BadInputError
from tam_workbench.evaluation.causes.places import folder
from tam_workbench.evaluation.causes.trials import Trial, trivial
from tam_workbench.records import Floats

TICK_ROWS: Final = 15
"""Rows (seconds) of a tick: evidence is gathered four times a minute."""

WINDOW_ROWS: Final = 300
"""Rows that are ranked after the onset, as on the published board."""

_MEGABYTE: Final = 1e6
_LEFT_OUT: Final = ("_lat_50", "_lat_99")  # of the published board


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One run: values (n, d), (service, metric) of each column, and for the scorer the truth."""

    name: str
    values: Floats
    columns: tuple[tuple[str, str], ...]
    cause: str
    injected: int  # row


def recordings() -> Iterator[Recording]:
    """Yield the runs that lie here, the quiet part first, gaps filled with the value before."""
    path = folder("sockshop", "rcd_sockshop") / "sock_shop_cases.parquet"
    if not path.is_file():
        raise BadInputError(f"{path} is missing; set TAM_DATASETS to a copy of the data set")
    table = pl.read_parquet(path)
    named = [c for c in table.columns[5:] if not c.endswith(_LEFT_OUT)]
    columns = [tuple(name.split("_", 1)) for name in named]
    keys = ["service", "fault", "case"]
    for key, case in table.group_by(keys, maintain_order=True):
        parts = [
            case.filter(pl.col("phase") == phase).sort("time") for phase in ("normal", "anomalous")
        ]
        filled = pl.concat(parts).select(pl.col(named).cast(pl.Float64).fill_nan(None))
        yield Recording(
            name="-".join(str(part) for part in key),
            values=filled.select(pl.all().forward_fill().fill_null(0.0)).to_numpy(),
            columns=tuple((service.replace("-db", ""), metric) for service, metric in columns),
            cause=str(key[0]),
            injected=parts[0].height,
        )


def trials() -> list[Trial]:
    """Stream every run, find when it began, rank what followed; published peers beside."""
    return [_trial(number, recording) for number, recording in enumerate(recordings())]


def _trial(number: int, recording: Recording) -> Trial:
    values, columns = recording.values, recording.columns
    onset, delay = Onset(), None
    suspects: tuple[str, ...] = ()
    for row in range(0, len(values), TICK_ROWS):
        tick = values[row : row + TICK_ROWS]
        onset.update(strongest(metric_clues(values[:row], tick, columns)), at=float(row))
        if onset.is_open and row + TICK_ROWS > recording.injected:
            delay = float(row + TICK_ROWS - recording.injected)
            break
        if onset.is_open:
            onset.close()  # a false alarm: `false_alarms` counts them
    if onset.began_at is not None:
        began = int(onset.began_at)
        clues = metric_clues(values[:began], values[began : began + WINDOW_ROWS], columns)
        suspects = tuple(suspect.service for suspect in rank(clues))
    return Trial(
        name=recording.name,
        number=number,
        cause=recording.cause,
        suspects=suspects,
        delay_s=delay,
        peers=_peers(number, recording),
    )


def false_alarms() -> tuple[int, int]:
    """Return how many incidents opened before the injections, and in how many ticks."""
    alarms = ticks = 0
    for recording in recordings():
        onset = Onset()
        for row in range(0, recording.injected - TICK_ROWS, TICK_ROWS):
            tick = recording.values[row : row + TICK_ROWS]
            clues = metric_clues(recording.values[:row], tick, recording.columns)
            onset.update(strongest(clues), at=float(row))
            ticks += 1
            if onset.is_open:
                alarms += 1
                onset.close()
    return alarms, ticks


def _peers(number: int, recording: Recording) -> dict[str, tuple[str, ...]]:
    """Return what others rank when they are told the time: BARO and NSigma, and a minute late."""
    found = trivial(sorted({service for service, _ in recording.columns}), number)
    for late in (0, 60):
        cut = recording.injected + late
        before = recording.values[max(0, cut - WINDOW_ROWS) : cut].copy()
        after = recording.values[cut : cut + WINDOW_ROWS].copy()
        memory = [place for place, (_, metric) in enumerate(recording.columns) if metric == "mem"]
        before[:, memory] /= _MEGABYTE
        after[:, memory] /= _MEGABYTE
        varies = (before != before[0]).any(axis=0) & (after != after[0]).any(axis=0)
        told = "told the time" if not late else "told it 60 s late"
        for name, score in (("BARO", _baro(before, after)), ("NSigma", _n_sigma(before, after))):
            found[f"{name} ({told})"] = _services(recording.columns, score, varies)
    return found


def _baro(before: Floats, after: Floats) -> Floats:
    """Robust z of the highest value, as in BARO (Pham et al. 2024)."""
    low, middle, high = np.quantile(before, [0.25, 0.5, 0.75], axis=0)
    spread = np.where(high > low, high - low, 1.0)
    found: Floats = ((after - middle) / spread).max(axis=0)
    return found


def _n_sigma(before: Floats, after: Floats) -> Floats:
    spread = before.std(axis=0)
    found: Floats = ((after - before.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)).max(
        axis=0
    )
    return found


def _services(
    columns: Sequence[tuple[str, str]],
    score: Floats,
    varies: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> tuple[str, ...]:
    order = np.argsort(-score, kind="stable")
    return tuple(dict.fromkeys(columns[place][0] for place in order if varies[place]))
