"""The widget that asks memory: answers, "new to me", pictures, messages from the page."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "surfaces"))
from fake_workbench import FakeWorkbench

from tam_workbench import widgets
from tam_workbench.errors import BadInputError
from tam_workbench.views import recall_card
from tam_workbench.views.remembering import recall_svg

KNOWN = "checkout times out"
NOVEL = "penguins waddle across the ice"


@pytest.fixture
def wb():
    return FakeWorkbench(interval_s=30.0).advance(10)


@pytest.fixture
def widget(wb):
    made = widgets.MemoryRecall(wb)
    yield made
    made.close()


def test_a_question_is_answered_with_hits_and_the_parts_of_their_scores(widget):
    widget.ask(KNOWN)
    answer = widget.answer
    assert answer["asked"] == KNOWN
    assert answer["verdict"].startswith("Seen before")
    assert not answer["is_new"]
    best = answer["hits"][0]
    assert best["text"] == "checkout times out, retries storm the payment gateway"
    assert (best["service"], best["action"], best["helped"]) == ("checkout", "restart", False)
    parts = dict(best["parts"])
    assert parts["likeness"] > 0.5
    assert parts["helped before"] < 0.5
    assert json.dumps(answer, allow_nan=False)


def test_what_memory_never_saw_is_new_to_it(widget):
    widget.ask(NOVEL)
    assert widget.answer["is_new"]
    assert widget.answer["verdict"].startswith("New to me")
    assert "New to me" in repr(widget)


def test_before_a_question_it_says_so_in_words(widget):
    assert widget.answer == recall_card(None)
    assert "nothing was asked yet" in repr(widget)
    assert "nothing was asked yet" in widget.snapshot()


def test_the_same_question_is_answered_again(widget):
    """The page waits for a change: an answer equal to the last would leave it waiting."""
    told = []
    widget.observe(lambda change: told.append(change.new["verdict"]), "answer")
    widget.ask(KNOWN)
    widget.ask(KNOWN)
    assert len(told) == 2


def test_a_question_may_come_with_the_widget(wb):
    widget = widgets.MemoryRecall(wb, KNOWN, k=2)
    assert len(widget.answer["hits"]) == 2
    widget.close()


def test_only_the_service_that_was_asked_for(wb):
    widget = widgets.MemoryRecall(wb, "restart after a change", service="payments", k=6)
    assert {hit["service"] for hit in widget.answer["hits"]} == {"payments"}
    widget.close()


def test_the_static_twin_is_a_picture_and_a_sentence(widget):
    widget.ask(KNOWN)
    bundle, _ = widget._repr_mimebundle_()
    drawn = ET.fromstring(bundle["image/svg+xml"])
    texts = " ".join(drawn.itertext())
    assert "✗ did not help" in texts
    assert "retries storm" in texts
    assert drawn.get("aria-label").startswith(f"Asked: {KNOWN}")
    assert bundle["text/plain"].startswith("<MemoryRecall: Seen before, confidence 0.")


def test_a_long_or_hostile_text_stays_inside_the_picture(wb):
    card = recall_card(wb.memory.recall(KNOWN), asked="<b>" + "very long question " * 40)
    card["hits"] = [{**card["hits"][0], "text": "<script>alert(1)</script> " * 60}]
    drawn = recall_svg(card)
    assert "<script>" not in drawn
    texts = [node.text for node in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]
    assert 88 in {len(text) for text in texts}
    assert max(len(text) for text in texts) <= 100


def test_a_message_from_the_page_asks(widget):
    widget._hear(widget, {"kind": "ask", "text": KNOWN, "number": 1}, [])
    assert widget.answer["asked"] == KNOWN
    widget._hear(widget, {"kind": "ask", "text": "x" * 9000}, [])
    assert len(widget.answer["asked"]) == 2000


@pytest.mark.parametrize("message", ["ask", {"kind": "forget", "text": "x"}, None, 7])
def test_a_strange_message_does_nothing(widget, message):
    widget._hear(widget, message, [])
    assert widget.answer == recall_card(None)


def test_an_error_of_memory_is_said_and_the_last_answer_stays(wb, widget, monkeypatch):
    widget.ask(KNOWN)

    def broken(text, **asked):
        raise BadInputError("memory is being rebuilt")

    monkeypatch.setattr(wb.memory, "recall", broken)
    said = []
    widget.observe(lambda change: said.append(change.new), "said")
    widget.ask(NOVEL)
    widget.ask(NOVEL)
    assert said == ["memory is being rebuilt", "", "memory is being rebuilt"]
    assert widget.answer["asked"] == KNOWN
    monkeypatch.undo()
    widget.ask(NOVEL)
    assert widget.said == ""


def test_asking_changes_what_is_used_and_nothing_else(wb, widget):
    before = [replace(entry) for entry in wb.memory_entries()]
    version = wb.memory.shelf.version
    widget.ask(KNOWN)
    assert wb.memory_entries() == before
    assert wb.memory.shelf.version == version


def test_closing_ends_it(wb):
    wb.start()
    widget = widgets.MemoryRecall(wb, KNOWN)
    assert widget.is_live
    widget.close()
    assert not widget.is_live
    wb.stop()
