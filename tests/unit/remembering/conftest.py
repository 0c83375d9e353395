"""A memory on real parts: the hashing embedder, SQLite documents, and a store of choice."""

import pytest

from tam_workbench.adapters.documents.sql import SqlDocuments
from tam_workbench.adapters.embedders.hashing import HashingEmbedder
from tam_workbench.adapters.graphs.embedded import EmbeddedGraph
from tam_workbench.adapters.stores.inmemory import InMemoryStore
from tam_workbench.engine.remembering import Around, Memory, MemoryRules, Shelf
from tam_workbench.trust import Redactor
from tests.fakes import FakeClock


class House:
    """What a test's memory is wired to, and what it said."""

    def __init__(self):
        self.clock = FakeClock()
        self.lines = []
        self.receipts = []
        self.documents = SqlDocuments()

    def memory(self, store=None, *, rules=None):
        embedder = HashingEmbedder()
        around = Around(
            documents=self.documents,
            graph=EmbeddedGraph(),
            clock=self.clock,
            redact=Redactor(b"0123456789abcdef").texts,
            note=lambda kind, body, at: self.lines.append((kind, dict(body))),
            publish=self.receipts.extend,
        )
        hot = None if store is None else InMemoryStore(dimension=embedder.dimension)
        store = store or InMemoryStore(dimension=embedder.dimension)
        return Memory(Shelf(store, hot=hot), embedder, rules=rules or MemoryRules(), around=around)


@pytest.fixture
def house():
    return House()


@pytest.fixture
def memory(house):
    return house.memory()
