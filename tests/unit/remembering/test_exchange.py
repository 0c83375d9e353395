"""Exchange: out of one store and into another, nothing lost, and no half export is believed."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from tam_workbench.adapters.stores.inmemory import InMemoryStore
from tam_workbench.adapters.stores.lance import LanceStore
from tam_workbench.engine.remembering import Draft, Shelf, exchange
from tam_workbench.errors import BadInputError
from tam_workbench.ports import EVERYTHING

WIDTH = 256


def rows(store):
    return {entry.id: entry for page in store.scan(EVERYTHING) for entry in page}


@pytest.fixture
def lance(tmp_path):
    opened = []

    def make(name):
        opened.append(LanceStore(tmp_path / name, dimension=WIDTH))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def told(house, lance):
    """A memory with a past: two tags, a change, a forgotten, a quarantined, a pinned entry."""
    memory = house.memory(lance("one"))
    ids = memory.store(
        [
            Draft(text=text, kind="fact", labels=("eu",), attributes={"ticket": "é 17"})
            for text in ("orders runs on node seven", "cart has 4 replicas", "disk of db is full")
        ]
    ).ids
    memory.snapshot("first")
    house.clock.sleep(60.0)
    memory.update(ids[0], text="orders runs on node nine")
    memory.forget([ids[1]])
    memory.snapshot("second")
    memory.pin([ids[2]])
    memory.store(Draft(text="perhaps the certificate expired", trust=0.3))
    return memory


def test_ids_both_clocks_and_tags_arrive_as_they_were(told, house, lance, tmp_path):
    exchange.export(told.shelf, tmp_path / "out", now=house.clock.now())
    other = Shelf(lance("two"), hot=InMemoryStore(dimension=WIDTH))
    receipt = exchange.take_in(other, tmp_path / "out", now=house.clock.now())
    ours, theirs = told.shelf.store, other.store
    assert rows(theirs) == rows(ours)
    assert len(receipt.ids) == len(rows(ours)) == 5
    assert list(theirs.tags()) == list(ours.tags()) == ["first", "second"]
    for tag in ("first", "second"):
        assert rows(theirs.at(tag)) == rows(ours.at(tag))
    assert len(rows(theirs.at("first"))) == 3
    assert {entry.id for page in other.scan(EVERYTHING) for entry in page} == set(rows(ours))


def test_a_store_without_a_past_takes_the_present(told, house, tmp_path):
    exchange.export(told.shelf, tmp_path / "out", now=house.clock.now())
    plain = Shelf(InMemoryStore(dimension=WIDTH))
    exchange.take_in(plain, tmp_path / "out", now=house.clock.now())
    assert rows(plain.store) == rows(told.shelf.store)


def test_what_is_there_already_stays(told, house, lance, tmp_path):
    exchange.export(told.shelf, tmp_path / "out", now=house.clock.now())
    other = house.memory(lance("three"))
    [mine] = other.store(Draft(text="only known here")).ids
    exchange.take_in(other.shelf, tmp_path / "out", now=house.clock.now())
    assert rows(other.shelf.store).keys() == rows(told.shelf.store).keys() | {mine}
    assert other.shelf.store.tags() == {}
    before = rows(other.shelf.store)
    exchange.take_in(other.shelf, tmp_path / "out", now=house.clock.now() + timedelta(days=1))
    assert rows(other.shelf.store) == before


def test_a_half_or_changed_export_is_refused(told, house, lance, tmp_path):
    out = tmp_path / "out"
    exchange.export(told.shelf, out, now=house.clock.now())
    target = Shelf(lance("four"))
    with pytest.raises(BadInputError, match="no export of a memory"):
        exchange.take_in(target, tmp_path / "nothing", now=house.clock.now())
    manifest = json.loads((out / "memory.json").read_text())
    (out / "memory.json").write_text(json.dumps({**manifest, "format": 99}))
    with pytest.raises(BadInputError, match="format 99"):
        exchange.take_in(target, out, now=house.clock.now())
    (out / "memory.json").write_text(json.dumps(manifest))
    whole = (out / "present.parquet").read_bytes()
    (out / "present.parquet").write_bytes(whole[:-1])
    with pytest.raises(BadInputError, match="not the file that was exported"):
        exchange.take_in(target, out, now=house.clock.now())
    (out / "present.parquet").unlink()
    with pytest.raises(BadInputError, match="is missing"):
        exchange.take_in(target, out, now=house.clock.now())


def test_nothing_of_a_refused_export_was_taken(told, house, lance, tmp_path):
    out = tmp_path / "out"
    exchange.export(told.shelf, out, now=house.clock.now())
    (out / "present.parquet").write_bytes(b"no parquet")
    target = Shelf(lance("five"))
    with pytest.raises(BadInputError):
        exchange.take_in(target, out, now=house.clock.now())
    assert target.store.count() == 0
    assert target.store.tags() == {}


def test_an_empty_memory_travels_too(house, tmp_path):
    empty = Shelf(InMemoryStore(dimension=WIDTH))
    exchange.export(empty, tmp_path / "out", now=house.clock.now())
    full = Shelf(InMemoryStore(dimension=WIDTH))
    [entry] = rows(_one(house)).values()
    full.put([replace(entry, count=4)])
    exchange.take_in(full, tmp_path / "out", now=house.clock.now())
    assert full.count() == 1


def _one(house):
    memory = house.memory()
    memory.store(Draft(text="disk full"))
    return memory.shelf.store
