"""Summaries and insights of a month of incidents: cited, covering, and not repeating themselves."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tam_workbench.memory.entries import Sighting, make_entry, merge, with_outcome
from tam_workbench.memory.signature import mask
from tam_workbench.memory.summary import SummaryRules, insights, summarize

NOW = datetime(2024, 2, 1, tzinfo=UTC)
FAULTS = {
    "checkout": ("heap at {} %, container OOMKilled after the deploy", "rollback", 0.9, 20),
    "db": ("no space left on device while writing segment {}", "cleanup", 0.8, 8),
    "search": ("circuit open for payments, upstream unavailable for {} s", "restart", 0.0, 8),
}


def month(seed=0, *, rising=False):
    """Return entries: three recurring faults with their remedies, forty strays."""
    rng, entries = np.random.default_rng(seed), []
    for service, (text, action, p, times) in FAULTS.items():
        old = None
        for number in range(times):
            at = NOW - timedelta(days=float(30 - 29 * number / times))
            seen = Sighting(service=service, at=at, trust=0.9, occurrence=f"{service}-{number}")
            said = text.format(int(rng.integers(10, 99)))
            new = make_entry("incident", said, vector=[1.0], sighting=seen)
            new = with_outcome(new, action, helped=bool(rng.random() < p))
            old = merge(new, old) if old else new
        entries.append(old)
    for number in range(40):
        days = rng.uniform(0, 6 if rising else 30)
        seen = Sighting(service="misc", at=NOW - timedelta(days=float(days)), trust=0.9)
        words = " ".join(rng.choice(["pod", "slow", "queue", "retry", "node", "drain"], 4))
        entries.append(make_entry("note", f"{words} {number}", vector=[1.0], sighting=seen))
    return entries


@pytest.mark.parametrize("seed", range(3))
def test_the_summary_tells_the_recurring_faults_first_and_cites(seed):
    entries = month(seed)
    summary = summarize(entries)
    known = {entry.id: entry for entry in entries}
    assert len(summary.sentences) == 5
    for sentence in summary.sentences:
        assert sentence.ids
        assert all(mask(sentence.text) in mask(known[id_].text) for id_ in sentence.ids)
    told = " ".join(sentence.text for sentence in summary.sentences[:3])
    assert sum(word in told for word in ("OOMKilled", "no space left", "circuit open")) >= 2
    assert 0 < summary.covered <= 1


def test_what_repeats_itself_is_told_once():
    seen = Sighting(service="db", at=NOW, trust=1.0)
    texts = [f"disk full on volume {name}" for name in ("alpha", "beta", "gamma")]
    entries = [make_entry("note", text, vector=[1.0], sighting=seen) for text in texts]
    assert len(summarize(entries).sentences) == 1
    assert len(summarize(entries, rules=SummaryRules(alike=1.01)).sentences) == 3


def test_insights_count_what_recurs_what_helped_and_what_never_did():
    entries = month()
    found = insights(entries, now=NOW)
    assert found.by_service["checkout"] == 20
    assert found.recurring[0].service == "checkout"
    assert found.recurring[0].every_s == pytest.approx(1.45 * 86_400, rel=0.01)
    assert [one.action for one in found.helped] == ["rollback", "cleanup"]
    assert [one.action for one in found.never_helped] == ["restart"]
    remedy = found.helped[0]
    assert remedy.low < remedy.helped / remedy.tried <= 1
    assert set(remedy.ids) <= {entry.id for entry in entries}


def test_the_trend_stands_on_both_sides():
    assert insights(month(rising=True), now=NOW).trend.p_rising > 0.95
    steady = [insights(month(seed), now=NOW).trend.p_rising for seed in range(10)]
    assert 0.1 < np.median(steady) < 0.95
    assert Counter(p > 0.95 for p in steady)[True] <= 2


def test_nothing_is_said_of_nothing():
    summary, found = summarize([]), insights([], now=NOW)
    assert summary.sentences == ()
    assert found.recurring == found.helped == found.never_helped == ()
    assert found.trend.p_rising is None
