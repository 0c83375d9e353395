"""Screening: rows that cannot be right are moved to the rejects, each with field and reason."""

import io
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import polars.selectors as cs

from tam_workbench.records import REJECTS, SIGNALS, Batch
from tam_workbench.trust.channels import Marks

__all__ = ["Screening", "ScreeningRules"]

_Mask = npt.NDArray[np.bool_]
_Faults = list[tuple[str, str, _Mask]]  # field, reason, rows

_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "metrics": ("time", "source", "resource", "name", "value"),
    "logs": ("time", "source", "resource", "severity_number", "body"),
    "spans": ("time", "source", "resource", "name", "trace_id", "span_id", "duration_s"),
    "changes": ("time", "source", "resource", "kind", "object", "detail"),
}
"""What makes two rows of a channel the same row."""

_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "metrics": ("time", "resource", "service", "source", "row", "name", "value"),
    "logs": ("time", "resource", "service", "source", "row", "severity_number", "body"),
    "spans": ("time", "resource", "service", "source", "row", "name", "duration_s", "error"),
    "changes": ("time", "resource", "service", "source", "row", "kind"),
}

_TEXT: Final[Mapping[str, tuple[str, ...]]] = {
    "metrics": ("name", "value"),
    "logs": ("body",),
    "spans": ("name", "trace_id", "span_id", "duration_s"),
    "changes": ("kind", "object", "detail"),
}
"""What a reject's excerpt shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningRules:
    """When a row is set aside."""

    skew_s: float = 60.0
    """Seconds a stamp may lie ahead of now. Clocks kept by NTP differ by far less."""

    max_age_s: float | None = None
    """Seconds a stamp may lie behind now. ``None`` switches it off, as a replay needs."""

    lateness_s: float | None = 900.0
    """Seconds a row may lie behind the newest of its channel. ``None`` takes any order."""

    jump_s: float | None = 86_400.0
    """A lone stamp further ahead of its channel than this, from which the next row comes back,
    is a skewed clock. ``None`` believes every jump."""

    remember_rows: int = 4096
    """Rows per signal kept to recognise a late row that was seen before. 0 switches it off."""

    max_body_bytes: int = 65_536
    """Longest log body. Longer ones are dumps, not records."""


class Screening:
    """Moves rows that cannot be right to ``batch.rejects``; every row stays counted.

    Set aside are nulls in needed fields, values that are not finite, stamps ahead of now or
    behind by too much, rows seen before (by channel and row number, or by content), rows too
    far out of order, negative durations, severities outside 1-24 and oversized bodies. Two log
    lines of equal content are one only when their stamp tells microseconds: logs that tell
    less do repeat themselves.

    A clean batch is returned as it is.
    """

    def __init__(self, rules: ScreeningRules) -> None:
        self._rules = rules
        self._marks = {signal: Marks() for signal in SIGNALS}
        self._seen: dict[str, deque[pl.DataFrame]] = {signal: deque() for signal in SIGNALS}

    def screen(self, batch: Batch, *, now: datetime) -> Batch:
        """Return the batch with bad rows moved to its rejects."""
        kept: dict[str, Any] = {}
        rejects = []
        for signal in SIGNALS:
            frame: pl.DataFrame = getattr(batch, signal)
            if not frame.height:
                continue
            faults = self._faults(signal, frame, now=now)
            if faults:
                kept[signal], bad = _move(signal, frame, faults)
                rejects.append(bad)
                frame = kept[signal]
            self._remember(signal, frame)
        if not rejects:
            return batch
        return replace(batch, **kept, rejects=pl.concat([batch.rejects, *rejects]))

    def _faults(self, signal: str, frame: pl.DataFrame, *, now: datetime) -> _Faults:
        """Return each fault with its rows; state is moved on only by rows without one."""
        faults = [*_nulls(signal, frame), *self._wrong(signal, frame)]
        times = _stamps(frame["time"])
        now_us = int(now.timestamp() * 1e6)
        ahead = times > now_us + int(self._rules.skew_s * 1e6)
        faults += _if_any("time", "lies in the future", ahead)
        if self._rules.max_age_s is not None:
            old = times < now_us - int(self._rules.max_age_s * 1e6)
            faults += _if_any("time", "is too old", old)
        sound = np.ones(frame.height, bool)
        for _, _, rows in faults:
            sound &= ~rows
        if sound.all():
            return self._order(signal, frame, times)
        told = self._order(signal, frame.filter(sound), times[sound])
        for field, reason, rows in told:
            whole = np.zeros(frame.height, bool)
            whole[np.flatnonzero(sound)[rows]] = True
            faults.append((field, reason, whole))
        return faults

    def _wrong(self, signal: str, frame: pl.DataFrame) -> _Faults:
        """Return the faults of values that a row shows by itself."""
        if signal == "metrics":
            return _if_any("value", "is not finite", ~np.isfinite(_floats(frame["value"])))
        if signal == "spans":
            duration = _floats(frame["duration_s"])
            faults = _if_any("duration_s", "is not finite", ~np.isfinite(duration))
            return faults + _if_any("duration_s", "is negative", duration < 0)
        if signal == "logs":
            number = _filled(frame["severity_number"], 9)
            faults = _if_any("severity_number", "is not in 1-24", (number < 1) | (number > 24))
            length = _filled(frame["body"].str.len_bytes(), 0)
            return faults + _if_any("body", "is too long", length > self._rules.max_body_bytes)
        return []

    def _order(self, signal: str, frame: pl.DataFrame, times: npt.NDArray[np.int64]) -> _Faults:
        """Return the faults a row shows against the rows of its channel before it."""
        if not frame.height:
            return []
        marks, rules = self._marks[signal], self._rules
        where = marks.locate(frame["source"])
        again = marks.seen_rows(where, frame["row"].to_numpy())
        skewed, late, past = marks.order(
            where, times, again=again, jump_s=rules.jump_s, lateness_s=rules.lateness_s
        )
        faults = _if_any("row", "was seen before", again)
        faults += _if_any("time", "runs ahead of its channel", skewed & ~again)
        faults += _if_any("time", "is out of order", late & ~again)
        copies = self._copies(signal, frame, times, past) & ~again & ~skewed & ~late
        return faults + _if_any("row", "says what was said before", copies)

    def _copies(
        self, signal: str, frame: pl.DataFrame, times: npt.NDArray[np.int64], past: _Mask
    ) -> _Mask:
        """Return the rows equal in content to one before: in the batch, or remembered."""
        copies = np.zeros(frame.height, bool)
        telling = times % 1000 != 0 if signal == "logs" else np.ones(frame.height, bool)
        keys = list(_KEYS[signal])
        if telling.any() and _may_repeat(frame, times):
            first = frame.select(pl.struct(keys).is_first_distinct()).to_series()
            copies |= ~first.to_numpy() & telling
        if past.any() and self._seen[signal]:
            known = _keys_of(self._seen[signal], signal).unique().with_columns(_known=True)
            found = frame.select(keys).join(
                known, on=keys, how="left", nulls_equal=True, maintain_order="left"
            )
            copies |= found["_known"].is_not_null().to_numpy() & telling & past
        return copies

    def _remember(self, signal: str, frame: pl.DataFrame) -> None:
        if not self._rules.remember_rows or not frame.height:
            return
        seen = self._seen[signal]
        seen.append(frame.tail(self._rules.remember_rows))
        total = sum(part.height for part in seen)
        while total > self._rules.remember_rows:
            first = seen.popleft()
            total -= first.height
            if total < self._rules.remember_rows:
                kept = first.tail(self._rules.remember_rows - total)
                seen.appendleft(kept)
                break

    def state(self) -> dict[str, Any]:
        """Return what a restart needs, as plain containers."""
        seen = {signal: _packed(parts, signal) for signal, parts in self._seen.items()}
        marks = {signal: marks.state() for signal, marks in self._marks.items()}
        return {"marks": marks, "seen": seen}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on as the one whose ``state`` this is."""
        for signal in SIGNALS:
            self._marks[signal].restore(state["marks"][signal])
            self._seen[signal] = deque([_unpacked(state["seen"][signal])])


def _may_repeat(frame: pl.DataFrame, times: npt.NDArray[np.int64]) -> bool:
    """Say whether two rows look alike by a cheap mark of each; most batches stop here."""
    mark = times.view(np.uint64) * _MIX
    for column in frame.select(_CODES).get_columns():
        codes = _filled(column, 0)
        codes = codes.view(np.uint64) if codes.dtype == np.float64 else codes
        mark = (mark ^ (mark >> np.uint64(29))) * _MIX + codes
    if frame.height < _FEW:
        return len(np.unique(mark)) < frame.height
    return pl.Series(mark).n_unique() < frame.height


_ALIKE: Final = frozenset({"service", "source", "parent_service"})  # the resource tells enough
_CODES: Final = (
    cs.categorical().exclude(*_ALIKE).to_physical(),
    cs.string().str.len_bytes(),
    cs.float(),
)
_FEW: Final = 1000  # below this numpy's sort is quicker than Polars' start
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)


def _stamps(column: pl.Series) -> npt.NDArray[np.int64]:
    """Return microseconds; nulls, told of elsewhere, pass as 0. Cheaper than ``to_physical``."""
    if column.null_count():
        filled: npt.NDArray[np.int64] = column.to_physical().fill_null(0).to_numpy()
        return filled
    return column.to_numpy().view(np.int64)


def _filled(column: pl.Series, default: int) -> npt.NDArray[Any]:
    filled = column.fill_null(default) if column.null_count() else column
    return filled.to_numpy()


def _floats(column: pl.Series) -> npt.NDArray[np.float64]:
    """Return the values; nulls, told of elsewhere, pass as 0."""
    return column.fill_null(0.0).to_numpy() if column.null_count() else column.to_numpy()


def _if_any(field: str, reason: str, rows: _Mask) -> _Faults:
    return [(field, f"{field} {reason}", rows)] if rows.any() else []


def _nulls(signal: str, frame: pl.DataFrame) -> _Faults:
    return [
        (field, f"{field} is missing", frame[field].is_null().to_numpy())
        for field in _NEEDED[signal]
        if frame[field].null_count()
    ]


def _move(signal: str, frame: pl.DataFrame, faults: _Faults) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the frame without the faulty rows, and one reject for each of them."""
    which = np.full(frame.height, -1)
    for at, (_, _, rows) in reversed(list(enumerate(faults))):
        which[rows] = at
    bad = which >= 0
    left = frame.filter(bad)
    shown = [pl.col(field).cast(pl.String) for field in _TEXT[signal]]
    text = pl.concat_str(shown, separator=" ", ignore_nulls=True).str.slice(0, 200)
    told = [faults[at] for at in which[bad].tolist()]
    rejects = left.select("time", "source", "row", excerpt=text).with_columns(
        signal=pl.lit(signal),
        field=pl.Series([field for field, _, _ in told], dtype=pl.String),
        reason=pl.Series([reason for _, reason, _ in told], dtype=pl.String),
    )
    return frame.filter(~bad), rejects.select(list(REJECTS)).cast(REJECTS)


def _keys_of(parts: deque[pl.DataFrame], signal: str) -> pl.DataFrame:
    schema = {name: SIGNALS[signal][name] for name in _KEYS[signal]}
    return pl.concat([pl.DataFrame(schema=schema), *(part.select(list(schema)) for part in parts)])


def _packed(parts: deque[pl.DataFrame], signal: str) -> npt.NDArray[np.uint8]:
    data = io.BytesIO()
    _keys_of(parts, signal).write_ipc(data)
    return np.frombuffer(data.getvalue(), np.uint8)


def _unpacked(packed: npt.NDArray[np.uint8]) -> pl.DataFrame:
    return pl.read_ipc(io.BytesIO(packed.tobytes()))
