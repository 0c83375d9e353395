"""Watching: the stream of metrics, logs and traces, minute by minute, with incidents found."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from tam_workbench.causal.ranking import (
    Clue,
    Onset,
    Suspect,
    Visits,
    metric_clues,
    rank,
    strongest,
    trace_clues,
    visits_of,
)
from tam_workbench.evaluation.causes.train_ticket import Day, Tick
from tam_workbench.features.templates import Templates
from tam_workbench.records import Floats

CLOSES_S: Final = 300.0
"""An incident is closed so long after its alarm, and the next may open."""

REMEMBERED: Final = 60
"""Quiet minutes with traces that make up what is usual of them."""

REMEMBERED_ROWS: Final = 240
"""Minutes that make up what is usual of the metrics: four hours, to hold what is rare."""

LATENESS: Final = 2
"""Minutes before a quiet minute teaches: an incident may still be found to have begun in it."""


SUSTAINED: Final = 3
"""Minutes whose middle value a metric is judged by: a spike of one minute is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Who is suspected as of a minute in which an incident is open."""

    at_s: float
    began_at_s: float
    alarmed_at_s: float
    suspects: tuple[Suspect, ...]
    has_traces: bool


class Watch:
    """Learns what is usual from quiet minutes, opens incidents and ranks who began them."""

    def __init__(self) -> None:
        self._templates = Templates(limit=2048, lines=8192, similarity=0.6)
        self._onset = Onset()
        self._spans: list[tuple[pl.DataFrame, pl.DataFrame]] = []
        self._rows: list[Floats] = []
        self._recent: list[Floats] = []
        self._waiting: list[Tick] = []
        self._usual: Visits | None = None
        self.alarms: list[float] = []
        self.minutes = 0

    def run(self, days: Iterable[Day]) -> list[Report]:
        """Return what was reported in each minute in which an incident was open."""
        found = []
        for day in days:
            self._rows.clear()  # other pods; traces of the old ones still tell the usual paths
            self._recent.clear()
            self._waiting.clear()
            self._onset.close()
            spans, logs = day.quiet
            self._teach(spans, self._with_numbers(logs))
            self.minutes += len(day.ticks)
            for tick in day.ticks:
                report = self._advance(day, self._numbered(tick))
                if report is not None:
                    found.append(report)
        return found

    def _advance(self, day: Day, tick: Tick) -> Report | None:
        onset = self._onset
        if onset.alarmed_at is not None and tick.at_s >= onset.alarmed_at + CLOSES_S:
            self._close()
        was_open = onset.is_open
        self._waiting.append(tick)
        self._recent = [*self._recent, tick.metrics][-SUSTAINED:]
        onset.update(strongest(self._clues(day, [tick], self._recent)), at=tick.at_s)
        if not onset.is_open:
            self._learn()
            return None
        began, alarmed = onset.began_at or tick.at_s, onset.alarmed_at or tick.at_s
        if not was_open:
            self.alarms.append(tick.at_s)
            self._learn(before_s=began)
        inside = [each for each in self._waiting if each.at_s >= began]
        rows = [each.metrics for each in inside]
        return Report(
            at_s=tick.at_s,
            began_at_s=began,
            alarmed_at_s=alarmed,
            suspects=tuple(rank(self._clues(day, inside, rows))),
            has_traces=not tick.spans.is_empty(),
        )

    def _clues(self, day: Day, ticks: list[Tick], rows: list[Floats]) -> list[Clue]:
        before = np.concatenate(self._rows) if self._rows else np.empty((0, len(day.columns)))
        found = metric_clues(before, np.concatenate(rows), day.columns)
        if any(not tick.spans.is_empty() for tick in ticks):
            usual = self._usual_visits()
            spans = pl.concat([tick.spans for tick in ticks])
            logs = pl.concat([tick.logs for tick in ticks])
            now = visits_of(spans, self._resolved(logs), routes=usual.routes)
            found += trace_clues(usual, now, words=self._word)
        return found

    def _usual_visits(self) -> Visits:
        if self._usual is None:
            parts = self._spans[-REMEMBERED:]
            self._usual = visits_of(
                pl.concat([spans for spans, _ in parts], how="diagonal"),
                self._resolved(pl.concat([logs for _, logs in parts], how="diagonal")),
            )
        return self._usual

    def _numbered(self, tick: Tick) -> Tick:
        known = len(self._templates.known)
        numbered = replace(tick, logs=self._with_numbers(tick.logs))
        if len(self._templates.known) > known:
            self._usual = None  # templates may have merged
        return numbered

    def _word(self, step: str) -> str:
        """Return the text of a step that is the number of a template; others are their own."""
        return self._templates.text(int(step)) if step.isdigit() else step

    def _with_numbers(self, logs: pl.DataFrame) -> pl.DataFrame:
        numbers = self._templates.number(logs["body"])
        return logs.drop("body").with_columns(template=pl.Series(numbers, dtype=pl.Int64))

    def _resolved(self, logs: pl.DataFrame) -> pl.DataFrame:
        numbers = self._templates.resolve(logs["template"].to_numpy())
        return logs.with_columns(template=pl.Series(numbers, dtype=pl.Int64))

    def _learn(self, *, before_s: float | None = None) -> None:
        """Take the minutes that no incident can reach any more into what is usual."""
        suspected = self._onset.suspected_since if before_s is None else before_s
        while self._waiting:
            if before_s is None and len(self._waiting) <= LATENESS:
                break
            if suspected is not None and self._waiting[0].at_s >= suspected:
                break
            tick = self._waiting.pop(0)
            self._rows = [*self._rows, tick.metrics][-REMEMBERED_ROWS:]
            if not tick.spans.is_empty():
                self._teach(tick.spans, tick.logs)

    def _close(self) -> None:
        """End the incident; its metrics teach, so that a lasting change becomes what is usual.

        Its traces do not: one minute of a broken sequence would hide the next.
        """
        self._onset.close()
        self._rows = [*self._rows, *(tick.metrics for tick in self._waiting)][-REMEMBERED_ROWS:]
        self._waiting.clear()

    def _teach(self, spans: pl.DataFrame, logs: pl.DataFrame) -> None:
        self._spans = [*self._spans, (spans, logs)][-REMEMBERED:]
        self._usual = None
