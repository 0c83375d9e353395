"""Windows: what a stretch of telemetry says of a service, beside its own quiet past."""

from collections.abc import Iterable, Mapping, Sequence
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


def templates_of(
    rows: pl.DataFrame, stretches: Mapping[str, Stretch], *, tick_us: int
) -> dict[str, dict[str, Lines]]:
    """Return by service how often each masked line came, in its window and in its quiet past.

    All services are counted in one pass; their stretches differ in what was quiet only.
    """
    found: dict[str, dict[str, Lines]] = {name: {} for name in stretches}
    names = rows["service"].cast(pl.String).to_list()
    ticks = rows["time"].to_physical().to_numpy() // tick_us
    heard = np.zeros(len(names), np.bool_)
    is_now = np.zeros(len(names), np.bool_)
    places = {name: at for at, name in enumerate(stretches)}
    owner = np.array([places.get(name, -1) for name in names])
    for name, stretch in stretches.items():
        own = np.flatnonzero(owner == places[name])
        flags = np.append(stretch.quiet, np.True_)
        at = ticks[own]
        is_now[own] = at >= stretch.start
        heard[own] = (at >= stretch.past) & (at < stretch.end)
        heard[own] &= flags[np.clip(at, stretch.past, stretch.start) - stretch.past]
    if not heard.any():
        return found
    told = (
        rows.select("body", severity="severity_number")
        .with_columns(owner=pl.Series(owner), is_now=pl.Series(is_now))
        .filter(pl.Series(heard))
    )
    counted = (
        told.with_columns(text=mask(told["body"].fill_null("")))
        .group_by("owner", "text")
        .agg(
            now=pl.col("is_now").sum(),
            before=(~pl.col("is_now")).sum(),
            severity=pl.col("severity").max(),
        )
        .sort("owner", "text")
    )
    order = list(stretches.items())
    for place, text, now, before, severity in counted.iter_rows():
        name, stretch = order[place]
        past = max(1, int(stretch.quiet.sum()))
        found[name][str(text)] = Lines(
            before=before / past, now=now / stretch.ticks, severity=int(severity or 0)
        )
    return found


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
