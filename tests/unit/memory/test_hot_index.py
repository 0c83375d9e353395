import numpy as np
import pytest

from tam_workbench.errors import BadInputError
from tam_workbench.memory.hot import DOUBT, EXACT_ROWS, HotIndex
from tam_workbench.memory.hot_cells import ROOM
from tam_workbench.memory.hot_columns import Asked, Columns

WIDTH = 96


def clustered(rng, number):
    """Topics of unequal size with rows around them, as embedded telemetry has."""
    topics = np.random.default_rng(5).normal(size=(40, WIDTH))
    of = rng.choice(40, number, p=np.arange(1, 41)[::-1] / 820)
    return (topics[of] + 0.7 * rng.normal(size=(number, WIDTH))).astype(np.float32)


def isotropic(rng, number):
    return rng.normal(size=(number, WIDTH)).astype(np.float32)


def cosines(vectors, query):
    return vectors @ query / (np.linalg.norm(vectors, axis=1) * np.linalg.norm(query))


def recall(index, vectors, queries, *, keep=None, gate=None):
    kept = np.arange(len(vectors)) if keep is None else np.flatnonzero(keep)
    shares = []
    for query in queries:
        expected = kept[np.argsort(-cosines(vectors[kept], query))[:10]]
        found, near = index.search(query, k=10, gate=gate)
        assert near == pytest.approx(cosines(vectors[found], query), abs=1e-6)
        assert list(near) == sorted(near, reverse=True)
        shares.append(np.isin(expected, found).mean())
    return np.mean(shares)


def filled(vectors, step=3000):
    index = HotIndex(WIDTH)
    for start in range(0, len(vectors), step):
        rows = np.arange(start, min(start + step, len(vectors)))
        index.put(rows, vectors[rows])
    return index


@pytest.mark.parametrize("make", [clustered, isotropic])
def test_sketches_find_what_an_exact_search_finds(make):
    rng = np.random.default_rng(1)
    vectors, queries = make(rng, 20_000), make(rng, 60)
    index = filled(vectors)
    assert index.cells > len(vectors) // ROOM
    assert recall(index, vectors, queries) >= 0.95
    assert index.work[2] < len(vectors) // 4, "most rows are not compared"


def test_cells_far_from_a_query_are_passed_over_where_there_are_clusters():
    rng = np.random.default_rng(2)
    vectors = clustered(rng, 20_000)
    index = filled(vectors)
    looked = []
    for query in clustered(rng, 30):
        index.search(query, k=10)
        looked.append(index.work[0])
    assert np.mean(looked) < 0.5 * index.cells
    hard, shares = filled(isotropic(rng, 20_000)), []
    for query in isotropic(rng, 10):
        hard.search(query, k=10)
        shares.append(hard.work[0] / hard.cells)
    assert np.mean(shares) > 0.7, "where there are none, most may hold a neighbour"


def test_without_doubt_neighbours_are_lost(monkeypatch):
    rng = np.random.default_rng(3)
    vectors, queries = isotropic(rng, 20_000), isotropic(rng, 40)
    index = filled(vectors)
    assert DOUBT == 2.0
    assert recall(index, vectors, queries) >= 0.97
    monkeypatch.setattr("tam_workbench.memory.hot.DOUBT", 0.0)
    assert recall(index, vectors, queries) < 0.95


@pytest.mark.parametrize("share", [0.5, 0.05, 0.005, 0.0002])
def test_a_filter_breaks_no_recall(share):
    rng = np.random.default_rng(4)
    vectors, queries = clustered(rng, 20_000), clustered(rng, 40)
    index, columns = filled(vectors), Columns(codes=1, times=1)
    keep = rng.random(20_000) < share
    columns.put(
        np.arange(20_000),
        codes=keep.astype(int)[:, None],
        times=np.zeros((20_000, 1), np.int64),
        trust=np.ones(20_000),
    )
    gate = columns.gate(Asked(codes={0: {1}}, spans={0: (0, 0)}))
    assert recall(index, vectors, queries, keep=keep, gate=gate) >= 0.95
    assert len(index.search(queries[0], k=10, gate=gate)[0]) == min(10, keep.sum())


def test_rows_come_go_and_move():
    rng = np.random.default_rng(5)
    vectors = clustered(rng, 12_000)
    index = filled(vectors)
    vectors[:4000] = isotropic(rng, 4000)
    index.put(np.arange(4000), vectors[:4000])
    gone = rng.choice(12_000, 5000, replace=False)
    index.remove(gone)
    index.remove(gone[:7])
    keep = ~np.isin(np.arange(12_000), gone)
    assert len(index) == keep.sum()
    queries = np.concatenate([clustered(rng, 30), isotropic(rng, 30)])
    assert recall(index, vectors, queries, keep=keep) >= 0.95
    assert not np.isin(index.search(vectors[gone[0]], k=50)[0], gone).any()
    index.put(gone, vectors[gone])
    assert recall(index, vectors, queries) >= 0.95
    moved = sum(index.tend(cell) for cell in range(index.cells))
    assert moved > 0
    assert recall(index, vectors, queries) >= 0.95


def test_few_rows_are_searched_exactly_and_equals_come_in_order():
    rng = np.random.default_rng(6)
    vectors = isotropic(rng, EXACT_ROWS)
    index = filled(vectors)
    assert index.cells == 0
    assert recall(index, vectors, isotropic(rng, 20)) == 1.0
    index.put(np.arange(EXACT_ROWS, EXACT_ROWS + 1), vectors[:1])
    assert index.cells > 0, "one more and there are cells"
    assert index.search(vectors[0], k=2)[0].tolist() == [0, EXACT_ROWS]


def test_equal_vectors_split_too():
    index = HotIndex(WIDTH)
    index.put(np.arange(5000), np.ones((5000, WIDTH), np.float32))
    rows, near = index.search(np.ones(WIDTH, np.float32), k=5)
    assert len(rows) == 5
    assert near == pytest.approx(1.0)


def test_bad_vectors_are_refused_and_nothing_is_kept_of_them():
    index = HotIndex(2)
    for bad in ([[0.0, 0.0]], [[1.0]], [[np.nan, 1.0]]):
        with pytest.raises(BadInputError):
            index.put(np.arange(1), np.array(bad, np.float32))
        with pytest.raises(BadInputError):
            index.search(np.array(bad[0], np.float32), k=1)
    assert len(index) == 0
    assert index.search(np.ones(2, np.float32), k=3)[0].tolist() == []
