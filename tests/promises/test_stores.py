"""Both stores keep the promises; a store that does not is found out."""

import pytest

from tam_workbench.adapters.stores.inmemory import InMemoryStore
from tam_workbench.adapters.stores.lance import LanceStore
from tam_workbench.errors import PromiseBrokenError
from tam_workbench.ports import Store
from tam_workbench.ports.store_checks import CHECK_DIMENSION, check_store
from tam_workbench.records import Where


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
    check_store(make)


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


@pytest.mark.parametrize("broken", [Forgets, IgnoresFilters, Unordered, Frozen, Miscounts])
def test_a_broken_store_is_found_out(broken):
    with pytest.raises(PromiseBrokenError, match=r"^store: "):
        check_store(lambda _name: broken(dimension=CHECK_DIMENSION), is_persistent=False)
