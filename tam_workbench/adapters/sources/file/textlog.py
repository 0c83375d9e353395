"""Raw logs: one record a line, in whatever layout the first lines show."""

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from tam_workbench.adapters.following import LineFile
from tam_workbench.adapters.loglines import Stamps, guess_layout, parse_lines
from tam_workbench.adapters.sources.file.casting import categorical
from tam_workbench.adapters.sources.file.rows import line_numbers, readable, texts
from tam_workbench.adapters.sources.file.shapes import Origin
from tam_workbench.adapters.sources.file.slices import LINE, Slice, cursor_of, line_cursor
from tam_workbench.records import LOGS

__all__ = ["TextLogReader"]


class TextLogReader:
    """Reads a log; a line without a stamp has the time of the line before it.

    In a log without any stamps every line has the time it was read. Stamps without a year
    (syslog) are taken to begin in the year of ``now``, or the one before if that lies ahead.
    """

    def __init__(self, lines: LineFile, *, origin: Origin, now: datetime) -> None:
        self.channels = (origin.channel,)
        self._file = lines
        self._origin = origin
        self._now = now
        head = _head(lines)
        self._layout = guess_layout(head)
        self._start = self._first_stamps(head)
        self._stamps = self._start

    def _first_stamps(self, head: list[str]) -> Stamps:
        if self._layout is None:
            return Stamps(last_us=_us(self._now), year=self._now.year)
        lines = pl.Series("line", head, dtype=pl.String)
        year = self._now.year
        for guess in (year, year - 1):
            parsed, _ = parse_lines(lines, self._layout, stamps=Stamps(year=guess))
            first = parsed["time"].drop_nulls()
            if len(first) and _us(first[0]) <= _us(self._now):
                return Stamps(last_us=_us(first[0]), year=guess)
        return Stamps(last_us=_us(self._now), year=year)

    def open(self, cursor: Mapping[str, int] | None) -> None:
        """Start, or go on."""
        self._file.open(cursor_of(cursor))
        self._stamps = self._start
        if cursor:
            self._stamps = Stamps(
                last_us=cursor["last_us"], year=cursor["year"], month=cursor["month"]
            )

    def read(self, rows: int) -> Slice | None:
        """Return up to ``rows`` lines."""
        lines = self._file.read(rows)
        if not lines.count and self._file.ended:
            return None
        keep, rejects = readable(lines, channel=self._origin.channel)
        body = pl.Series("line", texts(lines, keep) if keep.any() else [], dtype=pl.String)
        before = self._stamps
        numbers = pl.Series(LINE, line_numbers(lines)[keep])
        parsed, self._stamps = parse_lines(body, self._layout, stamps=before)
        last = self._stamps

        def cursor(k: int) -> dict[str, int]:
            stamps = last
            if k < lines.count:
                part = body.head(int((numbers < lines.first_row + k).sum()))
                stamps = parse_lines(part, self._layout, stamps=before)[1]
            told = {"last_us": stamps.last_us or 0, "year": stamps.year, "month": stamps.month}
            return {**line_cursor(lines.after(k)), **told}

        frame = self._frame(parsed, numbers)
        return Slice(
            first=lines.first_row,
            count=lines.count,
            frames={"logs": frame},
            rejects=rejects,
            cursor=cursor,
        )

    def _frame(self, parsed: pl.DataFrame, numbers: pl.Series) -> pl.DataFrame:
        height = parsed.height
        resource = parsed["resource"].fill_null(self._origin.resource).cast(pl.Categorical())
        columns = {
            "time": parsed["time"],
            "resource": resource,
            "service": categorical(self._origin.resource, height),
            "source": categorical(self._origin.channel, height),
            "row": numbers,
            "severity_number": parsed["severity_number"],
            "body": parsed["body"].str.strip_chars_end("\r"),
            "trace_id": pl.Series([None], dtype=pl.String).new_from_index(0, height),
        }
        return pl.DataFrame(columns, schema=LOGS).with_columns(numbers)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _head(lines: LineFile) -> list[str]:
    if not lines.path.exists():
        return []
    head = LineFile(lines.path)
    head.open()
    block = head.read(50)
    head.close()
    keep, _ = readable(block, channel="")
    return texts(block, keep) if keep.any() else []


def _us(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)
