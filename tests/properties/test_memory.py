"""Storing twice adds nothing; ranking is a bounded, order-free function of its hits."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tam_workbench.adapters.stores.inmemory import InMemoryStore
from tam_workbench.memory import (
    RankRules,
    Sighting,
    absorb,
    incident_text,
    make_entry,
    mask,
    merge,
    outcomes,
    rank,
    top,
    with_outcome,
)
from tam_workbench.records import Hit, Incident, Phase, Template, Where

NOW = datetime(2024, 1, 1, tzinfo=UTC)
unit = st.floats(0, 1)
sightings = st.builds(
    Sighting,
    service=st.sampled_from(["db", "web"]),
    at=st.integers(-(10**6), 0).map(lambda s: NOW + timedelta(seconds=s)),
    trust=unit,
    occurrence=st.sampled_from(["i-1", "i-2", "i-3"]),
)
entries = st.builds(
    lambda text, seen, angle: make_entry(
        "incident", text, vector=[np.cos(angle), np.sin(angle)], sighting=seen
    ),
    st.sampled_from(["full", "slow", "oom"]),
    sightings,
    unit,
)
hits = st.lists(
    st.builds(
        lambda entry, near: Hit(entry=entry, score=near, parts={"similarity": near}), entries, unit
    ),
    max_size=6,
    unique_by=lambda hit: hit.entry.id,
)


@given(hits, st.randoms(use_true_random=False))
def test_rank_is_bounded_sorted_and_blind_to_order(found, rng):
    ranked = rank(found, now=NOW, rules=RankRules())
    shuffled = list(found)
    rng.shuffle(shuffled)
    assert rank(shuffled, now=NOW, rules=RankRules()) == ranked
    assert [hit.score for hit in ranked] == sorted((hit.score for hit in ranked), reverse=True)
    for hit in ranked:
        assert all(0 <= part <= 1 for part in hit.parts.values())
        assert min(hit.parts.values()) - 1e-9 <= hit.score <= max(hit.parts.values()) + 1e-9


done = st.lists(st.tuples(st.sampled_from(["restart", "scale"]), st.booleans()), max_size=3)


def acted(entry, actions):
    for action, helped in actions:
        entry = with_outcome(entry, action, helped=helped)
    return entry


treated = st.builds(acted, entries, done)


@given(treated, treated)
def test_merging_an_occurrence_twice_changes_nothing(entry, old):
    once = merge(entry, old)
    assert merge(entry, once) == once
    assert once.id == old.id
    assert min(entry.trust, old.trust) - 1e-9 <= once.trust <= max(entry.trust, old.trust) + 1e-9


@settings(max_examples=30)
@given(st.lists(entries, max_size=8))
def test_a_rerun_adds_no_row_and_no_count(seen):
    store, rules = InMemoryStore(dimension=2), RankRules()

    def run():
        for entry in seen:
            near = store.nearest(
                np.array(entry.vector), k=99, where=Where(services=(entry.service,))
            )
            known = [Hit(entry=e, score=1.0, parts={}) for e in store.get([entry.id])]
            store.put([absorb(entry, known + near, rules)])
        return {entry.id: entry.count for entry in store.get([entry.id for entry in seen])}

    first = run()
    rows = store.count()
    assert run() == first
    assert store.count() == rows


@given(st.lists(st.tuples(st.sampled_from(["restart", "scale", "block"]), st.booleans())))
def test_outcomes_are_tallied_exactly(done):
    entry = make_entry(
        "incident", "x", vector=[1.0], sighting=Sighting(service="", at=NOW, trust=1)
    )
    for action, helped in done:
        entry = with_outcome(entry, action, helped=helped)
    tally = outcomes(entry)
    assert sum(tried for _, tried in tally.values()) == len(done)
    assert sum(helped for helped, _ in tally.values()) == sum(helped for _, helped in done)
    if done:
        best = max((helped + 1) / (tried + 2) for helped, tried in tally.values())
        assert (tally[entry.action][0] + 1) / (tally[entry.action][1] + 2) == pytest.approx(best)


@given(st.text(max_size=60))
def test_mask_settles_in_one_step(text):
    assert mask(mask(text)) == mask(text)


@given(
    st.lists(st.text(max_size=20), max_size=20),
    st.dictionaries(st.sampled_from("abcdefghijklmnop"), st.floats(-50, 50)),
    st.randoms(use_true_random=False),
)
def test_the_signature_is_blind_to_order(texts, deviations, rng):
    incident = Incident(
        id="i",
        service="db",
        opened_at=NOW,
        opened_tick=0,
        phase=Phase.OPEN,
        probability=1.0,
        anomaly=1.0,
        trust=1.0,
    )
    templates = [Template(id=text, text=text, example="") for text in texts]
    before = incident_text(incident, templates, deviations, texts)
    mixed = list(deviations.items())
    rng.shuffle(templates)
    rng.shuffle(mixed)
    assert incident_text(incident, templates, dict(mixed), texts[::-1]) == before


@given(st.lists(st.integers(-3, 3), max_size=30), st.integers(0, 40))
def test_top_is_the_head_of_the_full_order(tenths, k):
    near = np.array(tenths, float) / 3
    names = [f"n{(7 * at) % 31:02d}" for at in range(len(tenths))]
    full = sorted(range(len(tenths)), key=lambda at: (-round(near[at], 6), names[at]))
    assert top(near, names, k=k) == full[:k]
