"""Cleanup: within budget or it says why not, never the pinned, never the worthier first."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tam_workbench.memory.admission import row_bytes
from tam_workbench.memory.retention import (
    Budget,
    RetentionRules,
    Usage,
    cleanup,
    rank_factor,
    retention,
)
from tam_workbench.records import MemoryEntry, Tier

NOW = datetime(2024, 12, 31, tzinfo=UTC)
entries = st.lists(
    st.builds(
        lambda number, **fields: MemoryEntry(
            id=f"e{number}", kind="note", text="x" * number, vector=(1.0,), service="", trust=1.0,
            **fields,
        ),
        st.integers(0, 500),
        tier=st.sampled_from(Tier),
        created_at=st.integers(0, 400).map(lambda days: NOW - timedelta(days=days)),
        surprise=st.floats(0, 1),
        is_pinned=st.booleans(),
        action=st.just("scale"),
        helped=st.sampled_from([None, True, False]),
    ),
    max_size=20,
    unique_by=lambda entry: entry.id,
)  # fmt: skip


@given(
    entries,
    st.none() | st.integers(0, 20),
    st.none() | st.integers(0, 9000),
    st.floats(0.01, 1),
    st.sets(st.integers(0, 500).map(lambda number: f"e{number}")),
)
def test_a_plan_is_lawful(held, rows, size, share, audited):
    rules, budget = RetentionRules(max_share=share), Budget(rows=rows, bytes=size)
    plan = cleanup(held, budget, now=NOW, usage=Usage(audited=audited), rules=rules)
    known = {entry.id: entry for entry in held}
    gone = [known[id_] for id_ in plan.ids]
    assert not any(entry.is_pinned or entry.id in audited for entry in gone)
    assert len(gone) <= max(1, int(share * len(held)))
    assert plan.bytes == sum(map(row_bytes, gone))
    assert plan.rows_left == len(held) - len(gone)
    assert plan.bytes_left == sum(map(row_bytes, held)) - plan.bytes
    scores = {entry.id: retention(entry, now=NOW)["score"] for entry in held}
    free = [e for e in held if not e.is_pinned and e.id not in audited and e.id not in plan.ids]
    assert all(scores[e.id] >= max((scores[g.id] for g in gone), default=0) - 1e-12 for e in free)
    within = (rows is None or plan.rows_left <= rows) and (size is None or plan.bytes_left <= size)
    assert plan.is_limited != within
    again = cleanup(
        list(reversed(held)), budget, now=NOW, usage=Usage(audited=audited), rules=rules
    )
    assert again == plan


@given(entries, st.integers(0, 50))
def test_scores_and_factors_keep_within_bounds_and_use_never_hurts(held, uses):
    for entry in held:
        assert all(0 <= part <= 1 for part in retention(entry, now=NOW, uses=uses).values())
        factor = rank_factor(entry, now=NOW, uses=uses)
        assert 0.3 <= factor <= 1.5
        assert rank_factor(entry, now=NOW, uses=uses + 1) >= factor
