"""Purging: rows gone from every file of the store, finished at the next opening when cut off.

LanceDB deletes by a list of hidden rows and rewrites a fragment only when a tenth of it is
hidden; clean-up alone therefore leaves the text on disk, compressed, where no search of bytes
would see it. So a table that hides any row is written anew, its indexes are made anew, and
then all older files are dropped.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tam_workbench.adapters.locking import WriterLock
from tam_workbench.adapters.purging import search_files
from tam_workbench.adapters.stores.lance import clones
from tam_workbench.adapters.stores.lance.filters import IDS_AT_ONCE, among
from tam_workbench.adapters.stores.lance.table import (
    bring_up_to_date,
    drop_indexes,
    opened,
    physical_rows,
    prune,
)
from tam_workbench.adapters.stores.lance.writing import overwrite, write_atomically
from tam_workbench.records import PurgeProof

if TYPE_CHECKING:
    from lancedb.table import Table

_INTENT: Final = "purge.json"
_HALVES: Final = (".tmp*", "*#[0-9]*")  # as object stores name what is not whole yet


def purge(path: Path, ids: Sequence[str], *, needles: Sequence[str]) -> PurgeProof:
    """Remove rows from a store and all that hangs on it; the caller holds the writer's lock."""
    wanted = list(dict.fromkeys(ids))
    before, versions = _files(path), _versions(path)
    doomed = [
        [str(root.relative_to(path)), version]
        for root in _roots(path)
        for version, folder in clones.kept_folders(root).items()
        if _ids_holding(_table(folder), needles, but=wanted)
    ]
    write_atomically(path / _INTENT, json.dumps({"ids": wanted, "doomed": doomed}))
    removed, tags = _carry_out(path, wanted, doomed)
    (path / _INTENT).unlink()
    gone = [str(version) for version in sorted(versions - _versions(path))]
    files, size, holding = search_files(path, needles)
    return PurgeProof(
        ids=tuple(wanted),
        rows_removed=removed,
        files_rewritten=len(before - _files(path)),
        versions_dropped=(*gone, *(f"tag:{name}" for name in tags)),
        files_searched=files,
        bytes_searched=size,
        files_holding=(*holding, *_rows_holding(path, needles)),
    )


def is_cut_off(path: Path) -> bool:
    """Tell whether a purge began and did not end."""
    return (path / _INTENT).exists()


def finish(path: Path) -> None:
    """Finish a purge that was cut off, if there is one; the caller holds the writer's lock."""
    if is_cut_off(path):
        intent: dict[str, Any] = json.loads((path / _INTENT).read_text("utf-8"))
        _carry_out(path, intent["ids"], intent["doomed"])
        (path / _INTENT).unlink()


def _carry_out(
    path: Path, ids: Sequence[str], doomed: Sequence[Sequence[Any]]
) -> tuple[int, list[str]]:
    """Do it, as often as need be; return rows removed from the present and tags dropped."""
    tags: list[str] = []
    for root, version in doomed:
        tags += clones.drop_version(path / root, version)
    removed = 0
    for root in _roots(path):
        with nullcontext() if root == path else WriterLock(root / "write.lock").held("purge"):
            clones.sweep(root)
            for folder in [root, *clones.kept_folders(root).values()]:
                went = _scrub(_table(folder), ids)
                _sweep_halves(folder)
                removed += went if folder == path else 0
    return removed, tags


def _scrub(table: "Table", ids: Sequence[str]) -> int:
    """Remove rows from one table and rewrite every file that may hold them."""
    removed = 0
    for start in range(0, len(ids), IDS_AT_ONCE):
        condition = among(ids[start : start + IDS_AT_ONCE])
        there = int(table.count_rows(condition))
        if there:
            table.delete(condition)
            removed += there
    drop_indexes(table)
    if physical_rows(table) != table.count_rows():
        overwrite(table, table)
    bring_up_to_date(table, dimension=int(table.schema.field("vector").type.list_size))
    prune(table)
    return removed


def _sweep_halves(folder: Path) -> None:
    """Drop files that a writer was killed over before it could name them; nobody reads them.

    The caller holds the writer's lock, so none of them is being written.
    """
    for pattern in _HALVES:
        for half in folder.rglob(pattern):
            half.unlink(missing_ok=True)


def _roots(path: Path) -> Iterator[Path]:
    """Yield the store, its branches, theirs and so on."""
    yield path
    for folder in clones.branches(path).values():
        yield from _roots(folder)


def _rows_holding(path: Path, needles: Sequence[str]) -> Iterator[str]:
    """Yield which rows of which version still hold a needle, read through the table itself."""
    for root in _roots(path):
        for folder in [root, *clones.kept_folders(root).values()]:
            place = "" if folder == path else f"{folder.relative_to(path)}:"
            table = _table(folder)
            held: dict[str, None] = {}
            for version in sorted(int(made["version"]) for made in table.list_versions()):
                table.checkout(version)
                held.update(dict.fromkeys(_ids_holding(table, needles)))
            yield from (f"{place}entry:{id_}" for id_ in held)


def _ids_holding(table: "Table", needles: Sequence[str], *, but: Sequence[str] = ()) -> list[str]:
    """Return the ids of rows that hold a needle in any text, without those of ``but``."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = [needle for needle in needles if needle.strip()]
    wanted += [json.dumps(needle)[1:-1] for needle in wanted]
    fields = [each for each in table.schema if pa.types.is_string(each.type)]
    lists = [each for each in table.schema if pa.types.is_list(each.type)]
    skipped, found = set(but), dict[str, None]()
    names = [each.name for each in (*fields, *lists)]
    for batch in table.search().select(names).limit(None).to_batches() if wanted else ():
        texts = [batch.column(each.name) for each in fields]
        texts += [pc.binary_join(batch.column(each.name), "\n") for each in lists]
        for needle in dict.fromkeys(wanted):
            for column in texts:
                mask = pc.fill_null(pc.match_substring(column, needle), fill_value=False)
                found.update(dict.fromkeys(batch.column("id").filter(mask).to_pylist()))
    return [id_ for id_ in found if id_ not in skipped]


def _table(folder: Path) -> "Table":
    table = opened(folder)
    if table is None:
        raise FileNotFoundError(f"no table in {folder}")
    return table


def _versions(path: Path) -> set[int]:
    made = {int(each["version"]) for each in _table(path).list_versions()}
    return made | set(clones.kept(path))


def _files(path: Path) -> set[Path]:
    return {each for each in path.rglob("*") if each.is_file()}
