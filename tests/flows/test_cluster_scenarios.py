"""Every labelled scenario through a replay: edges, answers, silences; forged and red herrings."""

import pytest

from tam_workbench.engine import settings, wiring
from tam_workbench.engine.opened import open_cluster
from tam_workbench.evaluation.clusters import scenarios
from tam_workbench.evaluation.clusters.scenario_shelf import SCENARIOS

BY_NAME = {one.name: one for one in SCENARIOS}
QUICK = {name for name in BY_NAME if name[:2] in {"01", "02", "07", "12", "16", "23", "24", "25"}}
ANY = """
rules:
  - {name: any, match: {kind: "*", min_confidence: 0.0}, action: rollout_restart, approval: false}
"""


def names():
    for name in BY_NAME:
        yield pytest.param(name, marks=() if name in QUICK else pytest.mark.slow, id=name)


@pytest.fixture(scope="module", params=names())
def replayed(request, tmp_path_factory):
    """A scenario and the folder in which a loop, let do anything, replayed it."""
    scenario = BY_NAME[request.param]
    folder = tmp_path_factory.mktemp("scenario")
    path = scenarios.dump(scenario, folder)
    rules = folder / "rules.yaml"
    rules.write_text(ANY)
    state = folder / "state"
    chosen = settings.read(
        source=f"recorded:{path}", state_dir=state, store="inmemory", cluster_rulebook=rules,
        autonomy=3, gate={"act_blast_radius": 10, "act_confidence": 0.0, "min_confidence": 0.0},
    )  # fmt: skip
    runner = wiring.assemble(chosen).runner
    runner.run()
    cluster = runner.loop.stages.cluster
    cluster.learn(scenarios.played(scenario).telemetry, now=cluster.view.newest)  # no watch tells
    runner.loop.settle(300.0)
    runner.commit()
    acts = runner.loop.autonomy.all()
    runner.close()
    return scenario, open_cluster(state), acts


def test_edges_answers_and_silences_are_as_labelled(replayed):
    scenario, asked, _ = replayed
    graph = asked._view.graph
    linked = {(graph.facts[e.cause].kind, graph.facts[e.effect].kind) for e in graph.edges}
    assert set(scenario.edges) <= linked
    kinds = {fact.kind for fact in graph.facts.values() if graph.reasons(fact.id)}
    assert not kinds & set(scenario.silent)
    for kind, root in scenario.answers:
        effects = [fact for fact in graph.facts.values() if fact.kind == kind]
        found = [asked.cause(fact.id).causes for fact in effects]
        assert root in {causes[0].fact.kind for causes in found if causes}, (kind, root)


def test_the_same_is_answered_about_the_object_by_its_name(replayed):
    scenario, asked, _ = replayed
    facts = asked._view.graph.facts.values()
    for kind, root in scenario.answers:
        workloads = {
            fact.involved["workload"].path
            for fact in facts
            if fact.kind == kind and fact.involved.get("workload")
        }
        for path in workloads:
            told = asked.cause(path)
            if told.effect.kind == kind and told.causes:
                assert told.causes[0].fact.kind == root


def test_what_happened_is_in_the_incidents_and_their_evidence_saved(replayed):
    scenario, asked, _ = replayed
    trouble = {kind for one in asked.incidents() for kind in one.counts}
    from tam_workbench.causal.correlator_incidents import TROUBLE

    asked_for = {kind for kind, _ in scenario.answers} & TROUBLE
    assert asked_for <= trouble
    lost = [one for one in asked.expiring() if not one.is_saved]
    kills = [fact for fact in asked._view.graph.facts.values() if fact.kind == "oom_killed"]
    assert len(lost) <= sum(fact.payload.get("restart_count", 0) for fact in kills) + 1


def only(replayed, *numbers):
    if replayed[0].name[:2] not in numbers:
        pytest.skip("of other scenarios")
    return replayed


def test_forged_events_start_nothing_though_any_rule_would_let_them(replayed):
    _, asked, acts = only(replayed, "24")
    told = {fact.kind for fact in asked._view.graph.facts.values()}
    assert {"warned", "error_storm"} <= told, "they were heard"
    assert [one.stands for one in acts if one.stands != "held"] == []


def test_red_herrings_lead_to_no_trouble(replayed):
    scenario, asked, _ = only(replayed, "23")
    causes = [
        (cause.fact.kind, fact.kind)
        for fact in asked._view.graph.facts.values()
        if fact.kind in scenario.silent
        for cause in asked.cause(fact.id).causes
    ]
    assert causes == []


def test_real_trouble_is_acted_upon_by_the_same_rule(replayed):
    _, _, acts = only(replayed, "01", "07", "12", "25")
    assert {one.stands for one in acts} & {"skipped", "checking", "asked", "failed"}
