"""Trust: how far each row of a batch may be believed."""

from typing import Any, cast

import numpy as np
import polars as pl

from tam_workbench.records import Authentication, Batch, Bytes, Floats, Ints, Reputation, TrustScores
from tam_workbench.trust import arrays
from tam_workbench.trust.kernels import arrive, score_ticks
from tam_workbench.trust.names import Names
from tam_workbench.trust.reputation import posterior
from tam_workbench.trust.rows import (
    ChangeRows,
    Column,
    LogRows,
    MetricRows,
    SpanRows,
    evident,
    failures,
    floats,
    microseconds,
    order_of,
    severities,
)
from tam_workbench.trust.rules import TrustRules

_SIGNALS = ("metrics", "logs", "spans", "changes")


class Trust:
    """Scores rows by provenance, freshness, likelihood and corroboration across channels.

    A row's trust = prior of its channel's authentication x reputation x freshness
    x (1 - anomaly x (1 - corroboration) x doubt). Nothing that a sender fills in about himself
    counts. State is bounded and moves on tick by tick, so a stream cut at other tick borders
    gets the same scores; a cut *inside* a tick hides from its first part what the second saw.

    Parameters
    ----------
    rules
        Thresholds and weights.
    tick_s
        Seconds of a tick; evidence counts within the same tick and up to ``window`` later.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from tam_workbench.records import Batch
    >>> trust = Trust(TrustRules(), tick_s=1.0)
    >>> empty = Batch(source="s", sequence=0, offset="0", received_at=datetime(2026, 1, 1, tzinfo=UTC))
    >>> trust.score(empty).values["logs"].size
    0
    """

    def __init__(self, rules: TrustRules, *, tick_s: float) -> None:
        self.rules = rules
        self._tick_us = max(round(tick_s * 1e6), 1)
        self._scale = arrays.scale_of(rules)
        self._memory = arrays.new_memory(rules)
        self._scratch = arrays.new_scratch(rules)
        self._resources = Names(limit=rules.max_resources)
        self._services = Names(limit=rules.max_services)
        self._channels = Names(limit=rules.max_channels)
        self._metrics = Names(limit=rules.max_metrics)
        self._open = -(2**62)

    def score(self, batch: Batch) -> TrustScores:
        """Return trust and reasons of every row, and learn what is usual."""
        frames = (batch.metrics, batch.logs, batch.spans, batch.changes)
        times = tuple(microseconds(frame["time"]) for frame in frames)
        at = max((int(time.max()) for time in times if time.size), default=0) // self._tick_us
        shared = tuple(self._place(frame, at) for frame in frames)
        self._learn_channels(batch)
        clock = np.array(
            [
                self._tick_us,
                round(self.rules.lateness_s * 1e6),
                round(self.rules.replay_s * 1e6),
                self._open,
            ],
            dtype=np.int64,
        )
        arrivals = tuple(
            arrive(time, source, self._memory.newest[kind], clock)
            for kind, (time, (_, source)) in enumerate(zip(times, shared, strict=True))
        )
        orders = tuple(order_of(ticks) for ticks, _ in arrivals)
        heads = tuple(
            _sorted((ticks, *place, late), order)
            for (ticks, late), place, order in zip(arrivals, shared, orders, strict=True)
        )
        rows = (
            MetricRows(*heads[0], *_sorted(self._metric_columns(batch.metrics, at), orders[0])),
            LogRows(*heads[1], *_sorted((severities(batch.logs["severity_number"]),), orders[1])),
            SpanRows(*heads[2], *_sorted(self._span_columns(batch.spans, at), orders[2])),
            ChangeRows(*heads[3], *_sorted((evident(batch.changes["kind"]),), orders[3])),
        )
        for ticks, _ in arrivals:
            if ticks.size:
                self._open = max(self._open, int(ticks.max()))
        return self._run(rows, orders)

    def _run(
        self,
        rows: tuple[MetricRows, LogRows, SpanRows, ChangeRows],
        orders: tuple[Ints | None, ...],
    ) -> TrustScores:
        outcomes = [
            arrays.Outcome(np.empty(r.tick.size), np.empty(r.tick.size, dtype=np.uint8))
            for r in rows
        ]
        if self._scratch.level.size < rows[0].tick.size:
            self._scratch = self._scratch._replace(level=np.zeros(2 * rows[0].tick.size))
        score_ticks(self._memory, self._scratch, rows, tuple(outcomes), self._scale)
        values: dict[str, Floats] = {}
        reasons: dict[str, Bytes] = {}
        for signal, out, order in zip(_SIGNALS, outcomes, orders, strict=True):
            values[signal], reasons[signal] = out.values, out.reasons
            if order is not None:
                values[signal], reasons[signal] = np.empty_like(out[0]), np.empty_like(out[1])
                values[signal][order], reasons[signal][order] = out.values, out.reasons
        return TrustScores(values=values, reasons=reasons)

    def _place(self, frame: pl.DataFrame, at: int) -> tuple[Ints, Ints]:
        services = self._services.resolve(frame["service"], at=at)
        for number in self._services.evicted:
            arrays.forget_service(self._memory, number)
        sources = self._channels.resolve(frame["source"], at=at)
        for number in self._channels.evicted:
            arrays.forget_channel(self._memory, number)
        return services, sources

    def _metric_columns(self, frame: pl.DataFrame, at: int) -> tuple[Ints, Ints, Floats]:
        resources = self._resources.resolve(frame["resource"], at=at)
        for number in self._resources.evicted:
            arrays.forget_resource(self._memory, number)
        names = self._metrics.resolve(frame["name"], at=at)
        for number in self._metrics.evicted:
            arrays.forget_metric(self._memory, number)
        return resources, names, floats(frame["value"])

    def _span_columns(self, frame: pl.DataFrame, at: int) -> tuple[Ints, Floats, Floats]:
        column = frame["parent_service"]
        parents = self._services.resolve(column, at=at)
        for number in self._services.evicted:
            arrays.forget_service(self._memory, number)
        if column.null_count():
            parents = np.where(column.is_null().to_numpy(), -1, parents)
        return parents, floats(frame["duration_s"]), failures(frame["error"])

    def _learn_channels(self, batch: Batch) -> None:
        known = {channel.name: channel.authentication for channel in batch.channels}
        for number, name in enumerate(self._channels.known):
            proof = known.get(name, Authentication.NONE)
            self._memory.prior[number] = self.rules.prior(proof)

    def reputations(self) -> list[Reputation]:
        """Return what is believed of every channel, with a 90 % interval."""
        m, rules = self._memory, self.rules
        return [
            posterior(
                name,
                good=float(m.good[c]) + rules.reputation_good,
                bad=float(m.bad[c]) + rules.reputation_bad,
                rows=int(m.rows[c]),
            )
            for c, name in enumerate(self._channels.known)
        ]

    def judge(self, source: str, *, believed: bool, weight: float) -> None:
        """Take a person's or a label's word on a channel; ``weight`` counts in ticks.

        A channel never heard of is entered, so that a ban may come before its first row.
        """
        c = self._channels.add(source, at=max(self._open, 0))
        for number in self._channels.evicted:
            arrays.forget_channel(self._memory, number)
        if believed:
            self._memory.good[c] += weight
        else:
            self._memory.bad[c] += weight * self.rules.blame

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs, in plain containers."""
        used = self._used()
        return {
            "open": self._open,
            "names": {key: names.state() for key, names in self._tables().items()},
            "memory": {
                key: getattr(self._memory, key)[place].copy() for key, place in used.items()
            },
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Become what `state` described; what follows is then the same to the bit."""
        self._open = int(state["open"])
        for key, names in self._tables().items():
            names.restore(cast("dict[str, object]", state["names"][key]))
        self._memory = arrays.new_memory(self.rules)
        for key, place in self._used().items():
            getattr(self._memory, key)[place] = state["memory"][key]

    def _tables(self) -> dict[str, Names]:
        return {
            "resources": self._resources,
            "services": self._services,
            "channels": self._channels,
            "metrics": self._metrics,
        }

    def _used(self) -> dict[str, tuple[slice, ...]]:
        r, s, c, m = (
            slice(0, len(names))
            for names in (self._resources, self._services, self._channels, self._metrics)
        )
        every = slice(None)
        return {
            "newest": (every, c),
            **dict.fromkeys(("good", "bad", "rows", "prior"), (c,)),
            "series": (r, m),
            **dict.fromkeys(("first", "stamp", "evidence", "witness"), (s,)),
            "usual": (s, c),
            "calls": (s, c),
            "links": (s, s),
        }


def _sorted(columns: tuple[Column, ...], order: Ints | None) -> Any:  # noqa: ANN401 - any mix of columns
    return columns if order is None else tuple(column[order] for column in columns)
