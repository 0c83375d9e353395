"""The FAISS store loses nothing acknowledged, finds what exact search finds, and says no kindly."""

import os
import random
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tam_workbench.adapters.stores.faiss_store import FaissStore, store
from tam_workbench.errors import BadInputError, TransientError
from tam_workbench.ports.store_samples import CHECK_DIMENSION, sample
from tam_workbench.records import Where

ROOT = Path(__file__).parents[3]
WRITER = Path(__file__).with_name("faiss_writer.py")


def _run_and_kill(path, *, after_s):
    """Return the turns that the child acknowledged before it was killed."""
    child = subprocess.Popen(
        [sys.executable, str(WRITER), str(path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    )
    first = child.stdout.readline()
    killer = threading.Timer(after_s, child.kill)
    killer.start()
    rest = child.stdout.read()
    child.wait()
    child.stdout.close()
    killer.join()
    return [int(line) for line in (first + rest).split("\n")[:-1] if line]


@pytest.mark.kill
def test_a_killed_writer_loses_nothing_acknowledged(tmp_path):
    chance, acknowledged = random.Random(7), []
    for _ in range(4):
        acknowledged += _run_and_kill(tmp_path, after_s=chance.uniform(0.0, 0.2))
        memory = FaissStore(tmp_path, dimension=CHECK_DIMENSION)
        ids = {entry.id for page in memory.scan() for entry in page}
        memory.close()
        purged = {f"t{turn - 1}-a" for turn in acknowledged if turn % 10 == 0}
        expected = {f"t{turn}-{part}" for turn in acknowledged for part in "abc"} - purged
        assert not ids & purged
        unasked = {f"t{turn}-a" for turn in acknowledged if turn % 10 == 9}  # purge cut off
        assert expected - unasked <= ids


def _filled(tmp_path, kind, count=3000, width=16):
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(count, width)).astype(np.float32)
    memory = FaissStore(tmp_path / kind, dimension=width, index=kind)
    memory.put(
        [
            replace(sample(f"m{at:05d}"), vector=tuple(vector.tolist()), service=f"s{at % 3}")
            for at, vector in enumerate(vectors)
        ]
    )
    return memory, vectors, rng.normal(size=(20, width)).astype(np.float32)


@pytest.mark.parametrize(("kind", "least"), [("flat", 1.0), ("hnsw", 0.9)])
def test_it_finds_what_exact_search_finds(tmp_path, monkeypatch, kind, least):
    monkeypatch.setattr(store, "_EXACT_BELOW", 100)
    memory, vectors, queries = _filled(tmp_path, kind)
    memory.delete([f"m{at:05d}" for at in range(0, 3000, 7)])
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for where, admitted in (
        (Where(), np.arange(3000) % 7 > 0),
        (Where(services=("s1",)), (np.arange(3000) % 7 > 0) & (np.arange(3000) % 3 == 1)),
    ):
        hit = total = 0
        for query in queries:
            similar = np.where(admitted, unit @ query, -9.0)
            exact = {f"m{at:05d}" for at in np.argsort(-similar)[:10]}
            found = [found.entry.id for found in memory.nearest(query, k=10, where=where)]
            assert len(found) == 10
            hit, total = hit + len(exact & set(found)), total + 10
        assert hit / total >= least
    memory.close()


def test_a_torn_last_line_is_dropped_and_a_torn_snapshot_refused(tmp_path):
    memory = FaissStore(tmp_path, dimension=CHECK_DIMENSION)
    memory.put([sample("a")])
    memory.put([sample("b")])
    memory.close()
    (log,) = tmp_path.glob("log-*")
    log.write_bytes(log.read_bytes()[:-5])
    memory = FaissStore(tmp_path, dimension=CHECK_DIMENSION)
    assert [entry.id for page in memory.scan() for entry in page] == ["a"]
    memory.put([sample("c")])
    memory.purge([], needles=[])
    memory.close()
    (entries,) = tmp_path.glob("entries-*")
    entries.write_bytes(entries.read_bytes()[:-5])
    with pytest.raises(BadInputError, match="ends amid a line"):
        FaissStore(tmp_path, dimension=CHECK_DIMENSION)


def test_a_lost_index_is_made_again(tmp_path):
    memory = FaissStore(tmp_path, dimension=CHECK_DIMENSION)
    memory.put([sample("a"), sample("b", 0.0, 1.0)])
    memory.purge([], needles=[])
    memory.close()
    (index,) = tmp_path.glob("index-*")
    index.unlink()
    memory = FaissStore(tmp_path, dimension=CHECK_DIMENSION)
    assert memory._index.ntotal == 2
    memory.close()
    again = FaissStore(tmp_path, dimension=CHECK_DIMENSION, index="hnsw")  # of another kind
    assert again._index.ntotal == 2


def test_one_process_at_a_time(tmp_path):
    memory = FaissStore(tmp_path, dimension=CHECK_DIMENSION)
    with pytest.raises(TransientError, match="another process has it open"):
        FaissStore(tmp_path, dimension=CHECK_DIMENSION)
    memory.close()
    with pytest.raises(BadInputError, match="keeps vectors of 8 numbers"):
        FaissStore(tmp_path, dimension=4)
    FaissStore(tmp_path, dimension=CHECK_DIMENSION).close()
