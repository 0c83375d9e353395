"""The Causal screen without a browser: the chain, the state then, what is forgotten, recurrence."""

import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "surfaces"))
from bokeh.document import Document
from fake_workbench import FakeWorkbench
from panel.io.state import set_curdoc

from tam_workbench.api import Workbench
from tam_workbench.dashboard.app import open_session
from tam_workbench.dashboard.forgotten import forgetting, recurrence, standing
from tam_workbench.dashboard.screens import causal
from tam_workbench.engine.cluster.undertaking import STANDS
from tam_workbench.evaluation.clusters import SCENARIOS, dump
from tam_workbench.views import ledger
from tam_workbench.views.causal import said_by
from tam_workbench.views.undertaking import STANDINGS, act_card, undertaken, waiting


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


@pytest.fixture
def asking(tmp_path):
    """A real loop that replayed an outage; its rules propose to take the rollout back."""
    [scenario] = [one for one in SCENARIOS if one.name == "16-outage"]
    made = Workbench.from_source(
        f"recorded:{dump(scenario, tmp_path)}",
        state_dir=tmp_path / "state",
        cluster_rulebook="conservative",
    )
    made.run()
    yield made
    made.close()


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
    root = datetime.fromisoformat(screen._chain.chain["steps"][0]["seen"])
    before = (root - timedelta(seconds=30)).isoformat()
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


@pytest.mark.parametrize(
    ("decision", "said", "stands"),
    [("approve", "approved", {"skipped"}), ("reject", "rejected", {"refused"})],
)
def test_an_act_that_waits_is_answered_here(asking, decision, said, stands):
    with set_curdoc(Document()):
        screen = _open(asking)
    card = screen._approval.card
    assert card["pending"]
    assert screen._approval.visible
    assert (card["action"], card["target"]) == ("rollback", "shop/Deployment/api")
    assert "waits for you" in screen._acts.object
    screen._approval.decided = {"decision": decision, "key": card["key"], "reason": "I saw it"}
    assert {one.stands for one in asking.acts()} == stands
    asking.run(batches=0)  # makes it durable
    assert any("I saw it" in entry.body for entry in asking.audit_entries(limit=5000))
    assert said in screen.session.notice.object
    assert "waits for you" not in screen._acts.object
    assert not screen._approval.card["pending"]
    screen._approval.decided = {"decision": decision, "key": card["key"], "reason": "again"}
    assert "nothing waits" in screen.session.notice.object


def test_the_act_about_the_chosen_incident_is_asked_first(asking):
    [under] = asking.acts()
    other = replace(under, proposal=replace(under.proposal, key="k", incident="incident-x"))
    assert waiting([under, other]) is under
    assert waiting([under, other], "incident-x") is other
    assert waiting([replace(under, stands="refused")]) is None
    assert not act_card(replace(under, stands="escalated"))["pending"]
    assert set(STANDINGS) == STANDS, "every standing has its word"
    evil = replace(under, proposal=replace(under.proposal, target="<script>"), reasons=("<b>",))
    assert "<script>" not in undertaken([evil])
    assert "<b>x" not in undertaken([replace(evil, kind="<b>x")])


def test_a_look_that_takes_long_is_followed_by_a_rest(screen, monkeypatch):
    clock, looks = [100.0], []
    monkeypatch.setattr(causal, "monotonic", lambda: clock[0])

    def look():
        looks.append(clock[0])
        clock[0] += 2.0

    monkeypatch.setattr(screen, "_look", look)
    screen._rests_until = 0.0
    for _ in range(12):
        screen.turn = 0
        screen.update()
        clock[0] += 5.0
    assert looks == [100.0, 142.0], "twenty times as long as the look took"


def test_the_countdown_follows_the_clock_only_where_the_stream_goes_on(screen):
    assert screen._now() == screen.wb.cluster.newest, "a recording of long ago stands still"


def test_evidence_is_told_in_plain_words():
    told = said_by(
        [
            "rolled_out changed: ['spec.containers[app].image', 'spec.replicas']",
            "owns",
            "12 s later",
            "<b>odd: thing",
            "oom_killed message: ['a', {'b': 1}",
        ]
    )
    assert told == [
        ("rolled out", ["changed image, replicas"]),
        ("together", ["owns", "12 s later", "<b>odd: thing"]),
        ("OOM killed", ["message ['a', {'b': 1}"]),
    ]


def test_an_empty_screen_says_why():
    with set_curdoc(Document()):
        screen = _open(Nothing())
    assert screen._chain.picks == []
    assert "No cluster is watched" in screen._standing.object
    assert "Nothing of trouble" in screen._forgets.object
    assert "appears here once" in screen._before.object
    assert "Nothing was proposed" in screen._acts.object
    assert not screen._approval.visible


def test_names_from_outside_are_escaped(wb):
    [told] = wb.cluster_summary()
    assert "<script>" not in standing([replace(told, cluster="<script>")])
    one = ledger(wb.expiring()).soon[0]
    bad = replace(one, subject=replace(one.subject, name="<script>"))
    assert "<script>" not in forgetting([bad, replace(bad, is_gone=True)], one.expires_at)
