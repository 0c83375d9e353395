"""Signing: keeps the last minutes of what went through the loop, and signs a service's window."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from tam_workbench.engine.summary import ServiceTicks
from tam_workbench.engine.windows import (
    Flags,
    Stretch,
    Table,
    changes_of,
    metrics_of,
    spans_of,
    templates_of,
    timed,
)
from tam_workbench.memory.blocks import Below, Lines, Series, Signature, Window, sign
from tam_workbench.records import Batch, Observations, TrustScores

_SIGNALS: Final = ("logs", "spans", "changes")
_BELIEVED: Final = 0.35  # as an incident's observations must be to raise an alarm
_WARNING: Final = 13  # severity from which lines of callees count
_MOST_CALLEES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningRules:
    """What belongs to the window of an incident, and what it is compared with."""

    lead_ticks: int = 10
    """Ticks before the opening that belong to the window."""

    window_ticks: int = 40
    """Ticks of a whole window; 30 after the opening with the default lead."""

    past_ticks: int = 540
    """Ticks before the window that metrics are compared with: longer than most incidents, so
    that half of them were calm."""

    lately_ticks: int = 360
    """Ticks before the window that log lines and spans are compared with."""

    change_ticks: int = 180
    """Ticks before the window of which changes still count."""

    loud_probability: float = 0.5
    """Incident probability from which a tick of a service is no quiet past to compare with, as
    is one in breach; above 1 only breaches are left out."""

    max_rows: int = 200_000
    """Rows of each signal that are kept for it; the oldest go first."""

    max_cells: int = 4_000_000
    """Metric values that are kept for it (4 bytes each); the oldest go first."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one batch left: its ticks, its frames and which rows were believed (None: all)."""

    first: int
    last: int
    frames: dict[str, pl.DataFrame]
    believed: dict[str, Flags | None]


class Signer:
    """Keeps the last minutes of telemetry by reference, and signs a service's window on demand.

    Adding a batch copies its metric values only; everything else waits for an incident.

    Parameters
    ----------
    rules
        Lengths and bounds.
    tick_s
        Seconds of a tick.
    """

    def __init__(self, rules: SigningRules | None = None, *, tick_s: float) -> None:
        self.rules = rules or SigningRules()
        self._tick_s = tick_s
        self._tick_us = max(round(tick_s * 1e6), 1)
        self._pieces: deque[_Piece] = deque()
        self._tables: deque[Table] = deque()
        self._columns: tuple[str, ...] = ()
        self._services: tuple[str, ...] = ()
        self._seen: set[str] = set()
        self._loud: dict[str, deque[int]] = {}
        self._rows = dict.fromkeys(_SIGNALS, 0)
        self._cells = 0

    # -- keeping ------------------------------------------------------------------------------

    def add(
        self,
        batch: Batch,
        observed: Observations,
        *,
        seen: ServiceTicks | None = None,
        scores: TrustScores | None = None,
    ) -> None:
        """Keep a batch that went through the loop.

        ``seen`` tells which ticks were loud, ``scores`` which rows to believe; without them all
        ticks are quiet and all rows believed.
        """
        if not observed.ticks.size:
            return
        if seen is not None:
            self._listen(seen)
        self._keep_metrics(observed)
        frames = {signal: getattr(batch, signal) for signal in _SIGNALS}
        believed = {
            signal: scores.values[signal] >= _BELIEVED if scores is not None else None
            for signal in _SIGNALS
        }
        first, last = int(observed.ticks[0]), int(observed.ticks[-1])
        self._pieces.append(_Piece(first, last, frames, believed))
        for signal, frame in frames.items():
            self._rows[signal] += frame.height
            if frame.height:
                self._seen.add(signal)
        self._trim(last)

    def _listen(self, seen: ServiceTicks) -> None:
        rules = self.rules
        loud = seen.is_breached | (seen.probability >= rules.loud_probability)
        for at in np.flatnonzero(loud.any(axis=0)):
            kept = rules.window_ticks + rules.past_ticks
            ticks = self._loud.setdefault(seen.services[at], deque(maxlen=kept))
            ticks.extend(seen.ticks[loud[:, at]].tolist())

    def _keep_metrics(self, observed: Observations) -> None:
        names = observed.feature_names
        known = set(names)
        places = [at for at, name in enumerate(names) if name and f"{name}.deviation" in known]
        columns = tuple(names[at] for at in places)
        if columns[: len(self._columns)] != self._columns:  # they no longer line up
            self._tables.clear()
            self._cells = 0
        self._columns, self._services = columns, observed.service_names
        values = observed.values[:, places].astype(np.float32)
        self._tables.append(Table(observed.ticks, observed.resources, values))
        self._cells += values.size

    def _trim(self, tick: int) -> None:
        rules = self.rules
        oldest = tick - rules.window_ticks - rules.past_ticks
        while self._tables and (
            int(self._tables[0].ticks[-1]) < oldest or self._cells > rules.max_cells
        ):
            self._cells -= self._tables.popleft().values.size
        oldest = tick - rules.window_ticks - rules.lately_ticks
        while self._pieces and (
            self._pieces[0].last < oldest or max(self._rows.values()) > rules.max_rows
        ):
            gone = self._pieces.popleft()
            for signal, frame in gone.frames.items():
                self._rows[signal] -= frame.height

    # -- signing ------------------------------------------------------------------------------

    def is_whole(self, opened_tick: int, *, tick: int) -> bool:
        """Tell whether the window of an incident lies wholly in the past at ``tick``."""
        return tick + 1 >= opened_tick - self.rules.lead_ticks + self.rules.window_ticks

    def covers(self, opened_tick: int) -> bool:
        """Tell whether the window and as much before it is at hand; after a restart it may not."""
        start = opened_tick - self.rules.lead_ticks
        return bool(self._pieces) and self._pieces[0].first <= start - self.rules.window_ticks

    def sign(self, service: str, *, opened_tick: int, callees: Iterable[str] = ()) -> Signature:
        """Return the signature of the window around an opening, as far as it has come."""
        return sign(self.window(service, opened_tick=opened_tick, callees=callees))

    def window(self, service: str, *, opened_tick: int, callees: Iterable[str] = ()) -> Window:
        """Return the window itself, for whoever signs it."""
        rules = self.rules
        start = opened_tick - rules.lead_ticks
        end = start + rules.window_ticks
        if self._tables:
            end = min(end, int(self._tables[-1].ticks[-1]) + 1)
        span = (start, max(end, start + 1))
        callees = tuple(sorted(callees))[:_MOST_CALLEES]
        services = (service, *callees)
        far = {name: self._stretch(name, span, rules.past_ticks) for name in services}
        first = max(start - rules.lately_ticks, self._pieces[0].first if self._pieces else start)
        first = min(first, start)
        near = {name: self._stretch(name, span, start - first) for name in services}
        rows = {signal: self._rows_of(signal, services, span) for signal in self._seen}
        logs, spans, changes = (rows.get(signal) for signal in _SIGNALS)
        templates = self._templates(logs, service, near)
        return Window(
            service=service,
            ticks=span[1] - span[0],
            metrics=self._metrics(service, far[service]) if self._columns else None,
            templates=None if logs is None else templates[service],
            spans=None
            if spans is None
            else spans_of(timed(spans, near[service], tick_us=self._tick_us)),
            changes=None
            if changes is None
            else changes_of(
                timed(changes, near[service], tick_us=self._tick_us),
                service,
                end=span[1],
                oldest=start - rules.change_ticks,
                tick_s=self._tick_s,
            ),
            below={
                name: Below(
                    metrics=self._metrics(name, far[name]),
                    templates=templates.get(name, {}),
                )
                for name in callees
            }
            if self._columns
            else None,
        )

    def _stretch(self, service: str, span: tuple[int, int], before: int) -> Stretch:
        past = span[0] - before
        quiet = np.ones(before, dtype=np.bool_)
        for tick in self._loud.get(service, ()):
            if past <= tick < span[0]:
                quiet[tick - past] = False
        if quiet.sum() < min(self.rules.window_ticks, before):  # hardly any: all must do
            quiet[:] = True
        return Stretch(past=past, start=span[0], end=span[1], quiet=quiet)

    def _metrics(self, service: str, stretch: Stretch) -> dict[str, Series]:
        resources = np.flatnonzero([name == service for name in self._services])
        return metrics_of(self._tables, self._columns, resources, stretch)

    def _templates(
        self, logs: pl.DataFrame | None, service: str, near: Mapping[str, Stretch]
    ) -> dict[str, dict[str, Lines]]:
        if logs is None:
            return {}
        is_warning = pl.col("severity_number") >= _WARNING
        heard = logs.filter((pl.col("service") == service) | is_warning)
        return templates_of(heard, near, tick_us=self._tick_us)

    def _rows_of(
        self, signal: str, services: tuple[str, ...], span: tuple[int, int]
    ) -> pl.DataFrame:
        """Return the believed rows of some services in and before a window."""
        start = span[0] - self.rules.lately_ticks
        pieces = [p for p in self._pieces if p.last >= start and p.first < span[1]]
        pieces = [p for p in pieces if p.frames[signal].height]
        if not pieces:
            return next(p.frames[signal].clear() for p in self._pieces)
        frame = pl.concat([piece.frames[signal] for piece in pieces])
        flags = [piece.believed[signal] for piece in pieces]
        if any(flag is not None and not flag.all() for flag in flags):
            sizes = [piece.frames[signal].height for piece in pieces]
            every = [
                np.ones(n, bool) if f is None else f for f, n in zip(flags, sizes, strict=True)
            ]
            frame = frame.filter(pl.Series(np.concatenate(every)))
        return frame.filter(pl.col("service").is_in(list(services)))
