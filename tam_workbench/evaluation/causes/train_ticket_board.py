"""The TrainTicket board: our watch beside simple peers that are told the time.

The ninth fault (an exception in ts-travel2-service) left nothing in what was recorded: in the two
minutes with traces after it that service writes no line of ERROR, answers every request and takes
its usual steps; what breaks is ts-travel-service and the order of food. So 22 of 23 is what
can be named from this data, as many as Nezha names.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from tam_workbench.evaluation.causes.train_ticket import TICK_S, Day, Fault, Tick, days
from tam_workbench.evaluation.causes.trials import Trial, trivial
from tam_workbench.evaluation.causes.watching import Report, Watch
from tam_workbench.records import Floats

SCORED_S: Final = 240.0
"""A fault's report is the last with traces within so long after its injection."""

_PEER_S: Final = 180.0  # what the simple peers look at after the injection
_PAST_S: Final = 1200.0  # and before it
_FLOOR_NS: Final = 1_000_000.0
_SHAPE: Final = 120  # characters of a line that make its shape


def trials() -> tuple[list[Trial], Watch]:
    """Run the watch over all days in one stream and score it; peers beside."""
    all_days = list(days())
    watch = Watch()
    reports = watch.run(all_days)
    found: list[Trial] = []
    for day in all_days:
        for fault in day.faults:
            found.append(_trial(len(found), fault, day, reports))
    return found, watch


def _trial(number: int, fault: Fault, day: Day, reports: Sequence[Report]) -> Trial:
    last = [
        report
        for report in reports
        if report.has_traces and 0.0 < report.at_s - fault.at_s <= SCORED_S
    ]
    suspects = last[-1].suspects if last else ()
    peers = trivial(sorted({service for service, _ in day.columns}), number)
    for name, score in _peers(fault, day).items():
        peers[name] = tuple(sorted(score, key=lambda s, of=score: (-of[s], s)))  # type: ignore[misc]
    return Trial(
        name=f"{day.name} {fault.kind} {fault.cause}",
        number=number + 1,
        cause=fault.cause,
        suspects=tuple(suspect.service for suspect in suspects),
        delay_s=last[-1].alarmed_at_s - fault.at_s if last else None,
        peers=peers,
    )


def _peers(fault: Fault, day: Day) -> dict[str, dict[str, float]]:
    """Return simple scores of one signal each, told the time: as others would begin."""
    after = [t for t in day.ticks if fault.at_s <= t.at_s - TICK_S < fault.at_s + _PEER_S - TICK_S]
    past = [t for t in day.ticks if -_PAST_S <= t.at_s - fault.at_s < -TICK_S / 2]
    return {
        "metrics, largest robust z (told the time)": _metric_z(past, after, day.columns),
        "logs, new and lost shapes (told the time)": _log_shapes(day.quiet[1], after),
        "traces, growth of own p95 (told the time)": _trace_growth(day.quiet[0], after),
    }


def _metric_z(
    past: list[Tick], after: list[Tick], columns: tuple[tuple[str, str], ...]
) -> dict[str, float]:
    found: dict[str, float] = {}
    if len(past) < 4 or not after:
        return found
    old, new = (np.concatenate([tick.metrics for tick in ticks]) for ticks in (past, after))
    old = np.where(np.isnan(old).all(axis=0), 0.0, old)
    low, middle, high = np.nanquantile(old, [0.25, 0.5, 0.75], axis=0)
    spread: Floats = np.where(high > low, high - low, np.nan)
    score = np.nan_to_num((new - middle) / spread).max(axis=0)
    for (service, _), z in zip(columns, score.tolist(), strict=True):
        found[service] = max(found.get(service, 0.0), z)
    return found


def _log_shapes(quiet: pl.DataFrame, after: list[Tick]) -> dict[str, float]:
    if not after:
        return {}
    key = ["service", "shape"]
    shape = pl.col("body").str.replace_all(r"\d+", "#").str.tail(_SHAPE)
    told = (quiet, pl.concat([tick.logs for tick in after]))
    old, new = (frame.with_columns(shape=shape) for frame in told)
    shares = [
        frame.group_by(key).agg(share=pl.len() / max(frame.height, 1)) for frame in (old, new)
    ]
    lost, fresh = (shares[i].join(shares[1 - i], on=key, how="anti") for i in (0, 1))
    both = pl.concat([lost, fresh]).group_by("service").agg(pl.col("share").sum())
    return dict(both.rows())


def _trace_growth(quiet: pl.DataFrame, after: list[Tick]) -> dict[str, float]:
    if not after:
        return {}
    key = ["service", "operation"]
    old, new = (_own_p95(spans) for spans in (quiet, pl.concat([tick.spans for tick in after])))
    grown = new.join(old, on=key, suffix="_old").with_columns(
        growth=((pl.col("p95") + _FLOOR_NS) / (pl.col("p95_old") + _FLOOR_NS)).log()
    )
    return dict(grown.group_by("service").agg(pl.col("growth").max()).rows())


def _own_p95(spans: pl.DataFrame) -> pl.DataFrame:
    inner = spans.group_by("parent").agg(inner=pl.col("duration_ns").sum())
    own = pl.col("duration_ns") - pl.col("inner").fill_null(0)
    joined = spans.join(inner, left_on="span", right_on="parent", how="left")
    return joined.group_by("service", "operation").agg(p95=own.clip(0).quantile(0.95))
