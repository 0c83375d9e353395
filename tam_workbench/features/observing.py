"""Batches to observations: one row per resource and tick, the same columns for ever."""

from itertools import pairwise
from typing import Any, Final

import numpy as np
import polars as pl

from tam_workbench.features.kernels import metric_features
from tam_workbench.features.names import Names
from tam_workbench.features.rules import FeatureRules
from tam_workbench.features.templates import LogTemplates
from tam_workbench.records import Batch, Floats, Ints, Observations, Template, TrustScores

CHANGES: Final = ("deploy", "config", "restart", "oom_killed", "scale")
_LOGS: Final = ("log.count", "log.errors", "log.templates", "log.novelty")
_SPANS: Final = ("span.rate", "span.error_ratio", "span.p50", "span.p95")
_ERROR: Final = 17


class Cells:
    """Which (tick, resource) pairs a batch speaks of, numbered in order."""

    def __init__(self, ticks: Ints, resources: Ints, *, width: int) -> None:
        self.ticks, at = np.unique(ticks, return_inverse=True)
        self.width = width
        self.of_row = at.astype(np.int64) * width + resources
        self.count = self.ticks.size * width

    def sums(self, rows: slice, weights: Floats) -> Floats:
        """Return the sum of weights per cell."""
        counted = np.bincount(self.of_row[rows], weights=weights, minlength=self.count)
        summed: Floats = counted.astype(np.float64, copy=False)
        return summed


class Features:
    """Observes resources: values, deltas, robust deviations, logs, spans and changes.

    Rows trusted less than ``rules.floor`` feed nothing, and log rows count by their trust. The
    trust of an observation is the lowest, over the signals, of the mean trust of the rows that
    fed it.
    """

    def __init__(self, rules: FeatureRules, *, tick_s: float) -> None:
        self._rules = rules
        self._tick_us = round(tick_s * 1e6)
        self._resources = Names(limit=rules.max_resources)
        self._services = Names(limit=rules.max_services)
        self._metrics: dict[str, int] = {}
        self._overflow: dict[str, int] = {}
        self._logs = LogTemplates(rules)
        self._service_of: dict[int, str] = {}
        shape = (rules.max_resources, rules.max_metrics)
        self._last = np.full(shape, np.nan)
        self._counts = np.zeros(shape, dtype=np.int64)
        self._windows = np.zeros((0, rules.max_metrics, rules.window))
        self._rings = np.zeros((0, rules.max_metrics, rules.window))
        self._first_seen: dict[tuple[int, int], int] = {}  # (service, template) -> tick
        self._change_level = np.zeros((rules.max_services, len(CHANGES)))
        self._change_tick = np.zeros(rules.max_services, dtype=np.int64)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the columns; a metric column without a metric yet has none."""
        metrics = [""] * (3 * self._rules.max_metrics)
        for name, slot in self._metrics.items():
            metrics[3 * slot : 3 * slot + 3] = [name, f"{name}.delta", f"{name}.deviation"]
        buckets = [f"log.bucket{i}" for i in range(self._rules.buckets)]
        changes = [f"change.{kind}" for kind in CHANGES]
        return (*metrics, *_LOGS, *buckets, *_SPANS, *changes)

    def overflow(self) -> dict[str, int]:
        """Return the metric names that found no column, with the rows each brought."""
        return dict(self._overflow)

    def templates(self) -> list[Template]:
        """Return the log templates known so far."""
        return self._logs.templates[1:]

    def observe(self, batch: Batch, scores: TrustScores) -> Observations:
        """Return one observation per resource and tick of the batch, in tick order."""
        names = ("metrics", "logs", "spans", "changes")
        kept = [self._kept(getattr(batch, name), scores.values[name]) for name in names]
        frames = [frame for frame, _ in kept]
        parts = [self._placed(frame) for frame in frames]
        ends = np.cumsum([0, *(frame.height for frame in frames)])
        spans = [slice(int(a), int(b)) for a, b in pairwise(ends)]
        ticks = np.concatenate([part[0] for part in parts])
        resources = np.concatenate([part[1] for part in parts])
        if not ticks.size:
            return self._none()
        cells = Cells(ticks, resources, width=len(self._resources))
        here = np.unique(cells.of_row)
        trust = _trust(cells, spans, [weights for _, weights in kept])
        out = np.zeros((here.size, len(self.feature_names)))
        self._fill_metrics(frames[0], cells, spans[0], here=here, out=out)
        at = 3 * self._rules.max_metrics
        novel = self._fill_logs(frames[1], kept[1][1], cells, spans[1], here=here, out=out[:, at:])
        at += len(_LOGS) + self._rules.buckets
        _fill_spans(frames[2], cells, spans[2], here=here, out=out[:, at:])
        at += len(_SPANS)
        self._fill_changes(frames[3], parts[3], cells, here=here, out=out[:, at:])
        return Observations(
            ticks=cells.ticks[here // cells.width],
            resources=here % cells.width,
            values=out,
            trust=trust[here],
            resource_names=tuple(self._resources.known),
            service_names=tuple(self._service_of.get(r, "") for r in range(len(self._resources))),
            feature_names=self.feature_names,
            novel=tuple(novel),
        )

    def _none(self) -> Observations:
        nothing = np.empty(0, dtype=np.int64)
        return Observations(
            ticks=nothing,
            resources=nothing,
            values=np.empty((0, len(self.feature_names))),
            trust=np.empty(0),
            resource_names=tuple(self._resources.known),
            service_names=tuple(self._service_of.get(r, "") for r in range(len(self._resources))),
            feature_names=self.feature_names,
        )

    def _kept(self, frame: pl.DataFrame, trust: Floats) -> tuple[pl.DataFrame, Floats]:
        believed = trust >= self._rules.floor
        if believed.all():
            return frame, trust
        return frame.filter(pl.Series(believed)), trust[believed]

    def _placed(self, frame: pl.DataFrame) -> tuple[Ints, Ints]:
        """Return tick and resource of each row; learn which service a resource belongs to."""
        ticks = frame["time"].to_physical().to_numpy() // self._tick_us
        if not ticks.size:
            return ticks.astype(np.int64), ticks.astype(np.int64)
        at = int(ticks.max())
        resources = self._resources.resolve(frame["resource"], at=at)
        self._make_room(self._resources.evicted)
        fresh = np.unique(resources)
        for r in fresh.tolist():
            if r not in self._service_of:
                row = int(np.argmax(resources == r))
                self._service_of[r] = str(frame["service"][row] or "")
        return ticks.astype(np.int64), resources

    def _make_room(self, evicted: list[int]) -> None:
        for r in evicted:
            self._service_of.pop(r, None)
            self._last[r], self._counts[r] = np.nan, 0
        known = len(self._resources)
        if known > len(self._rings):
            more = np.zeros((max(8, known - len(self._rings)), *self._rings.shape[1:]))
            self._rings = np.concatenate([self._rings, more])
            self._windows = np.concatenate([self._windows, more])

    def _fill_metrics(
        self, frame: pl.DataFrame, cells: Cells, rows: slice, *, here: Ints, out: Floats
    ) -> None:
        slots = self._slots(frame["name"])
        fits = slots >= 0
        dense = np.full((cells.count, self._rules.max_metrics), np.nan)
        dense[cells.of_row[rows][fits], slots[fits]] = frame["value"].to_numpy()[fits]
        rules = self._rules
        limits = np.array([float(rules.min_window), rules.clip, float(rules.stride)])
        metric_features(
            here,
            here % cells.width,
            cells.ticks[here // cells.width],
            dense,
            self._last,
            self._windows,
            self._rings,
            self._counts,
            limits,
            out,
        )

    def _slots(self, names: pl.Series) -> Ints:
        """Return the column slot of each metric row, -1 where there was no room."""
        distinct, slots = names.unique(maintain_order=True), []
        counts: dict[str, int] = {}
        for name in distinct.cast(pl.String).to_list():
            if name not in self._metrics and len(self._metrics) < self._rules.max_metrics:
                self._metrics[name] = len(self._metrics)
            slots.append(self._metrics.get(name, -1))
            if slots[-1] < 0:
                counts[name] = int((names == name).sum())
        for name, count in counts.items():
            if name in self._overflow or len(self._overflow) < self._rules.max_lines:
                self._overflow[name] = self._overflow.get(name, 0) + count
        codes = distinct.to_physical().to_numpy()
        lut = np.full(int(codes.max(initial=0)) + 1, -1, dtype=np.int64)
        lut[codes] = slots
        placed: Ints = lut[names.to_physical().to_numpy()]
        return placed

    def _fill_logs(
        self,
        frame: pl.DataFrame,
        weights: Floats,
        cells: Cells,
        rows: slice,
        *,
        here: Ints,
        out: Floats,
    ) -> list[Template]:
        if not frame.height:
            return []
        numbers, novel = self._logs.numbers(frame["body"])
        severe = frame["severity_number"].to_numpy() >= _ERROR
        of_row = cells.of_row[rows]
        pairs, first = np.unique(of_row * 65_536 + numbers, return_index=True)
        out[:, 0] = cells.sums(rows, weights)[here]
        out[:, 1] = cells.sums(rows, weights * severe)[here]
        out[:, 2] = np.bincount(pairs // 65_536, minlength=cells.count)[here]
        new = self._newness(frame["service"], cells.ticks[of_row // cells.width], numbers)
        out[:, 3] = np.bincount(
            of_row[first], weights=(new * weights)[first], minlength=cells.count
        )[here]
        buckets = self._rules.buckets
        spread = np.bincount(
            of_row * buckets + numbers % buckets, weights=weights, minlength=cells.count * buckets
        )
        out[:, 4 : 4 + buckets] = spread.reshape(-1, buckets)[here]
        return novel

    def _newness(self, services: pl.Series, ticks: Ints, numbers: Ints) -> Floats:
        """Return 1 where a service's template was first seen at most ``novel_ticks`` ago."""
        codes = self._services.resolve(services, at=int(ticks.max()))
        keys = codes * 65_536 + numbers
        distinct, first, back = np.unique(keys, return_index=True, return_inverse=True)
        seen = np.empty(distinct.size, dtype=np.int64)
        for i, key in enumerate(distinct.tolist()):
            pair = (key // 65_536, key % 65_536)
            found = self._first_seen.get(pair)
            if found is None:
                found = int(ticks[back == i].min())
                if len(self._first_seen) < 65_536:
                    self._first_seen[pair] = found
            seen[i] = found
        del first
        return (ticks - seen[back] <= self._rules.novel_ticks).astype(np.float64)

    def _fill_changes(
        self,
        frame: pl.DataFrame,
        placed: tuple[Ints, Ints],
        cells: Cells,
        *,
        here: Ints,
        out: Floats,
    ) -> None:
        """Fill how recently each kind of change touched the service: 1 at once, falling by e."""
        service_of = np.array(
            [self._services.add(self._service_of.get(r, ""), at=0) for r in range(cells.width)]
        )
        events: dict[tuple[int, int], list[int]] = {}
        if frame.height:
            kinds = frame["kind"].cast(pl.String).to_list()
            for kind, tick, resource in zip(kinds, *placed, strict=True):
                if kind in CHANGES:
                    key = (int(tick), int(service_of[resource]))
                    events.setdefault(key, []).append(CHANGES.index(kind))
        if not events and not self._change_level.any():
            return
        ticks, services = cells.ticks[here // cells.width], service_of[here % cells.width]
        for row, (tick, service) in enumerate(zip(ticks.tolist(), services.tolist(), strict=True)):
            passed = tick - int(self._change_tick[service])
            if passed:
                self._change_level[service] *= np.exp(-passed / self._rules.change_ticks)
                self._change_level[service][self._change_level[service] < 1e-3] = 0.0
                self._change_tick[service] = tick
            for kind in events.pop((tick, service), ()):
                self._change_level[service, kind] = 1.0
            out[row, : len(CHANGES)] = self._change_level[service]

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs for bit-identical observations."""
        known = len(self._resources)
        return {
            "resources": self._resources.state(),
            "services": self._services.state(),
            "metrics": dict(self._metrics),
            "overflow": dict(self._overflow),
            "logs": self._logs.state(),
            "service_of": dict(self._service_of),
            "last": self._last[:known].copy(),
            "counts": self._counts[:known].copy(),
            "windows": self._windows.copy(),
            "rings": self._rings.copy(),
            "first_seen": [[a, b, tick] for (a, b), tick in self._first_seen.items()],
            "change_level": self._change_level.copy(),
            "change_tick": self._change_tick.copy(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Become what `state` described."""
        self._resources.restore(state["resources"])
        self._services.restore(state["services"])
        self._metrics, self._overflow = dict(state["metrics"]), dict(state["overflow"])
        self._logs.restore(state["logs"])
        self._service_of = dict(state["service_of"])
        known = len(state["last"])
        self._last[:], self._counts[:] = np.nan, 0
        self._last[:known], self._counts[:known] = state["last"], state["counts"]
        self._windows, self._rings = state["windows"].copy(), state["rings"].copy()
        self._first_seen = {(a, b): tick for a, b, tick in state["first_seen"]}
        self._change_level = state["change_level"].copy()
        self._change_tick = state["change_tick"].copy()


def _trust(cells: Cells, rows: list[slice], weights: list[Floats]) -> Floats:
    """Return per cell the lowest, over signals, mean trust of its rows."""
    lowest = np.ones(cells.count)
    for span, trust in zip(rows, weights, strict=True):
        if trust.size:
            count = np.bincount(cells.of_row[span], minlength=cells.count)
            mean = cells.sums(span, trust) / np.maximum(count, 1)
            lowest = np.where(count > 0, np.minimum(lowest, mean), lowest)
    return lowest


def _fill_spans(frame: pl.DataFrame, cells: Cells, rows: slice, *, here: Ints, out: Floats) -> None:
    if not frame.height:
        return
    of_row = cells.of_row[rows]
    duration = frame["duration_s"].to_numpy()
    count = np.bincount(of_row, minlength=cells.count)
    failed = np.bincount(
        of_row, weights=frame["error"].fill_null(value=False).to_numpy(), minlength=cells.count
    )
    order = np.lexsort((duration, of_row))
    ends = np.cumsum(count)
    sorted_duration = duration[order]
    out[:, 0] = count[here]
    out[:, 1] = (failed / np.maximum(count, 1))[here]
    for column, share in ((2, 0.5), (3, 0.95)):
        at = ends - count + np.minimum((count * share).astype(np.int64), np.maximum(count - 1, 0))
        picked = sorted_duration[np.minimum(at, sorted_duration.size - 1)]
        out[:, column] = np.where(count > 0, picked, 0.0)[here]
