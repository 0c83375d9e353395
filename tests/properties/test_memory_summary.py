"""A summary says nothing that its memories do not say, and is blind to their order."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tam_workbench.memory.entries import Sighting, make_entry
from tam_workbench.memory.summary import SummaryRules, insights, summarize

NOW = datetime(2024, 2, 1, tzinfo=UTC)
entries = st.lists(
    st.builds(
        lambda text, service, days: make_entry(
            "note",
            text,
            vector=[1.0],
            sighting=Sighting(service=service, at=NOW - timedelta(days=days), trust=1.0),
        ),
        st.lists(
            st.sampled_from(["disk full.", "pod slow", "\n", "retry 9", "oom!"]), max_size=6
        ).map(" ".join),
        st.sampled_from(["db", "web"]),
        st.integers(0, 60),
    ),
    max_size=12,
    unique_by=lambda entry: entry.id,
)


@settings(max_examples=50, deadline=None)
@given(entries, st.integers(0, 6), st.randoms(use_true_random=False))
def test_every_sentence_stands_in_a_memory_and_order_does_not_matter(held, sentences, rng):
    rules = SummaryRules(sentences=sentences)
    summary = summarize(held, rules=rules)
    shuffled = list(held)
    rng.shuffle(shuffled)
    assert summarize(shuffled, rules=rules) == summary
    assert len(summary.sentences) <= sentences
    texts = {entry.id: entry.text for entry in held}
    for sentence in summary.sentences:
        assert any(sentence.text in texts[id_] for id_ in sentence.ids)
        assert set(sentence.ids) <= set(texts)


@given(entries)
def test_counts_add_up(held):
    found = insights(held, now=NOW)
    assert sum(found.by_service.values()) == sum(entry.count for entry in held)
    assert found.trend.last + found.trend.before <= len(held)
