"""Writing: whole tables and small files, each in one step that happens or does not."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa
    from lancedb.table import Table


def overwrite(table: "Table", source: "Table") -> None:
    """Write the rows of ``source`` as the new and only content of ``table``, batch by batch.

    Every file is written anew, so rows that were deleted are in none of them. Indexes go.
    """
    import pyarrow as pa

    schema = source.schema

    def batches() -> Iterator["pa.RecordBatch"]:
        for batch in source.search().limit(None).to_batches():
            yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)

    table.add(pa.RecordBatchReader.from_batches(schema, batches()), mode="overwrite")


def write_atomically(path: Path, text: str) -> None:
    """Write a small file so that it is there whole or not at all, whatever ends the process."""
    half = path.with_name(f".{path.name}.new")
    with half.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
