"""The sealed store around one that can go back: past versions are opened with the same key."""

import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, cast

from tam_workbench.adapters.stores.sealed.keys import read_key
from tam_workbench.adapters.stores.sealed.store import SealedStore
from tam_workbench.ports import Store, VersionedStore
from tam_workbench.records import PurgeProof

PREVIOUS: Final = "TAM_MEMORY_PREVIOUS_KEY"
"""Environment variable that holds the key before a rotation that was cut off."""


class SealedVersions(SealedStore):
    """A sealed store around one that can go back; versions before a rotation are gone."""

    def versions(self) -> dict[int, datetime]:
        """Return the versions that can still be read, with when they were made."""
        return self._past.versions()

    def tags(self) -> dict[str, int]:
        """Return the tagged versions by name."""
        return self._past.tags()

    def tag(self, name: str, *, version: int | None = None) -> int:
        """Name a version (the present one), so that it is kept; return it."""
        return self._past.tag(name, version=version)

    def untag(self, name: str) -> None:
        """Let a named version go with the others."""
        self._past.untag(name)

    def at(self, version: int | str) -> Store:
        """Return a past version by number or tag, to read only."""
        return self._like(self._past.at(version))

    def branch(self, name: str, *, version: int | str | None = None) -> Store:
        """Return a writable copy of a version that changes nothing here: what if."""
        branch = self._like(self._past.branch(name, version=version))
        self._branches.add(branch)
        return branch

    def restore(self, version: int | str) -> int:
        """Make a past version the present one, as a new version; return it."""
        with self._lock:
            restored = self._past.restore(version)
            self.refresh()
            return restored

    def purge(self, ids: Sequence[str], *, needles: Sequence[str]) -> PurgeProof:
        """Remove for good, from versions, tags and branches as well; see `SealedStore.purge`."""
        proof = super().purge(ids, needles=needles)
        for branch in list(self._branches):
            if branch._is_open:  # noqa: SLF001 - one of ours
                branch.refresh()
        return proof

    def compact(self, *, keep_versions: int) -> None:
        """Fold fragments together, bring indexes up to date, drop old untagged versions."""
        self._past.compact(keep_versions=keep_versions)

    def figures(self) -> dict[str, int]:
        """Return rows, bytes, fragments, versions and files of the inner store."""
        return {**self._past.figures(), "rows": self.count()}

    @property
    def _past(self) -> VersionedStore:
        self._check_open()
        return cast("VersionedStore", self._inner)

    def _like(self, inner: Store) -> SealedStore:
        return seal(
            inner,
            make_front=self._make_front,
            key=self._key,
            dimension=self._dimension,
            inner_dimension=len(self._constant),
        )


def open_sealed(
    inner: Store,
    *,
    make_front: Callable[[], Store],
    key_file: Path | None = None,
    dimension: int,
    inner_dimension: int | None = None,
) -> SealedStore:
    """Return a sealed store with the key of ``TAM_MEMORY_KEY``, else of ``key_file``.

    ``TAM_MEMORY_PREVIOUS_KEY`` names the key before, to end a rotation that was cut off.
    """
    previous = read_key(variable=PREVIOUS) if os.environ.get(PREVIOUS) else None
    return seal(
        inner,
        make_front=make_front,
        key=read_key(key_file),
        previous_key=previous,
        dimension=dimension,
        inner_dimension=inner_dimension,
    )


def seal(
    inner: Store,
    *,
    make_front: Callable[[], Store],
    key: bytes,
    previous_key: bytes | None = None,
    dimension: int,
    inner_dimension: int | None = None,
) -> SealedStore:
    """Return a sealed store around ``inner``, with versions when that has versions."""
    kind = SealedVersions if isinstance(inner, VersionedStore) else SealedStore
    return kind(
        inner,
        make_front=make_front,
        key=key,
        previous_key=previous_key,
        dimension=dimension,
        inner_dimension=inner_dimension,
    )
