"""The write gate: what junk, echoes and doubles look like, and what must still come in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tam_workbench.memory.admission import (
    VALIDATIONS,
    AdmissionRules,
    Circumstances,
    Echoes,
    Severity,
    cite,
    judge,
    validate,
)
from tam_workbench.memory.entries import Sighting, make_entry
from tam_workbench.records import Hit, Origin

NOW = datetime(2024, 3, 1, tzinfo=UTC)
TEXTS = [
    "service checkout\nmetrics: memory.usage very high\nlogs: heap at <*> %; OOMKilled container",
    "service db\nmetrics: filesystem.usage high\nlogs: no space left on device; write failed",
    "service cart\nmetrics: latency.p95 extremely high\nchanges: deploy v<*>",
    "service search\nlogs: circuit open for payments; upstream payments unavailable",
]


def draft_of(text=TEXTS[0], *, kind="incident", at=NOW, key="i-1", vector=(1.0, 0.0), **changed):
    seen = Sighting(service="checkout", at=at, trust=0.9, occurrence=key)
    return replace(make_entry(kind, text, vector=vector, sighting=seen), **changed)


def hit_on(entry, near=1.0):
    return Hit(entry=entry, score=near, parts={"similarity": near})


def judged(draft, **circumstances):
    return judge(draft, circumstances=Circumstances(**{"now": NOW, **circumstances}))


SPOILT = {
    "structure": {"vector": (float("nan"), 1.0)},
    "confidence": {"trust": 1.2},
    "empty_text": {"text": " \n\t"},
    "future_time": {"created_at": NOW + timedelta(hours=1)},
    "interval": {"valid_from": NOW, "valid_to": NOW - timedelta(days=1)},
    "row_bytes": {"text": "x" * 70_000},
    "control_characters": {"text": "disk \x1b[31mfull"},
    "uncited": {"origin": Origin.DERIVED},
    "wordy": {"text": "word " * 4000},
}


@pytest.mark.parametrize("code", VALIDATIONS)
def test_each_rule_finds_its_fault_and_lets_the_sound_pass(code):
    assert validate(draft_of(), now=NOW) == ()
    found = validate(draft_of(**SPOILT[code]), now=NOW)
    assert code in {problem.code for problem in found}
    severity = VALIDATIONS[code][0]
    admission = judged(draft_of(**SPOILT[code]))
    assert admission.is_accepted == (severity is Severity.WARNING)
    if severity is Severity.CRITICAL:
        assert admission.reason.startswith(found[0].code)


def test_every_rule_has_a_case():
    assert set(SPOILT) == set(VALIDATIONS)


def test_clocks_may_differ_by_five_minutes():
    assert judged(draft_of(at=NOW + timedelta(minutes=4))).is_accepted
    assert not judged(draft_of(at=NOW + timedelta(minutes=6))).is_accepted
    assert not judged(draft_of(at=datetime(2024, 1, 1))).is_accepted


@pytest.mark.parametrize(
    ("trust", "stored", "shut"), [(0.1, False, False), (0.3, True, True), (0.8, True, False)]
)
def test_trust_refuses_shuts_away_or_lets_in(trust, stored, shut):
    admission = judged(draft_of(trust=trust))
    assert admission.is_accepted == stored
    assert not stored or admission.entry.is_quarantined == shut


def test_realistic_trust_stands_on_both_sides_of_both_thresholds():
    """Three sources in four are sound; the rest is stale, alone, or forged."""
    rng, rules = np.random.default_rng(0), AdmissionRules()
    trust = np.where(rng.random(2000) < 0.75, rng.beta(12, 2, 2000), rng.beta(1.5, 3, 2000))
    refused = np.mean(trust < rules.min_trust)
    shut = np.mean(trust < rules.quarantine_below) - refused
    assert 0.02 < refused < 0.2
    assert 0.02 < shut < 0.25


def test_what_is_hardly_believed_cannot_add_to_what_is_believed():
    known = draft_of()
    poison = draft_of(key="i-66", trust=0.3)
    assert judged(poison, near=[hit_on(known)]).reason.startswith("trust")
    alike = replace(poison, id="other", text="nearly the same")
    admission = judged(alike, near=[hit_on(known, 0.99)])
    assert admission.merged_into == ""
    assert admission.entry.is_quarantined


def test_recalled_is_never_observed_by_name_mark_or_likeness():
    known = draft_of()
    echoes = Echoes()
    echoes.add(known.text)
    assert judged(draft_of(origin=Origin.RECALLED)).reason.startswith("recalled")
    shown = f"as we saw before: {cite(known)} so restart"
    for origin in (Origin.OBSERVED, Origin.HUMAN, Origin.FEDERATED):
        assert judged(draft_of(shown, origin=origin)).reason.startswith("recalled")
        said = "SERVICE checkout, metrics: memory.usage very high, "
        said += "logs: heap at 97 %; OOMKilled container!"
        back = judged(draft_of(said, kind="note", origin=origin), echoes=echoes)
        assert back.reason.startswith("recalled")


def test_what_is_new_or_measured_comes_in_though_it_sounds_alike():
    known = draft_of()
    echoes = Echoes()
    echoes.add(known.text)
    other = "the checkout ran hot because the night batch was started twice; I moved it to sunday"
    assert judged(draft_of(other, kind="note", origin=Origin.HUMAN), echoes=echoes).is_accepted
    again = judged(draft_of(key="i-2"), echoes=echoes, is_measured=True, near=[hit_on(known)])
    assert (again.merged_into, again.entry.count, again.is_counted) == (known.id, 2, True)
    summary = draft_of(cite(known), origin=Origin.DERIVED, source_ids=(known.id,))
    assert judged(summary).is_accepted


def test_the_echo_share_has_realistic_notes_on_both_sides():
    """Of people's notes on known incidents few repeat them; what a model says back mostly does."""
    rng, echoes = np.random.default_rng(0), Echoes()
    for text in TEXTS:
        echoes.add(text)
    said = "we moved the job and raised limits after talking to the team about friday load"
    words = said.split()
    limit = AdmissionRules().echo_share
    own, parroted = [], []
    for _ in range(200):
        text = str(rng.choice(TEXTS)).split()
        quoted = text[: rng.integers(2, 6)]
        own.append(echoes.share(" ".join([*quoted, *rng.permutation(words)])))
        lead = ["similar", "incident:"] * int(rng.integers(0, 2))
        parroted.append(echoes.share(" ".join([*lead, *text])))
    assert np.mean(np.array(own) < limit) >= 0.98
    assert np.mean(np.array(parroted) >= limit) >= 0.95


def test_a_thousand_echoes_leave_the_store_as_it_was():
    store = {draft_of(text, key=text).id: draft_of(text, key=text) for text in TEXTS}
    before, echoes = dict(store), Echoes()
    for turn in range(1000):
        entry = list(store.values())[turn % len(store)]
        echoes.add(entry.text)
        said = cite(entry) if turn % 2 else entry.text.upper()
        back = draft_of(said, kind="note", key=f"turn-{turn}")
        admission = judged(back, echoes=echoes)
        if admission.is_accepted:
            store[admission.entry.id] = admission.entry
    assert store == before


@pytest.mark.parametrize(("near", "merges"), [(0.96, True), (0.94, False)])
def test_near_duplicates_of_a_kind_and_service_are_one(near, merges):
    known = draft_of()
    again = draft_of(TEXTS[0] + "; GC overhead", key="i-2")
    assert bool(judged(again, near=[hit_on(known, near)]).merged_into) == merges
    other = replace(again, service="cart")
    assert judged(other, near=[hit_on(known, 0.99)]).merged_into == ""


def test_one_occurrence_counts_once_and_says_so():
    first = judged(draft_of()).entry
    rerun = judged(draft_of(), near=[hit_on(first)])
    assert rerun.entry == first
    assert not rerun.is_counted


def test_facts_that_read_alike_are_not_one_and_closed_ones_take_nothing_in():
    known = draft_of("db limit 80", kind="fact")
    changed = draft_of("db limit 90", kind="fact", key="i-2")
    assert judged(changed, near=[hit_on(known, 0.999)]).merged_into == ""
    closed = replace(draft_of(), known_to=NOW)
    alike = draft_of(TEXTS[0] + "!", key="i-2")
    assert judged(alike, near=[hit_on(closed, 0.999)]).merged_into == ""


def test_fifty_thousand_would_be_slow_here_so_two_thousand_junk_writes_leave_nothing():
    rng, stored = np.random.default_rng(0), 0
    for turn in range(2000):
        junk = draft_of(key=f"j-{turn}", **SPOILT[str(rng.choice(list(set(SPOILT) - {"wordy"})))])
        stored += judged(junk).is_accepted
    assert stored == 0


def test_echoes_are_bounded_and_restore():
    echoes = Echoes(capacity=10)
    for number in range(50):
        echoes.add(
            " ".join(
                f"word{chr(97 + (number + at) % 26)}{chr(97 + number % 26)}" for at in range(9)
            )
        )
    assert len(echoes) == 10
    copy = Echoes(capacity=10)
    copy.restore(echoes.state())
    assert copy.state() == echoes.state()
    assert echoes.share("") == 0.0
