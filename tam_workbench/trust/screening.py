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
from numba import njit

from tam_workbench.records import REJECTS, SIGNALS, Batch, Floats, Ints
from tam_workbench.trust.channels import GROWING, ROUGH, Marks

__all__ = ["Screening", "ScreeningRules"]

_Mask = npt.NDArray[np.bool_]
_Bits = npt.NDArray[np.uint64]
_Columns = Mapping[str, npt.NDArray[Any]]
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
        self._held = dict.fromkeys(SIGNALS, 0)  # rows in them

    def screen(self, batch: Batch, *, now: datetime) -> Batch:
        """Return the batch with bad rows moved to its rejects."""
        kept: dict[str, Any] = {}
        rejects = []
        for signal in SIGNALS:
            frame: pl.DataFrame = getattr(batch, signal)
            if not frame.height:
                continue
            faults = self._faults(signal, frame, batch.columns.of(frame), now=now)
            if faults:
                kept[signal], bad = _move(signal, frame, faults)
                rejects.append(bad)
                frame = kept[signal]
            self._remember(signal, frame)
        if not rejects:
            return batch
        return replace(batch, **kept, rejects=pl.concat([batch.rejects, *rejects]))

    def _faults(
        self, signal: str, frame: pl.DataFrame, told: _Columns, *, now: datetime
    ) -> _Faults:
        """Return each fault with its rows; state is moved on only by rows without one."""
        faults = [*_nulls(signal, frame), *self._wrong(signal, frame, told)]
        times, now_us = told["time"], int(now.timestamp() * 1e6)
        latest = now_us + int(self._rules.skew_s * 1e6)
        if times.max() > latest:
            faults += _if_any("time", "lies in the future", times > latest)
        if self._rules.max_age_s is not None:
            old = times < now_us - int(self._rules.max_age_s * 1e6)
            faults += _if_any("time", "is too old", old)
        if not faults:
            return self._order(signal, frame, told)
        sound = np.ones(frame.height, bool)
        for _, _, rows in faults:
            sound &= ~rows
        left = {name: values[sound] for name, values in told.items()}
        for field, reason, rows in self._order(signal, frame.filter(sound), left):
            whole = np.zeros(frame.height, bool)
            whole[np.flatnonzero(sound)[rows]] = True
            faults.append((field, reason, whole))
        return faults

    def _wrong(self, signal: str, frame: pl.DataFrame, told: _Columns) -> _Faults:
        """Return the faults of values that a row shows by itself."""
        if signal == "metrics":
            return _not_finite("value", told["value"])
        if signal == "spans":
            duration = told["duration_s"]
            faults = _not_finite("duration_s", duration)
            if faults or duration.min() < 0:
                faults += _if_any("duration_s", "is negative", duration < 0)
            return faults
        if signal == "logs":
            number, faults = told["severity_number"], []
            if number.min() < 1 or number.max() > 24:
                faults = _if_any("severity_number", "is not in 1-24", (number < 1) | (number > 24))
            if (length := _lengths(frame["body"])).max() > self._rules.max_body_bytes:
                faults += _if_any("body", "is too long", length > self._rules.max_body_bytes)
            return faults
        return []

    def _order(self, signal: str, frame: pl.DataFrame, told: _Columns) -> _Faults:
        """Return the faults a row shows against the rows of its channel before it."""
        if not frame.height:
            return []
        marks, rules, times = self._marks[signal], self._rules, told["time"]
        where = marks.locate(frame["source"], told["source"])
        before = marks.newest(where)
        pace = marks.pace(where, told["row"], times, jump_s=rules.jump_s)
        if pace == GROWING:
            return []
        if pace != ROUGH:
            copies = self._copies(signal, frame, told, times <= before)
            return _if_any("row", "says what was said before", copies)
        again = marks.seen_rows(where, told["row"])
        skewed, late, past = marks.order(
            where, times, again=again, jump_s=rules.jump_s, lateness_s=rules.lateness_s
        )
        faults = _if_any("row", "was seen before", again)
        faults += _if_any("time", "runs ahead of its channel", skewed & ~again)
        faults += _if_any("time", "is out of order", late & ~again)
        copies = self._copies(signal, frame, told, past) & ~again & ~skewed & ~late
        return faults + _if_any("row", "says what was said before", copies)

    def _copies(self, signal: str, frame: pl.DataFrame, told: _Columns, past: _Mask) -> _Mask:
        """Return the rows equal in content to one before: in the batch, or remembered."""
        copies = np.zeros(frame.height, bool)
        times = told["time"]
        telling = times % 1000 != 0 if signal == "logs" else np.ones(frame.height, bool)
        if not telling.any():
            return copies
        keys = list(_KEYS[signal])
        if _may_repeat(times, *_looks(signal, frame, told)):
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
        most = self._rules.remember_rows
        if not most or not frame.height:
            return
        seen = self._seen[signal]
        seen.append(frame.tail(most))
        self._held[signal] += seen[-1].height
        while self._held[signal] > most:
            first = seen.popleft()
            self._held[signal] -= first.height
            if self._held[signal] < most:
                seen.appendleft(first.tail(most - self._held[signal]))
                self._held[signal] = most

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
            self._held[signal] = self._seen[signal][0].height


def _looks(signal: str, frame: pl.DataFrame, told: _Columns) -> tuple[Ints, Ints, _Bits]:
    """Return three columns by which two rows of a signal may be told apart at little cost."""
    resource = told["resource"]
    if signal == "logs":
        return resource, told["severity_number"].astype(np.int64), _lengths(frame["body"])
    if signal == "changes":
        return resource, told["kind"], _lengths(frame["detail"])
    value = told["value" if signal == "metrics" else "duration_s"]
    return resource, told["name"], value.view(np.uint64)


@njit(cache=True, nogil=True)
def _may_repeat(times: Ints, first: Ints, second: Ints, third: _Bits) -> bool:
    """Say whether two rows look alike by a mark of 64 bits of each; most batches stop here."""
    size = 16
    while size < 2 * times.size:
        size *= 2
    table = np.zeros(size, dtype=np.uint64)
    for i in range(times.size):
        mark = np.uint64(times[i]) * _MIX
        mark = (mark ^ (mark >> _SHIFT)) * _MIX + np.uint64(first[i])
        mark = (mark ^ (mark >> _SHIFT)) * _MIX + np.uint64(second[i])
        mark = (mark ^ (mark >> _SHIFT)) * _MIX + third[i]
        mark = max((mark ^ (mark >> _SHIFT)) * _MIX, np.uint64(1))
        at = np.int64((mark >> np.uint64(20)) & np.uint64(size - 1))
        while table[at]:
            if table[at] == mark:
                return True
            at = (at + 1) & (size - 1)
        table[at] = mark
    return False


_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_SHIFT: Final = np.uint64(29)


def _lengths(texts: pl.Series) -> _Bits:
    """Return the bytes of each text, 0 where there is none."""
    sizes = texts.str.len_bytes()
    return (sizes.fill_null(0) if sizes.null_count() else sizes).to_numpy().astype(np.uint64)


def _not_finite(field: str, values: Floats) -> _Faults:
    """Return the fault of infinite and missing numbers; sound ones have a sound sum as a rule."""
    if np.isfinite(values.sum()):
        return []
    return _if_any(field, "is not finite", ~np.isfinite(values))


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
