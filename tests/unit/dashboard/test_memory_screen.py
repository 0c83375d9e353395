"""The Memory screen without a browser: answers, the map, and acts that ask once more."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "surfaces"))
from bokeh.document import Document
from fake_workbench import FakeWorkbench
from panel.io.state import set_curdoc

from tam_workbench.dashboard.app import open_session
from tam_workbench.dashboard.remembered import hit_cards, labels, legend
from tam_workbench.records import Recalled, Where
from tam_workbench.views import TIERS, contradiction_frame


@pytest.fixture
def wb():
    return FakeWorkbench().advance(20)


@pytest.fixture
def screen(wb):
    with set_curdoc(Document()):
        session = open_session(wb)[0]
        session.screen = "memory"
        session.show()
        yield session._built["memory"]


def _press(screen, label):
    """Press the button of the Kept page, or of the question that it raised."""
    kept = screen.view[1][1][1]
    [found] = [b for b in kept.select() if getattr(b, "label", "") in {label, f"{label} …"}]
    found.clicks += 1


def _current(wb):
    return {entry.id for entry in wb.memory_entries()}


def _recalled(wb, text):
    return {hit.entry.id for hit in wb.memory.recall(text, k=10).hits}


def test_the_best_hits_are_ringed_and_what_is_new_rings_nothing(screen):
    screen._asked.value = "checkout times out"
    assert "action:restart" in screen._felt.object
    assert len(screen._map.rings.data["x"]) == 3
    x = screen._map.source.data["x"]
    assert set(screen._map.rings.data["x"]) <= set(x)
    screen._asked.value = "penguins waddle across the ice"
    assert screen._map.rings.data["x"] == []
    assert "dashed" in screen._hits.object
    assert "below is what comes nearest" in screen._verdict.object
    assert "after a question" in screen._felt.object


def test_a_service_and_a_time_narrow_the_answer(screen):
    screen._service.value = "payments"
    screen._asked.value = "restart"
    assert "payments killed" in screen._hits.object
    assert "checkout" not in screen._hits.object
    screen._then.value = "2026-11-20T05:30Z"
    screen._recall()
    assert "Nothing like it is remembered" in screen._hits.object
    screen._then.value = "yesterday"
    screen._recall()
    assert "yesterday" in screen.session.notice.object


def test_the_bar_of_words_is_measured_by_the_best_hit(wb):
    found = wb.memory.recall("checkout times out")
    words = [hit.parts.get("words", 0.0) for hit in found.hits]
    assert max(words) > 1.0, "a score of words has no upper bound"
    shown = hit_cards(found)
    for part in words:
        assert f"width:{100 * part / max(words):.0f}%" in shown


def test_texts_are_escaped_and_one_sighting_is_said_so(wb):
    hit = wb.memory.recall("checkout times out").hits[0]
    entry = replace(hit.entry, text="<script>alert(1)</script>" + "x" * 5000)
    found = Recalled(
        hits=(replace(hit, entry=entry),),
        consensus=1.0,
        confidence=1.0,
        is_abstained=False,
        version=1,
    )
    shown = hit_cards(found)
    assert "<script>" not in shown
    assert "overflow-wrap:anywhere" in shown
    assert "seen once" in shown


def test_memories_that_read_alike_can_both_be_chosen(wb):
    one = wb.memory_entries()[0]
    named = labels([one, replace(one, id="another")])
    assert set(named.values()) == {one.id, "another"}
    assert len(named) == 2


def test_forgetting_asks_once_more_and_can_be_undone(screen, wb):
    [chosen] = wb.memory.recall("certificate expired", k=1).hits
    screen._chosen.value = [chosen.entry.id]
    _press(screen, "Forget")
    assert screen._sure.visible
    assert "can be undone" in screen._warning.object
    assert chosen.entry.id in _current(wb), "nothing happens before the second word"
    _press(screen, "Forget 1, yes")
    assert not screen._sure.visible
    assert chosen.entry.id not in _recalled(wb, "certificate expired")
    assert screen._gone.visible
    screen._aside.value = [chosen.entry.id]
    _press(screen, "Bring back")
    assert chosen.entry.id in _recalled(wb, "certificate expired")
    assert not screen._gone.visible


def test_another_choice_takes_the_question_back(screen, wb):
    first, second, *_ = sorted(_current(wb))
    screen._chosen.value = [first]
    _press(screen, "Purge")
    screen._chosen.value = [first, second]
    assert not screen._sure.visible, "what was asked for one must not strike two"
    _press(screen, "Purge")
    _press(screen, "Keep")
    assert not screen._sure.visible
    assert {first, second} <= _current(wb)


def test_purging_removes_for_good_with_its_reason(screen, wb):
    gone = min(_current(wb))
    screen._chosen.value, screen._reason.value = [gone], "asked to be removed"
    _press(screen, "Purge")
    _press(screen, "Purge 1, yes")
    assert wb.memory.shelf.get([gone]) == []
    receipts = [r for r in wb.bus.read("memory")[0] if r.verb == "purge"]
    assert receipts[-1].detail == "asked to be removed"
    assert gone[:12] not in screen._map.source.data["id"]


def test_pin_and_quarantine_do_what_they_say(screen, wb):
    chosen = min(_current(wb))
    screen._chosen.value = [chosen]
    _press(screen, "Pin")
    assert wb.memory.shelf.get([chosen])[0].is_pinned
    screen._chosen.value = [chosen]
    _press(screen, "Quarantine")
    seen = [e.id for page in wb.memory.shelf.scan(Where()) for e in page]
    assert chosen not in seen
    assert chosen in screen._aside.options.values()


def test_nothing_chosen_is_said(screen):
    _press(screen, "Purge")
    assert "choose memories first" in screen.session.notice.object
    assert not screen._sure.visible


def test_contradictions_say_shares_and_tries(wb):
    names = {"checkout": "“checkout times out”"}
    frame = contradiction_frame(wb.memory.trials.contradictions(), names)
    row = frame.to_dicts()[0]
    assert row["helps there"] == "8% of 10 tries"
    assert row["helps elsewhere"] == "92% of 10 tries"
    assert row["of"] == "“checkout times out”"


def test_the_legend_names_every_tier():
    shown = legend()
    assert all(tier.value.replace("_", " ") in shown for tier in TIERS)
    assert shown.count("<svg") == len(TIERS)
