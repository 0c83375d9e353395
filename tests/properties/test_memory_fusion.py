"""Fusion is bounded, blind to the order of columns, and monotone in ranks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tam_workbench.memory.fusion import fuse

ids = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)
columns = st.dictionaries(
    st.sampled_from(["vector", "text", "graph", "time"]), st.none() | ids, max_size=4
)


@given(columns, st.integers(0, 8))
def test_scores_are_bounded_sorted_sums_and_order_free(found, k):
    answer = fuse(found, k=k)
    mirrored = fuse(dict(reversed(found.items())), k=k)
    assert [hit.id for hit in mirrored.hits] == [hit.id for hit in answer.hits]
    assert len(answer.hits) <= k
    assert [h.score for h in answer.hits] == sorted((h.score for h in answer.hits), reverse=True)
    assert 0 <= answer.consensus <= 1
    for hit in answer.hits:
        assert hit.score == pytest.approx(sum(hit.parts.values()))
        assert 0 < hit.score <= 1
        assert 0 < hit.consensus <= 1
        assert set(hit.parts) == set(hit.ranks) <= set(found)
    assert set(answer.answered) | set(answer.failed) == set(found)


@given(columns.filter(lambda found: any(found.values())))
def test_a_failing_column_never_raises_the_consensus(found):
    before = fuse(found, k=8)
    after = fuse({**found, "late": None}, k=8)
    agreed = {hit.id: hit.consensus for hit in before.hits}
    assert all(hit.consensus < agreed[hit.id] for hit in after.hits)


@given(ids.filter(lambda found: len(found) > 1), ids)
def test_a_better_rank_never_lowers_the_score(one, other):
    last = one[-1]
    before = {hit.id: hit.score for hit in fuse({"vector": one, "text": other}, k=20).hits}
    raised = [last, *one[:-1]]
    after = {hit.id: hit.score for hit in fuse({"vector": raised, "text": other}, k=20).hits}
    assert after[last] > before[last]
