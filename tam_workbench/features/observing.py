"""Features: what is observed of each resource and tick."""

import math
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from tam_workbench.features import arrays, kernels
from tam_workbench.features.arrays import Calls, Lines, Points, Seats, Shifts, column_names
from tam_workbench.features.columns import SIGNALS as _SIGNALS
from tam_workbench.features.columns import Columns
from tam_workbench.features.names import Names
from tam_workbench.features.rules import FeatureRules
from tam_workbench.features.templates import Templates, bucket_of
from tam_workbench.records import Batch, Ints, Observations, Template, TrustScores

SHIFTS = {"deploy": 0, "config": 0, "restart": 1, "oom_killed": 1}
"""Changes that become features, and of which column; SLO events never do: they are labels."""

_NONE: Ints = np.empty(0, dtype=np.int64)
_Said: TypeAlias = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
_DENSE = 4_000_000  # places of a batch beyond which its ticks are counted without gaps


class Features:
    """Turns batches into observations: one row per resource and tick with any telemetry.

    The columns are fixed from the start (`feature_names`), so learners keep their shape: three
    for each of ``max_metrics`` metrics, first come; then logs, spans and recent changes. Rows
    trusted less than ``floor`` feed nothing; the others count by their trust. A metric missing
    at a tick keeps its last value. Observations do not depend on how the stream is cut at tick
    borders; a batch that ends *inside* a tick leaves two observations of it.

    Parameters
    ----------
    rules
        Sizes and thresholds.
    tick_s
        Seconds of a tick.

    Examples
    --------
    >>> features = Features(FeatureRules(), tick_s=1.0)
    >>> len(features.feature_names), features.overflow()
    (70, {'metrics': 0, 'templates': 0})
    """

    def __init__(self, rules: FeatureRules, *, tick_s: float) -> None:
        self.rules = rules
        self._tick_us = max(round(tick_s * 1e6), 1)
        self._shape = arrays.Shape(
            metrics=rules.max_metrics,
            buckets=rules.buckets,
            window=rules.window,
            min_window=rules.min_window,
            clip=rules.clip,
            stride=rules.stride,
            floor=rules.floor,
            novel_ticks=rules.novel_ticks,
            fade=math.exp(-1.0 / rules.change_ticks),
            tick_s=tick_s,
        )
        self._memory = arrays.new_memory(rules)
        self._resources = Names(limit=rules.max_resources)
        self._services = Names(limit=rules.max_services)
        self._metrics = Names(limit=rules.max_metrics + 256, keep=rules.max_metrics)
        self._service_of = np.zeros(rules.max_resources, dtype=np.int64)
        self._templates = Templates(
            limit=rules.max_templates, lines=rules.max_lines, similarity=rules.similarity
        )
        self._width = len(column_names([], rules))
        self._bucket = np.zeros(rules.max_templates + 1, dtype=np.int64)
        self._bucketed = 0
        self._left_out = 0
        self._open = -(2**62)
        self._said: tuple[list[int], Ints, _Said] = ([], _NONE, ((), (), ()))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the columns; empty for metrics that have not come yet."""
        return column_names(self._metrics.known, self.rules)

    def templates(self) -> list[Template]:
        """Return the log templates seen so far, oldest first."""
        return list(self._templates.known)

    def template_of(self, body: str) -> Template | None:
        """Return the template that a line fits, None when it fits none; learns nothing."""
        return self._templates.find(body)

    def overflow(self) -> dict[str, int]:
        """Return how many rows found no metric column, and how many lines no template."""
        return {"metrics": self._left_out, "templates": self._templates.overflow}

    def observe(self, batch: Batch, scores: TrustScores) -> Observations:
        """Return one row per (tick, resource) of the batch, in tick order."""
        columns = Columns.of(batch, self._tick_us, self._open)
        shifts = self._shifts(batch, scores)
        if shifts.tick.size:  # nobody may see a change before it happened
            self._open = max(self._open, int(shifts.tick[-1]))
        if columns.is_empty:
            seats = self._seats(_NONE, _NONE)
            kernels.fill_changes(self._memory, seats, shifts, self._shape)
            return self._say(seats, known=len(self._templates.known))
        self._open = max(self._open, columns.high)
        known = len(self._templates.known)
        resource = self._resolve(self._resources, columns, "resource")
        service = self._resolve(self._services, columns, "service")
        for signal in _SIGNALS:
            kernels.meet(self._memory, columns.ticks[signal], service[signal])
            self._service_of[resource[signal]] = service[signal]
        seats, seat = self._place(columns, resource)
        self._gather_points(columns, seats, seat["metrics"], scores)
        self._gather_lines(columns, seats, seat["logs"], service=service["logs"], scores=scores)
        self._gather_calls(columns, seats, seat["spans"], scores)
        used = min(len(self._metrics), self.rules.max_metrics)
        kernels.fill_metrics(self._memory, seats, self._shape, used)
        kernels.fill_changes(self._memory, seats, shifts, self._shape)
        kernels.fill_trust(seats)
        return self._say(seats, known=known)

    def _resolve(self, names: Names, columns: Columns, key: str) -> dict[str, Ints]:
        found = {
            signal: names.resolve(
                columns.frames[signal][key], at=columns.high, codes=columns.arrays[signal][key]
            )
            for signal in _SIGNALS
        }
        self._make_room()
        return found

    def _make_room(self) -> None:
        for number in self._resources.evicted:
            arrays.forget_resource(self._memory, number)
        for number in self._services.evicted:
            arrays.forget_service(self._memory, number)
        for names in self._tables().values():
            names.evicted = []

    def _place(self, columns: Columns, resource: dict[str, Ints]) -> tuple[Seats, dict[str, Ints]]:
        ticks, low = columns.ticks, columns.low
        width, height = len(self._resources), columns.high - low + 1
        distinct = None
        if height * width > _DENSE:
            distinct = np.unique(np.concatenate(list(ticks.values())))
            ticks = {signal: np.searchsorted(distinct, t) for signal, t in ticks.items()}
            low, height = 0, distinct.size
        present = np.zeros(height * width, dtype=np.uint8)
        frame = np.array([low, width], dtype=np.int64)
        places = {s: kernels.mark(ticks[s], resource[s], frame, present) for s in _SIGNALS}
        numbers = np.cumsum(present, dtype=np.int64) - 1
        taken = np.flatnonzero(present)
        at = taken // width
        seats = self._seats(at + low if distinct is None else distinct[at], taken % width)
        return seats, {s: kernels.seat(places[s], numbers) for s in _SIGNALS}

    def _seats(self, ticks: Ints, resources: Ints) -> Seats:
        n = ticks.size
        return Seats(
            tick=ticks,
            resource=resources,
            service=self._service_of[resources],
            values=np.zeros((n, self._width)),
            weight=np.zeros((n, self.rules.max_metrics)),
            belief=np.zeros((n, 3, 6)),
            trust=np.ones(n),
        )

    def _gather_points(
        self, columns: Columns, seats: Seats, seat: Ints, scores: TrustScores
    ) -> None:
        frame, told = columns.frames["metrics"], columns.arrays["metrics"]
        slot = self._metrics.resolve(frame["name"], at=columns.high, codes=told["name"])
        if len(self._metrics) > self.rules.max_metrics:
            slot = np.where(slot < self.rules.max_metrics, slot, -1)
        rows = Points(
            seat=seat,
            slot=slot,
            value=told["value"],
            trust=scores.values["metrics"],
            reasons=scores.reasons["metrics"],
        )
        self._left_out += kernels.gather_points(seats, rows, self._shape)

    def _gather_lines(
        self, columns: Columns, seats: Seats, seat: Ints, *, service: Ints, scores: TrustScores
    ) -> None:
        told, trust = columns.arrays["logs"], scores.values["logs"]
        template = np.full(trust.size, -1, dtype=np.int64)
        believed = trust >= self.rules.floor
        bodies = columns.frames["logs"]["body"]
        template[believed] = self._templates.number(
            bodies if believed.all() else bodies.filter(pl.Series(believed))
        )
        rows = Lines(
            seat=seat,
            service=service,
            severity=told["severity_number"],
            template=template,
            bucket=self._buckets(),
            trust=trust,
            reasons=scores.reasons["logs"],
        )
        turns = kernels.by_seat(seat, seats.tick.size)
        last = np.full(self.rules.max_templates + 1, -1, dtype=np.int64)
        kernels.gather_lines(self._memory, seats, rows, turns, last, self._shape)

    def _buckets(self) -> Ints:
        for template in self._templates.known[self._bucketed :]:
            self._bucket[self._bucketed] = bucket_of(template.id, self.rules.buckets)
            self._bucketed += 1
        return self._bucket

    def _gather_calls(
        self, columns: Columns, seats: Seats, seat: Ints, scores: TrustScores
    ) -> None:
        told = columns.arrays["spans"]
        rows = Calls(
            seat=seat,
            duration=told["duration_s"],
            error=told["error"],
            trust=scores.values["spans"],
            reasons=scores.reasons["spans"],
        )
        kernels.gather_calls(self._memory, seats, rows, self._shape)

    def _shifts(self, batch: Batch, scores: TrustScores) -> Shifts:
        frame = batch.changes
        if not frame.height:
            return Shifts(tick=_NONE, service=_NONE, kind=_NONE)
        kinds = np.array([SHIFTS.get(kind, -1) for kind in frame["kind"].to_list()], dtype=np.int64)
        keep = (kinds >= 0) & (scores.values["changes"] >= self.rules.floor)
        if not keep.any():
            return Shifts(tick=_NONE, service=_NONE, kind=_NONE)
        told = batch.columns.of(frame)
        ticks = kernels.count_ticks(told["time"][keep], self._tick_us, self._open)
        chosen = frame["service"].filter(pl.Series(keep))
        services = self._services.resolve(chosen, at=int(ticks.max()), codes=told["service"][keep])
        self._make_room()
        order = np.argsort(ticks, kind="stable")
        return Shifts(tick=ticks[order], service=services[order], kind=kinds[keep][order])

    def _say(self, seats: Seats, *, known: int) -> Observations:
        resources, services, features = self._names()
        return Observations(
            ticks=seats.tick,
            resources=seats.resource,
            values=seats.values,
            trust=seats.trust,
            resource_names=resources,
            service_names=services,
            feature_names=features,
            novel=tuple(self._templates.known[known:]),
        )

    def _names(self) -> _Said:
        """Return the names of resources, of their services and of the columns."""
        owners = self._service_of[: len(self._resources)]
        stand = [names.changes for names in self._tables().values()]
        before, were, told = self._said
        if stand != before or not np.array_equal(owners, were):
            services = self._services.known
            whose = tuple(services[n] for n in owners.tolist())
            told = tuple(self._resources.known), whose, self.feature_names
            self._said = stand, owners.copy(), told
        return told

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs, in plain containers."""
        return {
            "open": self._open,
            "left_out": self._left_out,
            "templates": self._templates.state(),
            "names": {key: names.state() for key, names in self._tables().items()},
            "service_of": self._service_of[: len(self._resources)].copy(),
            "memory": {
                key: getattr(self._memory, key)[place].copy() for key, place in self._used().items()
            },
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Become what `state` described; what follows is then the same to the bit."""
        self._open, self._left_out = state["open"], state["left_out"]
        self._templates.restore(state["templates"])
        self._bucketed = 0
        for key, names in self._tables().items():
            names.restore(state["names"][key])
        self._service_of[: len(self._resources)] = state["service_of"]
        self._memory = arrays.new_memory(self.rules)
        for key, place in self._used().items():
            getattr(self._memory, key)[place] = state["memory"][key]

    def _tables(self) -> dict[str, Names]:
        return {
            "resources": self._resources,
            "services": self._services,
            "metrics": self._metrics,
        }

    def _used(self) -> dict[str, tuple[slice, ...]]:
        r, s = slice(0, len(self._resources)), slice(0, len(self._services))
        k = slice(0, min(len(self._metrics), self.rules.max_metrics))
        return {
            **dict.fromkeys(("last", "seen", "ring", "ranked"), (r, k)),
            "slowness": (r,),
            **dict.fromkeys(("change", "changed", "since"), (s,)),
            "first": (s, slice(0, len(self._templates.known))),
        }
