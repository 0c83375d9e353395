"""Bounded autonomy over a cluster: permitted, done once, checked, taken back, escalated."""

import importlib.util
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tam_workbench.engine.cluster import read_rules
from tam_workbench.errors import BadInputError, UnreachableError
from tam_workbench.gate import GateRules, rules_of
from tam_workbench.records import Autonomy

_spec = importlib.util.spec_from_file_location(
    "engine_cluster_acting_worlds", Path(__file__).with_name("acting_worlds.py")
)
acting_worlds = sys.modules[_spec.name] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(acting_worlds)
World, Doing, worlds = acting_worlds.World, acting_worlds.Doing, acting_worlds.worlds

STALE = {
    "name": "stale",
    "match": {"kind": "config_stale", "pattern": "P002"},
    "action": "rollout_restart",
    "approval": False,
    "check": {"after_s": 300},
}


def test_within_all_bounds_it_acts_once_and_checks_that_it_helped():
    world = World([STALE])
    world.later(150)  # the absence ran out
    assert world.stands() == ["checking"]
    ((proposal, _),) = world.actuator.done.values()
    assert (proposal.action, proposal.target) == ("rollout_restart", "shop/Deployment/web")
    assert proposal.blast_radius == 3
    assert world.commits == 1, "the intent is durable before the act"
    world.restarted()
    world.later(60)
    world.later(400)
    assert world.stands() == ["helped"]
    assert [one.outcome.helped for one in world.remembered] == [True]
    assert len(world.actuator.done) == 1


def test_trouble_that_goes_on_is_told_and_the_act_is_taken_back():
    world = World([STALE])
    world.later(150)
    (under,) = world.autonomy.all()
    world.restarted()
    again = under.acted_at + timedelta(seconds=120)
    world.memory.learn(
        [replace(world.stale()[0], id="again", happened_at=again)], now=world.memory.view.newest
    )
    world.later(400)
    assert world.stands() == ["did_not_help", "done"]
    undo = world.actuator.done[f"{under.proposal.key}-undo"][0]
    assert undo.action == "undo"
    assert undo.arguments["key"] == under.proposal.key
    assert [one.outcome.helped for one in world.remembered] == [False]


def test_an_act_after_which_nothing_changed_did_not_help():
    world = World([STALE])
    world.later(150)
    world.later(400)
    assert world.stands() == ["did_not_help", "done"]
    (judged,) = world.remembered
    assert judged.reasons[0].endswith("still runs with the old values")


def test_trouble_that_the_act_itself_made_is_held_against_it():
    world = World([STALE])
    world.later(150)
    (under,) = world.autonomy.all()
    world.restarted()
    stale = world.stale()[0]
    workload = stale.involved["workload"]
    newer = replace(workload, kind="ReplicaSet", name="web-newer", uid="newer")
    rollout = replace(
        stale, id="ours", kind="rolled_out", subject=workload, told_by="spec",
        involved={"owner": newer}, happened_at=under.acted_at, payload={"restarted": True},
    )  # fmt: skip
    crash = replace(
        stale, id="crash", kind="container_terminated", told_by="status",
        subject=replace(stale.subject, name="web-newer-1", uid="newer-1"),
        involved={"workload": workload, "owner": newer},
        happened_at=under.acted_at + timedelta(seconds=90),
        payload={"container": "app", "restart_count": 0, "exit_code": 1, "reason": "Error"},
    )  # fmt: skip
    world.memory.learn([rollout, crash], now=world.memory.view.newest)
    world.later(400)
    assert world.stands() == ["did_not_help", "done"]
    assert "container_terminated" in world.remembered[0].reasons[0]
    assert world.remembered[0].reasons[0].endswith("because of the act")


def test_taking_back_waits_for_the_pace_of_the_gate():
    world = World([STALE], rules=GateRules(act_blast_radius=10, max_per_hour=1))
    world.later(150)
    world.later(400)
    assert world.stands() == ["did_not_help", "refused"]
    assert any(reason.startswith("rate") for reason in world.autonomy.all()[1].reasons)
    world.later(3600)
    assert world.stands() == ["did_not_help", "done"]


def test_what_a_freeze_holds_back_is_done_when_it_is_over():
    night = {"days": "sun", "from": "00:00", "to": "09:24"}  # the absence runs out at 09:18
    world = World([STALE | {"freezes": night}])
    world.later(150)
    assert world.stands() == ["held"]
    assert world.autonomy.all()[0].reasons == ("freeze: nothing is done now",)
    world.later(500)
    assert world.stands() == ["checking"]


def test_what_only_an_event_says_is_no_reason_to_act():
    world = World([STALE])
    heard = [replace(one, told_by="event") for one in world.stale()]
    assert heard == []
    world.later(150)
    from tam_workbench.engine.cluster.finding import HEARSAY, findings

    view = world.memory.view
    (incident,) = view.incidents.values()
    assert findings(view, incident)[0].trust == 1.0
    for one in world.stale():
        view.graph.put_fact(replace(one, told_by="event"))
    assert findings(view, incident)[0].trust == HEARSAY < 0.5, "below what rules ask by default"


@pytest.mark.parametrize(
    ("change", "autonomy", "stands"),
    [
        ({}, Autonomy.ACT, ["checking"]),
        ({"approval": True}, Autonomy.ACT, ["asked"]),
        ({}, Autonomy.CONFIRM, ["asked"]),
        ({}, Autonomy.SUGGEST, ["refused"]),
        ({"blast_radius": {"pods": 2}}, Autonomy.ACT, ["asked"]),
        ({"windows": [{"days": "sat"}]}, Autonomy.ACT, ["asked"]),  # it is a Sunday
        ({"windows": [{"days": "sun"}]}, Autonomy.ACT, ["checking"]),
        ({"freezes": [{"days": "sun"}]}, Autonomy.ACT, ["held"]),
        ({"escalate": {"at": 0}}, Autonomy.ACT, ["escalated"]),
        ({"match": {"kind": "config_stale", "min_confidence": 1.01}}, Autonomy.ACT, []),
        ({"match": {"kind": "config_stale", "namespace": "back*"}}, Autonomy.ACT, []),
        ({"match": {"kind": "config_stale", "namespace": "sh*"}}, Autonomy.ACT, ["checking"]),
        ({"match": {"kind": "config_stale", "severity": "critical"}}, Autonomy.ACT, []),
        ({"match": {"kind": "config_stale", "recurrence": 1}}, Autonomy.ACT, []),
        ({"action": "fly"}, Autonomy.ACT, ["refused"]),
    ],
)
def test_every_bound_holds(change, autonomy, stands):
    world = World([STALE | change], autonomy=autonomy)
    world.later(150)
    assert world.stands() == stands
    assert len(world.actuator.done) == stands.count("checking")


def test_a_person_agrees_or_does_not_and_nobody_answers():
    for answer, stands in (("approve", "checking"), ("reject", "refused"), (None, "refused")):
        world = World([STALE | {"approval": True}])
        world.later(150)
        (under,) = world.autonomy.pending()
        if answer is None:
            world.later(1000)
            assert "expired" in world.autonomy.all()[0].reasons[0]
        else:
            now = world.memory.view.newest
            getattr(world.autonomy, answer)(under.proposal.key, by="me", reason="so", now=now)
        assert world.stands() == [stands]
        with pytest.raises(LookupError, match="nothing waits"):
            world.autonomy.approve(under.proposal.key, by="me", reason="", now=under.acted_at)


def test_after_a_crash_in_the_middle_nothing_is_done_twice():
    world = World([STALE])
    world.later(150)
    (under,) = world.autonomy.all()
    began = [replace(under, stands="acting", outcome=None, acted_at=None, check_at=None).told()]
    for knows, stands in ((True, "checking"), (False, "failed")):
        actuator = world.actuator if knows else Doing()
        heir = World([STALE], actuator=actuator, scenario="05-ephemeral")
        heir.gate.restore(world.gate.state())
        heir.autonomy.restore(began)
        heir.autonomy.resume(heir.memory.view, now=datetime(2026, 3, 1, tzinfo=UTC))
        assert heir.stands() == [stands]
        assert len(actuator.done) == (1 if knows else 0)


def test_a_cluster_that_does_not_answer_after_a_crash_is_asked_again():
    world = World([STALE])
    world.later(150)
    (under,) = world.autonomy.all()
    began = [replace(under, stands="acting", outcome=None, acted_at=None, check_at=None).told()]

    class Silent(Doing):
        is_silent = True

        def outcome_of(self, key):
            if self.is_silent:
                raise UnreachableError("it does not answer")
            return world.actuator.outcome_of(key)

    heir = World([STALE], actuator=Silent())
    heir.gate.restore(world.gate.state())
    heir.autonomy.restore(began)
    heir.autonomy.resume(heir.memory.view, now=heir.memory.view.newest)
    assert heir.stands() == ["acting"]
    heir.later(10)
    heir.actuator.is_silent = False
    heir.later(10)
    assert heir.stands() == ["acting"], "it is given some time"
    heir.later(20)
    assert heir.stands() == ["checking"]
    assert heir.actuator.done == {}


def test_an_act_of_which_nobody_knows_what_came_is_asked_about_again():
    class Cut(Doing):
        """Does it, and the answer is lost; for a while nobody can be asked."""

        is_silent = True

        def act(self, proposal, *, now):
            super().act(proposal, now=now)
            raise UnreachableError("the connection was cut")

        def outcome_of(self, key):
            if self.is_silent:
                raise UnreachableError("it does not answer")
            return super().outcome_of(key)

    world = World([STALE], actuator=Cut())
    world.later(150)
    assert world.stands() == ["acting"]
    world.later(31)
    assert world.stands() == ["acting"]
    world.actuator.is_silent = False
    world.later(31)
    assert world.stands() == ["checking"]
    world.commit()
    kinds = [entry.kind for entry in world.journal.entries()]
    assert kinds == ["cluster_rule", "verdict", "acting", "outcome"]


def test_what_is_fresh_is_asked_about_after_a_restart():
    world = World([STALE])
    learnt = world.memory.due(world.memory.view.newest + timedelta(seconds=150))
    assert learnt.correlated.incidents, "kept, and then the loop died"
    world.autonomy.resume(world.memory.view, now=world.memory.view.newest)
    world.later(1)
    assert world.stands() == ["checking"]


def test_everything_is_in_the_ledger():
    world = World([STALE])
    world.later(150)
    world.restarted()
    world.later(400)
    world.commit()
    kinds = [entry.kind for entry in world.journal.entries()]
    assert kinds == ["cluster_rule", "verdict", "acting", "outcome", "cluster_effect"]
    assert list(world.journal.documents("cluster_act")) == [world.autonomy.all()[0].proposal.key]


def test_the_shipped_rules_can_be_read_and_ask_before_everything():
    rules = read_rules(Path("conservative"))
    assert len(rules) >= 3
    assert all(rule.approval for rule in rules)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rules: []", "'rules' is missing or empty"),
        ("rules: [{name: a}]", "rule a: 'match' is missing"),
        ("rules: [{name: a, match: {kinds: x}, action: b}]", "rule a, match: no field 'kinds'"),
        ("rules: [{name: a, match: {kind: x}, action: b, cooldown_s: -1}]", "cooldown_s -1"),
        ("rules: [{name: a, match: {kind: x}, action: b, approval: 7}]", "approval 7"),
        (
            "rules: [{name: a, match: {kind: x}, action: b, freezes: {from: noon}}]",
            "'noon' is no time",
        ),
        ("rules: [", "line 1"),
        ("7", "is no mapping"),
    ],
)
def test_a_bad_rulebook_is_refused_in_one_line(tmp_path, text, says):
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    with pytest.raises(BadInputError, match=says) as caught:
        read_rules(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_rate_and_cooldown_bound_what_a_rule_does():
    from tam_workbench.gate import Act, Course, Finding, ruling

    (rule,) = rules_of({"rules": [STALE | {"rate": {"at_most": 2, "window_s": 600},
                                          "cooldown_s": 300}]})  # fmt: skip
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    found = Finding(
        incident="i", kind="config_stale", root="config_changed", pattern="P002",
        namespace="shop", target="shop/Deployment/web", node="", severity="info", recurrence=0,
        confidence=0.97, trust=1.0, reach=3, at=now,
    )  # fmt: skip

    def course(*before):
        acts = [
            Act(rule="stale", target=target, at=now - timedelta(seconds=ago))
            for target, ago in before
        ]
        return ruling([rule], found, acts=acts, now=now).course

    assert course(("shop/Deployment/web", 301)) is Course.ACT
    assert course(("shop/Deployment/web", 299)) is Course.NOTHING
    assert course(("a", 10), ("b", 599)) is Course.NOTHING
    assert course(("a", 10), ("b", 601)) is Course.ACT


def test_the_shipped_rules_tell_every_field_there_is():
    from importlib.resources import files

    from tam_workbench.gate import cluster_rules

    text = (files("tam_workbench.engine.cluster") / "rulebooks" / "conservative.yaml").read_text()
    told = text.partition("\nrules:")[0]
    fields = {*cluster_rules._FIELDS, *cluster_rules.Match.__dataclass_fields__}
    assert {name for name in fields if f"{name}" not in told} == set()
    defaults = cluster_rules.rule_of({"name": "a", "match": {"kind": "x"}, "action": "scale"})
    assert f"(1 in {defaults.window_s:.0f})" in told
    assert f"({defaults.cooldown_s:.0f})" in told
    assert f"({defaults.check_after_s:.0f})" in told
    assert f"({defaults.escalate_at} in {defaults.recurs_within_s:.0f})" in told
    assert f"confidence  in the root cause, 0 to 1 ({defaults.match.min_confidence})" in told
