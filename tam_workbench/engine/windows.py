"""Windows: what a stretch of telemetry says of a service, beside its own quiet past."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from tam_workbench.features.masks import mask
from tam_workbench.memory.blocks import Calls, Change, Lines, Series
from tam_workbench.records import Ints

Flags = npt.NDArray[np.bool_]

_SLO: Final = "slo_"  # changes that are labels


@dataclass(frozen=True, slots=True)
class Table:
    """Metric values of one batch: (N, M) by row, with the tick and the resource of each."""

    ticks: Ints
    resources: Ints
    values: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Ticks [past, start) that are compared with [start, end); ``quiet`` of the former count."""

    past: int
    start: int
    end: int
    quiet: Flags

    @property
    def ticks(self) -> int:
        """Length of the window."""
        return self.end - self.start


def metrics_of(
    tables: Iterable[Table], names: Sequence[str], resources: Ints, stretch: Stretch
) -> dict[str, Series]:
    """Return the series of the metrics that some resources report in the window."""
    cube = np.full((resources.size, stretch.end - stretch.past, len(names)), np.nan)
    size = int(resources.max(initial=-1)) + 1
    for table in tables:
        mine = (table.ticks >= stretch.past) & (table.ticks < stretch.end)
        place = np.full(max(size, int(table.resources.max(initial=-1)) + 1), -1)
        place[resources] = np.arange(resources.size)
        rows = np.flatnonzero(mine & (place[table.resources] >= 0))
        at = (place[table.resources[rows]], table.ticks[rows] - stretch.past)
        cube[at[0], at[1], : table.values.shape[1]] = table.values[rows]
    split = stretch.start - stretch.past
    cube[:, :split][:, ~stretch.quiet] = np.nan
    return {
        name: Series(before=cube[:, :split, m], now=cube[:, split:, m])
        for m, name in enumerate(names)
        if np.isfinite(cube[:, split:, m]).any()
    }


def timed(rows: pl.DataFrame, stretch: Stretch, *, tick_us: int) -> pl.DataFrame:
    """Return the rows of a stretch's window and quiet past, with ``tick`` and ``is_now``."""
    ticks = rows["time"].to_physical().to_numpy() // tick_us
    inside = (ticks >= stretch.past) & (ticks < stretch.end)
    heard = np.append(stretch.quiet, True)
    inside &= heard[np.clip(ticks, stretch.past, stretch.start) - stretch.past]
    told = rows.with_columns(tick=pl.Series(ticks), is_now=pl.Series(ticks >= stretch.start))
    return told.filter(pl.Series(inside))


def templates_of(rows: pl.DataFrame, stretch: Stretch) -> dict[str, Lines]:
    """Return how often each masked line came, in the window and in the quiet past."""
    if not rows.height:
        return {}
    past = max(1, int(stretch.quiet.sum()))
    told = rows.select(
        text=mask(rows["body"].fill_null("")), severity="severity_number", is_now="is_now"
    )
    counted = told.group_by("text").agg(
        now=pl.col("is_now").sum(),
        before=(~pl.col("is_now")).sum(),
        severity=pl.col("severity").max(),
    )
    return {
        str(text): Lines(before=before / past, now=now / stretch.ticks, severity=int(severity or 0))
        for text, now, before, severity in counted.sort("text").iter_rows()
    }


def spans_of(rows: pl.DataFrame) -> dict[str, Calls]:
    """Return each operation: how much of it fails and how slow it is, now and before.

    A span that failed is an origin when no span that its service caused in that trace failed.
    """
    if not rows.height:
        return {}
    failed = rows.filter("error").select("trace_id", "parent_service").drop_nulls().unique()
    caused = pl.struct("trace_id", service="parent_service")
    blamed = failed.select(caused).to_series().implode() if failed.height else None
    is_caused = (
        pl.struct("trace_id", "service").is_in(blamed)
        if blamed is not None
        else pl.lit(value=False)
    )
    now = pl.col("is_now")
    counted = rows.group_by(pl.col("name").cast(pl.String)).agg(
        count=now.sum(),
        failed_before=pl.col("error").filter(~now).mean(),
        failed=pl.col("error").filter(now).mean(),
        origin=(pl.col("error") & ~is_caused).filter(now).mean(),
        seconds_before=pl.col("duration_s").filter(~now).median(),
        seconds=pl.col("duration_s").filter(now).median(),
    )
    return {
        row["name"]: Calls(**{key: value or 0 for key, value in row.items() if key != "name"})
        for row in counted.sort("name").iter_rows(named=True)
    }


def changes_of(
    rows: pl.DataFrame, service: str, *, end: int, oldest: int, tick_s: float
) -> list[Change]:
    """Return the changes since ``oldest``; those that only say that an objective is missed not."""
    return [
        Change(
            kind=str(row["kind"]),
            detail=str(row["detail"] or ""),
            age_s=(end - row["tick"]) * tick_s,
            role="own" if row["service"] == service else "callee",
        )
        for row in rows.iter_rows(named=True)
        if row["tick"] >= oldest and not str(row["kind"]).startswith(_SLO)
    ]
