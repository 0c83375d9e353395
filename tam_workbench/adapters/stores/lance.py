"""Memory on disk: one LanceDB table, exact search by cosine, compacted as it grows."""

import json
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import numpy.typing as npt

from tam_workbench.errors import (
    BadInputError,
    MissingExtraError,
    PermanentError,
    TransientError,
)
from tam_workbench.memory import check_vectors, top
from tam_workbench.records import Hit, MemoryEntry, Tier, Where

if TYPE_CHECKING:
    import pyarrow as pa
    from lancedb.query import LanceVectorQueryBuilder
    from lancedb.table import Table

_TABLE: Final = "memory"
_CACHE_BYTES: Final = 64 << 20
"""Each of LanceDB's two caches; its own defaults (6 GB and 1 GB) would eat the machine."""
_AT_ONCE: Final = 500
"""Ids in one SQL list."""
_TRIES: Final = 5
"""Attempts when another process commits first."""


class LanceStore:
    """Keeps entries in a LanceDB table; several processes may write the same one.

    The id is an unenforced, non-nullable primary key and every write is one merge of an Arrow
    table with the table's own schema: without that, LanceDB 0.40 silently stores duplicates
    when two writers insert the same key. Vectors are float32.

    Parameters
    ----------
    path
        Folder of the database; made when missing.
    dimension
        Numbers in every vector: the embedder's ``dimension``.
    compact_every
        Writes between two compactions; each write leaves a fragment and a version behind.
    keep_versions
        Versions that a compaction leaves, so that other readers are not cut off.
    """

    name = "lance"

    def __init__(
        self,
        path: str | Path,
        *,
        dimension: int,
        compact_every: int = 64,
        keep_versions: int = 32,
    ) -> None:
        self._path = Path(path)
        self._dimension = dimension
        self._compact_every = compact_every
        self._keep_versions = keep_versions
        self._writes = 0
        self._lock = threading.RLock()
        self._open_table: Table | None = _opened(self._path, dimension)

    def put(self, entries: Sequence[MemoryEntry]) -> None:
        """Insert or replace by id, all entries in one commit."""
        latest = list({entry.id: entry for entry in entries}.values())
        vectors = check_vectors(
            [entry.vector for entry in latest],
            [entry.id for entry in latest],
            dimension=self._dimension,
        )
        if not latest:
            return
        with self._lock, self._door("write"):
            merge = self._table.merge_insert("id").when_matched_update_all()
            merge.when_not_matched_insert_all().execute(_rows(latest, vectors))
            self._written()

    def get(self, ids: Sequence[str]) -> list[MemoryEntry]:
        """Return those that exist, in the order asked."""
        wanted = list(dict.fromkeys(ids))
        found: dict[str, MemoryEntry] = {}
        with self._lock, self._door("read"):
            for start in range(0, len(wanted), _AT_ONCE):
                listed = _among(wanted[start : start + _AT_ONCE])
                rows = self._table.search().where(listed).limit(_AT_ONCE).to_arrow()
                found.update((entry.id, entry) for entry in _entries(rows))
        return [found[id_] for id_ in ids if id_ in found]

    def nearest(self, vector: npt.NDArray[np.float32], *, k: int, where: Where) -> list[Hit]:
        """Return the k most similar by cosine among those that ``where`` admits."""
        query = check_vectors(np.asarray(vector)[None, :], ["query"], dimension=self._dimension)[0]
        if k <= 0:
            return []
        with self._lock, self._door("search"):
            rows = self._candidates(query, k, where)
        similarities = _cosine(_vectors(rows, self._dimension), query)
        if not rows.num_rows:
            return []
        best = top(similarities, rows.column("id").to_pylist(), k=k)
        scores = [float(similarities[at]) for at in best]
        return [
            Hit(entry=entry, score=score, parts={"similarity": score})
            for entry, score in zip(_entries(rows.take(best)), scores, strict=True)
        ]

    def delete(self, ids: Sequence[str]) -> int:
        """Remove by id and return how many were there."""
        wanted, gone = list(dict.fromkeys(ids)), 0
        with self._lock, self._door("delete from"):
            for start in range(0, len(wanted), _AT_ONCE):
                listed = _among(wanted[start : start + _AT_ONCE])
                there = self._table.count_rows(listed)
                if there:
                    self._table.delete(listed)
                    gone += there
                    self._written()
        return gone

    def count(self) -> int:
        """Return how many entries are kept."""
        with self._lock, self._door("count"):
            return int(self._table.count_rows())

    def version(self) -> int:
        """Return the table's version: it grows with every change and every compaction."""
        with self._lock, self._door("read"):
            return int(self._table.version)

    def compact(self) -> None:
        """Fold fragments together and drop all but the last ``keep_versions`` versions."""
        with self._lock, self._door("compact"):
            versions = self._table.list_versions()
            if len(versions) <= self._keep_versions:
                self._table.optimize()
            else:
                oldest = versions[-self._keep_versions]["timestamp"].astimezone(UTC)
                age = max(datetime.now(UTC) - oldest, timedelta(milliseconds=1))
                self._table.optimize(cleanup_older_than=age)
            self._writes = 0

    def close(self) -> None:
        """Let go of the table; may be called twice."""
        with self._lock:
            self._open_table = None

    @property
    def _table(self) -> "Table":
        if self._open_table is None:
            raise PermanentError(f"memory store {self._path} is closed: open a new one")
        return self._open_table

    def _written(self) -> None:
        self._writes += 1
        if self._writes >= self._compact_every:
            try:
                self.compact()
            except TransientError:
                self._writes = 0  # another process is at it; ours is due again later

    def _candidates(self, query: npt.NDArray[np.float32], k: int, where: Where) -> "pa.Table":
        """Return at least the k nearest rows, and all that tie with the last of them."""
        asked = {
            "kind": where.kinds,
            "service": where.services,
            "tier": tuple(tier.value for tier in where.tiers),
        }
        filters = [
            f"{field} IN ({', '.join(map(_quoted, values))})"
            for field, values in asked.items()
            if values
        ]
        limit = k + 16
        while True:
            search = cast(
                "LanceVectorQueryBuilder", self._table.search(query, vector_column_name="vector")
            )
            search = search.distance_type("cosine").limit(limit)
            if filters:
                search = search.where(" AND ".join(filters), prefilter=True)
            rows = search.to_arrow()
            far = rows.column("_distance").to_numpy()
            if rows.num_rows < limit or far[-1] - far[k - 1] > 1e-5:
                return rows
            limit *= 4

    @contextmanager
    def _door(self, verb: str) -> Iterator[None]:
        with _door(verb, self._path):
            yield


@contextmanager
def _door(verb: str, path: Path) -> Iterator[None]:
    """Translate what the guest raises."""
    try:
        yield
    except (RuntimeError, OSError, ValueError) as error:
        said = " ".join(str(error).split(", /")[0].split())[:200]
        if "conflict" in said.lower():
            raise TransientError(
                f"cannot {verb} memory store {path} now: another process is writing; try again",
                delay_s=0.1,
            ) from error
        raise BadInputError(
            f"cannot {verb} memory store {path}: {said}; restore a copy or choose another path"
        ) from error


def _make_way() -> None:
    """Forget an empty package ``datasets``, which LanceDB would take for Hugging Face's and fail.

    Where the working directory holds a folder of that name, other guests import it as one.
    """
    if getattr(sys.modules.get("datasets"), "__file__", "") is None:
        del sys.modules["datasets"]


def _opened(path: Path, dimension: int) -> "Table":
    _make_way()
    try:
        import lancedb
    except ImportError as error:
        raise MissingExtraError("stores", "lance", extra="memory") from error
    with _door("open", path):
        session = lancedb.Session(
            index_cache_size_bytes=_CACHE_BYTES, metadata_cache_size_bytes=_CACHE_BYTES
        )
        database = lancedb.connect(
            str(path), read_consistency_interval=timedelta(0), session=session
        )
        schema = _schema(dimension)
        try:
            table = database.open_table(_TABLE)
        except (ValueError, FileNotFoundError):  # there is none yet
            table = database.create_table(_TABLE, schema=schema, exist_ok=True)
        kept = table.schema
    if kept.names != schema.names:
        raise BadInputError(f"{path} holds a table that is no memory of ours: choose another path")
    width = kept.field("vector").type.list_size
    if width != dimension:
        raise BadInputError(
            f"memory store {path} keeps vectors of {width} numbers, the embedder gives "
            f"{dimension}: use the embedder it was made for, or another path"
        )
    return table


def _schema(dimension: int) -> "pa.Schema":
    import pyarrow as pa

    key = {"lance-schema:unenforced-primary-key": "true"}
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False, metadata=key),
            pa.field("kind", pa.string(), nullable=False),
            pa.field("text", pa.string(), nullable=False),
            pa.field("vector", pa.list_(pa.float32(), dimension), nullable=False),
            pa.field("tier", pa.string(), nullable=False),
            pa.field("service", pa.string(), nullable=False),
            pa.field("created_at", pa.timestamp("us", tz="UTC"), nullable=False),
            pa.field("trust", pa.float64(), nullable=False),
            pa.field("action", pa.string(), nullable=False),
            pa.field("helped", pa.bool_(), nullable=True),
            pa.field("count", pa.int64(), nullable=False),
            pa.field("attributes", pa.string(), nullable=False),
        ]
    )


def _rows(entries: Sequence[MemoryEntry], vectors: npt.NDArray[np.float32]) -> "pa.Table":
    import pyarrow as pa

    schema = _schema(vectors.shape[1])
    plain = ("id", "kind", "text", "service", "created_at", "trust", "action", "helped", "count")
    columns: dict[str, Any] = {name: [getattr(entry, name) for entry in entries] for name in plain}
    columns["tier"] = [entry.tier.value for entry in entries]
    columns["attributes"] = [json.dumps(dict(entry.attributes)) for entry in entries]
    columns["vector"] = pa.FixedSizeListArray.from_arrays(
        pa.array(vectors.ravel()), vectors.shape[1]
    )
    return pa.table({name: columns[name] for name in schema.names}, schema=schema)


def _entries(rows: "pa.Table") -> list[MemoryEntry]:
    names = [name for name in rows.column_names if name not in {"vector", "_distance"}]
    width = rows.schema.field("vector").type.list_size
    vectors = _vectors(rows, width).tolist()
    return [
        MemoryEntry(
            **{
                **row,
                "vector": tuple(vector),
                "tier": Tier(row["tier"]),
                "created_at": row["created_at"].astimezone(UTC),
                "attributes": json.loads(row["attributes"]),
            }
        )
        for row, vector in zip(rows.select(names).to_pylist(), vectors, strict=True)
    ]


def _vectors(rows: "pa.Table", dimension: int) -> npt.NDArray[np.float32]:
    column = rows.column("vector").combine_chunks()
    flat = np.asarray(column.flatten().to_numpy(zero_copy_only=False), np.float32)
    return flat.reshape(rows.num_rows, dimension)


def _cosine(
    vectors: npt.NDArray[np.float32], query: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    wide, asked = vectors.astype(np.float64), query.astype(np.float64)
    norms = np.linalg.norm(wide, axis=1) * np.linalg.norm(asked)
    return np.asarray(wide @ asked / norms, np.float64)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _among(ids: Sequence[str]) -> str:
    return f"id IN ({', '.join(map(_quoted, ids))})"
