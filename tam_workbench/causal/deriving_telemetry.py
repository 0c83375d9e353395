"""Facts read out of the loop's own frames: storms of errors, odd metrics, failing calls.

Each series (errors of a service, a metric of a resource, calls from one service to another) is
summed by ticks and held against its own habit. What leaves the habit is one fact for as long as
it stays away: the fact is told at the beginning, and anew only after the series was calm again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import sqrt
from typing import Any, Final

import polars as pl

from tam_workbench.causal.deriving_objects import Objects
from tam_workbench.causal.identity import WORKLOADS, content_key
from tam_workbench.records import Fact, ObjectRef

_ERROR: Final = 17  # severity_number of ERROR in OpenTelemetry
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Series = tuple[str, str, str, str]  # kind of fact, service, name or callee, resource


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryRules:
    """When a series has left its habit."""

    tick_s: float = 10.0
    """Seconds that are summed to one value."""
    learning_ticks: int = 12
    """Ticks a series must be known before anything is said of it."""
    deviations: float = 6.0
    """Deviations from the habit, at which a tick is odd."""
    floor: float = 0.1
    """Least deviation, as a part of the habit: a series that never moved may move this much."""
    least_errors: float = 5.0
    """Errors in a tick below which nothing is a storm."""
    least_rate: float = 0.05
    """Part of calls that must fail before a service counts as degraded."""
    calm_ticks: int = 3
    """Ordinary ticks after which the next odd one is a new fact."""
    half_life_ticks: float = 60.0
    """Ticks after which what was seen weighs half in the habit."""


@dataclass(slots=True)
class _Habit:
    """What a series is used to: mean and variance that forget, and whether it is away now."""

    seen: int = 0
    mean: float = 0.0
    variance: float = 0.0
    calm: int = 0
    is_away: bool = False

    def deviations(self, value: float, floor: float) -> float:
        return (value - self.mean) / sqrt(self.variance + (floor * abs(self.mean)) ** 2 + 1e-12)

    def learn(self, value: float, weight: float) -> None:
        self.seen += 1
        share = max(weight, 1.0 / self.seen)
        step = value - self.mean
        self.mean += share * step
        self.variance = (1.0 - share) * (self.variance + share * step * step)


class Habits:
    """The habits of all series, and the ticks that are still open.

    A tick is judged when a later one of any series has ended, so that rows may come late by one.
    """

    def __init__(self, rules: TelemetryRules | None = None) -> None:
        self.rules = rules or TelemetryRules()
        self._habits: dict[Series, _Habit] = {}
        self._open: dict[int, dict[Series, tuple[float, float]]] = {}
        self._judged = -1

    def add(self, tick: int, series: Series, *, total: float, count: float) -> None:
        """Add to the sum of a tick; a tick that was judged already takes nothing more."""
        if tick > self._judged:
            ticks = self._open.setdefault(tick, {})
            before = ticks.get(series, (0.0, 0.0))
            ticks[series] = before[0] + total, before[1] + count

    def judged(self) -> Iterator[tuple[int, Series, float, _Habit]]:
        """Yield (tick, series, value, habit) of what left its habit in the ticks now complete."""
        newest = max(self._open, default=0)
        for tick in sorted(one for one in self._open if one < newest - 1):
            self._judged = tick
            for series, (total, count) in sorted(self._open.pop(tick).items()):
                value = total if series[0] == "error_storm" else total / max(count, 1.0)
                habit = self._habits.setdefault(series, _Habit())
                if self._is_odd(series, value, habit):
                    yield tick, series, value, habit

    def _is_odd(self, series: Series, value: float, habit: _Habit) -> bool:
        """Return whether a series begins to be away now; learn what is ordinary."""
        rules, away = self.rules, habit.deviations(value, self.rules.floor)
        is_odd = habit.seen >= rules.learning_ticks and _is_away(series[0], value, away, rules)
        if not is_odd:
            habit.learn(value, 1.0 - 0.5 ** (1.0 / rules.half_life_ticks))
            habit.calm += 1
            habit.is_away = habit.is_away and habit.calm < rules.calm_ticks
            return False
        is_new, habit.is_away, habit.calm = not habit.is_away, True, 0
        return is_new

    def state(self) -> dict[str, Any]:
        """Return the habits as JSON's types; open ticks are left out."""
        return {
            "judged": self._judged,
            "habits": [
                [list(series), one.seen, one.mean, one.variance, one.calm, one.is_away]
                for series, one in self._habits.items()
            ],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave."""
        self._judged = int(state["judged"])
        for series, seen, mean, variance, calm, is_away in state["habits"]:
            kind, service, name, resource = series
            habit = _Habit(seen, mean, variance, calm, is_away)
            self._habits[kind, service, name, resource] = habit


def _is_away(kind: str, value: float, deviations: float, rules: TelemetryRules) -> bool:
    if kind == "metric_anomaly":
        return abs(deviations) > rules.deviations
    if kind == "error_storm" and value < rules.least_errors:
        return False
    if kind in {"service_degraded", "dependency_failed"} and value < rules.least_rate:
        return False
    return deviations > rules.deviations


def facts_of_telemetry(
    frames: Mapping[str, pl.DataFrame],
    habits: Habits,
    *,
    cluster: str,
    observed_at: datetime,
    objects: Objects | None = None,
) -> list[Fact]:
    """Return what telemetry says began to go wrong, each once.

    Parameters
    ----------
    frames
        ``metrics``, ``logs`` and ``spans`` as in `records.telemetry`; any may be missing.
    habits
        What each series is used to; it learns from the frames.
    cluster
        Name of the cluster that the services stand in.
    observed_at
        When the frames came in, by our own clock.
    objects
        `Deriver.objects`, to join a service to its workload and a resource to its pod.
    """
    calls = _add(frames, habits)
    return [
        _fact(one, habits.rules, cluster=cluster, observed_at=observed_at, around=(objects, calls))
        for one in habits.judged()
    ]


def _add(frames: Mapping[str, pl.DataFrame], habits: Habits) -> dict[str, list[str]]:
    """Add the frames to the open ticks; return which services each service calls."""
    width = f"{round(habits.rules.tick_s * 1e6)}us"
    calls: dict[str, set[str]] = {}
    logs, metrics, spans = (frames.get(name) for name in ("logs", "metrics", "spans"))
    if logs is not None and logs.height:
        is_error = pl.col("severity_number").fill_null(0) >= _ERROR
        _sum(habits, logs, width, [("error_storm", (), is_error.cast(pl.Float64))])
    if metrics is not None and metrics.height:
        _sum(habits, metrics, width, [("metric_anomaly", ("name", "resource"), pl.col("value"))])
    if spans is not None and spans.height:
        failed, took = pl.col("error").cast(pl.Float64), pl.col("duration_s")
        _sum(habits, spans, width, [("service_degraded", (), failed), ("latency_raised", (), took)])
        called = spans.filter(pl.col("parent_service").is_not_null())
        called = called.rename({"service": "callee", "parent_service": "service"})
        _sum(habits, called, width, [("dependency_failed", ("callee",), failed)])
        for caller, callee in called.select("service", "callee").unique().iter_rows():
            calls.setdefault(str(caller), set()).add(str(callee))
    return {caller: sorted(called) for caller, called in calls.items()}


def _sum(
    habits: Habits,
    frame: pl.DataFrame,
    width: str,
    measures: list[tuple[str, tuple[str, ...], pl.Expr]],
) -> None:
    tick_us = round(habits.rules.tick_s * 1e6)
    for kind, more, measure in measures:
        if not frame.height:
            continue
        sums = (
            frame.select(
                pl.col("time").dt.truncate(width).dt.epoch("us").alias("tick"),
                *(pl.col(name).cast(pl.String) for name in ("service", *more)),
                measure.alias("measure"),
            )
            .drop_nulls()
            .group_by("tick", "service", *more)
            .agg(pl.col("measure").sum().alias("total"), pl.len().alias("count"))
        )
        for tick, service, *named, total, count in sums.iter_rows():
            name, resource = (*named, "", "")[:2]
            series = (kind, service, name, resource)
            habits.add(tick // tick_us, series, total=float(total), count=float(count))


def _fact(
    away: tuple[int, Series, float, _Habit],
    rules: TelemetryRules,
    *,
    cluster: str,
    observed_at: datetime,
    around: tuple[Objects | None, Mapping[str, list[str]]],
) -> Fact:
    tick, (kind, service, name, resource), value, habit = away
    objects, calls = around
    happened_at = _EPOCH + timedelta(seconds=tick * rules.tick_s)
    payload = {
        "value": round(value, 6),
        "usual": round(habit.mean, 6),
        "deviations": round(habit.deviations(value, rules.floor), 2),
        "name": name,
        "resource": resource,
        "calls": calls.get(service, []),
    }
    involved = dict(_joined(objects, service, resource)) if objects is not None else {}
    subject = ObjectRef(cluster=cluster, kind="Service", name=service)
    if kind == "dependency_failed":
        involved["target"] = ObjectRef(cluster=cluster, kind="Service", name=name)
    return Fact(
        id=content_key(cluster, kind, service, name, resource, happened_at.isoformat()),
        kind=kind,
        subject=subject,
        happened_at=happened_at,
        observed_at=observed_at,
        involved=involved,
        payload=payload,
        told_by="telemetry",
    )


def _joined(objects: Objects, service: str, resource: str) -> Iterator[tuple[str, ObjectRef]]:
    """Yield the pod and the workload that a service's telemetry comes from."""
    for known in objects.every():
        ref = known.ref
        if known.is_gone:
            continue
        if resource and ref.kind == "Pod" and ref.name == resource:
            yield "pod", ref
            if node := known.shape.get("node"):
                yield "node", objects.named("Node", node, like=ref)
        elif ref.kind in WORKLOADS and ref.name == service and known.owner is None:
            yield "workload", ref
