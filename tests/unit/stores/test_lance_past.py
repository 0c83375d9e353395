"""The past of a store: tables of yesterday, versions, tags, branches, and what purges rewrite."""

import json
import os
import threading
from dataclasses import replace
from datetime import UTC, datetime

import lancedb
import numpy as np
import pyarrow as pa
import pytest

from tam_workbench.adapters.purging import search_files
from tam_workbench.adapters.stores.lance import LanceStore
from tam_workbench.adapters.stores.lance.rows import FIRST_COLUMNS, rows_of, schema_of
from tam_workbench.adapters.stores.lance.table import index_names, opened, physical_rows
from tam_workbench.errors import BadInputError
from tam_workbench.records import MemoryEntry, Origin, Tier, Where

NOW = datetime(2024, 1, 1, tzinfo=UTC)
ENTRY = MemoryEntry(
    id="e",
    kind="incident",
    text="disk full",
    vector=(1.0, 0.0, 0.0, 0.0),
    tier=Tier.EPISODIC,
    service="db",
    created_at=NOW,
    trust=1.0,
)
SECRET = "wombat passphrase"


def store_at(path, **settings):
    return LanceStore(path, dimension=4, **settings)


def named(*names, **changes):
    return [replace(ENTRY, id=str(name), **changes) for name in names]


def ids(store, where=None):
    return [entry.id for page in store.scan(where or Where()) for entry in page]


@pytest.fixture
def yesterday(tmp_path):
    """A store as the version before made it: twelve columns, no index."""
    full = schema_of(4)
    schema = pa.schema([full.field(name) for name in FIRST_COLUMNS])
    rows = rows_of(named("a", "b"), np.ones((2, 4), np.float32), schema=schema)
    table = lancedb.connect(tmp_path / "old").create_table("memory", schema=schema)
    table.add(rows)
    return tmp_path / "old", int(table.version)


def test_a_store_of_yesterday_opens_with_all_of_today(yesterday):
    path, version = yesterday
    store = store_at(path)
    a, b = store.get(["a", "b"])
    assert a == replace(ENTRY, id="a", vector=(1.0,) * 4)
    assert (b.origin, b.labels, b.valid_to, b.stability) == (Origin.OBSERVED, (), None, 0.1)
    new = replace(ENTRY, id="new", labels=("prod",), valid_from=NOW, is_quarantined=True)
    store.put([new, replace(b, labels=("prod", "eu"), embedder="m")])
    assert store.get(["new"]) == [new]
    assert ids(store, Where(labels=("prod",), as_of=NOW)) == ["b"]
    assert {hit.entry.id for hit in store.matching("disk", k=9)} == {"a", "b", "new"}
    store.close()
    assert store_at(path).get(["new"]) == [new]
    past = store_at(path).at(version)
    assert ids(past, Where(as_of=NOW, known_at=NOW)) == ["a", "b"]
    assert ids(past, Where(labels=("prod",))) == []
    assert [hit.entry.id for hit in past.matching("DISK", k=9)] == ["a", "b"]


def test_restoring_a_version_of_yesterday_brings_it_up_to_date(yesterday):
    path, version = yesterday
    store = store_at(path)
    store.put(named("c"))
    store.restore(version)
    store.put([replace(ENTRY, id="d", labels=("x",))])
    assert ids(store) == ["a", "b", "d"]
    assert ids(store, Where(labels=("x",))) == ["d"]


def test_lancedb_keeps_deleted_rows_in_its_files_and_purge_does_not(tmp_path):
    """The trap: a small deletion is never rewritten, and compressed pages hide it from grep."""
    store = store_at(tmp_path)
    store.put([*named(*range(200)), replace(ENTRY, id="secret", text=SECRET)])
    store.delete(["secret"])
    store.compact(keep_versions=1)
    assert physical_rows(opened(tmp_path)) == 201 > store.count()
    proof = store.purge(["secret"], needles=[SECRET])
    assert physical_rows(opened(tmp_path)) == 200 == store.count()
    assert proof.rows_removed == 0, "the row was deleted already"
    assert proof.files_rewritten > 0


def test_what_a_killed_writer_left_half_written_is_purged_too(tmp_path):
    store = store_at(tmp_path)
    store.put([*named("a"), replace(ENTRY, id="secret", text=SECRET)])
    half = next(tmp_path.rglob("_transactions")) / ".tmpQ1w2e3"
    half.write_text(f"half of a commit: {SECRET}")
    assert store.purge(["secret"], needles=[SECRET]).files_holding == ()
    assert not half.exists()


def test_a_purge_that_was_cut_off_is_finished_at_the_next_opening(tmp_path):
    store = store_at(tmp_path)
    store.put([*named("a"), replace(ENTRY, id="secret", text=SECRET)])
    store.tag("then")
    store.put([replace(ENTRY, id="quotes", text=SECRET)])
    doomed = store.tag("quoting")
    store.put([replace(ENTRY, id="quotes", text="calm")])
    store.close()
    intent = {"ids": ["secret"], "doomed": [[".", doomed]]}
    (tmp_path / "purge.json").write_text(json.dumps(intent))
    again = store_at(tmp_path)
    assert ids(again) == ["a", "quotes"]
    assert ids(again.at("then")) == ["a"]
    assert again.tags() == {"then": again.tags()["then"]}
    assert search_files(tmp_path, [SECRET, "wombat"])[2] == ()


def test_the_proof_searches_rows_that_no_search_of_bytes_can_see(tmp_path):
    store = store_at(tmp_path)
    text = " ".join([SECRET] * 3)
    store.put([replace(ENTRY, id=str(at), text=f"{text} {at % 7}") for at in range(5000)])
    proof = store.purge(["0"], needles=[SECRET])
    assert len([name for name in proof.files_holding if name.startswith("entry:")]) == 4999
    assert proof.bytes_searched < 5000 * len(text), "LanceDB did not compress: nothing was hidden"


def test_every_field_that_holds_a_needle_is_found(tmp_path):
    store, odd = store_at(tmp_path), 'said "wömbat\\4711"\nand left'
    holders = [
        replace(ENTRY, id="text", text=f"a {odd} b"),
        replace(ENTRY, id="label", labels=("x", odd)),
        replace(ENTRY, id="source", source_ids=(odd,)),
        replace(ENTRY, id="value", attributes={"k": f"<{odd}>"}),
        replace(ENTRY, id="name", attributes={odd: "v"}),
        replace(ENTRY, id="service", service=odd),
    ]
    store.put([*holders, *named("calm")])
    proof = store.purge([], needles=[odd])
    found = {name.removeprefix("entry:") for name in proof.files_holding if "entry:" in name}
    assert found == {entry.id for entry in holders}
    assert store.purge(sorted(found), needles=[odd]).files_holding == ()
    assert ids(store) == ["calm"]


def test_tags_cost_links_not_bytes_and_vanish_whole(tmp_path):
    store, rng = store_at(tmp_path), np.random.default_rng(1)
    vectors = rng.normal(size=(3000, 4)).tolist()
    store.put([replace(ENTRY, id=str(at), vector=tuple(v)) for at, v in enumerate(vectors)])
    before = store.figures()["bytes"]
    for number in range(5):
        store.tag(f"t{number}")
    assert store.figures()["bytes"] < 1.2 * before
    assert len(list((tmp_path / "kept").iterdir())) == 1, "five tags of one version share it"
    for number in range(5):
        store.untag(f"t{number}")
    assert not list((tmp_path / "kept").iterdir())


def test_a_disk_without_links_gets_copies(tmp_path, monkeypatch):
    def no_links(*_):
        raise OSError(95, "not supported")

    monkeypatch.setattr(os, "link", no_links)
    store = store_at(tmp_path)
    store.put(named("a"))
    store.tag("t")
    store.put(named("b"))
    store.compact(keep_versions=1)
    assert ids(store.at("t")) == ["a"]


def test_half_a_clone_is_swept_away(tmp_path):
    store = store_at(tmp_path)
    store.put(named("a"))
    (tmp_path / "kept" / ".7" / "memory.lance").mkdir(parents=True)
    store.tag("t")
    assert [each.name[0] != "." for each in (tmp_path / "kept").iterdir()] == [True]
    assert list(store.versions())[-1] == store.version()


def test_a_version_that_is_gone_says_what_can_be_read(tmp_path):
    store = store_at(tmp_path)
    store.put(named("a"))
    with pytest.raises(BadInputError, match=r"version 99 of .* is gone .*readable are .*tag"):
        store.at(99)
    with pytest.raises(BadInputError, match="tags are: none"):
        store.at("x")


def test_branches_of_branches_are_purged_too(tmp_path):
    store = store_at(tmp_path)
    store.put([*named("a"), replace(ENTRY, id="secret", text=SECRET)])
    twig = store.branch("b").branch("c")
    twig.tag("deep")
    twig.put([replace(ENTRY, id="late", text=SECRET)])
    proof = store.purge(["secret"], needles=[SECRET])
    assert ids(twig.at("deep")) == ["a"]
    assert [name for name in proof.files_holding if "entry:" in name] == [
        "branches/b/branches/c:entry:late"
    ]
    assert store.purge(["late"], needles=[SECRET]).files_holding == ()
    store.drop_branch("b")
    assert store.branches() == {}


def test_the_index_of_vectors_is_built_beside_writes_and_searches(tmp_path):
    rng = np.random.default_rng(2)
    centres = rng.normal(size=(60, 16))
    vectors = (centres[rng.integers(60, size=3000)] + 0.3 * rng.normal(size=(3000, 16))).tolist()
    store = LanceStore(tmp_path, dimension=16)
    entries = [replace(ENTRY, id=f"{at:04d}", vector=tuple(v)) for at, v in enumerate(vectors)]
    for at in range(0, 2900, 580):
        entries[at] = replace(entries[at], kind="rare")
    store.put(entries[:2900])
    queries = [np.array(v, np.float32) for v in vectors[::100]]
    assert not store.build_index(min_rows=5000), "below the limit the exact search is kept"
    worker = threading.Thread(target=store.build_index, kwargs={"min_rows": 1000})
    worker.start()
    for at in range(2900, 2990):
        store.put([entries[at]])
        assert store.nearest(np.array(vectors[at], np.float32), k=1)[0].entry.id == f"{at:04d}"
    worker.join()
    store.put(entries[2990:])
    assert "vector_idx" in index_names(opened(tmp_path))
    matrix = np.array(vectors, np.float32)
    unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    shares = []
    for query in queries:
        exact = np.argsort(-(unit @ query), kind="stable")[:10]
        found = store.nearest(query, k=10)
        shares.append(len({f"{at:04d}" for at in exact} & {hit.entry.id for hit in found}) / 10)
    assert np.mean(shares) >= 0.95
    many = store.nearest(queries[0], k=400, where=Where(services=("db",)))
    exact = np.argsort(-(unit @ queries[0]), kind="stable")[:400]
    assert len({f"{at:04d}" for at in exact} & {hit.entry.id for hit in many}) >= 380
    rare = store.nearest(queries[0], k=9, where=Where(kinds=("rare",)))
    assert len(rare) == 5, "a rare kind is found whole through the index"
    late = store.nearest(np.array(vectors[2995], np.float32), k=1)
    assert late[0].entry.id == "2995", "rows outside the index are searched too"
    assert not store.build_index(min_rows=1000), "an index that covers most rows is kept"
    store.purge(["0001"], needles=["0001"])
    assert "vector_idx" not in index_names(opened(tmp_path)), "it held the purged vector"
    assert store.build_index(min_rows=1000)


def test_ids_that_another_writer_added_are_not_taken_for_new(tmp_path):
    one, other = store_at(tmp_path), store_at(tmp_path)
    for number in range(6):
        one.put(named(f"x{number}"))
        one.put(named(f"y{number}"))
        other.put(named(f"z{number}"))
        other.put(named(f"w{number}"))
        one.put(named(f"z{number}", f"w{number}", count=2))
        other.put(named(f"x{number}", f"y{number}", count=2))
    assert one.count() == 24
    assert {entry.count for page in one.scan() for entry in page} == {2}
    one.delete(["x0"])
    one.put(named("x0"))
    assert one.count() == 24


def test_readers_are_not_cut_off_by_compaction_and_purge(tmp_path):
    writer, reader, faults, done = store_at(tmp_path), store_at(tmp_path), [], threading.Event()
    writer.put(named(*range(50)))
    query = np.ones(4, np.float32)

    def read():
        while not done.is_set():
            seen = (
                len(reader.nearest(query, k=10)),
                len(reader.matching("disk", k=10)),
                len(reader.get([str(at) for at in range(50)])),
                min(len(ids(reader)), 50),
                min(reader.count(), 50),
            )
            if seen != (10, 10, 50, 50, 50):
                faults.append(seen)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for thread in readers:
        thread.start()
    try:
        for number in range(12):
            writer.put([replace(ENTRY, id=f"s{number}", text=f"{SECRET} disk")])
            writer.compact(keep_versions=1)
            writer.purge([f"s{number}"], needles=[SECRET])
    finally:
        done.set()
        for thread in readers:
            thread.join()
    assert not faults
