from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tam_workbench.memory import RankRules, is_novel, rank, with_outcome
from tam_workbench.records import Hit, MemoryEntry, Tier

NOW = datetime(2024, 2, 1, tzinfo=UTC)
OLD = MemoryEntry(
    id="a",
    kind="incident",
    text="",
    vector=(1.0,),
    tier=Tier.EPISODIC,
    service="db",
    created_at=NOW - timedelta(days=14),
    trust=0.8,
)


def hit(entry, similarity):
    return Hit(entry=entry, score=similarity, parts={"similarity": similarity})


def test_parts_and_their_weighted_mean():
    (found,) = rank([hit(OLD, 0.9)], now=NOW, rules=RankRules())
    assert found.parts == pytest.approx(
        {"similarity": 0.9, "outcome": 0.5, "trust": 0.8, "recency": 0.25}
    )
    assert found.score == pytest.approx(0.6 * 0.9 + 0.2 * 0.5 + 0.1 * 0.8 + 0.1 * 0.25)


def test_what_helped_more_often_ranks_first():
    helped = with_outcome(replace(OLD, id="z"), "scale", helped=True)
    often = with_outcome(replace(helped, id="zz"), "scale", helped=True)
    ranked = rank([hit(OLD, 0.9), hit(helped, 0.9), hit(often, 0.9)], now=NOW, rules=RankRules())
    assert [found.entry.id for found in ranked] == ["zz", "z", "a"]


def test_recency_counts_from_when_it_was_last_seen():
    again = replace(OLD, id="b", attributes={"last_seen": NOW.isoformat()})
    ranked = rank([hit(OLD, 0.9), hit(again, 0.9)], now=NOW, rules=RankRules())
    assert [found.entry.id for found in ranked] == ["b", "a"]
    ever = rank([hit(OLD, 0.9)], now=NOW, rules=RankRules(half_life_s=None))
    assert ever[0].parts["recency"] == 1.0


def test_weights_decide():
    near, trusted = hit(replace(OLD, id="n", trust=0.0), 1.0), hit(replace(OLD, id="t"), 0.8)
    only = {"outcome": 0.0, "recency": 0.0}
    for_similarity = rank([trusted, near], now=NOW, rules=RankRules(trust=0.0, **only))
    for_trust = rank([trusted, near], now=NOW, rules=RankRules(similarity=0.1, trust=0.9, **only))
    assert [found.entry.id for found in for_similarity] == ["n", "t"]
    assert [found.entry.id for found in for_trust] == ["t", "n"]


def test_novelty_is_about_the_best_similarity():
    rules = RankRules(novel_below=0.65)
    assert is_novel([], rules)
    assert is_novel([hit(OLD, 0.2), hit(OLD, 0.64)], rules)
    assert not is_novel([hit(OLD, 0.2), hit(OLD, 0.66)], rules)
    assert not is_novel(rank([hit(OLD, 0.66)], now=NOW, rules=rules), rules)
