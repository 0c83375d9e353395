"""Retention on a year's store: what goes is what nobody would miss."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

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


def store(seed=0, n=1000):
    """Return a year of entries: junk notes, episodes, and what helped and was used."""
    rng, entries, uses = np.random.default_rng(seed), [], {}
    for number in range(n):
        is_good = rng.random() < 0.2
        entry = MemoryEntry(
            id=f"e{number}", kind="incident" if is_good else "note",
            text="word " * int(rng.integers(5, 80)), vector=tuple([1.0] * 64),
            tier=Tier.SEMANTIC if is_good else Tier.EPISODIC, service="db",
            created_at=NOW - timedelta(days=float(rng.uniform(0, 365))), trust=0.9,
            action="scale" if is_good else "", helped=bool(rng.random() < 0.7) if is_good else None,
            surprise=float(rng.random()), is_pinned=bool(rng.random() < 0.02),
        )  # fmt: skip
        entries.append(entry)
        uses[entry.id] = int(rng.poisson(3 if is_good else 0.1))
    return entries, uses


@pytest.mark.parametrize("seed", range(3))
def test_what_goes_first_is_old_dull_unused_and_without_outcome(seed):
    entries, uses = store(seed)
    rules = RetentionRules(max_share=1.0)
    plan = cleanup(entries, Budget(rows=700), now=NOW, usage=Usage(uses=uses), rules=rules)
    gone = [entry for entry in entries if entry.id in set(plan.ids)]
    assert len(gone) == 300
    assert plan.rows_left == 700
    assert sum(entry.helped is not None for entry in gone) / len(gone) < 0.02
    assert np.median([entry.surprise for entry in gone]) < 0.4
    assert not any(entry.is_pinned for entry in gone)


def test_bytes_count_and_the_blast_radius_holds():
    entries, uses = store()
    whole = cleanup(entries, Budget(), now=NOW, usage=Usage(uses=uses))
    assert whole.ids == ()
    half = Budget(bytes=whole.bytes_left // 2)
    plan = cleanup(entries, half, now=NOW)
    assert len(plan.ids) == 50  # 5 % of 1,000
    assert plan.is_limited
    assert plan.bytes_over > 0
    left = list(entries)
    for _ in range(100):
        plan = cleanup(left, half, now=NOW)
        left = [entry for entry in left if entry.id not in set(plan.ids)]
    assert not cleanup(left, half, now=NOW).is_limited
    assert cleanup(left, half, now=NOW).bytes_left <= half.bytes


def test_pinned_and_audited_are_kept_even_over_budget():
    entries, _ = store(n=100)
    usage = Usage(audited=[entry.id for entry in entries])
    plan = cleanup(entries, Budget(rows=1), now=NOW, usage=usage)
    assert plan.ids == ()
    assert plan.rows_over == 99
    assert plan.protected == 100


def test_the_rank_factor_spans_its_range_on_a_real_store_and_hides_nothing():
    entries, uses = store()
    factors = [rank_factor(entry, now=NOW, uses=uses[entry.id]) for entry in entries]
    assert 0.3 <= min(factors) < 0.4
    assert 1.1 < max(factors) <= 1.5
    assert 0.02 < np.mean(np.array(factors) >= 0.9) < 0.5
    assert all(
        factor >= 1 for factor, entry in zip(factors, entries, strict=True) if entry.is_pinned
    )


def test_each_part_moves_the_score_by_its_weight():
    entry = store(n=1)[0][0]
    base = MemoryEntry(
        id="a", kind="note", text="x", vector=(1.0,), tier=Tier.EPISODIC, service="db",
        created_at=NOW, trust=1.0,
    )  # fmt: skip
    assert retention(base, now=NOW)["score"] == pytest.approx(0.25)
    assert retention(base, now=NOW + timedelta(days=7))["score"] == pytest.approx(0.125)
    assert retention(base, now=NOW, uses=3)["score"] == pytest.approx(0.35)
    assert set(retention(entry, now=NOW)) == {"outcome", "recency", "surprise", "use", "score"}
