"""Ranking: clues from traces, metrics and flows, the onset, and what must not be blamed."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tam_workbench.causal import ranking
from tam_workbench.errors import BadInputError

MS = 1_000_000


def _cut_short(trace: int, *, breaks: bool) -> bool:
    return breaks and trace % 10 < 8


def _world(traces=60, *, seed=0, slow="", wire="", breaks=False, dead=""):
    """Return spans and logs: web calls cart, cart calls pay; one of them may be ill."""
    rng = np.random.default_rng(seed)
    spans, logs = [], []
    for trace in range(traces):
        at = trace * 1_000 * MS
        own = {s: int(rng.normal(10, 1) * MS) * (8 if s == slow else 1) for s in ("w", "c", "p")}
        far = {s: int(rng.normal(2, 0.2) * MS) + (400 * MS if s == wire else 0) for s in "cp"}
        pay_ends = own["p"]
        early = _cut_short(trace, breaks=breaks)
        cart_took = own["c"] if early else own["c"] + far["p"] + pay_ends
        ids = {name: f"{seed}-{trace}-{name}" for name in ("w", "wc", "c", "cp", "p")}

        def span(name, where, start, took, *, ids=ids, trace=trace):
            parent = ids.get({"wc": "w", "c": "wc", "cp": "c", "p": "cp"}.get(name))
            spans.append((str(trace), ids[name], parent, *where, start, took))

        span("w", ("web", "GET /"), at, own["w"] + far["c"] + cart_took)
        span("wc", ("web", "POST"), at + 5 * MS, far["c"] + cart_took)
        logs.append((ids["w"], at + MS, "asked"))
        last = at + own["w"] + far["c"] + cart_took - MS
        logs.append((ids["w"], last, "sorry" if early else "served"))
        if dead == "cart" and trace % 3 == 0:
            continue
        start = at + 5 * MS + far["c"] // 2
        span("c", ("cart", "/cart"), start, cart_took)
        logs.append((ids["c"], start + MS, "looking"))
        if early:
            continue
        span("cp", ("cart", "POST"), start + 4 * MS, far["p"] + pay_ends)
        span("p", ("pay", "/pay"), start + 4 * MS + far["p"] // 2, pay_ends)
        logs.append((ids["c"], start + cart_took - MS, "found"))
        logs.append((ids["p"], start + 5 * MS, "paid"))
    frame = pl.DataFrame(spans, schema=list(ranking.SPAN_COLUMNS), orient="row")
    return frame, pl.DataFrame(logs, schema=list(ranking.LOG_COLUMNS), orient="row")


def _suspects(**ill):
    before = ranking.visits_of(*_world(seed=1))
    after = ranking.visits_of(*_world(30, seed=2, **ill), routes=before.routes)
    return ranking.rank(ranking.trace_clues(before, after))


def test_a_quiet_stretch_has_no_strong_suspect():
    assert all(suspect.score < ranking.OnsetRules().alarm for suspect in _suspects())


@pytest.mark.parametrize(
    ("ill", "cause"),
    [
        ({"slow": "p"}, "pay"),
        ({"slow": "c"}, "cart"),
        ({"slow": "w"}, "web"),
        ({"wire": "p"}, "pay"),
        ({"wire": "c"}, "cart"),
        ({"breaks": True}, "cart"),
        ({"dead": "cart"}, "cart"),
    ],
)
def test_the_ill_service_comes_first_and_not_those_that_wait_for_it(ill, cause):
    first = _suspects(**ill)[0]
    assert first.service == cause
    assert first.score > ranking.OnsetRules().alarm
    assert first.why


def test_only_the_first_break_of_a_trace_counts():
    before = ranking.visits_of(*_world(seed=1))
    after = ranking.visits_of(*_world(30, seed=2, breaks=True), routes=before.routes)
    assert {"web", "cart"} <= set(ranking.broken_steps(before, after)["service"])
    assert set(ranking.first_breaks(before, after)["blamed"]) == {"cart"}


def test_order_and_repetition_of_spans_change_nothing():
    spans, logs = _world(20)
    once = ranking.visits_of(spans, logs)
    told = pl.concat([spans, spans.head(7)]).sample(fraction=1.0, shuffle=True, seed=3)
    again = ranking.visits_of(told, logs.sample(fraction=1.0, shuffle=True, seed=4))
    assert once.table.equals(again.table)
    assert once.steps.equals(again.steps)
    assert once.gaps.equals(again.gaps)


def test_own_time_is_the_whole_less_what_was_waited_for():
    visits = ranking.visits_of(*_world(5))
    by = visits.table.group_by("service").agg(pl.col("own_ns").mean() / MS)
    assert all(8.0 < own < 12.0 for own in dict(by.rows()).values())


def test_a_call_without_an_answer_is_laid_to_the_one_who_was_meant():
    visits = ranking.visits_of(*_world(20, dead="cart"))
    silent = visits.steps.filter(pl.col("step") == "no answer from cart")
    assert silent.height == 7
    assert set(silent["blamed"]) == {"cart"}


def test_a_missing_column_is_named():
    spans, logs = _world(1)
    with pytest.raises(BadInputError, match="spans has no column service"):
        ranking.visits_of(spans.drop("service"), logs)


def test_no_logs_and_no_spans_are_no_error():
    spans, logs = _world(3)
    assert ranking.visits_of(spans, logs.clear()).table.height == 9
    nothing = ranking.visits_of(spans.clear(), logs.clear())
    assert nothing.table.is_empty()
    assert ranking.trace_clues(nothing, nothing) == []


def test_the_one_slow_callee_is_blamed_and_not_its_only_caller():
    clues = {suspect.service for suspect in _suspects(wire="p")[:1]}
    assert clues == {"pay"}


@given(st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_surprise_does_not_depend_on_unit_or_column_order(seed):
    rng = np.random.default_rng(seed)
    before, after = rng.normal(5, 1, (40, 4)), rng.normal(5, 1, (3, 4))
    after[:, 2] += 20.0
    pools = np.array([0, 0, 0, 0])
    plain = ranking.surprise(before, after, pools)
    assert np.allclose(plain, ranking.surprise(before * 7.0, after * 7.0, pools))
    order = rng.permutation(4)
    assert np.allclose(plain[order], ranking.surprise(before[:, order], after[:, order], pools))
    assert int(plain.argmax()) == 2


def test_surprise_has_realistic_values_on_both_sides_of_the_alarm():
    rng = np.random.default_rng(0)
    before = rng.standard_t(3, (400, 5))
    rules = ranking.OnsetRules()
    pools = np.zeros(5, dtype=np.int64)
    rows = rng.standard_t(3, (200, 1, 5))
    quiet = np.concatenate([ranking.surprise(before, row, pools) for row in rows])
    ill = ranking.surprise(before, np.full((1, 5), 500.0), pools)
    assert 0.001 < np.mean(quiet > rules.allowance) < 0.05
    assert np.mean(quiet > rules.allowance + rules.alarm) < 0.001
    assert ill.min() > rules.allowance + rules.alarm


def test_gaps_and_empty_columns_say_nothing():
    before = np.full((20, 2), np.nan)
    before[:, 0] = 1.0
    nats = ranking.surprise(before, np.array([[np.nan, 3.0]]), np.zeros(2, dtype=np.int64))
    assert nats.tolist() == [0.0, 0.0]


def test_metric_columns_and_names_must_agree():
    with pytest.raises(BadInputError, match="1 columns are named, 2 are there"):
        ranking.metric_clues(np.zeros((9, 2)), np.zeros((1, 2)), [("a", "cpu")])


def _flow(ticks, *, seed, ill=""):
    rng = np.random.default_rng(seed)
    services = ("web", "cart", "pay", "odd")
    requests = rng.poisson([500, 400, 100, 3], (ticks, 4)).astype(float)
    latency = rng.normal([0.1, 0.05, 0.02, 1.0], [0.004, 0.002, 0.001, 0.5], (ticks, 4))
    failed = rng.binomial(requests.astype(int), 0.01).astype(float)
    if ill == "slow":
        latency += [0.04, 0.05, 0.2, 0.0]
    if ill == "failing":
        failed += [20, 20, 20, 0]
    return ranking.Flow(services=services, requests=requests, latency_s=latency, failed=failed)


CALLS = [("web", "cart"), ("cart", "pay"), ("web", "odd")]


@pytest.mark.parametrize("ill", ["slow", "failing"])
def test_what_callees_explain_is_not_laid_to_the_caller(ill):
    before = _flow(300, seed=0)
    clues = ranking.flow_clues(before, _flow(2, seed=1, ill=ill), CALLS)
    assert ranking.rank(clues)[0].service == "pay"
    without_graph = ranking.rank(ranking.flow_clues(before, _flow(2, seed=1, ill=ill), []))
    assert without_graph[0].score < ranking.rank(clues)[0].score


def test_a_callee_that_nobody_called_before_explains_nothing():
    before, after = _flow(300, seed=0), _flow(2, seed=1, ill="failing")
    before.requests[:, 2] = 0.0
    excess = ranking.own_excess(before, after, CALLS, of="failures")
    assert excess.amount[2] == 0.0
    assert before.services[int(excess.amount.argmax())] == "cart"


def test_flows_of_different_services_are_refused():
    one, other = _flow(9, seed=0), _flow(9, seed=0)
    other = ranking.Flow(
        services=("a",), requests=other.requests, latency_s=other.latency_s, failed=other.failed
    )
    with pytest.raises(BadInputError, match="different services"):
        ranking.own_excess(one, other, CALLS)


def test_the_onset_is_where_the_evidence_rose_and_not_where_it_sufficed():
    onset = ranking.Onset()
    for tick, nats in enumerate([1.0, 3.0, 6.0, 6.0, 6.0, 0.0]):
        onset.update({"cart": nats, "web": 0.5}, at=float(tick))
    assert (onset.began_at, onset.alarmed_at, onset.service) == (2.0, 4.0, "cart")
    onset.close()
    assert not onset.is_open


def test_evidence_within_the_allowance_never_opens_an_incident():
    onset = ranking.Onset()
    for tick in range(1_000):
        onset.update({"cart": ranking.OnsetRules().allowance}, at=float(tick))
    assert not onset.is_open
    assert onset.suspected_since is None


def test_the_onset_goes_on_from_its_state():
    one, other = ranking.Onset(), ranking.Onset()
    for tick in range(2):
        one.update({"cart": 6.0}, at=float(tick))
    other.restore(one.state())
    for onset in (one, other):
        onset.update({"cart": 9.0}, at=2.0)
    assert one.state() == other.state()
    assert other.began_at == 0.0


def test_ties_stand_in_the_order_of_names_and_weak_clues_are_left_out():
    clues = [
        ranking.Clue(service=service, kind="metric", nats=nats, why="")
        for service, nats in (("b", 3.0), ("a", 3.0), ("c", 0.5))
    ]
    assert [suspect.service for suspect in ranking.rank(clues)] == ["a", "b"]
    assert ranking.rank(reversed(clues)) == ranking.rank(clues)
    assert len(ranking.rank(clues, most=1)) == 1


def test_a_clue_without_a_number_is_refused():
    with pytest.raises(BadInputError, match="has nan nats"):
        ranking.rank([ranking.Clue(service="a", kind="metric", nats=float("nan"), why="")])
