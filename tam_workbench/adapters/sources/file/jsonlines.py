"""JSON lines: one object a line, of any signal."""

import io
import json
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import polars as pl

from tam_workbench.adapters.following import LineFile, Lines
from tam_workbench.adapters.sources.file.casting import cast_table
from tam_workbench.adapters.sources.file.rows import line_numbers, readable, texts
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
from tam_workbench.records import SIGNALS

__all__ = ["JsonLinesReader"]

_FIELDS: Final = tuple(dict.fromkeys(name for schema in SIGNALS.values() for name in schema))


class JsonLinesReader:
    """Reads JSON lines with our own field names, or any that `guess_shape` knows.

    A ``source`` or ``row`` in the object is ignored: where a row comes from is for the adapter
    to say, never for the sender.
    """

    def __init__(self, lines: LineFile, *, origin: Origin) -> None:
        self.channels = (origin.channel,)
        self._file = lines
        self._origin = origin
        self._shape = _look(lines)
        names = dict.fromkeys([*self._shape.columns.values(), *self._shape.wide])
        self._schema = dict.fromkeys(names, pl.String())

    def open(self, cursor: Mapping[str, int] | None) -> None:
        """Start, or go on."""
        self._file.open(cursor_of(cursor))

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
            rejects=pl.concat([rejects, more]),
            cursor=lambda k: line_cursor(lines.after(k)),
        )

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _table(self, lines: Lines) -> tuple[pl.DataFrame, pl.DataFrame]:
        keep, rejects = readable(lines, channel=self._origin.channel)
        rows, numbers = texts(lines, keep), line_numbers(lines)[keep]
        if not numbers.size:
            return pl.DataFrame(schema={**self._schema, LINE: pl.Int64}), rejects
        try:
            table = self._decode(rows)
        except pl.exceptions.ComputeError:
            good = np.array([_is_object(text) for text in rows])
            rejects = pl.concat([rejects, self._broken(rows, numbers.tolist(), good.tolist())])
            rows = [text for text, ok in zip(rows, good, strict=True) if ok]
            numbers = numbers[good]
            table = self._decode(rows)
        return table.with_columns(pl.Series(LINE, numbers, dtype=pl.Int64)), rejects

    def _decode(self, rows: Sequence[str]) -> pl.DataFrame:
        if not rows:
            return pl.DataFrame(schema=self._schema)
        data = io.BytesIO("\n".join(rows).encode())
        table = pl.read_ndjson(data, schema=self._schema)
        if table.height != len(rows):
            raise pl.exceptions.ComputeError("a line holds more than one object")
        return table

    def _broken(
        self, rows: Sequence[str], numbers: Sequence[int], good: Sequence[bool]
    ) -> pl.DataFrame:
        bad = [(n, text) for n, text, ok in zip(numbers, rows, good, strict=True) if not ok]
        if not bad:
            return no_rejects()
        return rejects_of(
            {
                "source": [self._origin.channel] * len(bad),
                "signal": [self._shape.signal or "unknown"] * len(bad),
                "row": [n for n, _ in bad],
                LINE: [n for n, _ in bad],
                "field": ["line"] * len(bad),
                "reason": ["line is no JSON object"] * len(bad),
                "excerpt": [text for _, text in bad],
            }
        )


def _is_object(text: str) -> bool:
    """Say whether Python and Polars both read the line as one object."""
    try:
        if not isinstance(json.loads(text), dict):
            return False
        pl.read_ndjson(io.BytesIO(text.encode()), schema={"time": pl.String()})
    except (ValueError, RecursionError, pl.exceptions.ComputeError):
        return False
    return True


def _look(lines: LineFile) -> Shape:
    head = LineFile(lines.path)
    head.open()
    block = head.read(200)
    head.close()
    keep, _ = readable(block, channel="")
    rows = texts(block, keep) if block.count else []
    objects = [json.loads(text) for text in rows if _is_object(text)]
    if not objects:
        raise BadInputError(f"{lines.path} has no JSON object in its first 200 lines; check it")
    names = list(dict.fromkeys(name for each in objects for name in each))
    if "signal" in names:
        return Shape(signal=None, columns={f: f for f in (*_FIELDS, "signal") if f not in _OURS})
    numeric = [n for n in names if any(isinstance(o.get(n), int | float) for o in objects)]
    return guess_shape(names, numeric=numeric, where=str(lines.path))


_OURS: Final = frozenset({"source", "row"})
