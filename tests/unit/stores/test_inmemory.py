import threading
from datetime import UTC, datetime

import numpy as np

from tam_workbench.adapters.stores.inmemory import InMemoryStore
from tam_workbench.records import MemoryEntry, Tier, Where


def entry(number, vector):
    return MemoryEntry(
        id=f"{number:05d}",
        kind="incident",
        text="",
        vector=tuple(float(value) for value in vector),
        tier=Tier.EPISODIC,
        service=f"s{number % 3}",
        created_at=datetime(2024, 1, 1, tzinfo=UTC),
        trust=1.0,
    )


def test_search_is_exact_after_growth_replacement_and_deletion():
    rng = np.random.default_rng(3)
    store, vectors = InMemoryStore(dimension=5), rng.normal(size=(300, 5)).astype(np.float32)
    for start in range(0, 300, 7):
        store.put([entry(at, vectors[at]) for at in range(start, min(300, start + 7))])
    vectors[10] = -vectors[10]
    store.put([entry(10, vectors[10])])
    store.delete([f"{at:05d}" for at in range(0, 300, 4)])
    left = [at for at in range(300) if at % 4 and at % 3 == 1]
    query = rng.normal(size=5).astype(np.float32)
    cosine = vectors @ query / (np.linalg.norm(vectors, axis=1) * np.linalg.norm(query))
    expected = [f"{at:05d}" for at in sorted(left, key=lambda at: -cosine[at])[:9]]
    found = store.nearest(query, k=9, where=Where(services=("s1",)))
    assert [hit.entry.id for hit in found] == expected


def test_readers_and_a_writer_may_meet():
    store, faults = InMemoryStore(dimension=3), []

    def read():
        for _ in range(300):
            hits = store.nearest(np.ones(3, np.float32), k=4, where=Where(kinds=("incident",)))
            if any(len(hit.entry.vector) != 3 for hit in hits):
                faults.append(hits)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(600):
        store.put([entry(number, [1, number, 1])])
        store.delete([f"{number - 50:05d}"])
    for reader in readers:
        reader.join()
    assert not faults
    assert store.count() == 50


def test_a_few_thousand_entries_are_found_through_sketches_as_through_a_full_scan():
    rng = np.random.default_rng(4)
    centres = rng.normal(size=(20, 24))
    vectors = centres[np.arange(4000) % 20] + 0.5 * rng.normal(size=(4000, 24))
    store = InMemoryStore(dimension=24)
    for start in range(0, 4000, 500):
        store.put([entry(at, vectors[at]) for at in range(start, start + 500)])
    store.put([entry(number, vectors[17]) for number in range(4000, 4060)])
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    hits = 0
    for query in units[::400]:
        expected = {f"{at:05d}" for at in np.argsort(-(units @ query))[:10]}
        found = {hit.entry.id for hit in store.nearest(query.astype(np.float32), k=70)[:10]}
        hits += len(expected & found)
    assert hits >= 95
    twins = store.nearest(vectors[17].astype(np.float32), k=8)
    assert [hit.entry.id for hit in twins] == ["00017", *(f"{at:05d}" for at in range(4000, 4007))]
    assert sum(len(page) for page in store.scan(Where(services=("s1",)))) == 1353
    assert [hit.parts["words"] for hit in store.matching("anything", k=3)] == []
