"""From an effect to its roots, forward to all it led to, and what supports a story."""

from datetime import UTC, datetime, timedelta

import pytest

from tam_workbench.causal import CausalGraph, support
from tam_workbench.records import Edge, Fact, ObjectRef

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
WEB = ObjectRef(cluster="c", kind="Deployment", namespace="shop", name="web", uid="w")
POD = ObjectRef(cluster="c", kind="Pod", namespace="shop", name="web-1", uid="p")


def fact(name, kind="container_terminated", at=0, subject=POD, **involved):
    when = START + timedelta(seconds=at)
    return Fact(
        id=name, kind=kind, subject=subject, happened_at=when, observed_at=when, involved=involved
    )


def graph_of(*edges, kinds=None):
    graph = CausalGraph()
    names = {name for cause, effect, _ in edges for name in (cause, effect)}
    for name in names:
        graph.put_fact(fact(name, (kinds or {}).get(name, "rolled_out")))
    for effect in names:
        found = {
            cause: (edge(cause, effect, confidence), True)
            for cause, other, confidence in edges
            if other == effect
        }
        graph.set_causes(effect, found)
    return graph


def edge(cause, effect, confidence):
    return Edge(
        cause=cause,
        effect=effect,
        relation="P006",
        confidence=confidence,
        evidence=("same workload",),
        observed_at=START,
    )


def test_the_root_comes_first_with_the_product_over_its_surest_way():
    graph = graph_of(("root", "mid", 0.9), ("mid", "end", 0.8), ("root", "end", 0.5))
    causes = graph.trace("end")
    assert [cause.fact.id for cause in causes] == ["root", "mid"]
    assert causes[0].confidence == pytest.approx(0.72)
    assert causes[0].path == ("root", "mid", "end")
    assert causes[0].relations == ("P006", "P006")
    assert "same workload" in causes[0].evidence


def test_a_deed_stands_before_a_symptom_that_nothing_explains():
    kinds = {"storm": "error_storm"}
    graph = graph_of(("deed", "end", 0.6), ("storm", "end", 0.9), kinds=kinds)
    assert [cause.fact.id for cause in graph.trace("end")] == ["deed", "storm"]


def test_k_and_depth_are_kept():
    chain = [(f"n{i}", f"n{i + 1}", 0.9) for i in range(12)]
    graph = graph_of(*chain)
    assert len(graph.trace("n12", k=3)) == 3
    assert {one.fact.id for one in graph.trace("n12", depth=2, k=9)} == {"n11", "n10"}


def test_a_cycle_does_no_harm():
    graph = graph_of(("a", "b", 0.9), ("b", "a", 0.9))
    assert [one.fact.id for one in graph.trace("a")] == ["b"]
    assert [one.id for one in graph.affected("a")] == ["b"]


def test_preconditions_are_known_but_no_answer():
    graph = graph_of(("bound", "kill", 0.9))
    graph.set_causes("kill", {"bound": (edge("bound", "kill", 0.9), False)})
    assert graph.causes("kill")
    assert graph.trace("kill") == []


def test_what_is_dropped_takes_its_edges_along():
    graph = graph_of(("a", "b", 0.9), ("b", "c", 0.9))
    assert {(one.cause, one.effect) for one in graph.drop(["b"])} == {("a", "b"), ("b", "c")}
    assert graph.edges == ()
    assert graph.effects("a") == graph.causes("c") == ()


WINDOW = (START - timedelta(seconds=60), START + timedelta(seconds=60))


def test_a_storm_alone_is_supported_by_nothing():
    storm = fact("s", "error_storm", workload=WEB)
    other = fact("k", "oom_killed", subject=POD)  # of nobody that is known
    late = fact("l", "oom_killed", at=600, workload=WEB)
    assert support([storm, other, late], service="web", window=WINDOW) == 0.0


def test_a_kill_supports_it_and_more_kinds_support_it_more():
    kill, again = (fact(name, "oom_killed", workload=WEB) for name in ("k", "k2"))
    metric = fact("m", "metric_anomaly", workload=WEB)
    alone = support([kill], service="web", window=WINDOW)
    assert alone == pytest.approx(0.9)
    assert support([kill, again], service="web", window=WINDOW) == alone
    assert support([kill, metric], service="web", window=WINDOW) > alone
