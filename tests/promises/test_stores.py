"""Both stores keep the promises; a store that does not is found out."""

from dataclasses import replace

import pytest

from tam_workbench.adapters.stores.inmemory import InMemoryStore
from tam_workbench.adapters.stores.lance import LanceStore
from tam_workbench.errors import PromiseBrokenError
from tam_workbench.ports import EVERYTHING, Store, VersionedStore, check_versions
from tam_workbench.ports.store_checks import CHECK_DIMENSION, check_store
from tam_workbench.records import Hit, PurgeProof, Where


def in_memory(_name):
    return InMemoryStore(dimension=CHECK_DIMENSION)


def test_in_memory():
    assert isinstance(in_memory("x"), Store)
    check_store(in_memory, is_persistent=False)


def test_in_memory_is_not_persistent():
    with pytest.raises(PromiseBrokenError, match="after reopening"):
        check_store(in_memory, is_persistent=True)


@pytest.mark.parametrize("compact_every", [1, 64])
def test_lance(tmp_path, compact_every):
    def make(name):
        return LanceStore(tmp_path / name, dimension=CHECK_DIMENSION, compact_every=compact_every)

    assert isinstance(make("x"), Store)
    check_store(make, folder=lambda name: tmp_path / name)


@pytest.mark.parametrize("compact_every", [1, 64])
def test_lance_goes_back(tmp_path, compact_every):
    def make(name):
        return LanceStore(tmp_path / name, dimension=CHECK_DIMENSION, compact_every=compact_every)

    assert isinstance(make("x"), VersionedStore)
    check_versions(make, folder=lambda name: tmp_path / name)


class Forgets(InMemoryStore):
    def put(self, entries):
        super().put(entries[:1])


class IgnoresFilters(InMemoryStore):
    def nearest(self, vector, *, k, where=None):
        return super().nearest(vector, k=k, where=Where())


class Unordered(InMemoryStore):
    def get(self, ids):
        return super().get(sorted(ids))


class Frozen(InMemoryStore):
    def version(self):
        return 1


class Miscounts(InMemoryStore):
    def delete(self, ids):
        super().delete(ids)
        return len(ids)


class ForgetsLabels(InMemoryStore):
    def put(self, entries):
        super().put([replace(entry, labels=()) for entry in entries])


class IgnoresKnownAt(InMemoryStore):
    def scan(self, where=EVERYTHING):
        return super().scan(replace(where, known_at=None))


class MatchesParts(InMemoryStore):
    def matching(self, text, *, k, where=EVERYTHING):
        words = text.lower().split()
        found = [e for page in self.scan(where) for e in page if any(w in e.text for w in words)]
        return [Hit(entry=e, score=1.0, parts={"words": 1.0}) for e in found[:k]]


class WorstFirst(InMemoryStore):
    def matching(self, text, *, k, where=EVERYTHING):
        return super().matching(text, k=k, where=where)[::-1]


class ScansUnsorted(InMemoryStore):
    def scan(self, where=EVERYTHING):
        for page in super().scan(where):
            yield page[::-1]


class ClaimsToPurge(InMemoryStore):
    def purge(self, ids, *, needles):
        return replace(super().purge(ids, needles=needles), files_holding=())


class OnlyHides(InMemoryStore):
    def purge(self, ids, *, needles):
        proof = super().purge(ids, needles=needles)
        self.put([replace(entry, text="") for entry in self.hidden if entry.id in ids])
        return proof

    def put(self, entries):
        self.hidden = entries
        super().put(entries)


BROKEN = [
    (Forgets, "get returns"),
    (IgnoresFilters, "filter|rare"),
    (Unordered, "keeps order"),
    (Frozen, "is a change|version grows"),
    (Miscounts, "nothing is deleted|counts what was there"),
    (ForgetsLabels, "every field comes back"),
    (IgnoresKnownAt, "scan admits"),
    (MatchesParts, "finds the word|part of a word|not be ASCII"),
    (WorstFirst, "come first"),
    (ScansUnsorted, "order of id|scan admits"),
    (ClaimsToPurge, "another entry still holds"),
    (OnlyHides, "is not returned"),
]


@pytest.mark.parametrize(("broken", "why"), BROKEN)
def test_a_broken_store_is_found_out(broken, why):
    with pytest.raises(PromiseBrokenError, match=f"^store: .*({why})"):
        check_store(lambda _name: broken(dimension=CHECK_DIMENSION), is_persistent=False)


class LeavesBytes(LanceStore):
    """Deletes and cleans up as LanceDB does it, which leaves hidden rows on disk."""

    def purge(self, ids, *, needles):
        removed = self.delete(ids)
        self.compact(keep_versions=1)
        return PurgeProof(
            ids=tuple(dict.fromkeys(ids)),
            rows_removed=removed,
            files_rewritten=1,
            versions_dropped=(),
            files_searched=1,
            bytes_searched=1,
        )


def test_a_purge_that_leaves_bytes_is_found_out(tmp_path):
    with pytest.raises(PromiseBrokenError, match=r"still holds|no file holds"):
        check_store(
            lambda name: LeavesBytes(tmp_path / name, dimension=CHECK_DIMENSION),
            folder=lambda name: tmp_path / name,
        )


class LosesTags(LanceStore):
    def tag(self, name, *, version=None):
        number = super().tag(name, version=version)
        self.untag(name)
        return number


class SharesBranches(LanceStore):
    def branch(self, name, *, version=None):
        super().branch(name, version=version).close()
        return self._like(self._path)


@pytest.mark.parametrize("broken", [LosesTags, SharesBranches])
def test_a_broken_past_is_found_out(tmp_path, broken):
    with pytest.raises(PromiseBrokenError, match=r"^store: "):
        check_versions(lambda name: broken(tmp_path / name, dimension=CHECK_DIMENSION))
