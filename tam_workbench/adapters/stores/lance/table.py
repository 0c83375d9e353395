"""The table: opened, made, brought up to date and indexed; the guest's errors end here."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from tam_workbench.adapters.stores.lance.rows import FIRST_COLUMNS, LATER_DEFAULTS, schema_of
from tam_workbench.errors import BadInputError, MissingExtraError, TransientError

if TYPE_CHECKING:
    from lancedb import DBConnection
    from lancedb.index import FTS, Bitmap, BTree
    from lancedb.table import Table

TABLE: Final = "memory"
WORDS_INDEX: Final = "text_idx"
VECTOR_INDEX: Final = "vector_idx"

_CACHE_BYTES: Final = 64 << 20
"""Each of LanceDB's two caches; its own defaults (6 GB and 1 GB) would eat the machine."""
_TRIES: Final = 5
"""Attempts of a reader whose version another process cleaned away under its feet."""
_JUST_NOW: Final = timedelta(milliseconds=1)

_T = TypeVar("_T")


def opened(path: Path) -> "Table | None":
    """Return the table in a folder, None when there is none yet."""
    with door("open", path):
        try:
            return _database(path).open_table(TABLE)
        except (ValueError, FileNotFoundError):
            return None


def created(path: Path, dimension: int) -> "Table":
    """Return the table in a folder, made when missing; the caller holds the lock."""
    with door("make", path):
        return _database(path).create_table(TABLE, schema=schema_of(dimension), exist_ok=True)


def check(table: "Table", path: Path, *, dimension: int) -> None:
    """Refuse a table that is not ours, or of another width."""
    names = table.schema.names
    if not set(FIRST_COLUMNS) <= set(names) <= set(schema_of(dimension).names):
        raise BadInputError(f"{path} holds a table that is no memory of ours: choose another path")
    width = table.schema.field("vector").type.list_size
    if width != dimension:
        raise BadInputError(
            f"memory store {path} keeps vectors of {width} numbers, the embedder gives "
            f"{dimension}: use the embedder it was made for, or another path"
        )


def is_current(table: "Table", *, dimension: int) -> bool:
    """Tell whether a table has every column and index that writers count on."""
    if set(table.schema.names) != set(schema_of(dimension).names):
        return False
    return {f"{column}_idx" for column in _scalar_columns()} <= index_names(table)


def bring_up_to_date(table: "Table", *, dimension: int) -> None:
    """Add the columns and indexes that are missing; the caller holds the lock."""
    schema = schema_of(dimension)
    missing = [field for field in schema if field.name not in table.schema.names]
    nullable = [field for field in missing if field.name not in LATER_DEFAULTS]
    if nullable:
        import pyarrow as pa

        table.add_columns(pa.schema(nullable))
    filled = {field.name: LATER_DEFAULTS[field.name] for field in missing if not field.nullable}
    if filled:
        table.add_columns(filled)
    _index_scalars(table)


def index_names(table: "Table") -> set[str]:
    """Return the names of the indexes that there are."""
    return {index.name for index in table.list_indices()}


def drop_indexes(table: "Table") -> None:
    """Drop every index: each holds words, ids or vectors of rows that are gone."""
    for name in sorted(index_names(table)):
        table.drop_index(name)


def prune(table: "Table", *, older_than: timedelta = timedelta(0)) -> None:
    """Fold fragments, bring indexes up to date and drop versions older than that.

    Files of writers that died are dropped as well, so the caller holds the lock.
    """
    if older_than < _JUST_NOW:
        time.sleep(2 * _JUST_NOW.total_seconds())  # a shorter age means "none" to LanceDB
    table.optimize(cleanup_older_than=max(older_than, _JUST_NOW), delete_unverified=True)


def physical_rows(table: "Table") -> int:
    """Return the rows in the files of the present version, deleted ones included."""
    versions = table.list_versions()
    return int(max(versions, key=lambda made: made["version"])["metadata"]["total_data_file_rows"])


def retried(attempt: Callable[[], _T]) -> _T:
    """Read again when the files of a version went away meanwhile."""
    for left in reversed(range(_TRIES)):
        try:
            return attempt()
        except (RuntimeError, OSError, ValueError) as error:
            if not left or "not found" not in str(error).lower():
                raise
            time.sleep(0.01)
    raise AssertionError("unreachable")


@contextmanager
def door(verb: str, path: Path) -> Iterator[None]:
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


def _scalar_columns() -> "dict[str, BTree | Bitmap | FTS]":
    from lancedb.index import FTS, Bitmap, BTree

    words = FTS(
        stem=False,
        remove_stop_words=False,
        ascii_folding=False,
        with_position=False,
        max_token_length=255,
    )
    return {"id": BTree(), "kind": Bitmap(), "service": Bitmap(), "tier": Bitmap(), "text": words}


def _index_scalars(table: "Table") -> None:
    there = index_names(table)
    for column, kind in _scalar_columns().items():
        if f"{column}_idx" not in there:
            table.create_index(column, config=kind)


def _database(path: Path) -> "DBConnection":
    _make_way()
    try:
        import lancedb
    except ImportError as error:
        raise MissingExtraError("stores", "lance", extra="memory") from error
    session = lancedb.Session(
        index_cache_size_bytes=_CACHE_BYTES, metadata_cache_size_bytes=_CACHE_BYTES
    )
    return lancedb.connect(str(path), read_consistency_interval=timedelta(0), session=session)


def _make_way() -> None:
    """Forget an empty package ``datasets``, which LanceDB would take for Hugging Face's and fail.

    Where the working directory holds a folder of that name, other guests import it as one.
    """
    if getattr(sys.modules.get("datasets"), "__file__", "") is None:
        del sys.modules["datasets"]
