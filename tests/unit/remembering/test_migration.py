"""Migration: from one embedder to another, cut off and gone on with, both asked meanwhile."""

from dataclasses import replace

import pytest

from tam_workbench.adapters.embedders.hashing import HashingEmbedder
from tam_workbench.adapters.stores.inmemory import InMemoryStore
from tam_workbench.adapters.stores.lance import LanceStore
from tam_workbench.engine.remembering import Draft, migration
from tam_workbench.engine.remembering.migration import Migration
from tam_workbench.ports import EVERYTHING

TROUBLES = (
    "checkout was killed by the kernel after its memory rose",
    "the volume of the orders database is full",
    "the certificate of the gateway expired",
    "dns lookups of the payment host time out",
)


class Wide(HashingEmbedder):
    name = "wide"


def rows(store):
    return {entry.id: entry for page in store.scan(EVERYTHING) for entry in page}


@pytest.fixture
def old(house):
    memory = house.memory()
    memory.store(
        [Draft(text=f"{text} on pod {n}", kind="fact") for text in TROUBLES for n in "abc"]
    )
    return memory.shelf.store


@pytest.fixture(params=["inmemory", "lance"])
def moving(request, old, tmp_path):
    wide = Wide(dimension=512)
    new = (
        InMemoryStore(dimension=512)
        if request.param == "inmemory"
        else LanceStore(tmp_path / "new", dimension=512)
    )
    return Migration(old, new, before=HashingEmbedder(), after=wide), old, new


def test_everything_but_the_vector_stays(moving):
    migration, old, new = moving
    report = migration.run()
    assert report.entries == report.moved == 12
    for id_, entry in rows(new).items():
        assert len(entry.vector) == 512
        assert entry.embedder == "wide"
        before = rows(old)[id_]
        assert replace(entry, vector=before.vector, embedder=before.embedder) == before
    assert report.before.embedder == "hashing"
    assert report.after.embedder == "wide"
    assert report.after.hit_at_5 > 0.9
    assert 0.5 < report.agreement <= 1.0
    assert migration.run().moved == 0


def test_it_goes_on_where_it_was_cut_off(moving, monkeypatch):
    moved, old, new = moving
    monkeypatch.setattr(migration, "PAGE", 5)
    assert moved.step() == 5
    assert new.count() == 5
    assert moved.run().moved == 7
    assert rows(new).keys() == rows(old).keys()


def test_both_answer_meanwhile_and_each_entry_once(moving, monkeypatch):
    moved, _, _ = moving
    monkeypatch.setattr(migration, "PAGE", 5)
    alone = moved.nearest("certificate expired", k=3)
    moved.step()
    hits = moved.nearest("certificate expired", k=12)
    assert len({hit.entry.id for hit in hits}) == len(hits) == 12
    assert "certificate" in alone[0].entry.text
    assert "certificate" in hits[0].entry.text


def test_what_changed_or_went_meanwhile_is_moved_again(moving):
    moved, old, new = moving
    moved.run()
    changed, gone = list(rows(old).values())[:2]
    old.put([replace(changed, count=9)])
    old.delete([gone.id])
    assert moved.run().moved == 1
    assert rows(new)[changed.id].count == 9
    assert gone.id not in rows(new)


def test_a_worse_model_is_reported_as_worse(old):
    class Blind(HashingEmbedder):
        name = "blind"

        def embed(self, texts):
            return super().embed(["the same"] * len(texts))

    store = InMemoryStore(dimension=256)
    report = Migration(old, store, before=HashingEmbedder(), after=Blind()).run()
    assert report.after.mrr < report.before.mrr
    assert report.agreement < 0.9
