import pickle
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tam_workbench.errors import BadInputError
from tam_workbench.memory import EmbeddingCache, Note, ShortTerm, check_vectors, top

START = datetime(2024, 1, 1, tzinfo=UTC)


def note(minute, service="db"):
    return Note(at=START + timedelta(minutes=minute), service=service, text="t", values={"p": 0.5})


def test_the_ring_is_bounded_filters_and_comes_back_from_a_checkpoint():
    ring = ShortTerm(capacity=3)
    for minute, service in enumerate(["db", "web", "db", "web"]):
        ring.add(note(minute, service))
    assert len(ring) == 3
    assert ring.recent(service="web") == [note(1, "web"), note(3, "web")]
    assert ring.recent(since=START + timedelta(minutes=2)) == [note(2), note(3, "web")]
    again = ShortTerm(capacity=3)
    again.restore(pickle.loads(pickle.dumps(ring.state())))
    assert again.recent() == ring.recent()


class Counting:
    def __init__(self):
        self.asked = []

    def __call__(self, texts):
        self.asked.append(list(texts))
        return np.array([[len(text), 1.0] for text in texts], np.float32).reshape(-1, 2)


def test_each_text_is_embedded_once_and_in_one_call():
    embed = Counting()
    cache = EmbeddingCache(embed, capacity=10)
    rows = cache.embed(["a", "bb", "a"])
    assert rows[:, 0].tolist() == [1.0, 2.0, 1.0]
    assert cache.embed(["bb", "ccc"])[:, 0].tolist() == [2.0, 3.0]
    assert embed.asked == [["a", "bb"], ["ccc"]]
    assert cache.computed == 3
    assert cache.embed([]).shape == (0, 2)


def test_the_cache_forgets_what_was_used_longest_ago():
    embed = Counting()
    cache = EmbeddingCache(embed, capacity=2)
    for texts in (["a"], ["b"], ["a"], ["c"], ["a"], ["b"]):
        cache.embed(texts)
    assert embed.asked == [["a"], ["b"], ["c"], ["b"]]
    assert len(cache) == 2
    assert cache.embed(["x", "y", "z"]).shape == (3, 2)
    assert len(cache) == 2


def test_top_settles_ties_by_id():
    near = np.array([0.5, 0.5 + 1e-9, 0.9, 0.5])
    assert top(near, ["d", "b", "z", "a"], k=3) == [2, 3, 1]
    assert top(near, ["d", "b", "z", "a"], k=9) == [2, 3, 1, 0]
    assert top(np.empty(0), [], k=3) == []


@pytest.mark.parametrize("vector", [[1.0], [0.0, 0.0], [np.inf, 0.0], [np.nan, 1.0]])
def test_vectors_that_cannot_be_compared_are_named(vector):
    with pytest.raises(BadInputError, match="'bad'"):
        check_vectors([[1.0, 0.0], vector], ["good", "bad"], dimension=2)
