import multiprocessing
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from tam_workbench.adapters.stores.lance import LanceStore
from tam_workbench.errors import BadInputError, MissingExtraError, PermanentError, TransientError
from tam_workbench.records import MemoryEntry, Tier, Where

ENTRY = MemoryEntry(
    id="e",
    kind="incident",
    text="disk full",
    vector=(1.0, 0.0, 0.0, 0.0),
    tier=Tier.EPISODIC,
    service="db",
    created_at=datetime(2024, 1, 1, tzinfo=UTC),
    trust=1.0,
)


def store_at(path, **settings):
    return LanceStore(path, dimension=4, **settings)


def named(*names):
    return [replace(ENTRY, id=str(name)) for name in names]


def test_compaction_bounds_fragments_versions_and_files(tmp_path):
    store = store_at(tmp_path, compact_every=10, keep_versions=5)
    for number in range(60):
        store.put(named(number))
    files = sum(path.is_file() for path in tmp_path.rglob("*"))
    assert store.count() == 60
    assert store.version() >= 60
    assert files < 100  # 60 puts alone leave 180, and the indexes 15
    before = store.version()
    store.compact()
    assert store.version() >= before
    assert len(store.get([str(number) for number in range(60)])) == 60


def test_two_handles_see_each_other(tmp_path):
    one, other = store_at(tmp_path), store_at(tmp_path)
    one.put(named("a"))
    assert other.count() == 1
    other.put([replace(ENTRY, id="a", count=2)])
    assert [entry.count for entry in one.get(["a"])] == [2]
    assert one.count() == 1


def test_threads_writing_the_same_new_keys_leave_no_duplicates(tmp_path):
    stores = [store_at(tmp_path, compact_every=3) for _ in range(3)]

    def write(store):
        for number in range(8):
            try:
                store.put(named(number))
            except TransientError:
                store.put(named(number))

    threads = [threading.Thread(target=write, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reader = store_at(tmp_path)
    found = reader.nearest(np.array(ENTRY.vector, np.float32), k=99, where=Where())
    assert sorted(hit.entry.id for hit in found) == [str(number) for number in range(8)]


def _write(path, start):
    store = store_at(path)
    start.wait()
    for number in range(6):
        store.put(named(number))


def test_processes_writing_the_same_new_keys_leave_no_duplicates(tmp_path):
    store_at(tmp_path).close()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tam_workbench.adapters.stores.lance", "lancedb.index"])
    start = context.Event()
    writers = [context.Process(target=_write, args=(tmp_path, start)) for _ in range(2)]
    for writer in writers:
        writer.start()
    start.set()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert store_at(tmp_path).count() == 6


def test_another_dimension_is_refused_with_what_to_do(tmp_path):
    store_at(tmp_path).close()
    with pytest.raises(BadInputError, match="keeps vectors of 4 numbers, the embedder gives 8"):
        LanceStore(tmp_path, dimension=8)


def test_a_foreign_table_is_refused(tmp_path):
    import lancedb

    lancedb.connect(tmp_path).create_table("memory", [{"x": 1}])
    with pytest.raises(BadInputError, match="no memory of ours"):
        store_at(tmp_path)


def test_a_file_in_the_way_is_one_line(tmp_path):
    path = tmp_path / "file"
    path.write_text("not a folder")
    with pytest.raises(BadInputError, match="cannot open memory store") as caught:
        store_at(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("part", ["_versions", "data"])
def test_junk_on_disk_is_one_line(tmp_path, part):
    store = store_at(tmp_path / "good")
    store.put(named("a"))
    store.close()
    shutil.copytree(tmp_path / "good", tmp_path / "bad")
    for path in (tmp_path / "bad" / "memory.lance" / part).iterdir():
        path.write_bytes(b"junk")
    with pytest.raises(PermanentError, match="memory store") as caught:
        store_at(tmp_path / "bad").get(["a"])
    assert "\n" not in str(caught.value)
    assert len(store_at(tmp_path / "good").get(["a"])) == 1


def test_a_missing_extra_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "lancedb", None)
    with pytest.raises(MissingExtraError, match=r"tam-workbench\[memory\]"):
        store_at(tmp_path)


def test_text_that_is_no_unicode_is_refused_whole(tmp_path):
    store = store_at(tmp_path)
    with pytest.raises(BadInputError):
        store.put([*named("a"), replace(ENTRY, text="half \ud800")])
    assert store.count() == 0


def test_a_folder_named_datasets_in_the_way_is_not_mistaken_for_a_package(tmp_path):
    (tmp_path / "datasets").mkdir()
    words = (
        "import datasets; from tam_workbench.adapters.stores.lance import LanceStore; "
        "print(LanceStore('m', dimension=4).count())"
    )
    done = subprocess.run(
        [sys.executable, "-c", words], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "0"
