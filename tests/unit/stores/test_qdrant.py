"""The Qdrant store says no kindly, and a purge reaches into Qdrant's own files."""

import pytest

from tam_workbench.adapters.stores.qdrant import QdrantStore
from tam_workbench.errors import BadInputError, TransientError
from tam_workbench.ports.store_samples import CHECK_DIMENSION, sample


def _files(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_one_process_at_a_time_and_one_dimension(tmp_path):
    store = QdrantStore(tmp_path, dimension=CHECK_DIMENSION)
    store.put([sample("a")])
    with pytest.raises(TransientError, match="another process has it open"):
        QdrantStore(tmp_path, dimension=CHECK_DIMENSION)
    store.close()
    with pytest.raises(BadInputError, match="keeps vectors of 8 numbers"):
        QdrantStore(tmp_path, dimension=4)
    again = QdrantStore(tmp_path, dimension=CHECK_DIMENSION)
    assert again.get(["a"]) == [sample("a")]
    again.close()


def test_a_purge_leaves_no_bytes(tmp_path):
    store = QdrantStore(tmp_path, dimension=CHECK_DIMENSION)
    store.put([sample(f"e{at}", text=f"needle-{at}") for at in range(5)])
    store.delete(["e1"])
    assert b"needle-2" in _files(tmp_path)
    proof = store.purge(["e1", "e2"], needles=["needle-1", "needle-2"])
    assert proof.rows_removed == 1
    assert proof.files_rewritten == 2
    assert proof.files_holding == ()
    assert b"needle-2" not in _files(tmp_path)
    assert b"needle-1" not in _files(tmp_path)
    assert store.count() == 3
    store.close()
