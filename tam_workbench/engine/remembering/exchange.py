"""Exchange: a whole memory as a folder of Parquet files, out of one store and into another."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import polars as pl

from tam_workbench.engine.remembering.shelf import Shelf
from tam_workbench.errors import BadInputError
from tam_workbench.ports import Store, VersionedStore
from tam_workbench.records import MemoryEntry, Origin, Receipt, Tier

FORMAT: Final = 1
_MANIFEST: Final = "memory.json"
_PRESENT: Final = "present.parquet"
_TIMES: Final = ("created_at", "valid_from", "valid_to", "known_from", "known_to")


def export(shelf: Shelf, folder: Path, *, now: datetime) -> Receipt:
    """Write every entry, and every tagged version, into ``folder``.

    The folder holds ``present.parquet``, one file a tag, and ``memory.json``, which names them
    with their checksums; it is written last, so that half an export is never taken for a whole.
    """
    version = shelf.flush()
    folder.mkdir(parents=True, exist_ok=True)
    files = {_PRESENT: _write(shelf.store, folder / _PRESENT)}
    tags: dict[str, dict[str, object]] = {}
    if isinstance(shelf.store, VersionedStore):
        for number, (name, tagged) in enumerate(_by_version(shelf.store)):
            file = f"tag-{number}.parquet"
            files[file] = _write(shelf.store.at(name), folder / file)
            tags[name] = {"file": file, "version": tagged}
    manifest = {
        "format": FORMAT,
        "exported_at": now.isoformat(),
        "version": version,
        "entries": shelf.count(),
        "tags": tags,
        "sha256": files,
    }
    draft = folder / f"{_MANIFEST}.draft"
    draft.write_text(json.dumps(manifest, indent=1, sort_keys=True))
    draft.replace(folder / _MANIFEST)
    return Receipt(
        verb="export", at=now, ids=(), version_before=version, version_after=version,
        detail=f"{shelf.count()} entries and {len(tags)} tags in {folder}",
    )  # fmt: skip


def take_in(shelf: Shelf, folder: Path, *, now: datetime) -> Receipt:
    """Add what `export` wrote: ids and both clocks stay; tags are made again, oldest first.

    Into an empty versioned store the tags are replayed; into one that holds entries only the
    present of the folder is added, since its past is not ours.
    """
    manifest = _manifest(folder)
    for name in manifest["sha256"]:
        _check(folder / name, manifest)  # all of it, before anything is taken
    before, after = shelf.flush(), 0
    is_empty = shelf.count() == 0
    if is_empty and isinstance(shelf.store, VersionedStore):
        for name, tag in sorted(manifest["tags"].items(), key=lambda item: item[1]["version"]):
            _become(shelf.store, list(_read(folder / tag["file"])))
            shelf.store.tag(name)
    entries = list(_read(folder / _PRESENT))
    if is_empty:
        _become(shelf.store, entries)
        shelf.reload()
    else:
        shelf.put(entries)
    after = shelf.flush()
    return Receipt(
        verb="import", at=now, ids=tuple(entry.id for entry in entries), version_before=before,
        version_after=after, detail=f"{len(entries)} entries of version {manifest['version']}",
    )  # fmt: skip


def _by_version(store: VersionedStore) -> list[tuple[str, int]]:
    return sorted(store.tags().items(), key=lambda tag: (tag[1], tag[0]))


def _become(store: Store, entries: Sequence[MemoryEntry]) -> None:
    """Make the store hold exactly ``entries``."""
    there = {entry.id: entry for page in store.scan() for entry in page}
    wanted = {entry.id: entry for entry in entries}
    if gone := sorted(there.keys() - wanted.keys()):
        store.delete(gone)
    if fresh := [entry for entry in entries if there.get(entry.id) != entry]:
        store.put(fresh)


def _write(store: Store, file: Path) -> str:
    rows = [_row(entry) for page in store.scan() for entry in page]
    pl.DataFrame(rows, schema=_schema()).write_parquet(file)
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _schema() -> dict[str, Any]:
    stamp, text, words = pl.Datetime("us", "UTC"), pl.String, pl.List(pl.String)
    special: dict[str, Any] = {
        **dict.fromkeys(_TIMES, stamp),
        "vector": pl.List(pl.Float32), "trust": pl.Float64, "surprise": pl.Float64,
        "stability": pl.Float64, "helped": pl.Boolean, "is_pinned": pl.Boolean,
        "is_quarantined": pl.Boolean, "count": pl.Int64, "labels": words, "source_ids": words,
    }  # fmt: skip
    return {f.name: special.get(f.name, text) for f in fields(MemoryEntry)}


def _row(entry: MemoryEntry) -> dict[str, object]:
    row = asdict(entry)
    row["attributes"] = json.dumps(row["attributes"], sort_keys=True)
    return {**row, "tier": entry.tier.value, "origin": entry.origin.value}


def _check(file: Path, manifest: dict[str, Any]) -> None:
    try:
        found = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise BadInputError(f"{file}: is missing from the export: export again") from error
    if found != manifest["sha256"].get(file.name):
        raise BadInputError(f"{file}: not the file that was exported: export again")


def _read(file: Path) -> Iterator[MemoryEntry]:
    for row in pl.read_parquet(file).iter_rows(named=True):
        yield MemoryEntry(
            **{
                **row,
                "vector": tuple(row["vector"]),
                "labels": tuple(row["labels"]),
                "source_ids": tuple(row["source_ids"]),
                "tier": Tier(row["tier"]),
                "origin": Origin(row["origin"]),
                "attributes": json.loads(row["attributes"]),
            }
        )


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / _MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise BadInputError(f"{folder}: no export of a memory (no {_MANIFEST})") from error
    if manifest.get("format") != FORMAT:
        found = manifest.get("format")
        raise BadInputError(f"{folder}: format {found}, this version reads {FORMAT}: export again")
    return manifest
