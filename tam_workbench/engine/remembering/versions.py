"""Versions: name a memory, go back to it, ask what if, and see what changed between two."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime

import polars as pl

from tam_workbench.engine.remembering.shelf import Shelf
from tam_workbench.errors import BadInputError
from tam_workbench.ports import Store, VersionedStore
from tam_workbench.records import MemoryEntry, Receipt

_SHOWN = tuple(field.name for field in fields(MemoryEntry) if field.name not in {"id", "vector"})


class Versions:
    """The past of a memory, where its store keeps one."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def tag(self, name: str, *, now: datetime) -> Receipt:
        """Name the memory as it is now, so that no upkeep drops it."""
        before = self._shelf.flush()
        tagged = self._store.tag(name)
        return Receipt(
            verb="snapshot",
            at=now,
            ids=(),
            version_before=before,
            version_after=tagged,
            detail=name,
        )

    def tags(self) -> dict[str, int]:
        """Return the named versions."""
        return self._store.tags()

    def kept(self) -> dict[int, datetime]:
        """Return the versions that can still be read, with when they were made."""
        return self._store.versions()

    def restore(self, version: int | str, *, now: datetime) -> Receipt:
        """Make a past memory the present one; the present stays as an older version."""
        before = self._shelf.flush()
        after = self._store.restore(version)
        self._shelf.reload()
        return Receipt(
            verb="restore", at=now, ids=(), version_before=before, version_after=after,
            detail=f"as it was at {version}",
        )  # fmt: skip

    def at(self, version: int | str) -> Shelf:
        """Return a past memory to ask; what is put there never becomes durable."""
        return Shelf(self._store.at(version))

    def branch(self, name: str, *, version: int | str | None = None) -> Shelf:
        """Return a copy that may be written without changing this memory: what if."""
        self._shelf.flush()
        return Shelf(self._store.branch(name, version=version))

    def diff(self, before: int | str, after: int | str | None = None) -> pl.DataFrame:
        """Return what was added, removed and changed between two versions.

        Columns: change (added, removed, changed), id, field, before, after; one row a field.
        """
        self._shelf.flush()
        old = {entry.id: entry for entry in _all(self._store.at(before))}
        there = self._shelf.store if after is None else self._store.at(after)
        new = {entry.id: entry for entry in _all(there)}
        rows: list[tuple[str, str, str, str | None, str | None]]
        rows = [("removed", i, "text", old[i].text, None) for i in sorted(old.keys() - new.keys())]
        rows += [("added", i, "text", None, new[i].text) for i in sorted(new.keys() - old.keys())]
        for entry_id in sorted(old.keys() & new.keys()):
            rows += _changes(old[entry_id], new[entry_id])
        return pl.DataFrame(
            rows, orient="row",
            schema=dict.fromkeys(("change", "id", "field", "before", "after"), pl.String),
        )  # fmt: skip

    @property
    def _store(self) -> VersionedStore:
        store = self._shelf.store
        if isinstance(store, VersionedStore):
            return store
        raise BadInputError(f"memory store {store.name!r} keeps no versions: use store 'lance'")


def _all(store: Store) -> Iterator[MemoryEntry]:
    for page in store.scan():
        yield from page


def _changes(
    old: MemoryEntry, new: MemoryEntry
) -> list[tuple[str, str, str, str | None, str | None]]:
    if old == new:
        return []
    names = [name for name in _SHOWN if getattr(old, name) != getattr(new, name)]
    told: list[tuple[str, str, str, str | None, str | None]]
    told = [("changed", old.id, n, _say(getattr(old, n)), _say(getattr(new, n))) for n in names]
    return told or [("changed", old.id, "vector", old.embedder, new.embedder)]


def _say(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(getattr(value, "value", value))
