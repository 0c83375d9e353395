"""The scenarios of seed 001 through `tam k8s`: replayed, asked, begun again, replayed again."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from tam_workbench.api import Workbench
from tam_workbench.cli.main import app
from tam_workbench.engine import wiring
from tam_workbench.evaluation.clusters import scenarios
from tam_workbench.evaluation.clusters.scenario_shelf import SCENARIOS

SIX = {one.name: one for one in SCENARIOS[:6]}


def _json(*words):
    answer = CliRunner().invoke(app, ["k8s", *words, "--json"], catch_exceptions=False)
    assert answer.exit_code == 0, answer.stderr
    return json.loads(answer.stdout)


@pytest.fixture(scope="module", params=SIX, ids=list(SIX))
def replayed(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    path = scenarios.dump(SIX[request.param], folder)
    (row,) = _json("replay", str(path), "--state", str(folder / "state"))
    assert row["gaps"] == 0
    assert row["versions"] > 20
    return SIX[request.param], path, folder / "state"


def _view(state):
    return wiring.open_cluster(state)._view


def test_the_expected_edges_are_there(replayed):
    scenario, _, state = replayed
    graph = _view(state).graph
    linked = {(graph.facts[e.cause].kind, graph.facts[e.effect].kind) for e in graph.edges}
    assert set(scenario.edges) <= linked
    assert not [
        fact for fact in graph.facts.values() if fact.kind in scenario.silent and
        graph.reasons(fact.id)
    ]  # fmt: skip


def test_what_caused_this_names_the_root(replayed):
    scenario, _, state = replayed
    facts = _view(state).graph.facts.values()
    for kind, root in scenario.answers:
        effects = [fact.id for fact in facts if fact.kind == kind]
        assert effects, kind
        roots = [_json("cause", one, "--state", str(state))[0]["causes"] for one in effects[:3]]
        assert root in {causes[0]["fact"]["kind"] for causes in roots if causes}


def test_states_and_changes_are_answered_for_any_past_moment(replayed):
    _, _, state = replayed
    asked = wiring.open_cluster(state)
    (about,) = _json("summary", "--state", str(state))
    begin, end = about["first_at"], about["last_at"]
    rows = _json("changed", begin, end, "--state", str(state))
    assert rows
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)
    (deployment,) = [
        ref for ref in asked._view.history.alive(asked.newest, kind="Deployment")
        if ref.name == "web"
    ]  # fmt: skip
    state_now = _json("state-at", end, f"{deployment.namespace}/deploy/web", "--state", str(state))
    assert state_now["metadata"]["name"] == "web"
    assert (
        _json("diff", f"{deployment.namespace}/deploy/web", end, end, "--state", str(state)) == []
    )
    assert isinstance(_json("expiring", "--state", str(state)), list)


def test_the_same_again_changes_nothing(replayed, tmp_path):
    _, path, state = replayed
    before = _all(state)
    again = tmp_path / f"again-{path.name}"  # another name: read from its beginning
    shutil.copy(path, again)
    _json("replay", str(again), "--state", str(state))
    assert _all(state) == before
    _json("replay", str(path), "--state", str(state))
    assert _all(state) == before


def _all(state):
    view = _view(state)
    told = {ref.path: view.history.moments(ref) for ref in view.history.alive(view.newest)}
    return dict(view.graph.facts), view.graph.edges, dict(view.incidents), told


def test_a_config_change_that_nobody_read_is_told_with_its_consumers(replayed):
    scenario, _, state = replayed
    if scenario.name != "02-config-env":
        pytest.skip("of one scenario")
    stale = [f for f in _view(state).graph.facts.values() if f.kind == "config_stale"]
    (found,) = _json("cause", stale[0].id, "--state", str(state))
    config = found["causes"][0]["fact"]["subject"]
    path = f"{config['namespace']}/cm/{config['name']}"
    told = _json("affected", path, "--state", str(state))
    assert {fact.subject.name for fact in stale} == {
        row["object"]["name"] for row in told if row["object"]["kind"] == "Pod"
    }


def test_seen_before_counts_kills_not_tellings(replayed):
    scenario, _, state = replayed
    if scenario.name != "01-oomkill":
        pytest.skip("of one scenario")
    kills = [f for f in _view(state).graph.facts.values() if f.kind == "oom_killed"]
    (found,) = _json("seen", f"{kills[0].subject.namespace}/deploy/stress", "--state", str(state))
    assert found["times"] == len(kills) == len({f.payload["restart_count"] for f in kills})
    assert len(found["incidents"]) == 1


def test_an_act_waits_in_a_living_loop_is_approved_and_outlives_it(tmp_path):
    path = scenarios.dump(SIX["02-config-env"], tmp_path)
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "rules: [{name: stale, match: {kind: config_stale}, action: rollout_restart}]\n"
    )
    chosen = {"state_dir": tmp_path / "state", "cluster_rulebook": rules}
    wb = Workbench.from_source(f"recorded:{path}", **chosen)
    wb.run()
    wb.settle(300.0)
    (asked,) = wb.acts()
    assert asked.stands == "asked"
    assert wb.cause(asked.proposal.target).causes[0].fact.kind == "config_changed"
    wb.close()
    wb = Workbench.from_source(f"recorded:{path}", **chosen)
    wb.run()
    assert [one.stands for one in wb.acts()] == ["asked"], "known again after a restart"
    wb.approve(asked.proposal.key, reason="their config is stale")
    assert [one.stands for one in wb.acts()] == ["skipped"], "the default actuator only plays"
    assert wb.acts()[0].outcome.detail == "dry run: would rollout_restart shop/Deployment/web"
    wb.run(batches=0)
    kinds = [entry.kind for entry in wb.audit_entries()]
    assert wb.verify_audit().holds
    assert [kinds.count(kind) for kind in ("cluster_rule", "acting", "outcome")] == [1, 1, 1]
    wb.close()
