"""Indexing: the approximate index of vectors, and what the memory audit wants to know."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from tam_workbench.adapters.stores.lance.table import VECTOR_INDEX, index_names, opened

if TYPE_CHECKING:
    from lancedb.table import Table

_ROWS_A_PARTITION: Final = 50_000
_STALE: Final = 0.25
"""Share of rows outside the index from which it is built anew."""


def build(path: Path, *, min_rows: int) -> bool:
    """Build the index of vectors (IVF over HNSW graphs of bytes) when it is missing or stale."""
    from lancedb.index import HnswSq

    table = opened(path)
    if table is None:
        return False
    rows = int(table.count_rows())
    if rows < min_rows or unindexed(table) <= _STALE * rows:
        return False
    parts = max(1, rows // _ROWS_A_PARTITION)
    config = HnswSq(distance_type="cosine", num_partitions=parts, m=20, ef_construction=200)
    table.create_index("vector", config=config, replace=True)
    return True


def unindexed(table: "Table") -> int:
    """Return how many rows the index of vectors does not cover."""
    if VECTOR_INDEX not in index_names(table):
        return int(table.count_rows())
    stats = table.index_stats(VECTOR_INDEX)
    return 0 if stats is None else int(stats.num_unindexed_rows)


def figures(path: Path, table: "Table") -> dict[str, int]:
    """Return rows, bytes, fragments and files; what clones share is counted once."""
    stats = cast("dict[str, Any]", table.stats())
    files = [each.stat() for each in path.rglob("*") if each.is_file()]
    return {
        "rows": int(table.count_rows()),
        "bytes": sum({each.st_ino: each.st_size for each in files}.values()),
        "fragments": int(stats["fragment_stats"]["num_fragments"]),
        "files": len(files),
        "rows_outside_index": unindexed(table),
    }
