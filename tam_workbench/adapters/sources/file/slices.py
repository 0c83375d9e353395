"""A slice of a file: typed frames, what could not be read, and where reading goes on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import polars as pl

from tam_workbench.adapters.following import START, Cursor
from tam_workbench.records import REJECTS

__all__ = [
    "EXCERPT",
    "LINE",
    "Reader",
    "Slice",
    "cursor_of",
    "line_cursor",
    "no_rejects",
    "rejects_of",
]

LINE: Final = "_line"
"""Column with the number of the raw row of a frame's row; dropped on the way out."""

EXCERPT: Final = 200
"""Most characters of a rejected row that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Raw rows ``first .. first + count - 1`` of a file, as frames that still carry `LINE`."""

    first: int
    count: int
    frames: Mapping[str, pl.DataFrame]
    rejects: pl.DataFrame
    cursor: Callable[[int], dict[str, int]]  # where to go on after the first k raw rows

    def cut(self, count: int) -> tuple["Slice", "Slice"]:
        """Return the first ``count`` raw rows and the rest."""
        middle, cursor = self.first + count, self.cursor
        before, after = pl.col(LINE) < middle, pl.col(LINE) >= middle
        head = Slice(
            first=self.first,
            count=count,
            frames={name: frame.filter(before) for name, frame in self.frames.items()},
            rejects=self.rejects.filter(before),
            cursor=cursor,
        )
        rest = Slice(
            first=middle,
            count=self.count - count,
            frames={name: frame.filter(after) for name, frame in self.frames.items()},
            rejects=self.rejects.filter(after),
            cursor=lambda k: cursor(k + count),
        )
        return head, rest


class Reader(Protocol):
    """One format; reads raw rows in order and can go on anywhere."""

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of its channels."""

    def open(self, cursor: Mapping[str, int] | None) -> None:
        """Start, or go on where a slice's cursor says."""

    def read(self, rows: int) -> Slice | None:
        """Return up to ``rows`` raw rows, none when nothing is there yet, None at the end."""

    def close(self) -> None:
        """Let go of everything; may be called twice."""


_REJECTS: Final = pl.Schema({**REJECTS, LINE: pl.Int64()})


def no_rejects() -> pl.DataFrame:
    """Return the empty rejects frame."""
    return pl.DataFrame(schema=_REJECTS)


def rejects_of(columns: Mapping[str, object]) -> pl.DataFrame:
    """Return a rejects frame; columns that are left out are null."""
    frame = pl.DataFrame(dict(columns))
    missing = [
        pl.lit(None, dtype).alias(n) for n, dtype in _REJECTS.items() if n not in frame.columns
    ]
    frame = frame.with_columns(missing).select(list(_REJECTS)).cast(_REJECTS)
    return frame.with_columns(pl.col("excerpt").str.slice(0, EXCERPT))


def line_cursor(cursor: Cursor) -> dict[str, int]:
    """Return a line cursor as plain numbers, fit for JSON."""
    return {"inode": cursor.inode, "position": cursor.position, "row": cursor.row}


def cursor_of(numbers: Mapping[str, int] | None) -> Cursor:
    """Return the line cursor that `line_cursor` wrote."""
    if not numbers:
        return START
    return Cursor(inode=numbers["inode"], position=numbers["position"], row=numbers["row"])
