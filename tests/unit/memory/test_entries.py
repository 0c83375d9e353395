from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tam_workbench.memory import (
    RankRules,
    Sighting,
    absorb,
    content_key,
    last_seen,
    make_entry,
    merge,
    outcomes,
    with_outcome,
)
from tam_workbench.records import Hit, Tier

START = datetime(2024, 1, 1, tzinfo=UTC)


def entry(*, text="disk full", hours=0, trust=1.0, occurrence="", service="db"):
    sighting = Sighting(
        service=service, at=START + timedelta(hours=hours), trust=trust, occurrence=occurrence
    )
    return make_entry("incident", text, vector=[1.0, 0.0], sighting=sighting)


def hit(kept, similarity):
    return Hit(entry=kept, score=similarity, parts={"similarity": similarity})


def test_the_key_is_of_the_content_alone():
    assert entry().id == entry(hours=5, trust=0.1, occurrence="x").id
    assert (
        len({content_key(*parts) for parts in (("a", "b", "c"), ("a", "bc", ""), ("", "ab", "c"))})
        == 3
    )


def test_kinds_begin_in_their_tier():
    seen = Sighting(service="db", at=START, trust=1.0)
    tiers = [
        make_entry(kind, "t", vector=[1.0], sighting=seen).tier
        for kind in ("template", "note", "x")
    ]
    assert tiers == [Tier.SEMANTIC, Tier.WORKING, Tier.EPISODIC]


def test_merge_counts_and_moves_last_seen_on():
    merged = merge(entry(hours=9, trust=0.4), merge(entry(hours=3, trust=0.7), entry()))
    assert (merged.count, merged.created_at) == (3, START)
    assert merged.trust == pytest.approx(0.7)
    assert last_seen(merged) == START + timedelta(hours=9)
    assert last_seen(entry(hours=2)) == START + timedelta(hours=2)


def test_an_occurrence_counts_once():
    once = merge(entry(occurrence="i-2"), entry(occurrence="i-1"))
    assert once.count == 2
    assert merge(entry(occurrence="i-2"), once) == once
    assert merge(entry(occurrence="i-1"), entry(occurrence="i-1")).count == 1


def test_remembered_occurrences_are_bounded():
    kept = entry(occurrence="0")
    for number in range(1, 100):
        kept = merge(entry(occurrence=str(number)), kept)
    assert kept.count == 100
    assert len(kept.attributes["occurrences"]) < 400


def test_absorb_merges_near_duplicates_of_one_kind_and_service_only():
    rules, new = RankRules(duplicate_above=0.95), entry(text="disk is full", hours=1)
    assert absorb(new, [], rules) == new
    assert absorb(new, [hit(entry(), 0.94)], rules) == new
    assert absorb(new, [hit(entry(service="web"), 0.99)], rules) == new
    assert absorb(new, [hit(replace(entry(), kind="note"), 0.99)], rules) == new
    merged = absorb(new, [hit(entry(), 0.96)], rules)
    assert (merged.id, merged.text, merged.count) == (entry().id, "disk full", 2)


def test_absorb_finds_the_occurrence_again_though_another_is_nearer():
    counted = merge(entry(occurrence="i-1"), entry(text="disk almost full"))
    nearer = hit(entry(text="disk full now"), 0.99)
    assert absorb(entry(occurrence="i-1"), [nearer, hit(counted, 0.96)], RankRules()) == counted


def test_the_best_action_is_kept_and_the_tally_survives_a_merge():
    kept = with_outcome(entry(), "restart", helped=False)
    assert (kept.action, kept.helped) == ("restart", False)
    kept = with_outcome(with_outcome(kept, "scale", helped=True), "restart", helped=False)
    assert (kept.action, kept.helped) == ("scale", True)
    merged = merge(with_outcome(entry(hours=1), "scale", helped=False), kept)
    assert outcomes(merged) == {"restart": (0, 2), "scale": (1, 2)}
    assert (merged.action, merged.helped) == ("scale", True)


def test_outcomes_of_an_entry_made_by_others_are_read():
    assert outcomes(replace(entry(), action="scale", helped=True)) == {"scale": (1, 1)}
    assert outcomes(replace(entry(), action="scale")) == {}


def test_two_actions_in_one_occurrence_both_count_and_a_replay_adds_nothing():
    failed = with_outcome(entry(occurrence="i-1"), "restart", helped=False)
    stored = merge(failed, entry(occurrence="i-0"))
    helped = with_outcome(entry(occurrence="i-1", hours=1), "scale", helped=True)
    stored = merge(helped, stored)
    assert outcomes(stored) == {"restart": (0, 1), "scale": (1, 1)}
    assert (stored.count, stored.action, stored.helped) == (2, "scale", True)
    assert merge(failed, merge(helped, stored)) == stored
    again = with_outcome(entry(occurrence="i-2"), "scale", helped=True)
    again = with_outcome(again, "scale", helped=True)
    assert outcomes(merge(again, stored))["scale"] == (2, 2)


def test_credited_outcomes_are_bounded():
    kept = entry(occurrence="0")
    for number in range(100):
        seen = with_outcome(entry(occurrence=str(number)), "scale", helped=number % 2 == 0)
        kept = merge(seen, kept)
    assert outcomes(kept) == {"scale": (50, 100)}
    assert len(kept.attributes["credited"]) < 3000
