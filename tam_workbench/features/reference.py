"""The readable twin of the kernels: the same observations, row by row, in plain dictionaries."""

import math
from collections import defaultdict
from typing import Any

import numpy as np
import polars as pl

from tam_workbench.features.arrays import column_names
from tam_workbench.features.observing import SHIFTS
from tam_workbench.features.rules import FeatureRules
from tam_workbench.features.templates import Templates, bucket_of
from tam_workbench.records import Batch, Observations, TrustScores

_ODD = 2 | 4 | 8 | 16  # schema, stale, replayed, anomalous
_SIGNALS = ("metrics", "logs", "spans")
Row = dict[str, Any]


class _Series:
    """What is remembered of one metric of one resource."""

    def __init__(self) -> None:
        self.window: list[float] = []
        self.value = self.deviation = 0.0
        self.is_known = False


class ReferenceFeatures:
    """`Features` written plainly; keeps every name it ever saw, so only for tests and readers."""

    def __init__(self, rules: FeatureRules, *, tick_s: float) -> None:
        self.rules = rules
        self._tick_s = tick_s
        self._open = -(2**62)
        self._metrics: list[str] = []
        self._resources: list[str] = []
        self._service_of: dict[str, str] = {}
        self._series: dict[tuple[str, str], _Series] = defaultdict(_Series)
        self._slowness: dict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
        self._change: dict[tuple[str, int], int] = {}
        self._since: dict[str, int] = {}
        self._first: dict[tuple[str, int], int] = {}
        self._templates = Templates(
            limit=rules.max_templates, lines=rules.max_lines, similarity=rules.similarity
        )

    def observe(self, batch: Batch, scores: TrustScores) -> Observations:
        """Return one row per (tick, resource), as `Features.observe` does."""
        known = len(self._templates.known)
        groups: dict[tuple[int, int], list[Row]] = defaultdict(list)
        rows = [row for signal in _SIGNALS for row in self._rows(batch, scores, signal)]
        changes = self._rows(batch, scores, "changes")
        for row in rows:
            groups[row["tick"], self._meet(row)].append(row)
        shifts = [r["tick"] for r in changes if r["is_believed"] and r["kind"] in SHIFTS]
        self._open = max([self._open, *shifts, *(tick for tick, _ in groups)])
        seats = sorted(groups)
        values = []
        for seat in seats:
            self._note(changes, until=seat[0])
            values.append(self._observe(seat, groups[seat]))
        self._note(changes, until=2**62)
        names = column_names(self._metrics, self.rules)
        return Observations(
            ticks=np.array([tick for tick, _ in seats], dtype=np.int64),
            resources=np.array([resource for _, resource in seats], dtype=np.int64),
            values=np.array(values).reshape(len(seats), len(names)),
            trust=np.array([self._trust(groups[seat]) for seat in seats]),
            resource_names=tuple(self._resources),
            service_names=tuple(self._service_of[name] for name in self._resources),
            feature_names=names,
            novel=tuple(self._templates.known[known:]),
        )

    def _rows(self, batch: Batch, scores: TrustScores, signal: str) -> list[Row]:
        rows: list[Row] = getattr(batch, signal).to_dicts()
        for place, row in enumerate(rows):
            tick = round(row["time"].timestamp() * 1e6) // round(self._tick_s * 1e6)
            row["tick"], row["signal"] = max(tick, self._open), signal
            row["trust"] = float(scores.values[signal][place])
            row["is_odd"] = bool(int(scores.reasons[signal][place]) & _ODD)
            row["is_believed"] = row["trust"] >= self.rules.floor
            if signal == "metrics" and row["name"] not in self._metrics:
                self._metrics.append(row["name"])
        if signal == "logs":
            believed = [row for row in rows if row["is_believed"]]
            bodies = pl.Series([row["body"] for row in believed], dtype=pl.String)
            for row, number in zip(believed, self._templates.number(bodies), strict=True):
                row["template"] = int(number)
        return rows

    def _meet(self, row: Row) -> int:
        if row["resource"] not in self._resources:
            self._resources.append(row["resource"])
        self._service_of[row["resource"]] = row["service"]
        since = self._since.get(row["service"], row["tick"])
        self._since[row["service"]] = min(since, row["tick"])
        return self._resources.index(row["resource"])

    def _note(self, changes: list[Row], *, until: int) -> None:
        for row in sorted(changes, key=lambda row: row["tick"]):
            if row["tick"] <= until and row["is_believed"] and row["kind"] in SHIFTS:
                self._change[row["service"], SHIFTS[row["kind"]]] = row["tick"]

    def _observe(self, seat: tuple[int, int], rows: list[Row]) -> list[float]:
        tick, resource = seat[0], self._resources[seat[1]]
        believed = [row for row in rows if row["is_believed"]]
        return [
            *self._metric_columns(
                tick, resource, [r for r in believed if r["signal"] == "metrics"]
            ),
            *self._log_columns(tick, [r for r in believed if r["signal"] == "logs"]),
            *self._span_columns(resource, [r for r in believed if r["signal"] == "spans"]),
            *(self._recent(self._service_of[resource], kind, tick) for kind in (0, 1)),
        ]

    def _metric_columns(self, tick: int, resource: str, rows: list[Row]) -> list[float]:
        points: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for row in rows:
            if math.isfinite(row["value"]) and row["trust"] > 0.0:
                points[row["name"]].append((row["value"], row["trust"]))
        columns = []
        for slot in range(self.rules.max_metrics):
            name = self._metrics[slot] if slot < len(self._metrics) else ""
            columns += self._follow(self._series[resource, name], points.get(name, []), tick=tick)
        return columns

    def _follow(
        self, series: _Series, points: list[tuple[float, float]], *, tick: int
    ) -> list[float]:
        if not points:
            return [series.value, 0.0, series.deviation]
        x = sum(value * trust for value, trust in points) / sum(trust for _, trust in points)
        delta = x - series.value if series.is_known else 0.0
        series.deviation = self._deviation(series.window, x)
        series.value, series.is_known = x, True
        if len(series.window) < self.rules.window or tick % self.rules.stride == 0:
            series.window = [*series.window, x][-self.rules.window :]
        return [x, delta, series.deviation]

    def _deviation(self, window: list[float], x: float) -> float:
        if len(window) < self.rules.min_window:
            return 0.0
        lower, median, upper = _quantiles(window, (0.25, 0.5, 0.75))
        spread = (upper - lower) / 1.349 + 1e-3 * abs(median) + 1e-9
        return min(max((x - median) / spread, -self.rules.clip), self.rules.clip)

    def _log_columns(self, tick: int, rows: list[Row]) -> list[float]:
        count = errors = novelty = 0.0
        buckets = [0.0] * self.rules.buckets
        for row in rows:
            template, trust, service = row["template"], row["trust"], row["service"]
            first = self._first.setdefault((service, template), tick)
            is_boot = first < self._since[service] + self.rules.novel_ticks
            count += trust
            errors += trust if (row["severity_number"] or 0) >= 17 else 0.0
            novelty += trust if tick - first < self.rules.novel_ticks and not is_boot else 0.0
            known = self._templates.known
            is_other = template == self._templates.other
            place = 0 if is_other else bucket_of(known[template].id, self.rules.buckets)
            buckets[place] += trust
        return [count, errors, float(len({r["template"] for r in rows})), novelty, *buckets]

    def _span_columns(self, resource: str, rows: list[Row]) -> list[float]:
        rows = [row for row in rows if math.isfinite(row["duration_s"]) and row["trust"] > 0.0]
        weight = sum(row["trust"] for row in rows)
        failed = sum(row["trust"] for row in rows if row["error"])
        if rows:
            low, high = _quantiles([row["duration_s"] for row in rows], (0.5, 0.95))
            self._slowness[resource] = low, high
        rate, ratio = weight / self._tick_s, failed / weight if rows else 0.0
        return [rate, ratio, *self._slowness[resource]]

    def _recent(self, service: str, kind: int, tick: int) -> float:
        changed = self._change.get((service, kind))
        return 0.0 if changed is None else math.exp((changed - tick) / self.rules.change_ticks)

    def _trust(self, rows: list[Row]) -> float:
        lowest = 1.0
        for signal in _SIGNALS:
            heard = [row for row in rows if row["signal"] == signal]
            believed = [row for row in heard if row["is_believed"]]
            chosen = [row for row in believed if row["is_odd"]] or believed or heard
            if chosen:
                lowest = min(lowest, sum(row["trust"] for row in chosen) / len(chosen))
        return lowest


def _quantiles(values: list[float], shares: tuple[float, ...]) -> list[float]:
    """Return quantiles by linear interpolation, as numpy's but without its cost per call."""
    ordered = sorted(values)
    found = []
    for share in shares:
        whole, part = divmod(share * (len(ordered) - 1), 1.0)
        low = ordered[int(whole)]
        high = ordered[min(int(whole) + 1, len(ordered) - 1)]
        found.append(low + part * (high - low))
    return found
