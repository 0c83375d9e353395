"""Clones: tagged versions and branches, as folders of hard links to the same files.

A tag of LanceDB's own stops every later clean-up of versions, and what it pins cannot be
rewritten by a purge. So a tagged version is a table of its own under ``kept/<version>``, and a
branch one under ``branches/<name>``: LanceDB never changes a file, so the links cost no bytes
until either side is rewritten.
"""

import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tam_workbench.adapters.stores.lance.table import TABLE, opened
from tam_workbench.adapters.stores.lance.writing import overwrite, write_atomically
from tam_workbench.errors import BadInputError

if TYPE_CHECKING:
    from lancedb.table import Table

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LAST: Final = (1 << 64) - 1
"""Manifests are named by this minus their version."""


def tags(path: Path) -> dict[str, int]:
    """Return the tagged versions by name."""
    return {name: int(number) for name, number in _book(path)["tags"].items()}


def kept(path: Path) -> dict[int, datetime]:
    """Return the versions that tags keep, with when they were made."""
    made = _book(path)["made_at"]
    return {number: datetime.fromisoformat(made[str(number)]) for number in tags(path).values()}


def numbered(path: Path, version: int | str) -> int:
    """Return the number of a version that is given by number or tag."""
    if isinstance(version, int):
        return version
    named = tags(path)
    if version not in named:
        known = ", ".join(sorted(named)[:5]) or "none"
        raise BadInputError(f"no version of {path} is tagged {version!r}; tags are: {known}")
    return named[version]


def keep(path: Path, name: str, *, version: int, made_at: datetime) -> None:
    """Tag a version that is there; a name that is known moves."""
    if not name.strip():
        raise BadInputError(f"a tag of {path} needs a name")
    folder = _kept_folder(path, version)
    if not folder.exists():
        _clone(path, folder, version=version)
    book = _book(path)
    book["tags"][name] = version
    book["made_at"][str(version)] = made_at.astimezone(UTC).isoformat()
    _write(path, book)
    sweep(path)


def let_go(path: Path, name: str) -> None:
    """Take a tag off, and drop what only it kept."""
    book = _book(path)
    if book["tags"].pop(name, None) is not None:
        _write(path, book)
        sweep(path)


def drop_version(path: Path, version: int) -> list[str]:
    """Drop a kept version with all its tags, and return these."""
    names = sorted(name for name, number in tags(path).items() if number == version)
    for name in names:
        let_go(path, name)
    return names


def sweep(path: Path) -> None:
    """Remove clones that no tag keeps and halves of clones that were cut off."""
    wanted = set(tags(path).values())
    for folder in [*_folders(path / "kept"), *_folders(path / "branches")]:
        is_half = folder.name.startswith(".")
        if is_half or (folder.parent.name == "kept" and int(folder.name) not in wanted):
            shutil.rmtree(folder, ignore_errors=True)


def table_at(path: Path, version: int) -> "Table":
    """Return the table as it was at a version that is there."""
    folder = _kept_folder(path, version)
    table = opened(folder if folder.exists() else path)
    if table is None:
        raise BadInputError(f"{path} holds no memory any more: restore a copy")
    if not folder.exists():
        table.checkout(version)
    return table


def kept_folders(path: Path) -> dict[int, Path]:
    """Return the folders of kept versions."""
    return {number: _kept_folder(path, number) for number in sorted(set(tags(path).values()))}


def branch(path: Path, name: str, *, version: int) -> Path:
    """Make a branch of a version that is there, and return its folder."""
    if not _NAME.fullmatch(name):
        raise BadInputError(f"branch {name!r} of {path}: use letters, digits, dot, dash, up to 64")
    folder = path / "branches" / name
    if folder.exists():
        raise BadInputError(
            f"branch {name!r} of {path} is there already: open {folder}, or drop it first"
        )
    source = _kept_folder(path, version)
    _clone(source if source.exists() else path, folder, version=version)
    return folder


def branches(path: Path) -> dict[str, Path]:
    """Return the folders of the branches by name."""
    return {each.name: each for each in _folders(path / "branches") if each.name[0] != "."}


def drop_branch(path: Path, name: str) -> None:
    """Remove a branch, when there is one."""
    folder = branches(path).get(name)
    if folder is not None:
        shutil.rmtree(folder)


def restore(path: Path, version: int) -> None:
    """Make a version that is there the newest one."""
    table = opened(path)
    if table is None:
        raise BadInputError(f"{path} holds no memory any more: restore a copy")
    if any(int(made["version"]) == version for made in table.list_versions()):
        table.checkout(version)
        table.restore()
    else:
        overwrite(table, table_at(path, version))


def _clone(path: Path, to: Path, *, version: int) -> None:
    """Link what a version needs into a new folder, which appears whole or not at all."""
    half = to.with_name(f".{to.name}")
    shutil.rmtree(half, ignore_errors=True)
    source, made = path / f"{TABLE}.lance", half / f"{TABLE}.lance"
    manifest = _manifest(source, path, version)
    said = manifest.read_bytes()
    (made / "_versions").mkdir(parents=True)
    _link(manifest, made / "_versions" / manifest.name)
    for file in _needed(source, said):
        target = made / file.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        _link(file, target)
    half.replace(to)


def _manifest(source: Path, path: Path, version: int) -> Path:
    """Return the file of a version; a kept version that a purge rewrote has a newer one."""
    exact = source / "_versions" / f"{_LAST - version}.manifest"
    if exact.exists():
        return exact
    if path.parent.name == "kept":
        return min((source / "_versions").glob("*.manifest"))
    raise BadInputError(f"version {version} of {path} is gone: tag a version to keep it")


def _needed(source: Path, manifest: bytes) -> Iterator[Path]:
    """Yield the files that a manifest names; deletions, which it numbers, are linked all."""
    for file in source.rglob("*"):
        if not file.is_file() or file.parent.name == "_versions":
            continue
        part = file.relative_to(source).parts[0]
        if part == "_indices":
            is_needed = uuid.UUID(file.relative_to(source).parts[1]).bytes in manifest
        else:
            is_needed = part == "_deletions" or file.name.encode() in manifest
        if is_needed:
            yield file


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        shutil.copy2(source, target)


def _folders(parent: Path) -> list[Path]:
    return sorted(each for each in parent.iterdir() if each.is_dir()) if parent.is_dir() else []


def _kept_folder(path: Path, version: int) -> Path:
    return path / "kept" / str(version)


def _book(path: Path) -> dict[str, dict[str, Any]]:
    try:
        read: dict[str, dict[str, Any]] = json.loads((path / "tags.json").read_text("utf-8"))
    except FileNotFoundError:
        return {"tags": {}, "made_at": {}}
    return read


def _write(path: Path, book: dict[str, dict[str, Any]]) -> None:
    numbers = {str(number) for number in book["tags"].values()}
    book["made_at"] = {number: at for number, at in book["made_at"].items() if number in numbers}
    write_atomically(path / "tags.json", json.dumps(book, ensure_ascii=False))
