"""What the world says of the stream: SLO breaches and people's verdicts become late labels."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from tam_workbench.engine.kernels import count_runs, group
from tam_workbench.records import Batch, Ints, Labels, TrustScores


@dataclass(frozen=True, slots=True, kw_only=True)
class SloRule:
    """A service-level objective on one metric, for sources that bring no SLO events."""

    metric: str
    """Metric name, such as ``system.cpu.utilization``."""

    above: float
    """The objective is breached while the value is above this, in the metric's unit."""

    for_ticks: int = 5
    """Ticks in a row before it counts; 1 counts at once."""


class Labeller:
    """Reads breaches from ``slo_breach`` changes and from SLO rules.

    Only changes with trust of at least ``min_trust`` count: a label is a claim like any other.
    """

    def __init__(self, rules: tuple[SloRule, ...], *, tick_s: float, min_trust: float) -> None:
        self._rules = rules
        self._tick_us = tick_s * 1e6
        self._min_trust = min_trust
        self._runs: dict[str, int] = {}
        self._known_until = -1
        self._codes: dict[str, int] = {}
        self._anchor: pl.Series | None = None

    def labels(self, batch: Batch, scores: TrustScores) -> Labels:
        """Return the (service, tick) pairs in breach and the last tick that is now known."""
        services, ticks = self._from_changes(batch, scores)
        for rule in self._rules:
            more_services, more_ticks = self._from_rule(rule, batch)
            services += more_services
            ticks = np.concatenate([ticks, more_ticks])
        for frame in (batch.metrics, batch.spans, batch.logs, batch.changes):
            if frame.height:
                last = int(batch.columns.of(frame)["time"].max() // self._tick_us)
                self._known_until = max(self._known_until, last)
        return Labels(services=tuple(services), ticks=ticks, known_until=self._known_until)

    def _from_changes(self, batch: Batch, scores: TrustScores) -> tuple[list[str], Ints]:
        kinds = batch.changes["kind"].to_list()
        believed = scores.values["changes"] >= self._min_trust
        rows = [row for row, kind in enumerate(kinds) if kind == "slo_breach" and believed[row]]
        if not rows:
            return [], np.empty(0, dtype=np.int64)
        times = batch.columns.of(batch.changes)["time"][rows]
        names = batch.changes["service"].to_list()
        return [names[row] for row in rows], (times // self._tick_us).astype(np.int64)

    def _from_rule(self, rule: SloRule, batch: Batch) -> tuple[list[str], Ints]:
        metrics, told = batch.metrics, batch.columns.of(batch.metrics)
        rows = np.flatnonzero(told["name"] == self._code(rule.metric, metrics, told["name"]))
        first, who = group(told["resource"][rows])
        resources = metrics["resource"]
        keys = [f"{rule.metric}|{resources[int(row)]}" for row in rows[first]]
        runs = np.array([self._runs.get(key, 0) for key in keys], dtype=np.int64)
        long = count_runs(who, told["value"][rows] > rule.above, runs) >= rule.for_ticks
        self._runs.update(zip(keys, runs.tolist(), strict=True))
        breached = rows[long]
        ticks = told["time"][breached] // self._tick_us
        return _names(metrics["service"], told["service"], breached), ticks.astype(np.int64)

    def _code(self, name: str, metrics: pl.DataFrame, codes: Ints) -> int:
        """Return the code of a metric's name, -1 while no row has brought it."""
        if name not in self._codes and codes.size:
            if self._anchor is None:  # polars renumbers categories when no column of them lives
                self._anchor = metrics["name"].clear()
            first, _ = group(codes)
            for row in first.tolist():
                self._codes[str(metrics["name"][row])] = int(codes[row])
        return self._codes.get(name, -1)

    def state(self) -> dict[str, object]:
        """Return what a checkpoint keeps."""
        return {"runs": dict(self._runs), "known_until": self._known_until}

    def restore(self, state: dict[str, object]) -> None:
        """Go back to a kept state."""
        runs, known = state["runs"], state["known_until"]
        assert isinstance(runs, dict)
        assert isinstance(known, int)
        self._runs, self._known_until = dict(runs), known


def _names(column: pl.Series, codes: Ints, rows: Ints) -> list[str]:
    """Return the names of some rows of a column, each one object however often it comes.

    >>> column = pl.Series(["web", "db", "web"], dtype=pl.Categorical())
    >>> first, last = _names(column, np.array([1, 2, 1]), np.array([0, 2]))
    >>> first, first is last
    ('web', True)
    """
    first, which = group(codes[rows])
    known = [str(column[int(row)]) for row in rows[first]]
    return known * rows.size if len(known) == 1 else [known[at] for at in which.tolist()]
