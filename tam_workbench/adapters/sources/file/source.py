"""The file source: guesses the format, cuts batches, paces a replay."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from tam_workbench.adapters.following import LineFile
from tam_workbench.adapters.sources.file.columnar import ParquetReader
from tam_workbench.adapters.sources.file.delimited import DelimitedReader, sniff_separator
from tam_workbench.adapters.sources.file.jsonlines import JsonLinesReader
from tam_workbench.adapters.sources.file.nezha import NezhaReader, is_nezha
from tam_workbench.adapters.sources.file.shapes import Origin
from tam_workbench.adapters.sources.file.slices import LINE, Reader, Slice
from tam_workbench.adapters.sources.file.textlog import TextLogReader
from tam_workbench.errors import BadInputError
from tam_workbench.ports import Clock
from tam_workbench.records import REJECTS, SIGNALS, TIME, Authentication, Batch, Channel

__all__ = ["FileSource"]

_TICKS: Final = (
    0.1,
    1.0,
    5.0,
    10.0,
    15.0,
    30.0,
    60.0,
    300.0,
    600.0,
    900.0,
    1800.0,
    3600.0,
    86400.0,
)
_NAP_S: Final = 0.25
_FIXED_TICKS: Final = {"nezha": 60.0}  # a sample a minute
_SUFFIXES: Final = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".log": "log",
}


class FileSource:
    """Telemetry out of a file: CSV, Parquet, JSON lines, raw logs, or a day of Nezha.

    Parameters
    ----------
    path
        The file; for Nezha any of a day's three.
    clock
        Tells the time of reading and paces a replay.
    speed
        1.0 replays in real time, 60.0 a minute a second; ``None`` reads at full speed.
    batch_rows
        Raw rows per batch at full speed. A paced replay cuts a batch per tick instead. Either
        cut depends on the file alone, so that a replay yields the same batches.
    format
        ``csv``, ``parquet``, ``jsonl``, ``log`` or ``nezha``; ``None`` guesses.
    follow
        Wait for more at the end, across rotation and truncation; for text formats.

    Notes
    -----
    ``tick_s`` is guessed from the distances of the first stamps; set it before use to override.
    The offset is JSON: the batch sequence and the reader's cursor.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        clock: Clock,
        speed: float | None = None,
        batch_rows: int = 4096,
        format: str | None = None,  # noqa: A002 - what users call it
        follow: bool = False,
    ) -> None:
        self._path = Path(path)
        self.name = f"file:{self._path.stem}"
        self._clock = clock
        self._speed = speed
        self._batch_rows = batch_rows
        kind = format or _guess(self._path, follow=follow)
        self._reader = self._reader_of(kind, follow=follow)
        self.tick_s = _FIXED_TICKS.get(kind) or (1.0 if follow else self._guess_tick())
        self._sequence = 0
        self._cursor: dict[str, int] | None = None
        self._pending: Slice | None = None
        self._began: tuple[float, float] | None = None  # monotonic seconds, stamp of the first row

    def _reader_of(self, kind: str, *, follow: bool) -> Reader:
        stem = self._path.stem
        origin = Origin(channel=self.name, resource=stem, metric=stem)
        lines = LineFile(self._path, follow=follow)
        makers: dict[str, Callable[[], Reader]] = {
            "csv": lambda: DelimitedReader(lines, origin=origin),
            "jsonl": lambda: JsonLinesReader(lines, origin=origin),
            "log": lambda: TextLogReader(lines, origin=origin, now=self._clock.now()),
            "parquet": lambda: ParquetReader(self._path, origin=origin),
            "nezha": lambda: NezhaReader(self._path, name=self.name),
        }
        if kind not in makers:
            raise BadInputError(f"{self._path}: no format {kind!r}; choose of {', '.join(makers)}")
        return makers[kind]()

    def _guess_tick(self) -> float:
        self._reader.open(None)
        head = self._reader.read(1000)
        self._reader.close()
        frames = [frame for frame in head.frames.values() if frame.height] if head else []
        if not frames:
            return 1.0
        stamps = np.unique(frames[0]["time"].drop_nulls().to_physical().to_numpy())
        if len(stamps) < 2:
            return 1.0
        step = float(np.median(np.diff(stamps))) / 1e6
        nice = min(_TICKS, key=lambda tick: abs(np.log(tick / max(step, 1e-6))))
        return max(nice, 1.0)

    def open(self, offset: str | None) -> None:
        """Start, or resume after ``offset``."""
        self._sequence, self._cursor = _offset(offset, self._path) if offset else (0, None)
        self._pending = self._began = None
        self._reader.open(self._cursor)

    def channels(self) -> Sequence[Channel]:
        """Return one channel a file: local, since we opened it ourselves."""
        names = self._reader.channels
        return [Channel(name=name, authentication=Authentication.LOCAL) for name in names]

    def read(self) -> Batch | None:
        """Return the next batch, an empty one when nothing is due, None at the end."""
        if self._speed is None:
            part = self._reader.read(self._batch_rows)
            if part is not None and not part.count:
                self._clock.sleep(_NAP_S)
            return None if part is None else self._batch(part)
        return self._paced()

    def _paced(self) -> Batch | None:
        """Return the rows of the next tick once they are due."""
        pending = self._pending or self._reader.read(self._batch_rows)
        if pending is None:
            return None
        self._pending = pending if pending.count else None
        if not pending.count or not self._is_due(pending):
            return self._batch(pending.cut(0)[0])
        head, rest = pending.cut(_rows_of_first_tick(pending, self.tick_s))
        self._pending = rest if rest.count else None
        return self._batch(head)

    def _is_due(self, pending: Slice) -> bool:
        stamp = _first_stamp(pending)
        if stamp is None or self._speed is None:
            return True
        now = self._clock.monotonic()
        if self._began is None:
            self._began = (now, stamp)
        wait = (stamp - self._began[1]) / self._speed - (now - self._began[0])
        if wait > 0:
            self._clock.sleep(min(wait, _NAP_S))
        return wait <= _NAP_S

    def _batch(self, part: Slice) -> Batch:
        if part.count:
            self._cursor = part.cursor(part.count)
        sequence, self._sequence = self._sequence, self._sequence + 1
        frames: dict[str, Any] = {
            name: frame.select(list(SIGNALS[name])) for name, frame in part.frames.items()
        }
        bare = Batch(
            source=self.name,
            sequence=sequence,
            offset=json.dumps({"sequence": self._sequence, "cursor": self._cursor}),
            received_at=self._clock.now(),
            rejects=part.rejects.select(list(REJECTS)),
            channels=tuple(self.channels()),
        )
        return replace(bare, **frames)

    def acknowledge(self, offset: str) -> None:
        """Nothing to do: a file stays where it is."""

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()


def _offset(offset: str, path: Path) -> tuple[int, dict[str, int] | None]:
    try:
        told = json.loads(offset)
        return int(told["sequence"]), told["cursor"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadInputError(f"{path}: {offset[:80]!r} is no offset of it; start anew") from error


def _guess(path: Path, *, follow: bool) -> str:
    """Return the format, from the name and then from the first line."""
    if path.is_dir():
        raise BadInputError(f"{path} is a folder; name a file in it")
    if not path.exists() and not follow:
        raise BadInputError(f"{path} does not exist; check the path")
    if is_nezha(path):
        return "nezha"
    if path.suffix.lower() in _SUFFIXES:
        return _SUFFIXES[path.suffix.lower()]
    if not path.exists():
        return "log"
    head = LineFile(path)
    head.open()
    lines = head.read(1)
    head.close()
    first = lines.line(0) if lines.count else b""
    if first.startswith(b"PAR1"):
        return "parquet"
    if first.startswith(b"{"):
        return "jsonl"
    text = first.decode("utf-8", "replace").lower()
    separator = sniff_separator(text)
    named = separator is not None and {"time", "timestamp", "datetime"} & set(text.split(separator))
    return "csv" if named else "log"


def _stamps(part: Slice) -> pl.DataFrame:
    frames = [frame.select(LINE, "time") for frame in part.frames.values() if frame.height]
    if not frames:
        return pl.DataFrame(schema={LINE: pl.Int64, "time": TIME})
    return pl.concat(frames).sort(LINE, maintain_order=True)


def _first_stamp(part: Slice) -> float | None:
    stamps = _stamps(part)["time"]
    return stamps[0].timestamp() if len(stamps) else None


def _rows_of_first_tick(part: Slice, tick_s: float) -> int:
    """Return how many raw rows come before the first of a later tick."""
    stamps = _stamps(part)
    if not stamps.height:
        return part.count
    ticks = np.floor(stamps["time"].to_physical().to_numpy() / (tick_s * 1e6))
    later = np.flatnonzero(ticks > ticks[0])
    return int(stamps[LINE][int(later[0])]) - part.first if later.size else part.count
