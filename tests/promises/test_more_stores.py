"""Qdrant, FAISS and sealed stores keep the same promises as the others."""

import os
import tempfile
from pathlib import Path

import pytest

from tam_workbench.adapters.stores.faiss_store import FaissStore
from tam_workbench.adapters.stores.inmemory import InMemoryStore
from tam_workbench.adapters.stores.lance import LanceStore
from tam_workbench.adapters.stores.qdrant import QdrantStore
from tam_workbench.adapters.stores.sealed import seal
from tam_workbench.ports import Store, VersionedStore, check_store, check_versions
from tam_workbench.ports.store_samples import CHECK_DIMENSION

KEY = bytes(range(32))


def front():
    return InMemoryStore(dimension=CHECK_DIMENSION)


@pytest.mark.parametrize("index", ["flat", "hnsw"])
@pytest.mark.parametrize("exact_below", [2000, 0])
def test_faiss(tmp_path, index, exact_below, monkeypatch):
    monkeypatch.setattr("tam_workbench.adapters.stores.faiss_store.store._EXACT_BELOW", exact_below)

    def make(name):
        return FaissStore(tmp_path / name, dimension=CHECK_DIMENSION, index=index)

    assert isinstance(make("x"), Store)
    check_store(make, folder=lambda name: tmp_path / name)


def test_qdrant_in_memory():
    def make(_name):
        return QdrantStore(dimension=CHECK_DIMENSION)

    assert isinstance(make("x"), Store)
    check_store(make, is_persistent=False)


@pytest.fixture
def memory_disk(tmp_path):
    """Return a folder whose syncs cost nothing: Qdrant's local mode syncs every point."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="tam-") as folder:
        yield Path(folder)


@pytest.mark.slow
def test_qdrant_in_a_folder(memory_disk):
    def make(name):
        return QdrantStore(memory_disk / name, dimension=CHECK_DIMENSION)

    check_store(make, folder=lambda name: memory_disk / name)


def test_sealed_in_memory():
    def make(_name):
        inner = InMemoryStore(dimension=2)
        return seal(inner, make_front=front, key=KEY, dimension=CHECK_DIMENSION, inner_dimension=2)

    assert isinstance(make("x"), Store)
    check_store(make, is_persistent=False)


def test_sealed_files(tmp_path):
    def make(name):
        inner = FaissStore(tmp_path / name, dimension=CHECK_DIMENSION)
        return seal(inner, make_front=front, key=KEY, dimension=CHECK_DIMENSION)

    check_store(make, folder=lambda name: tmp_path / name)


def sealed_lance(folder):
    def make(name):
        inner = LanceStore(folder / name, dimension=2)
        return seal(inner, make_front=front, key=KEY, dimension=CHECK_DIMENSION, inner_dimension=2)

    return make


@pytest.mark.slow
def test_sealed_lance(tmp_path):
    make = sealed_lance(tmp_path)
    assert isinstance(make("x"), VersionedStore)
    check_store(make, folder=lambda name: tmp_path / name)


@pytest.mark.slow
def test_sealed_lance_goes_back(tmp_path):
    check_versions(sealed_lance(tmp_path), folder=lambda name: tmp_path / name)
