"""Simulated arrays into frames of the batch schemas, without hashing a string per row."""

from typing import Final, NamedTuple

import numpy as np
import polars as pl

from tam_workbench.plant.emission import (
    CHANNEL,
    FIRST,
    POD,
    S_EMIT,
    S_ERROR,
    S_PARENT,
    S_POD,
    S_TIME_US,
    S_TRACE,
    SECOND,
    TEMPLATE,
    TIME_US,
    TRACE,
    identities,
)
from tam_workbench.plant.kernels import RATE, SLOTS
from tam_workbench.plant.spec import START, PlantSpec
from tam_workbench.plant.vocabulary import CHANNELS, METRIC_NAMES, METRICS_A, TEMPLATES, TRACES
from tam_workbench.records import CHANGES, TIME, Floats, Ints

_EPOCH_US: Final = int(START.timestamp()) * 1_000_000
_POD_US: Final = 7000  # between the scrapes of two pods


class Event(NamedTuple):
    """A change row before it gets its number."""

    tick: int
    order: int
    resource: str
    service: str
    channel: int
    kind: str
    object: str
    detail: str
    forged: bool = False


def _categories(names: tuple[str, ...]) -> pl.Series:
    return pl.Series(names, dtype=pl.Categorical())


def _times(microseconds: Ints) -> pl.Series:
    return pl.Series("time", microseconds + _EPOCH_US).cast(TIME)


class Frames:
    """Builds frames for one plant; holds its names as ready-made category columns."""

    def __init__(self, spec: PlantSpec, *, seed: int) -> None:
        names = spec.service_names
        self._seed = seed
        self._services = _categories(names)
        self._pods = _categories(tuple(f"{name}-{k}" for name in names for k in range(SLOTS)))
        self._channels = _categories(tuple(channel.name for channel in CHANNELS))
        self._metrics = _categories(METRIC_NAMES)
        self._operations = _categories(tuple(f"/{name}" for name in names))
        callees = [s.calls[0][0] if s.calls else "storage" for s in spec.services]
        texts = [
            text.replace("{callee}", callee).split("{}")
            for _, text in TEMPLATES
            for callee in callees
        ]
        self._pieces = tuple(pl.Series([parts[k] for parts in texts]) for k in range(3))
        self._severities = np.array([severity for severity, _ in TEMPLATES], dtype=np.uint8)

    def _origin(self, times: Ints, pods: Ints, channels: Ints, rows: Ints) -> dict[str, pl.Series]:
        return {
            "time": _times(times),
            "resource": self._pods.gather(pods),
            "service": self._services.gather(pods // SLOTS),
            "source": self._channels.gather(channels),
            "row": pl.Series(rows),
        }

    def metric_cells(self, up: Ints) -> tuple[Ints, Ints]:
        """Return the flat indices of the cells that exist, and the channel of each.

        Pods that are down still have a container, so the kubelet's metrics go on.
        """
        mask = np.repeat((up == 2)[:, :, None], len(METRIC_NAMES), axis=2)
        mask[:, :, :RATE] |= (up == 1)[:, :, None]
        cells = np.flatnonzero(mask)
        pods = cells // len(METRIC_NAMES) % up.shape[1]
        return cells, METRICS_A + pods % 2

    def metrics(
        self, values: Floats, cells: Ints, channels: Ints, rows: Ints, tick: int
    ) -> pl.DataFrame:
        """Build METRICS of the cells; ``values`` (T, P, M)."""
        _, pods, width = values.shape
        pod = cells // width % pods
        ticks = tick + cells // (pods * width)
        columns = self._origin(ticks * 1_000_000 + pod * _POD_US, pod, channels, rows)
        columns["name"] = self._metrics.gather(cells % width)
        columns["value"] = pl.Series(values.ravel()[cells])
        return pl.DataFrame(columns)

    def logs(self, lines: Ints, rows: Ints) -> pl.DataFrame:
        """Build LOGS of the lines of `emission.emit_logs`."""
        pods, templates = lines[:, POD], lines[:, TEMPLATE]
        columns = self._origin(lines[:, TIME_US], pods, lines[:, CHANNEL], rows)
        columns["severity_number"] = pl.Series(self._severities[templates])
        text = templates * self._services.len() + pods // SLOTS
        pieces = [piece.gather(text) for piece in self._pieces]
        numbers = [pl.Series(np.ascontiguousarray(lines[:, c])) for c in (FIRST, SECOND)]
        columns["body"] = pl.select(
            pl.concat_str(
                pieces[0],
                numbers[0].cast(pl.String),
                pieces[1],
                numbers[1].cast(pl.String),
                pieces[2],
            )
        ).to_series()
        has_trace = pl.Series(lines[:, TRACE] >= 0)
        traces = self._trace_ids(lines[:, TIME_US] // 1_000_000, np.maximum(lines[:, TRACE], 0))
        columns["trace_id"] = pl.select(pl.when(has_trace).then(traces)).to_series()
        return pl.DataFrame(columns)

    def spans(self, lines: Ints, seconds: Floats, rows: Ints) -> pl.DataFrame:
        """Build SPANS of the lines of `emission.emit_spans`."""
        pods, ticks = lines[:, S_POD], lines[:, S_EMIT]
        services, parents = pods // SLOTS, lines[:, S_PARENT]
        channels = np.full(len(lines), TRACES)
        columns = self._origin(lines[:, S_TIME_US], pods, channels, rows)
        columns["name"] = self._operations.gather(services)
        columns["trace_id"] = self._trace_ids(ticks, lines[:, S_TRACE])
        place = lines[:, S_TRACE] * self._services.len() + services
        columns["span_id"] = pl.Series(identities(self._seed, ticks, place, 52)).cast(pl.String)
        parent = self._services.gather(np.maximum(parents, 0))
        has_parent = pl.Series(parents >= 0)
        columns["parent_service"] = pl.select(pl.when(has_parent).then(parent)).to_series()
        columns["duration_s"] = pl.Series(seconds)
        columns["error"] = pl.Series(lines[:, S_ERROR] == 1)
        return pl.DataFrame(columns)

    def changes(self, events: list[Event], rows: Ints) -> pl.DataFrame:
        """Build CHANGES of events in their order."""
        if not events:
            return pl.DataFrame(schema=CHANGES)
        times = np.array([event.tick for event in events]) * 1_000_000 + 999_000
        source = np.array([event.channel for event in events])
        return pl.DataFrame(
            {
                "time": _times(times),
                "resource": pl.Series([e.resource for e in events], dtype=pl.Categorical()),
                "service": pl.Series([e.service for e in events], dtype=pl.Categorical()),
                "source": self._channels.gather(source),
                "row": pl.Series(rows),
                "kind": pl.Series([e.kind for e in events], dtype=pl.Categorical()),
                "object": pl.Series([e.object for e in events]),
                "detail": pl.Series([e.detail for e in events]),
            }
        )

    def _trace_ids(self, ticks: Ints, traces: Ints) -> pl.Series:
        """Return 32 digits per (tick, trace); digits are valid hexadecimal."""
        high = pl.Series(identities(self._seed, ticks, traces, 50)).cast(pl.String)
        low = pl.Series(identities(self._seed, ticks, traces, 51)).cast(pl.String)
        return pl.select(pl.concat_str(high, low)).to_series()
