"""CSV and its kin: columnar where a block is clean, line by line only where it is not.

A newline always ends a row, also inside quotes: telemetry has no multi-line cells, and a row
cut short must not swallow the rows after it.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from tam_workbench.adapters.following import LineFile, Lines
from tam_workbench.adapters.sources.file.casting import cast_table
from tam_workbench.adapters.sources.file.rows import line_numbers, readable
from tam_workbench.adapters.sources.file.shapes import Origin, Shape, guess_shape
from tam_workbench.adapters.sources.file.slices import (
    LINE,
    Slice,
    cursor_of,
    line_cursor,
    no_rejects,
    rejects_of,
)
from tam_workbench.errors import BadInputError

__all__ = ["DelimitedReader", "sniff_separator"]


def sniff_separator(header: str) -> str | None:
    """Return what separates the header's cells, None when nothing does.

    >>> sniff_separator("datetime;Current;Pressure")
    ';'
    """
    best = max(",;\t|", key=header.count)
    return best if best in header else None


class DelimitedReader:
    """Reads a delimited file with a header line; see `guess_shape` for the shapes it knows."""

    def __init__(self, lines: LineFile, *, origin: Origin) -> None:
        self.channels = (origin.channel,)
        self._file = lines
        self._origin = origin
        self._separator, self._header, self._shape = _look(lines.path)

    def open(self, cursor: Mapping[str, int] | None) -> None:
        """Start after the header, or go on."""
        self._file.open(cursor_of(cursor))
        if not cursor:
            self._file.read(1)

    def read(self, rows: int) -> Slice | None:
        """Return up to ``rows`` lines."""
        lines = self._file.read(rows)
        if not lines.count and self._file.ended:
            return None
        table, rejects = self._table(lines)
        frames, more = cast_table(table, self._shape, self._origin)
        return Slice(
            first=lines.first_row,
            count=lines.count,
            frames=frames,
            rejects=pl.concat([rejects, more]) if rejects.height or more.height else rejects,
            cursor=lambda k: line_cursor(lines.after(k)),
        )

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _table(self, lines: Lines) -> tuple[pl.DataFrame, pl.DataFrame]:
        keep, rejects = readable(lines, channel=self._origin.channel)
        raw = np.frombuffer(lines.data, np.uint8)
        width = len(self._header)
        quoted = _lines_with(raw, ord('"'), lines)
        ragged = keep & ~quoted & (_count(raw, ord(self._separator), lines) != width - 1)
        clean = keep & ~quoted & ~ragged
        parts = [self._parse(lines, clean)]
        if ragged.any():
            rejects = pl.concat([rejects, self._ragged(lines, np.flatnonzero(ragged))])
        if (quoted & keep).any():
            table, more = self._parse_quoted(lines, np.flatnonzero(quoted & keep))
            parts.append(table)
            rejects = pl.concat([rejects, more])
        return pl.concat(parts).sort(LINE) if len(parts) > 1 else parts[0], rejects

    def _parse(self, lines: Lines, keep: npt.NDArray[np.bool_]) -> pl.DataFrame:
        numbers = line_numbers(lines)[keep]
        if not keep.any():
            schema = dict.fromkeys(self._header, pl.String)
            return pl.DataFrame(schema={**schema, LINE: pl.Int64})
        data = lines.data
        if not keep.all():
            data = b"\n".join(lines.line(int(i)) for i in np.flatnonzero(keep))
        table = pl.read_csv(
            data,
            has_header=False,
            new_columns=self._header,
            separator=self._separator,
            infer_schema=False,
            quote_char=None,
        )
        return table.with_columns(pl.Series(LINE, numbers))

    def _parse_quoted(
        self, lines: Lines, indices: npt.NDArray[np.int64]
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        cells: list[Sequence[str]] = []
        good, bad = [], []
        for index in indices.tolist():
            text = lines.line(index).decode("utf-8", "replace").rstrip("\r")
            found = _one_row(text, self._separator)
            if found is not None and len(found) == len(self._header):
                cells.append(found)
                good.append(lines.first_row + index)
            else:
                bad.append(index)
        schema = dict.fromkeys(self._header, pl.String)
        table = pl.DataFrame(cells, schema=schema, orient="row")
        table = table.with_columns(pl.Series(LINE, good, dtype=pl.Int64))
        return table, self._ragged(lines, np.array(bad, dtype=np.int64))

    def _ragged(self, lines: Lines, indices: npt.NDArray[np.int64]) -> pl.DataFrame:
        if not indices.size:
            return no_rejects()
        numbers = lines.first_row + indices
        texts = [lines.line(int(i))[:800].decode("utf-8", "replace") for i in indices]
        told = f"line does not have {len(self._header)} cells"
        return rejects_of(
            {
                "source": [self._origin.channel] * len(texts),
                "signal": [self._shape.signal or "unknown"] * len(texts),
                "row": numbers,
                LINE: numbers,
                "field": ["line"] * len(texts),
                "reason": [told] * len(texts),
                "excerpt": texts,
            }
        )


def _one_row(text: str, separator: str) -> list[str] | None:
    try:
        return next(csv.reader([text], delimiter=separator, strict=True))
    except csv.Error:
        return None


def _count(raw: npt.NDArray[np.uint8], byte: int, lines: Lines) -> npt.NDArray[np.int64]:
    found = np.flatnonzero(raw == byte)
    return np.searchsorted(found, lines.ends) - np.searchsorted(found, lines.starts)


def _lines_with(raw: npt.NDArray[np.uint8], byte: int, lines: Lines) -> npt.NDArray[np.bool_]:
    found = np.flatnonzero(raw == byte)
    marked = np.zeros(lines.count, bool)
    marked[np.searchsorted(lines.ends, found)] = True
    return marked


def _look(path: Path) -> tuple[str, list[str], Shape]:
    """Read the header and guess from the first rows which columns are numbers."""
    head = LineFile(path)
    head.open()
    lines = head.read(201)
    head.close()
    first = lines.line(0).decode("utf-8-sig", "replace").strip() if lines.count else ""
    separator = sniff_separator(first)
    if separator is None:
        raise BadInputError(f"{path} has no header line with column names; add one as line 1")
    names = _one_row(first, separator) or first.split(separator)
    header = [name.strip() or f"column_{i + 1}" for i, name in enumerate(names)]
    if len(set(header)) < len(header):
        raise BadInputError(f"{path} names a column twice in line 1; give each its own name")
    texts = [lines.line(i).decode("utf-8", "replace") for i in range(1, lines.count)]
    rows = [cells for text in texts if len(cells := text.split(separator)) == len(header)]
    numeric = [name for i, name in enumerate(header) if _mostly_numbers([r[i] for r in rows])]
    return separator, header, guess_shape(header, numeric=numeric, where=str(path))


def _mostly_numbers(cells: Sequence[str]) -> bool:
    given = pl.Series([cell.strip() for cell in cells if cell.strip()], dtype=pl.String)
    return len(given) == 0 or given.cast(pl.Float64, strict=False).count() * 2 > len(given)
