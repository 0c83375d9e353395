"""What the world says of the stream: SLO breaches and people's verdicts become late labels."""

from dataclasses import dataclass

import numpy as np
import polars as pl

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

    def labels(self, batch: Batch, scores: TrustScores) -> Labels:
        """Return the (service, tick) pairs in breach and the last tick that is now known."""
        services, ticks = self._from_changes(batch, scores)
        for rule in self._rules:
            more_services, more_ticks = self._from_rule(rule, batch.metrics)
            services += more_services
            ticks = np.concatenate([ticks, more_ticks])
        for frame in (batch.metrics, batch.spans, batch.logs, batch.changes):
            if frame.height:
                last = int(_microseconds(frame["time"]).max() // self._tick_us)
                self._known_until = max(self._known_until, last)
        return Labels(services=tuple(services), ticks=ticks, known_until=self._known_until)

    def _from_changes(self, batch: Batch, scores: TrustScores) -> tuple[list[str], Ints]:
        changes = batch.changes
        if not changes.height:
            return [], np.empty(0, dtype=np.int64)
        kinds = changes["kind"].cast(pl.String)
        believed = scores.values["changes"] >= self._min_trust
        chosen = changes.filter((kinds == "slo_breach") & pl.Series(believed))
        ticks = (_microseconds(chosen["time"]) // self._tick_us).astype(np.int64)
        return _names(chosen["service"]), ticks

    def _from_rule(self, rule: SloRule, metrics: pl.DataFrame) -> tuple[list[str], Ints]:
        rows = metrics.filter(metrics["name"] == rule.metric)
        distinct = rows["resource"].unique(maintain_order=True)
        resources = rows["resource"].to_physical().to_numpy()
        over = rows["value"].to_numpy() > rule.above
        hits = [np.empty(0, dtype=np.int64)]
        for code, resource in zip(distinct.to_physical(), distinct.cast(pl.String), strict=True):
            key = f"{rule.metric}|{resource}"
            own = np.flatnonzero(resources == code)
            runs = _run_lengths(over[own], self._runs.get(key, 0))
            self._runs[key] = int(runs[-1])
            hits.append(own[runs >= rule.for_ticks])
        breached = np.concatenate(hits)
        ticks = _microseconds(rows["time"])[breached] // self._tick_us
        return _names(rows["service"].gather(breached)), ticks.astype(np.int64)

    def state(self) -> dict[str, object]:
        """Return what a checkpoint keeps."""
        return {"runs": dict(self._runs), "known_until": self._known_until}

    def restore(self, state: dict[str, object]) -> None:
        """Go back to a kept state."""
        runs, known = state["runs"], state["known_until"]
        assert isinstance(runs, dict)
        assert isinstance(known, int)
        self._runs, self._known_until = dict(runs), known


def _microseconds(times: pl.Series) -> Ints:
    """Return stamps as they lie in memory; cheaper than ``to_physical``."""
    return times.to_numpy().view(np.int64)


def _names(column: pl.Series) -> list[str]:
    """Return the names of a categorical column, each one object however often it comes.

    >>> first, _, third = _names(pl.Series(["web", "db", "web"], dtype=pl.Categorical()))
    >>> first, first is third
    ('web', True)
    """
    distinct = column.unique()
    names = distinct.cast(pl.String).to_list()
    if len(names) == 1:
        return names * column.len()
    known = dict(zip(distinct.to_physical().to_list(), names, strict=True))
    return [known[code] for code in column.to_physical().to_list()]


def _run_lengths(over: np.ndarray[tuple[int], np.dtype[np.bool_]], before: int) -> Ints:
    """Return how many True in a row end at each place, ``before`` of them before the first.

    >>> _run_lengths(np.array([True, True, False, True]), 2).tolist()
    [3, 4, 0, 1]
    """
    index = np.arange(over.size)
    last_false = np.maximum.accumulate(np.where(over, -1, index))
    return np.where(last_false >= 0, index - last_false, index + 1 + before).astype(np.int64)
