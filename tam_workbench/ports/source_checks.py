"""What every source promises."""

from collections.abc import Callable
from itertools import pairwise
from typing import Final

import polars as pl

from tam_workbench.errors import PromiseBrokenError
from tam_workbench.ports.protocols import Source
from tam_workbench.records import REJECTS, SIGNALS, Batch

__all__ = ["check_source"]

_BATCHES: Final = 6
_READS: Final = 200
_ORIGIN: Final = ("time", "resource", "service", "source", "row")


def check_source(make: Callable[[], Source]) -> None:
    """Raise `PromiseBrokenError` when a source breaks a promise.

    ``make`` returns a new, unopened source over the same world each time. Promised: frames have
    the declared schemas; rows come from channels the adapter names, with growing row numbers;
    sequences count up by one; the offset of a batch resumes exactly after it; closing twice is
    fine.
    """
    source = make()
    _need(isinstance(source, Source), f"{source!r} has not all names of the Source protocol")
    _need(source.tick_s > 0, f"{source.name}: tick_s must be positive")
    source.open(None)
    channels = {channel.name for channel in source.channels()}
    _need(bool(channels), f"{source.name}: names no channel")
    batches = _read(source, _BATCHES)
    _need(any(batch.rows_in for batch in batches), f"{source.name}: brings no row")
    for batch in batches:
        _check_batch(batch, source.name, channels)
    _need(batches[0].sequence == 0, f"{source.name}: the first batch is not number 0")
    for before, after in pairwise(batches):
        _need(after.sequence == before.sequence + 1, f"{source.name}: batches are not counted")
    for signal in SIGNALS:
        _check_rows([getattr(batch, signal) for batch in batches], source.name, signal)
    source.acknowledge(batches[-1].offset)
    source.close()
    source.close()
    _check_resume(make, batches)


def _check_batch(batch: Batch, name: str, channels: set[str]) -> None:
    _need(batch.source == name, f"{name}: a batch says it is of {batch.source}")
    _need(batch.received_at.tzinfo is not None, f"{name}: received_at names no zone")
    for signal, schema in SIGNALS.items():
        frame: pl.DataFrame = getattr(batch, signal)
        _need(frame.schema == schema, f"{name}: {signal} have not the declared schema")
        nulls = [field for field in _ORIGIN if frame[field].null_count()]
        _need(not nulls, f"{name}: {signal} lack {', '.join(nulls)}")
        told = set(frame["source"].cast(pl.String).unique())
        _need(told <= channels, f"{name}: {signal} come from unknown channels")
    _need(batch.rejects.schema == REJECTS, f"{name}: rejects have not the declared schema")
    whole = ("source", "signal", "row", "field", "reason")
    complete = not any(batch.rejects[field].null_count() for field in whole)
    _need(complete, f"{name}: a reject does not say where and why")
    longest = batch.rejects["excerpt"].str.len_chars().max()
    _need(not isinstance(longest, int) or longest <= 200, f"{name}: an excerpt is too long")


def _check_rows(frames: list[pl.DataFrame], name: str, signal: str) -> None:
    rows = pl.concat([frame.select("source", "row") for frame in frames])
    twice = rows.is_duplicated().any()
    _need(not twice, f"{name}: {signal} carry a row number twice in one channel")
    highest: dict[str, int] = {}
    for frame in frames:
        by = frame.group_by(pl.col("source").cast(pl.String)).agg(
            low=pl.col("row").min(), high=pl.col("row").max()
        )
        for channel, low, high in by.iter_rows():
            grows = low > highest.get(channel, -1)
            _need(grows, f"{name}: {signal} row numbers do not grow")
            highest[channel] = high


def _check_resume(make: Callable[[], Source], batches: list[Batch]) -> None:
    first, *rest = batches
    again = make()
    again.open(first.offset)
    resumed = _read(again, len(rest))
    again.close()
    if resumed:
        _need(resumed[0].sequence == first.sequence + 1, f"{again.name}: sequence starts anew")
    for signal in SIGNALS:
        last = _highest(first, signal)
        for channel, low in _lowest(resumed, signal).items():
            past = low > last.get(channel, -1)
            _need(past, f"{again.name}: resuming brings {signal} rows again")
        was, now = _lowest(rest, signal), _lowest(resumed, signal)
        _need(was == now or not now, f"{again.name}: resuming leaves out {signal} rows")


def _lowest(batches: list[Batch], signal: str) -> dict[str, int]:
    lowest: dict[str, int] = {}
    for batch in batches:
        frame: pl.DataFrame = getattr(batch, signal)
        rows = frame.group_by(pl.col("source").cast(pl.String)).agg(pl.col("row").min())
        for channel, row in rows.iter_rows():
            lowest.setdefault(channel, row)
    return lowest


def _highest(batch: Batch, signal: str) -> dict[str, int]:
    frame: pl.DataFrame = getattr(batch, signal)
    rows = frame.group_by(pl.col("source").cast(pl.String)).agg(pl.col("row").max())
    return dict(rows.iter_rows())


def _read(source: Source, count: int) -> list[Batch]:
    """Return up to ``count`` batches with rows, and the empty ones between them."""
    batches: list[Batch] = []
    for _ in range(_READS):
        batch = source.read()
        if batch is None:
            break
        batches.append(batch)
        if sum(1 for each in batches if each.rows_in) >= count:
            break
    return batches


def _need(holds: object, message: str) -> None:
    if not holds:
        raise PromiseBrokenError(message)
