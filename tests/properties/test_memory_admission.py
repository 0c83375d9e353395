"""The gate never stores what is bad, never loses what is good, and judges twice alike."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tam_workbench.memory.admission import Circumstances, Echoes, cite, judge, row_bytes
from tam_workbench.memory.entries import Sighting, make_entry
from tam_workbench.records import Hit, Origin

NOW = datetime(2024, 3, 1, tzinfo=UTC)
words = st.lists(st.sampled_from(["disk", "full", "heap", "slow", "pods", "drain", "deploy"]))
drafts = st.builds(
    lambda text, kind, key, trust, origin, ahead: replace(
        make_entry(
            kind,
            text,
            vector=[1.0, 0.0],
            sighting=Sighting(
                service="db", at=NOW + timedelta(seconds=ahead), trust=trust, occurrence=key
            ),
        ),
        origin=origin,
        source_ids=("src",),
    ),
    words.map(" ".join) | st.text(max_size=40),
    st.sampled_from(["incident", "note", "fact"]),
    st.sampled_from(["i-1", "i-2"]),
    st.floats(-0.5, 1.5),
    st.sampled_from(Origin),
    st.floats(-1000, 1000),
)


@given(drafts, st.lists(drafts, max_size=3), st.floats(0, 1), st.booleans())
def test_what_is_admitted_is_sound_and_judged_alike(draft, stored, near, is_measured):
    hits = [Hit(entry=entry, score=near, parts={"similarity": near}) for entry in stored]
    seen = Circumstances(now=NOW, near=hits, is_measured=is_measured)
    admission = judge(draft, circumstances=seen)
    assert admission == judge(draft, circumstances=seen)
    assert admission.is_accepted != bool(admission.reason)
    if admission.is_accepted:
        assert draft.origin is not Origin.RECALLED
        assert draft.text.strip()
        assert draft.created_at <= NOW + timedelta(minutes=5)
        assert (admission.entry.kind, admission.entry.service) == (draft.kind, draft.service)
        assert admission.merged_into in {"", *(entry.id for entry in stored)}


@given(words.filter(bool).map(" ".join), st.sampled_from(["{}", "note: {}", "{} (see above)"]))
def test_no_recalled_rendering_is_ever_observed(text, frame):
    known = make_entry("note", text, vector=[1.0], sighting=Sighting(service="", at=NOW, trust=1))
    back = replace(known, text=frame.format(cite(known)))
    assert not judge(back, circumstances=Circumstances(now=NOW)).is_accepted


@given(st.lists(words.map(" ".join), max_size=30), st.integers(1, 5))
def test_echoes_hold_no_more_than_their_capacity_and_know_the_last(texts, capacity):
    echoes = Echoes(capacity=capacity)
    for text in texts:
        echoes.add(text)
        assert echoes.share(text) == (1.0 if text else 0.0)
    assert len(echoes) <= capacity


@given(drafts)
def test_rows_are_never_smaller_than_their_text(draft):
    assert row_bytes(draft) >= len(draft.text.encode("utf-8", "replace"))
