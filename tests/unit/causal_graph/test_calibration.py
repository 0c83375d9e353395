"""How sure an edge is: the formula, the fit, and clusters that were never fitted on."""

from dataclasses import replace

import pytest

from tam_workbench.causal import Correlator, Deriver
from tam_workbench.causal.calibrating import (
    SHIPPED,
    Example,
    Features,
    fit,
    lag_ratio,
    probability,
    score,
)
from tam_workbench.evaluation.clusters import ancestors, labelled, mark, recognise

PLAIN = Features(
    prior=0.5, lag=0.0, evidence=0.0, is_after_onset=False, is_superseded=False, trust=1.0
)


@pytest.mark.parametrize(
    ("change", "is_surer"),
    [
        ({"prior": 0.8}, True),
        ({"lag": 2.0}, True),
        ({"evidence": 1.0}, True),
        ({"evidence": -2.0}, False),
        ({"is_after_onset": True}, False),
        ({"is_superseded": True}, False),
        ({"trust": 0.2}, False),
    ],
)
def test_each_feature_moves_the_score_the_right_way(change, is_surer):
    assert (score(replace(PLAIN, **change)) > score(PLAIN)) is is_surer


def test_a_rival_takes_from_it():
    alone = probability(2.0, [], SHIPPED.rivals)
    assert probability(2.0, [3.0], SHIPPED.rivals) < probability(2.0, [0.0], SHIPPED.rivals) < alone


def test_the_likeliest_lag_is_at_the_mode_and_far_ones_are_bounded():
    kinds = {"median_s": 30.0, "spread": 1.0, "window_s": 3600.0}
    assert lag_ratio(11.0, **kinds) > lag_ratio(300.0, **kinds) > lag_ratio(3000.0, **kinds)
    assert lag_ratio(1e6, **kinds) == -3.0


def test_the_fit_finds_what_speaks_for_it():
    sides = [(1.0, True), (-1.0, False)] * 40 + [(1.0, False), (-1.0, True)] * 4
    examples = [Example("c", "e", replace(PLAIN, evidence=side), ()) for side, _ in sides]
    found = fit(examples, [is_right for _, is_right in sides], ridge=1e-4)
    right = probability(score(replace(PLAIN, evidence=1.0), found), [], found.rivals)
    assert right == pytest.approx(40 / 44, abs=0.03)


def test_clusters_that_were_not_fitted_on_are_judged_well():
    """Precision, recall and calibration of the edges of eight clusters with red herrings."""
    edges = right = asked = found = 0
    sums: dict[int, list[float]] = {}
    for seed in range(9000, 9008):
        one = labelled(seed)
        graph = correlated(one).graph
        facts = list(graph.facts.values())
        known = recognise(one.truth, facts, told=one.told)
        marks = mark(one.truth, facts, graph.edges, known)
        edges, right = edges + marks.edges, right + marks.right
        asked, found = asked + marks.asked, found + marks.found
        above = ancestors(one.truth, with_preconditions=True)
        for edge in graph.edges:
            cause, effect = known[edge.cause], known[edge.effect]
            if cause not in (effect, -1):
                is_right = effect >= 0 and cause in above[effect]
                sums.setdefault(int(edge.confidence * 10), []).append(edge.confidence - is_right)
    assert right / edges >= 0.95
    assert found / asked >= 0.95
    assert sum(abs(sum(gaps)) for gaps in sums.values()) / edges <= 0.05


def correlated(one):
    deriver, correlator = Deriver(one.observations[0].ref.cluster), Correlator()
    told = sorted(one.telemetry, key=lambda fact: fact.observed_at)
    for start in range(0, len(one.observations), 100):
        part = one.observations[start : start + 100]
        now = max(seen.observed_at for seen in part)
        fresh = [fact for fact in told if fact.observed_at <= now]
        told = told[len(fresh) :]
        correlator.take([*deriver.take(part), *fresh], now=now)
    correlator.take(told, now=now)
    return correlator
