"""Signing: keeps the last minutes of what went through the loop, and signs a service's window."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import polars as pl

from tam_workbench.engine.pieces import SIGNALS, Piece, folded, piece_of
from tam_workbench.engine.summary import ServiceTicks
from tam_workbench.engine.windows import (
    MaskedLines,
    Stretch,
    Table,
    changes_of,
    metrics_of,
    spans_of,
    templates_of,
)
from tam_workbench.memory.blocks import Below, Signature, Window, sign
from tam_workbench.records import Batch, Ints, Observations, TrustScores

_MOST_CALLEES: Final = 32
_FOLD_TICKS: Final = 32  # ticks from which what came is folded into one piece


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


class Signer:
    """Keeps the last minutes of telemetry by reference, and signs a service's window on demand.

    Adding a batch copies its metric values and numbers its ticks; all else waits for an incident.

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
        self._pieces: deque[Piece] = deque()
        self._tables: deque[Table] = deque()
        self._loose = [0, 0, 0]  # pieces, tables and rows at the end that are not folded yet
        self._columns: tuple[str, ...] = ()
        self._services: tuple[str, ...] = ()
        self._seen: set[str] = set()
        self._loud: dict[str, deque[int]] = {}
        self._rows = dict.fromkeys(SIGNALS, 0)
        self._cells = 0
        self._lines = MaskedLines()
        self._codes: dict[str, int] = {}
        self._anchor = _categories([""])  # polars renumbers them when no column of them lives

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
        ticks = int(observed.ticks[0]), int(observed.ticks[-1])
        piece = piece_of(batch, ticks=ticks, tick_us=self._tick_us, scores=scores)
        self._pieces.append(piece)
        self._loose[0] += 1
        for signal in SIGNALS:
            rows = piece.height(signal)
            self._rows[signal] += rows
            self._loose[2] += rows
            if getattr(batch, signal).height:
                self._seen.add(signal)
        self._fold()
        self._trim(ticks[1])

    def _listen(self, seen: ServiceTicks) -> None:
        rules = self.rules
        loud = seen.is_breached | (seen.probability >= rules.loud_probability)
        for at in np.flatnonzero(loud.any(axis=0)):
            kept = rules.window_ticks + rules.past_ticks
            ticks = self._loud.setdefault(seen.services[at], deque(maxlen=kept))
            ticks.extend(seen.ticks[loud[:, at]].tolist())

    def _keep_metrics(self, observed: Observations) -> None:
        columns, places = _measured(observed.feature_names)
        if columns[: len(self._columns)] != self._columns:  # they no longer line up
            self._tables.clear()
            self._cells = self._loose[1] = 0
        self._columns, self._services = columns, observed.service_names
        values = observed.values[:, places].astype(np.float32)
        self._tables.append(Table(observed.ticks, observed.resources, values))
        self._loose[1] += 1
        self._cells += values.size

    def _fold(self) -> None:
        """Make one of the last pieces once they span some ticks: a turn may bring a single one."""
        pieces = min(self._loose[0], len(self._pieces))
        tables = min(self._loose[1], len(self._tables))
        ticks = self._pieces[-1].last - self._pieces[-pieces].first + 1
        if ticks < _FOLD_TICKS and self._loose[2] < self.rules.max_rows // _FOLD_TICKS:
            return
        self._loose = [0, 0, 0]
        self._pieces.append(folded([self._pieces.pop() for _ in range(pieces)][::-1]))
        self._tables.extend(_stacked([self._tables.pop() for _ in range(tables)][::-1]))

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
            for signal in SIGNALS:
                self._rows[signal] -= gone.height(signal)

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
        rules, seen = self.rules, self._seen
        start = opened_tick - rules.lead_ticks
        end = start + rules.window_ticks
        if self._tables:
            end = min(end, int(self._tables[-1].ticks[-1]) + 1)
        span = (start, max(end, start + 1))
        callees = tuple(sorted(callees))[:_MOST_CALLEES]
        services = (service, *callees)
        first = max(start - rules.lately_ticks, self._pieces[0].first if self._pieces else start)
        loud = [np.array(self._loud.get(name, ()), dtype=np.int64) for name in services]
        near = _stretch(services, span, loud, before=max(start - first, 0), rules=rules)
        far = _stretch(services, span, loud, before=rules.past_ticks, rules=rules)
        metrics = (
            metrics_of(self._tables, self._columns, self._services, far) if self._columns else {}
        )
        pieces = [p for p in self._pieces if p.last >= near.past and p.first < near.end]
        codes = self._coded(services)
        logs = [p.logs for p in pieces if p.logs is not None]
        spans = [p.spans for p in pieces if p.spans is not None]
        changes = [change for p in pieces for change in p.changes]
        templates = templates_of(logs, codes, near, lines=self._lines) if "logs" in seen else {}
        return Window(
            service=service,
            ticks=span[1] - span[0],
            metrics=metrics.get(service),
            templates=templates.get(service),
            spans=spans_of(spans, codes, near) if "spans" in seen else None,
            changes=changes_of(
                changes, near, oldest=start - rules.change_ticks, tick_s=self._tick_s
            )
            if "changes" in seen
            else None,
            below={
                name: Below(metrics=metrics[name], templates=templates.get(name, {}))
                for name in callees
            }
            if self._columns
            else None,
        )

    def _coded(self, services: Sequence[str]) -> Ints:
        """Return the codes of services as rows hold them, moved up by one."""
        new = [name for name in services if name not in self._codes]
        if new:
            codes = _categories(new).to_physical().to_list()
            self._codes.update(zip(new, (code + 1 for code in codes), strict=True))
        return np.array([self._codes[name] for name in services], dtype=np.int64)


def _stretch(
    services: Sequence[str],
    span: tuple[int, int],
    loud: Sequence[Ints],
    *,
    before: int,
    rules: SigningRules,
) -> Stretch:
    """Return a window and the ticks before it, of each service those that were not ``loud``."""
    past = span[0] - before
    quiet = np.ones((len(services), before), dtype=np.bool_)
    for flags, ticks in zip(quiet, loud, strict=True):
        flags[ticks[(ticks >= past) & (ticks < span[0])] - past] = False
        if np.count_nonzero(flags) < min(rules.window_ticks, before):  # hardly any: all must do
            flags[:] = True
    return Stretch(services=tuple(services), past=past, start=span[0], end=span[1], quiet=quiet)


def _categories(names: Sequence[str]) -> pl.Series:
    return pl.Series(names, dtype=pl.Categorical)


@lru_cache(maxsize=8)
def _measured(names: tuple[str, ...]) -> tuple[tuple[str, ...], list[int]]:
    """Return the features that are metrics as measured, and their places; they hardly change."""
    known = set(names)
    places = [at for at, name in enumerate(names) if name and f"{name}.deviation" in known]
    return tuple(names[at] for at in places), places


def _stacked(tables: Sequence[Table]) -> list[Table]:
    """Return tables that follow each other as one, those of other widths apart."""
    alike: list[list[Table]] = []
    for table in tables:
        if alike and alike[-1][-1].values.shape[1] == table.values.shape[1]:
            alike[-1].append(table)
        else:
            alike.append([table])
    return [
        same[0]
        if len(same) == 1
        else Table(
            np.concatenate([table.ticks for table in same]),
            np.concatenate([table.resources for table in same]),
            np.concatenate([table.values for table in same]),
        )
        for same in alike
    ]
