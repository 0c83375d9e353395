"""Rows: memory entries as an Arrow table with the columns of the store, and back."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from tam_workbench.records import MemoryEntry, Origin, Tier

if TYPE_CHECKING:
    import pyarrow as pa

FIRST_COLUMNS: Final = (
    "id", "kind", "text", "vector", "tier", "service",
    "created_at", "trust", "action", "helped", "count", "attributes",
)  # fmt: skip
"""What every memory of ours has had from the first version on."""

LATER_DEFAULTS: Final = {
    "origin": "'observed'",
    "surprise": "cast(0.0 as double)",
    "stability": "cast(0.1 as double)",
    "is_pinned": "cast(false as boolean)",
    "is_quarantined": "cast(false as boolean)",
    "embedder": "''",
}
"""Columns that came later and are never null, with the SQL of their default."""

_TIMES: Final = ("created_at", "valid_from", "valid_to", "known_from", "known_to")
_LISTS: Final = ("labels", "source_ids")
_KEY: Final = {"lance-schema:unenforced-primary-key": "true"}


def schema_of(dimension: int) -> "pa.Schema":
    """Return the columns; the key is not nullable, or LanceDB would store duplicates."""
    import pyarrow as pa

    moment, texts = pa.timestamp("us", tz="UTC"), pa.list_(pa.string())
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False, metadata=_KEY),
            pa.field("kind", pa.string(), nullable=False),
            pa.field("text", pa.string(), nullable=False),
            pa.field("vector", pa.list_(pa.float32(), dimension), nullable=False),
            pa.field("tier", pa.string(), nullable=False),
            pa.field("service", pa.string(), nullable=False),
            pa.field("created_at", moment, nullable=False),
            pa.field("trust", pa.float64(), nullable=False),
            pa.field("action", pa.string(), nullable=False),
            pa.field("helped", pa.bool_()),
            pa.field("count", pa.int64(), nullable=False),
            pa.field("attributes", pa.string(), nullable=False),
            *[pa.field(name, moment) for name in _TIMES[1:]],
            pa.field("origin", pa.string(), nullable=False),
            *[pa.field(name, texts) for name in _LISTS],
            pa.field("surprise", pa.float64(), nullable=False),
            pa.field("stability", pa.float64(), nullable=False),
            pa.field("is_pinned", pa.bool_(), nullable=False),
            pa.field("is_quarantined", pa.bool_(), nullable=False),
            pa.field("embedder", pa.string(), nullable=False),
        ]
    )


def rows_of(
    entries: Sequence[MemoryEntry], vectors: npt.NDArray[np.float32], *, schema: "pa.Schema"
) -> "pa.Table":
    """Return entries as a table with exactly this schema, as a merge demands."""
    import pyarrow as pa

    made: dict[str, Any] = {
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1]),
        "tier": [entry.tier.value for entry in entries],
        "origin": [entry.origin.value for entry in entries],
        "attributes": [json.dumps(dict(entry.attributes)) for entry in entries],
    }
    for name in _LISTS:
        made[name] = [list(getattr(entry, name)) for entry in entries]
    for name in schema.names:
        if name not in made:
            made[name] = [getattr(entry, name) for entry in entries]
    return pa.table({name: made[name] for name in schema.names}, schema=schema)


def entries_of(rows: "pa.Table") -> list[MemoryEntry]:
    """Return the rows as entries; columns that an old version lacks have their defaults."""
    fields = MemoryEntry.__dataclass_fields__
    names = [name for name in rows.column_names if name in fields and name != "vector"]
    vectors = vectors_of(rows).tolist()
    return [
        _entry(row, tuple(vector))
        for row, vector in zip(rows.select(names).to_pylist(), vectors, strict=True)
    ]


def vectors_of(rows: "pa.Table") -> npt.NDArray[np.float32]:
    """Return the vectors as a matrix, a row each."""
    width = rows.schema.field("vector").type.list_size
    column = rows.column("vector").combine_chunks()
    flat = np.asarray(column.flatten().to_numpy(zero_copy_only=False), np.float32)
    return flat.reshape(rows.num_rows, width)


def cosine(
    vectors: npt.NDArray[np.float32], query: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    """Return the cosine of each row and the query.

    Examples
    --------
    >>> cosine(np.array([[3.0, 4.0]], np.float32), np.array([1.0, 0.0], np.float32)).tolist()
    [0.6]
    """
    wide, asked = vectors.astype(np.float64), query.astype(np.float64)
    norms = np.linalg.norm(wide, axis=1) * np.linalg.norm(asked)
    return np.asarray(wide @ asked / norms, np.float64)


def _entry(row: dict[str, Any], vector: tuple[float, ...]) -> MemoryEntry:
    row["vector"] = vector
    row["tier"] = Tier(row["tier"])
    row["attributes"] = json.loads(row["attributes"])
    for name in _TIMES:
        if row.get(name) is not None:
            row[name] = _utc(row[name])
    for name in _LISTS:
        row[name] = tuple(row.get(name) or ())
    if "origin" in row:
        row["origin"] = Origin(row["origin"])
    return MemoryEntry(**row)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
