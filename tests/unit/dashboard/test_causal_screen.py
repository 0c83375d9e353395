"""The Causal screen without a browser: the chain, the state then, what is forgotten, recurrence."""

import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "surfaces"))
from bokeh.document import Document
from fake_workbench import FakeWorkbench
from panel.io.state import set_curdoc

from tam_workbench.dashboard.app import open_session
from tam_workbench.dashboard.forgotten import forgetting, recurrence, standing
from tam_workbench.views import ledger


@pytest.fixture(scope="module")
def wb():
    return FakeWorkbench()


class Nothing(FakeWorkbench):
    """A workbench that watches no cluster."""

    observations = staticmethod(tuple)


def _open(wb):
    session = open_session(wb)[0]
    session.screen = "causal"
    session.show()
    return session._built["causal"]


@pytest.fixture
def screen(wb):
    with set_curdoc(Document()):
        yield _open(wb)


def _oom(wb):
    found = [one for one in wb.cluster.incidents() if "oom_killed" in one.counts]
    return found[0]


def test_the_newest_incident_is_explained_at_once(screen):
    chain = screen._chain.chain
    assert len(screen._chain.picks) == 4
    assert chain["steps"][0]["kind"] == "rolled out"
    assert "memory 256Mi → 64Mi" in chain["steps"][0]["detail"]
    assert len(chain["links"]) == len(chain["steps"]) - 1
    assert all(link["sure"] and link["title"] and link["evidence"] for link in chain["links"])


def test_the_state_after_the_root_cause_shows_what_it_changed(screen):
    state = screen._state.state
    assert state["object"] == "shop/Deployment/api"
    assert [r[1] for r in state["changed"] if r[0].endswith("limits.memory")] == ["256Mi"]
    marked = [row for row in state["rows"] if row[3]]
    assert any(row[1] == "memory:" and row[2] == "64Mi" for row in marked)
    assert [mark["label"] for mark in screen._state.span["marks"]] == [
        step["kind"] for step in screen._chain.chain["steps"]
    ]


def test_the_slider_asks_for_another_moment(screen):
    before = screen._state.span["from"]
    screen._state.asked = {"what": "shop/Deployment/api", "at": before, "ago_s": 60}
    state = screen._state.state
    assert state["is_there"]
    assert not state["changed"]
    assert any(row[1] == "memory:" and row[2] == "256Mi" for row in state["rows"])
    screen._state.asked = {"what": "shop/Deployment/api", "at": "yesterday"}
    assert "yesterday" in screen._state.state["said"]
    screen._state.asked = {"what": "Pod/nobody", "at": ""}
    assert "no object" in screen._state.state["said"]


def test_what_is_asked_stands_in_the_address(screen, wb):
    oom = _oom(wb)
    screen._chain.asked = {"what": oom.facts[-1], "number": 1}
    assert screen.session.object == oom.facts[-1]
    assert screen._chain.chain["steps"][-1]["kind"] == "OOM killed"
    screen._chain.asked = {"what": "Pod/nobody", "number": 2}
    assert "no object" in screen._chain.chain["said"]
    assert "appears here" in screen._before.object


def test_evidence_counts_down_until_it_is_gone(wb):
    told = wb.expiring()
    soonest = ledger(told).soon[0]
    shown = forgetting(told, soonest.expires_at - timedelta(seconds=41))
    assert "00:41" in shown
    assert "✓ saved" in shown
    assert f"Forgotten there, kept here: {len(ledger(told).kept)}" in shown
    assert len(ledger(told).kept) > 20, "a killed container's last state outlives one restart only"
    late = forgetting(told, soonest.expires_at + timedelta(seconds=1))
    assert "any moment" in late
    lost = replace(soonest, is_saved=False, is_gone=True)
    assert "Lost before anybody looked: 1" in forgetting([lost], None)


def test_a_recurrence_says_when_how_often_and_what_helped(screen, wb):
    seen = wb.seen_before(_oom(wb).id)
    assert len(seen.incidents) == 2
    shown = recurrence(seen)
    assert "seen before" in shown
    assert "1 d 23 h" in shown
    assert "✓ helped" in shown
    first = replace(seen, incidents=seen.incidents[:1], gaps_s=(), memories=())
    assert "first time" in recurrence(first)
    assert "knows of nothing that was done" in recurrence(first)


def test_an_empty_screen_says_why():
    with set_curdoc(Document()):
        screen = _open(Nothing())
    assert screen._chain.picks == []
    assert "No cluster is watched" in screen._standing.object
    assert "Nothing of trouble" in screen._forgets.object
    assert "appears here once" in screen._before.object


def test_names_from_outside_are_escaped(wb):
    [told] = wb.cluster_summary()
    assert "<script>" not in standing([replace(told, cluster="<script>")])
    one = ledger(wb.expiring()).soon[0]
    bad = replace(one, subject=replace(one.subject, name="<script>"))
    assert "<script>" not in forgetting([bad, replace(bad, is_gone=True)], one.expires_at)
