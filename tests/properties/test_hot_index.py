"""Hot memory finds what `admits` admits, as an exact search and the BM25 formula would."""

import math
from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tam_workbench.memory.hot_memory import HotMemory
from tam_workbench.memory.selection import admits, top
from tam_workbench.memory.words import WordIndex, tokens
from tam_workbench.records import MemoryEntry, Origin, Tier, Where

START = datetime(2024, 1, 1, tzinfo=UTC)
times = st.integers(0, 6).map(lambda hours: START + timedelta(hours=hours, microseconds=hours))
maybe = st.none() | times
names = st.sampled_from(["db", "web", "it's"])
labels = st.lists(st.sampled_from(["prod", "eu", "gold"]), max_size=2, unique=True).map(tuple)
words = st.lists(st.sampled_from(["disk", "full", "slow", "db.pool", "OOMKilled"]), max_size=5).map(
    " ".join
)
entries = st.builds(
    MemoryEntry,
    id=st.integers(0, 30).map("m{:02d}".format),
    kind=st.sampled_from(["note", "incident"]),
    text=words,
    vector=st.tuples(*[st.integers(-2, 2).map(float)] * 3).filter(any),
    tier=st.sampled_from(Tier),
    service=names,
    created_at=times,
    trust=st.sampled_from([0.0, 0.1, 0.7, 1.0]),
    helped=st.sampled_from([None, True, False]),
    attributes=st.dictionaries(names, names, max_size=1),
    valid_from=maybe,
    valid_to=maybe,
    known_from=maybe,
    known_to=maybe,
    origin=st.sampled_from(Origin),
    labels=labels,
    is_quarantined=st.booleans(),
)
wheres = st.builds(
    Where,
    kinds=st.lists(st.sampled_from(["note", "rule"]), max_size=2).map(tuple),
    services=st.lists(names, max_size=2).map(tuple),
    tiers=st.lists(st.sampled_from(Tier), max_size=3).map(tuple),
    labels=labels,
    min_trust=st.sampled_from([0.0, 0.1, 0.7]),
    since=maybe,
    until=maybe,
    as_of=maybe,
    known_at=maybe,
    with_quarantined=st.booleans(),
)


def bm25(query, kept):
    """Score each kept text by the formula, straight from the page."""
    bags = {name: Counter(tokens(text)) for name, text in kept.items()}
    mean = sum(sum(bag.values()) for bag in bags.values()) / max(len(bags), 1)
    scores = {}
    for name, bag in bags.items():
        score = 0.0
        for word in set(tokens(query)):
            having = sum(word in other for other in bags.values())
            idf = math.log(1 + (len(bags) - having + 0.5) / (having + 0.5))
            if bag[word]:
                norm = 1.2 * (0.25 + 0.75 * sum(bag.values()) / mean)
                score += idf * bag[word] * 2.2 / (bag[word] + norm)
        scores[name] = score
    return scores


@settings(max_examples=150, deadline=None)
@given(
    st.lists(entries, max_size=25),
    st.lists(entries, max_size=8),
    st.sets(st.integers(0, 30).map("m{:02d}".format), max_size=8),
    wheres,
    words,
    st.integers(0, 12),
)
def test_hot_memory_agrees_with_admits_the_cosine_and_the_formula(
    first, then, gone, where, text, k
):
    memory = HotMemory(dimension=3)
    memory.put(first)
    assert memory.delete(sorted(gone)) == len(gone & {entry.id for entry in first})
    memory.put(then)
    kept = {entry.id: entry for entry in first if entry.id not in gone}
    kept |= {entry.id: entry for entry in then}
    assert len(memory) == len(kept)
    assert memory.entries([*kept, "x"]) == list(kept.values())
    seen = sorted(name for name, entry in kept.items() if admits(entry, where))
    assert memory.ids(where) == seen
    query = np.array([1.0, 0.5, -0.25], np.float32)
    near = [
        float(
            np.dot(kept[n].vector, query) / np.linalg.norm(kept[n].vector) / np.linalg.norm(query)
        )
        for n in seen
    ]
    hits = memory.nearest(query, k=k, where=where)
    assert [hit.entry for hit in hits] == [kept[seen[at]] for at in top(np.array(near), seen, k=k)]
    scores = bm25(text, {name: entry.text for name, entry in kept.items()})
    shared = [name for name in seen if scores[name] > 0]
    best = top(np.array([scores[name] for name in shared]), shared, k=k)
    found = memory.matching(text, k=k, where=where)
    assert [hit.entry.id for hit in found] == [shared[at] for at in best]
    assert [hit.score for hit in found] == pytest.approx([scores[shared[at]] for at in best])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), words), max_size=60), words, st.booleans())
def test_posting_changes_no_score(changes, text, is_posted):
    index, kept = WordIndex(), {}
    for at, (row, words_) in enumerate(changes):
        index.put([row], [words_])
        kept[row] = words_
        if is_posted and at % 7 == 0:
            index.post()
        if at % 5 == 0:
            index.remove([changes[at // 2][0]])
            kept.pop(changes[at // 2][0], None)
    scores = bm25(text, kept)
    rows, found = index.search(text, k=len(kept) + 1)
    assert dict(zip(rows.tolist(), found.tolist(), strict=True)) == pytest.approx(
        {row: score for row, score in scores.items() if score > 0}
    )
