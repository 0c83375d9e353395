"""The sealed store: ciphertext in an inner store, the open entries in this process alone."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

from tam_workbench.adapters.purging import entries_holding
from tam_workbench.adapters.stores.sealed.envelope import Envelope
from tam_workbench.errors import BadInputError, PermanentError, SettingsError
from tam_workbench.memory import check_vectors
from tam_workbench.ports import EVERYTHING, Store, VersionedStore
from tam_workbench.records import Hit, MemoryEntry, PurgeProof, Tier, Where

_KIND: Final = "sealed"
_HEADER: Final = "tam-sealed-header"
_BODY: Final = "sealed"
_SOME_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
_PAGE: Final = 1000
"""Rows sealed again at once when the key is rotated."""


class SealedStore:
    """Keeps entries sealed in ``inner`` and, opened, in the memory of this process.

    A row of the inner store has an opaque id and one attribute of ciphertext; every other field
    is the same in all rows. Searching is done by ``front``, which is filled when the store is
    opened, so everything must fit into memory, and one process at a time may write. An attacker
    who can write the files cannot alter or swap rows unseen, but can remove some, or bring back
    an older copy.

    Parameters
    ----------
    inner
        Where the ciphertext is kept; empty, or sealed with this key.
    make_front
        Makes an empty store in memory for the opened entries.
    key
        32 bytes; see `read_key`.
    previous_key
        The key before, to end a rotation that was cut off.
    dimension
        Numbers in every vector.
    inner_dimension
        Numbers in the vectors that ``inner`` keeps, all the same; None is ``dimension``.

    Raises
    ------
    SettingsError
        The key is not the one that this store was sealed with; nothing is touched.
    BadInputError
        The inner store keeps open entries, or a row was altered.
    """

    name = "sealed"

    def __init__(
        self,
        inner: Store,
        *,
        make_front: Callable[[], Store],
        key: bytes,
        previous_key: bytes | None = None,
        dimension: int,
        inner_dimension: int | None = None,
    ) -> None:
        self._inner, self._make_front, self._dimension = inner, make_front, dimension
        self._key, self._envelope = key, Envelope(key)
        self._constant = (1.0,) + (0.0,) * ((inner_dimension or dimension) - 1)
        self._lock = threading.RLock()
        self._is_open, self._has_header = True, False
        self._branches: WeakSet[SealedStore] = WeakSet()  # that were handed out, to keep in step
        previous = Envelope(previous_key) if previous_key else None
        is_cut_off = self._check_header(previous)
        self._front = self._opened([self._envelope, *([previous] if previous else [])])
        if is_cut_off and previous:
            self._end_rotation(previous)

    def put(self, entries: Sequence[MemoryEntry]) -> None:
        """Insert or replace by id, all sealed in one write."""
        latest = list({entry.id: entry for entry in entries}.values())
        vectors, ids = [entry.vector for entry in latest], [entry.id for entry in latest]
        check_vectors(vectors, ids, dimension=self._dimension)
        if not latest:
            return
        with self._lock:
            self._check_open()
            rows = [self._row(entry) for entry in latest]
            if not self._has_header:
                rows.append(self._header_row(self._envelope.check))
            self._inner.put(rows)
            self._has_header = True
            self._front.put(latest)

    def get(self, ids: Sequence[str]) -> list[MemoryEntry]:
        """Return those that exist, in the order asked."""
        self._check_open()
        return self._front.get(ids)

    def nearest(
        self, vector: npt.NDArray[np.float32], *, k: int, where: Where = EVERYTHING
    ) -> list[Hit]:
        """Return the k most similar by cosine among those that ``where`` admits."""
        self._check_open()
        return self._front.nearest(vector, k=k, where=where)

    def matching(self, text: str, *, k: int, where: Where = EVERYTHING) -> list[Hit]:
        """Return the k best by words that share any word."""
        self._check_open()
        return self._front.matching(text, k=k, where=where)

    def coverage(self, words: Sequence[str], ids: Sequence[str]) -> float | None:
        """Return how much of the words one of the entries has, if what answers can say."""
        self._check_open()
        coverage = getattr(self._front, "coverage", None)
        return None if coverage is None else float(coverage(words, ids))

    def scan(self, where: Where = EVERYTHING) -> Iterator[list[MemoryEntry]]:
        """Yield what ``where`` admits, page by page, in order of id."""
        self._check_open()
        return self._front.scan(where)

    def delete(self, ids: Sequence[str]) -> int:
        """Remove by id and return how many were there."""
        with self._lock:
            self._check_open()
            self._inner.delete([self._envelope.opaque(id_) for id_ in ids])
            return self._front.delete(ids)

    def purge(self, ids: Sequence[str], *, needles: Sequence[str]) -> PurgeProof:
        """Remove for good: no file holds a needle, nor the ciphertext of any version of a row.

        The inner store searches its files for the needles and for every ciphertext that it and
        its versions held of the ids; what the open entries still say is searched as well.
        """
        with self._lock:
            self._check_open()
            names = [self._envelope.opaque(id_) for id_ in dict.fromkeys(ids)]
            ciphertexts = self._ciphertexts(names, needles)
            proof = self._inner.purge(names, needles=[*needles, *ciphertexts])
            removed = self._front.delete(ids)
            pages = self._front.scan(EVERYTHING)
            left = entries_holding((entry for page in pages for entry in page), needles)
        return replace(
            proof,
            ids=tuple(dict.fromkeys(ids)),
            rows_removed=removed,
            files_holding=(*proof.files_holding, *(f"entry:{id_}" for id_ in left)),
        )

    def rotate(self, new_key: bytes) -> PurgeProof:
        """Seal everything with another key; return the proof that the old one opens no file.

        A rotation that is cut off is ended by opening the store with both keys.
        """
        with self._lock:
            self._check_open()
            old, new = self._envelope, Envelope(new_key)
            if new.check == old.check:
                raise SettingsError("sealed memory: the new key is the one in use: make another")
            self._inner.put([self._header_row(old.check, following=new.check)])
            self._key, self._envelope = new_key, new
            return self._end_rotation(old)

    def refresh(self) -> None:
        """Open again what the inner store holds now, after somebody else has written to it."""
        with self._lock:
            self._check_open()
            self._check_header(None)
            front, self._front = self._front, self._opened([self._envelope])
            front.close()

    def count(self) -> int:
        """Return how many entries are kept."""
        self._check_open()
        return self._front.count()

    def version(self) -> int:
        """Return the inner store's version: it grows with every change."""
        self._check_open()
        return self._inner.version()

    def close(self) -> None:
        """Let go of both stores; may be called twice."""
        with self._lock:
            self._is_open = False
            self._inner.close()
            self._front.close()

    def _check_open(self) -> None:
        if not self._is_open:
            raise PermanentError("memory store 'sealed' is closed: open a new one")

    def _row(self, entry: MemoryEntry) -> MemoryEntry:
        name = self._envelope.opaque(entry.id)
        return self._plain_row(name, {_BODY: self._envelope.seal(entry, name)})

    def _header_row(self, check: str, *, following: str = "") -> MemoryEntry:
        return self._plain_row(_HEADER, {"check": check, "following": following})

    def _plain_row(self, name: str, attributes: dict[str, str]) -> MemoryEntry:
        return MemoryEntry(
            id=name,
            kind=_KIND,
            text="",
            vector=self._constant,
            tier=Tier.LONG_TERM,
            service="",
            created_at=_SOME_TIME,
            trust=1.0,
            attributes=attributes,
        )

    def _check_header(self, previous: Envelope | None) -> bool:
        """Refuse a wrong key before anything is read; tell whether a rotation was cut off."""
        header = next(iter(self._inner.get([_HEADER])), None)
        check, self._has_header = self._envelope.check, header is not None
        if header is None:
            if self._inner.count():
                raise BadInputError(
                    "sealed memory: the store keeps entries that are not sealed: choose another "
                    "place, and copy them over with: tam memory export / import"
                )
            return False
        now, following = header.attributes["check"], header.attributes["following"]
        if not following and now == check:
            return False
        if following == check and previous and previous.check == now:
            return True
        if following and check in {now, following}:
            raise SettingsError(
                "sealed memory: a change of keys was cut off: open it with the new key, and the "
                "old one in TAM_MEMORY_PREVIOUS_KEY; it then ends by itself"
            )
        raise SettingsError(
            "sealed memory: this is not the key that it was sealed with: nothing was touched; "
            "set the right TAM_MEMORY_KEY or key file"
        )

    def _opened(self, envelopes: Sequence[Envelope]) -> Store:
        front = self._make_front()
        for rows in self._sealed_rows():
            front.put([_unsealed(row, envelopes) for row in rows])
        return front

    def _sealed_rows(self) -> Iterator[list[MemoryEntry]]:
        for page in self._inner.scan(EVERYTHING):
            if rows := [row for row in page if row.id != _HEADER]:
                yield rows

    def _end_rotation(self, old: Envelope) -> PurgeProof:
        """Seal again what the old key sealed, purge that, and only then forget the old key."""
        names = [
            row.id
            for rows in self._sealed_rows()
            for row in rows
            if row.attributes[_BODY].startswith(old.mark)
        ]
        for start in range(0, len(names), _PAGE):
            rows = self._inner.get(names[start : start + _PAGE])
            self._inner.put([self._row(_unsealed(row, [old])) for row in rows])
        proof = self._inner.purge(names, needles=[old.mark])
        self._inner.put([self._header_row(self._envelope.check)])
        return proof

    def _ciphertexts(self, names: Sequence[str], needles: Sequence[str]) -> list[str]:
        """Return what is kept of some rows, and past rows of others that say a needle.

        The inner store cannot see what a row says: it is told which ciphertexts must go, and
        drops the versions and tags that hold them.
        """
        bodies = [row.attributes[_BODY] for row in self._inner.get(names)]
        if isinstance(self._inner, VersionedStore):
            seen = set(bodies)
            for version in {*self._inner.versions(), *self._inner.tags().values()}:
                past = self._inner.at(version)
                fresh = [
                    row
                    for page in past.scan(EVERYTHING)
                    for row in page
                    if row.id != _HEADER and row.attributes.get(_BODY) not in seen
                ]
                past.close()
                seen.update(row.attributes[_BODY] for row in fresh)
                bodies += [
                    row.attributes[_BODY] for row in fresh if self._says(row, names, needles)
                ]
        return bodies

    def _says(self, row: MemoryEntry, names: Sequence[str], needles: Sequence[str]) -> bool:
        """Tell whether a row is one of those named, or says a needle."""
        return row.id in names or bool(entries_holding([_unsealed(row, [self._envelope])], needles))


def _unsealed(row: MemoryEntry, envelopes: Sequence[Envelope]) -> MemoryEntry:
    body = row.attributes.get(_BODY, "")
    for envelope in envelopes:
        if body.startswith(envelope.mark):
            return envelope.unseal(body, row.id)
    raise BadInputError(
        f"sealed memory: row {row.id} was sealed with another key: restore a copy of the store"
    )
