"""Known ids: whether ids are new to the table, so that a plain append is enough."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from lancedb.table import Table

_MOST_ROWS: Final = 500_000
"""Rows up to which their ids are remembered: about 40 bytes each."""
_NEVER: Final = -1


class KnownIds:
    """Remembers hashes of all ids as of the last version that this process wrote.

    They are read once no other process has written between two writes of ours. An id that is
    taken for known by mistake costs a merge, which is right for new ids too; one that is known
    is never taken for new, since the hashes are complete.
    """

    def __init__(self) -> None:
        self._hashes: set[int] | None = None
        self._version = _NEVER

    def are_new(self, ids: Sequence[str], table: "Table") -> bool:
        """Tell whether surely none of the ids is there; the caller holds the writer's lock."""
        if self._version != table.version:
            self._hashes = None
            return False
        if self._hashes is None:
            self._hashes = _hashes(table)
        return self._hashes is not None and self._hashes.isdisjoint(map(hash, ids))

    def wrote(self, ids: Sequence[str], table: "Table") -> None:
        """Note that these ids were written or removed, which made the present version."""
        if self._hashes is not None:
            self._hashes.update(map(hash, ids))
        self._version = int(table.version)

    def moved(self, before: int, table: "Table") -> None:
        """Note that version ``before`` became the present one with the same rows."""
        if self._version == before:
            self._version = int(table.version)

    def forget(self) -> None:
        """Forget all: they are read again when they are needed."""
        self._hashes, self._version = None, _NEVER


def _hashes(table: "Table") -> set[int] | None:
    if table.count_rows() > _MOST_ROWS:
        return None
    ids = table.search().select(["id"]).limit(None).to_arrow().column("id")
    return set(map(hash, ids.to_pylist()))
