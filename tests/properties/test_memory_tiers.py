"""Stability is a function of timestamps alone, and moves never leave the table."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tam_workbench.memory.tiers import (
    TRANSITIONS,
    Evidence,
    Reinforcement,
    TierRules,
    expired,
    move,
    moved,
    reinforced,
    stability_at,
)
from tam_workbench.records import MemoryEntry, Tier

START = datetime(2024, 1, 1, tzinfo=UTC)
RULES = TierRules()
hours = st.floats(0, 24 * 400)
entries = st.builds(
    MemoryEntry,
    id=st.just("a"),
    kind=st.sampled_from(["incident", "note", "fact", "template"]),
    text=st.just("oom"),
    vector=st.just((1.0,)),
    tier=st.sampled_from(Tier),
    service=st.just("db"),
    created_at=st.just(START),
    trust=st.floats(0, 1),
    count=st.integers(1, 20),
    surprise=st.floats(0, 1),
    stability=st.floats(0, 1),
    is_pinned=st.booleans(),
    is_quarantined=st.booleans(),
    action=st.sampled_from(["", "scale"]),
    helped=st.sampled_from([None, True, False]),
)
evidences = st.builds(Evidence, is_open=st.booleans(), is_contradicted=st.booleans())


@given(entries, st.lists(hours, max_size=8), hours)
def test_reading_often_fades_no_faster(entry, reads, at):
    for hour in reads:
        stability_at(entry, now=START + timedelta(hours=hour), rules=RULES)
    now = START + timedelta(hours=at)
    idle_days = max(0.0, at - 24) / 24
    faded = entry.stability if entry.is_pinned else entry.stability * 0.9**idle_days
    assert stability_at(entry, now=now, rules=RULES) == pytest.approx(faded, rel=1e-6, abs=1e-12)


@given(entries, st.lists(st.tuples(st.sampled_from(Reinforcement), hours), max_size=12), hours)
def test_reinforcement_keeps_within_bounds_and_never_weakens(entry, causes, at):
    for cause, hour in causes:
        now = START + timedelta(hours=hour)
        before = stability_at(entry, now=now, rules=RULES)
        entry = reinforced(entry, cause, now, rules=RULES)
        assert stability_at(entry, now=now, rules=RULES) >= before - 1e-12
    assert 0 <= stability_at(entry, now=START + timedelta(hours=at), rules=RULES) <= 1


@given(entries, evidences, hours)
def test_moves_are_in_the_table_settle_and_respect_the_flags(entry, evidence, at):
    now, order, steps = START + timedelta(hours=at), list(Tier), 0
    while due := move(entry, now=now, rules=RULES, evidence=evidence):
        assert due.after in {a for (before, _), a in TRANSITIONS.items() if before is due.before}
        rises = order.index(due.after) > order.index(due.before)
        leaves_mind = due.before is Tier.WORKING
        assert rises or not entry.is_pinned
        assert not rises or leaves_mind or not entry.is_quarantined
        entry, steps = moved(entry, due), steps + 1
        assert steps <= 5, "the table goes in circles"


@given(entries, evidences, hours)
def test_nothing_pinned_or_open_expires(entry, evidence, at):
    why = expired(entry, now=START + timedelta(hours=at), rules=RULES, evidence=evidence)
    assert not why or not (entry.is_pinned or evidence.is_open)
    assert not why or entry.is_quarantined or entry.tier in {Tier.SHORT_TERM, Tier.EPISODIC}
