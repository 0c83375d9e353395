"""The store: one writer at a time, batched merges, and a past that can be read and purged."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tam_workbench.adapters.locking import WriterLock
from tam_workbench.adapters.stores.lance import clones, indexing, purging
from tam_workbench.adapters.stores.lance.filters import IDS_AT_ONCE, among
from tam_workbench.adapters.stores.lance.known import KnownIds
from tam_workbench.adapters.stores.lance.reader import LanceReader
from tam_workbench.adapters.stores.lance.rows import rows_of
from tam_workbench.adapters.stores.lance.table import (
    bring_up_to_date,
    check,
    created,
    door,
    is_current,
    opened,
    prune,
)
from tam_workbench.errors import BadInputError, TransientError
from tam_workbench.memory import check_vectors
from tam_workbench.records import MemoryEntry, PurgeProof

if TYPE_CHECKING:
    from lancedb.table import Table

_MORE_ROWS: Final = 50_000
"""Rows for each of which the writes between two compactions grow by one more ``compact_every``."""


_INDEXED_MERGE: Final = 100_000
"""Rows from which a merge finds ids by their index; up to there it is slower than a scan."""


class LanceStore(LanceReader):
    """Keeps entries in a LanceDB table; several processes may write the same one.

    A lock file is held around each write, and the id is an unenforced, non-nullable primary
    key: without either, LanceDB 0.40 silently stores duplicates when two writers insert the
    same key. Vectors are float32. Tagged versions are clones by hard links, since a tag of
    LanceDB's own would stop every later clean-up.

    Parameters
    ----------
    path
        Folder of the database; made when missing.
    dimension
        Numbers in every vector: the embedder's ``dimension``.
    compact_every
        Writes between two compactions of up to 50,000 rows, and so many more for each 50,000
        more; each write leaves a fragment and a version behind.
    keep_versions
        Versions that such a compaction leaves.
    wait_s
        Seconds to wait for another writer.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        dimension: int,
        compact_every: int = 32,
        keep_versions: int = 32,
        wait_s: float = 10.0,
    ) -> None:
        self._compact_every = compact_every
        self._keep_versions = keep_versions
        self._writes = 0
        self._known = KnownIds()
        path = Path(path)
        with door("open", path):
            path.mkdir(parents=True, exist_ok=True)
        self._lock = WriterLock(path / "write.lock", wait_s=wait_s)
        self._building = WriterLock(path / "index.lock", wait_s=wait_s)
        super().__init__(path, self._ready(path, dimension))

    def put(self, entries: Sequence[MemoryEntry]) -> None:
        """Insert or replace by id, all entries in one commit."""
        latest = list({entry.id: entry for entry in entries}.values())
        ids = [entry.id for entry in latest]
        vectors = check_vectors([entry.vector for entry in latest], ids, dimension=self._dimension)
        if not latest:
            return
        with self._door("write"):
            rows = rows_of(latest, vectors, schema=self._table.schema)
        with self._writing("write"):
            if self._known.are_new(ids, self._table):
                self._table.add(rows)
            else:
                merge = self._table.merge_insert("id").when_matched_update_all()
                merge = merge.when_not_matched_insert_all()
                merge.use_index(self._table.count_rows() > _INDEXED_MERGE).execute(rows)
            self._known.wrote(ids, self._table)
            self._written()

    def delete(self, ids: Sequence[str]) -> int:
        """Remove by id and return how many were there."""
        wanted, gone = list(dict.fromkeys(ids)), 0
        with self._writing("delete from"):
            for start in range(0, len(wanted), IDS_AT_ONCE):
                condition = among(wanted[start : start + IDS_AT_ONCE])
                there = self._table.count_rows(condition)
                if there:
                    self._table.delete(condition)
                    gone += there
                    self._known.wrote((), self._table)
                    self._written()
        return gone

    def purge(self, ids: Sequence[str], *, needles: Sequence[str]) -> PurgeProof:
        """Remove for good, from versions, tags, branches and indexes too, and search all files.

        All untagged versions go. Tagged ones stay without the entry, unless they hold a needle
        in another entry: then the tag goes as well. The vector index goes: build it again.
        """
        with self._writing("purge"), self._building.held("purge"):
            self._known.forget()
            return purging.purge(self._path, ids, needles=needles)

    def versions(self) -> dict[int, datetime]:
        """Return the versions that can still be read, with when they were made."""
        with self._door("read"):
            made = {
                int(each["version"]): each["timestamp"].astimezone(UTC)
                for each in self._table.list_versions()
            }
        return dict(sorted({**clones.kept(self._path), **made}.items()))

    def tags(self) -> dict[str, int]:
        """Return the tagged versions by name."""
        return clones.tags(self._path)

    def tag(self, name: str, *, version: int | None = None) -> int:
        """Name a version (the present one), so that it is kept; return it."""
        with self._writing("tag"):
            number = int(self._table.version) if version is None else version
            clones.keep(self._path, name, version=number, made_at=self._made_at(number))
            return number

    def untag(self, name: str) -> None:
        """Let a named version go with the others."""
        with self._writing("untag"):
            clones.let_go(self._path, name)

    def at(self, version: int | str) -> LanceReader:
        """Return a past version by number or tag, to read only."""
        number = clones.numbered(self._path, version)
        self._made_at(number)
        with self._door("read"):
            table = clones.table_at(self._path, number)
        return LanceReader(self._path, table, version=number)

    def branch(self, name: str, *, version: int | str | None = None) -> "LanceStore":
        """Return a writable copy of a version that changes nothing here: what if.

        It is a store of its own at ``branches/<name>``, by hard links until it is written.
        """
        with self._writing("branch"):
            number = (
                int(self._table.version)
                if version is None
                else clones.numbered(self._path, version)
            )
            self._made_at(number)
            path = clones.branch(self._path, name, version=number)
        return self._like(path)

    def branches(self) -> dict[str, Path]:
        """Return the branches by name, with their folders."""
        return clones.branches(self._path)

    def drop_branch(self, name: str) -> None:
        """Remove a branch, when there is one."""
        with self._writing("drop a branch of"):
            clones.drop_branch(self._path, name)

    def restore(self, version: int | str) -> int:
        """Make a past version the present one, as a new version; return it."""
        number = clones.numbered(self._path, version)
        with self._writing("restore"):
            self._made_at(number)
            self._known.forget()
            clones.restore(self._path, number)
            bring_up_to_date(self._table, dimension=self._dimension)
            return int(self._table.version)

    def compact(self, *, keep_versions: int | None = None) -> None:
        """Fold fragments together, bring indexes up to date, drop old untagged versions."""
        keep = max(1, self._keep_versions if keep_versions is None else keep_versions)
        with self._writing("compact"), self._building.held("compact", wait_s=0):
            was = int(self._table.version)
            self._table.optimize()
            versions = sorted(self._table.list_versions(), key=lambda each: each["version"])
            if len(versions) > keep:
                oldest = versions[-keep]["timestamp"].astimezone(UTC)
                prune(self._table, older_than=datetime.now(UTC) - oldest)
            clones.sweep(self._path)
            self._writes = 0
            self._known.moved(was, self._table)

    def build_index(self, *, min_rows: int = 20_000) -> bool:
        """Build the index of vectors when there are ``min_rows`` and it is missing or stale.

        Takes seconds to minutes; writes and searches go on meanwhile, so call it from a worker.
        Below that many rows the exact search is fast enough. Returns whether one was built.
        """
        with self._building.held("build an index"), self._door("index"):
            return indexing.build(self._path, min_rows=min_rows)

    def figures(self) -> dict[str, int]:
        """Return rows, bytes, fragments, versions and files, for the memory audit."""
        with self._door("read"):
            return indexing.figures(self._path, self._table) | {
                "versions": len(self.versions()),
                "tags": len(self.tags()),
                "branches": len(self.branches()),
            }

    def _ready(self, path: Path, dimension: int) -> "Table":
        table = opened(path)
        if table is not None:
            check(table, path, dimension=dimension)
        with door("open", path):
            is_ready = table is not None and is_current(table, dimension=dimension)
            if table is None or not is_ready or purging.is_cut_off(path):
                with self._lock.held(f"open {path}"):
                    table = created(path, dimension) if table is None else table
                    bring_up_to_date(table, dimension=dimension)
                    purging.finish(path)
        return table

    @contextmanager
    def _writing(self, verb: str) -> Iterator[None]:
        _ = self._table  # closed ones say so before they wait
        with self._lock.held(f"{verb} {self._path}"), self._door(verb):
            yield

    def _written(self) -> None:
        self._writes += 1
        if self._writes < self._compact_every:
            return
        rows = int(self._table.count_rows())
        if self._writes >= self._compact_every * (1 + rows // _MORE_ROWS):
            try:
                self.compact()
            except TransientError:
                self._writes = 0  # an index is being built; ours is due again later

    def _made_at(self, version: int) -> datetime:
        versions = self.versions()
        if version not in versions:
            readable = ", ".join(map(str, list(versions)[-5:]))
            raise BadInputError(
                f"version {version} of {self._path} is gone or never was; readable are {readable} "
                "and what is tagged: tag a version to keep it"
            )
        return versions[version]

    def _like(self, path: Path) -> "LanceStore":
        return LanceStore(
            path,
            dimension=self._dimension,
            compact_every=self._compact_every,
            keep_versions=self._keep_versions,
        )
