"""Parquet: read in slices of rows."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from tam_workbench.adapters.sources.file.casting import cast_table
from tam_workbench.adapters.sources.file.shapes import Origin, guess_shape
from tam_workbench.adapters.sources.file.slices import LINE, Slice
from tam_workbench.errors import BadInputError

__all__ = ["ParquetReader", "table_of"]


def table_of(path: Path, *, columns: list[str] | None = None) -> pl.DataFrame:
    """Return a Parquet file as a frame."""
    try:
        return pl.read_parquet(path, columns=columns)
    except (OSError, pl.exceptions.PolarsError) as error:
        what = str(error).splitlines()[0][:120]
        raise BadInputError(f"cannot read {path} as Parquet ({what}); check the file") from error


class ParquetReader:
    """Reads a Parquet file; it is held in memory, as it is compressed on disk."""

    def __init__(self, path: Path, *, origin: Origin) -> None:
        self.channels = (origin.channel,)
        self._origin = origin
        self._path = path
        self._at = 0
        self._table = table_of(path)
        numeric = [n for n, dtype in self._table.schema.items() if dtype.is_numeric()]
        self._shape = guess_shape(self._table.columns, numeric=numeric, where=str(path))

    def open(self, cursor: Mapping[str, int] | None) -> None:
        """Start, or go on after a row."""
        self._at = cursor["row"] if cursor else 0

    def read(self, rows: int) -> Slice | None:
        """Return up to ``rows`` rows."""
        first = self._at
        part = self._table.slice(first, rows)
        if not part.height:
            return None
        self._at += part.height
        part = part.with_row_index(LINE, offset=first + 1).with_columns(pl.col(LINE).cast(pl.Int64))
        frames, rejects = cast_table(part, self._shape, self._origin)
        return Slice(
            first=first + 1,
            count=part.height,
            frames=frames,
            rejects=rejects,
            cursor=lambda k: {"row": first + k},
        )

    def close(self) -> None:
        """Nothing is held open."""
