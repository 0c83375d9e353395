"""Trust: how far each row of a batch may be believed."""

from collections.abc import Mapping
from typing import Any, TypeAlias, cast

import numpy as np
import polars as pl

from tam_workbench.records import (
    Authentication,
    Batch,
    Ints,
    Reputation,
    TrustScores,
)
from tam_workbench.trust import arrays
from tam_workbench.trust.kernels import score_ticks
from tam_workbench.trust.likelihood import arrive
from tam_workbench.trust.names import Names
from tam_workbench.trust.reputation import posterior
from tam_workbench.trust.rows import (
    ChangeRows,
    Column,
    LogRows,
    MetricRows,
    SpanRows,
    evident,
    order_of,
)
from tam_workbench.trust.rules import TrustRules

_SIGNALS = ("metrics", "logs", "spans", "changes")
_Columns: TypeAlias = Mapping[str, Any]  # arrays of any numbers


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
    >>> at = datetime(2026, 1, 1, tzinfo=UTC)
    >>> trust.score(Batch(source="s", sequence=0, offset="0", received_at=at)).values["logs"].size
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
        columns = [batch.columns.of(frame) for frame in frames]
        times: list[Ints] = [column["time"] for column in columns]
        at = max((int(time.max()) for time in times if time.size), default=0) // self._tick_us
        heads: list[tuple[Any, ...]] = []
        orders: list[Ints | None] = []
        clock = self._clock()
        for kind, (frame, codes) in enumerate(zip(frames, columns, strict=True)):
            service = self._services.resolve(frame["service"], at=at, codes=codes["service"])
            source = self._channels.resolve(frame["source"], at=at, codes=codes["source"])
            self._make_room()
            ticks, late = arrive(times[kind], source, self._memory.newest[kind], clock)
            self._open = max(self._open, int(ticks.max()) if ticks.size else self._open)
            orders.append(order_of(ticks))
            blank = (np.empty(ticks.size), np.empty(ticks.size, dtype=np.uint8))
            heads.append((*_sorted((ticks, service, source, late), orders[kind]), *blank))
        self._learn_priors(batch)
        rows = self._rows(batch, heads, orders, columns=columns, at=at)
        if self._scratch.level.size < batch.metrics.height:
            room = (np.zeros(2 * batch.metrics.height) for _ in range(3))
            self._scratch = self._scratch._replace(
                level=next(room), said=next(room), parted=next(room)
            )
        score_ticks(self._memory, self._scratch, rows, self._scale)
        placed: list[tuple[str, Any, Ints | None]] = list(zip(_SIGNALS, rows, orders, strict=True))
        return TrustScores(
            values={signal: _back(row.trust, order) for signal, row, order in placed},
            reasons={signal: _back(row.reasons, order) for signal, row, order in placed},
        )

    def _clock(self) -> Ints:
        rules = self.rules
        late, replay = round(rules.lateness_s * 1e6), round(rules.replay_s * 1e6)
        return np.array([self._tick_us, late, replay, self._open], dtype=np.int64)

    def _rows(
        self,
        batch: Batch,
        heads: list[tuple[Any, ...]],
        orders: list[Ints | None],
        *,
        columns: list[_Columns],
        at: int,
    ) -> tuple[MetricRows, LogRows, SpanRows, ChangeRows]:
        frame, codes = batch.metrics, columns[0]
        resource = self._resources.resolve(frame["resource"], at=at, codes=codes["resource"])
        self._make_room()
        name = self._metrics.resolve(frame["name"], at=at, codes=codes["name"])
        self._make_room()
        parent = self._parents(batch.spans["parent_service"], columns[2]["parent_service"], at)
        seconds, failed = columns[2]["duration_s"], columns[2]["error"]
        severity, kind = columns[1]["severity_number"], evident(batch.changes["kind"])
        return (
            MetricRows(*heads[0], *_sorted((resource, name, codes["value"]), orders[0])),
            LogRows(*heads[1], *_sorted((severity,), orders[1])),
            SpanRows(*heads[2], *_sorted((parent, seconds, failed), orders[2])),
            ChangeRows(*heads[3], *_sorted((kind,), orders[3])),
        )

    def _parents(self, column: pl.Series, codes: Ints, at: int) -> Ints:
        if not codes.any():
            return np.full(codes.size, -1, dtype=np.int64)
        parents = self._services.resolve(column, at=at, codes=codes)
        self._make_room()
        return parents if codes.all() else np.where(codes == 0, -1, parents)

    def _make_room(self) -> None:
        for names, forget in (
            (self._services, arrays.forget_service),
            (self._channels, arrays.forget_channel),
            (self._resources, arrays.forget_resource),
            (self._metrics, arrays.forget_metric),
        ):
            for number in names.evicted:
                forget(self._memory, number)
            names.evicted = []

    def _learn_priors(self, batch: Batch) -> None:
        known = {channel.name: channel.authentication for channel in batch.channels}
        for number, name in enumerate(self._channels.known):
            proof = known.get(name, Authentication.NONE)
            self._memory.prior[number] = self.rules.prior(proof)

    def reputations(self) -> list[Reputation]:
        """Return what is believed of every channel, by name, with a 90 % interval."""
        m, rules = self._memory, self.rules
        return [
            posterior(
                name,
                good=float(m.good[c]) + rules.reputation_good,
                bad=float(m.bad[c]) + rules.reputation_bad,
                rows=int(m.rows[c]),
            )
            for name, c in sorted((name, c) for c, name in enumerate(self._channels.known))
        ]

    def judge(self, source: str, *, believed: bool, weight: float) -> None:
        """Take a person's or a label's word on a channel; ``weight`` counts in ticks.

        A channel never heard of is entered, so that a ban may come before its first row.
        """
        c = self._channels.add(source, at=max(self._open, 0))
        self._make_room()
        if believed:
            self._memory.good[c] += weight
        else:
            self._memory.bad[c] += weight * self.rules.blame_claims

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
            **dict.fromkeys(("good", "bad", "rows", "prior", "lean"), (c,)),
            "series": (r, m),
            "home": (r,),
            "tide": (m,),
            **dict.fromkeys(("first", "ill", "twins", "claimant", "claimed", "claim"), (s,)),
            **dict.fromkeys(("spoke", "kinds", "usual", "calls"), (s, c)),
            "calls_to": (s, s),
        }


def _back(values: Any, order: Ints | None) -> Any:  # noqa: ANN401 - floats or bytes
    if order is None:
        return values
    placed = np.empty_like(values)
    placed[order] = values
    return placed


def _sorted(columns: tuple[Column, ...], order: Ints | None) -> Any:  # noqa: ANN401 - any mix of columns
    return columns if order is None else tuple(column[order] for column in columns)
