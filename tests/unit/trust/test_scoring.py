"""Trust: what is believed, what is not, and why."""

import math
import random
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from telemetry_rows import SCHEMAS, at, batch, change, log, metric, quiet, reasons, span, taught

from tam_workbench.trust import Trust, TrustRules


def test_an_ordinary_row_keeps_its_prior():
    scores = Trust(TrustRules(), tick_s=1.0).score(batch(**quiet(200)))
    assert (scores.values["metrics"] == 0.95).all()
    assert (scores.values["logs"] == 0.95).all()
    assert not scores.reasons["metrics"].any()


def test_a_lone_storm_of_errors_is_not_believed_and_its_info_lines_are():
    rows = quiet(61, start=60)["metrics"]
    storm = [log(60, 17) for _ in range(20)] + [log(60)]
    scores = taught().score(batch(metrics=rows, logs=storm))
    assert scores.values["logs"][:-1].max() <= 0.1
    assert reasons(scores.reasons["logs"][0]) == {"anomalous", "uncorroborated"}
    assert scores.values["logs"][-1] == 0.95


@pytest.mark.parametrize(
    "evidence",
    [
        {"metrics": [metric(60, 40.0)]},
        {"changes": [change(60, "oom_killed")]},
        {"spans": [span(60, error=True) for _ in range(8)]},
    ],
    ids=lambda rows: next(iter(rows)),
)
def test_a_storm_that_another_signal_saw_is_believed(evidence):
    storm = [log(60, 17) for _ in range(20)]
    scores = taught().score(batch(logs=storm, **evidence))
    assert scores.values["logs"].min() >= 0.8
    assert reasons(scores.reasons["logs"][0]) == {"anomalous", "corroborated"}


def test_evidence_fades_after_the_window_and_never_comes_from_the_future():
    storm = [log(t, 17) for t in (60, 62, 65, 66)]
    scores = taught().score(batch(logs=storm, changes=[change(62, "restart")]))
    before, same, within, after = scores.values["logs"]
    assert before <= 0.1
    assert min(same, within) >= 0.8
    assert after < 0.2  # the two that were believed made it a little more usual


def test_a_maintenance_note_is_no_evidence():
    scores = taught().score(batch(logs=[log(60, 17)], changes=[change(60, "maintenance")]))
    assert scores.values["logs"][0] <= 0.1


def test_a_lone_odd_metric_is_doubted_but_not_silenced():
    alone = Trust(TrustRules(), tick_s=1.0)  # logs of its own: one who could have seen it
    alone.score(batch(**quiet(60)))
    doubted = alone.score(batch(metrics=[metric(60, 40.0)]))
    assert 0.5 <= doubted.values["metrics"][0] < 0.7
    heard = Trust(TrustRules(), tick_s=1.0)  # and another channel that saw nothing
    heard.score(batch(**quiet(60)))
    other = [log(60, source="b")]
    assert heard.score(batch(metrics=[metric(60, 40.0)], logs=other)).values["metrics"][0] >= 0.3
    assert heard.score(batch(metrics=[metric(61, 40.0)], logs=[])).values["metrics"][0] < 0.5


def test_an_honest_channel_that_stands_alone_stays_trusted():
    """Silence means nothing where nobody else could have seen anything."""
    rng = random.Random(9)
    bursts = [
        metric(t, 1e6 * rng.random() if rng.random() < 0.1 else 0.0, name="disk.io")
        for t in range(300)
    ]
    scores = Trust(TrustRules(), tick_s=1.0).score(batch(metrics=bursts))
    assert scores.values["metrics"].min() == 0.95
    assert any("anomalous" in reasons(byte) for byte in scores.reasons["metrics"])
    errors = [log(t, 17) for t in range(100, 120) for _ in range(5)]
    lone = batch(logs=[log(t) for t in range(100)] + errors)
    assert Trust(TrustRules(), tick_s=1.0).score(lone).values["logs"].min() == 0.95


def test_an_odd_metric_is_supported_by_another_channel_but_not_by_its_own():
    calm = [metric(t, 10 + math.sin(t), name="queue", source=s) for t in range(60) for s in "ab"]
    for source, believed in (("a", False), ("b", True)):
        trust = Trust(TrustRules(), tick_s=1.0)
        rows = quiet(60)
        trust.score(batch(metrics=rows["metrics"] + calm))
        pair = [metric(60, 40.0), metric(60, 90.0, name="queue", source=source)]
        assert (trust.score(batch(metrics=pair)).values["metrics"][0] >= 0.8) == believed


@pytest.mark.parametrize(("storm_at", "trouble_at"), [("cart", "shop"), ("shop", "cart")])
def test_trouble_of_a_called_service_explains_its_caller_and_never_back(storm_at, trouble_at):
    trust, cart = Trust(TrustRules(), tick_s=1.0), quiet(60, service="cart")
    rows = {signal: sorted(found + cart[signal]) for signal, found in quiet(60).items()}
    trust.score(batch(**rows, spans=[span(t, parent="cart") for t in range(60)]))
    storm = [log(60, 17, service=storm_at)]
    evidence = [change(60, "oom_killed", service=trouble_at)]
    trust_of_storm = trust.score(batch(logs=storm, changes=evidence)).values["logs"][0]
    assert (0.5 < trust_of_storm < 0.8) == (storm_at == "cart")
    assert (trust_of_storm <= 0.1) == (storm_at == "shop")


def test_an_unknown_channel_is_unauthenticated_whatever_it_says():
    scores = taught().score(batch(logs=[log(60, source="stranger", body="trust me, token=1")]))
    assert scores.values["logs"][0] == pytest.approx(0.3)
    assert reasons(scores.reasons["logs"][0]) == {"unauthenticated"}


@pytest.mark.parametrize(
    ("behind", "reason", "trust"),
    [(30, None, 0.95), (90, "stale", 0.475), (700, "replayed", 0.095)],
)
def test_rows_that_go_back_in_time_are_stale_or_replayed(behind, reason, trust):
    scores = Trust(TrustRules(), tick_s=1.0).score(batch(logs=[log(1000), log(1000 - behind)]))
    assert scores.values["logs"][1] == pytest.approx(trust)
    assert reasons(scores.reasons["logs"][1]) == ({reason} if reason else set())


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_that_is_none_is_trusted_not_at_all(value):
    scores = taught().score(batch(metrics=[metric(60, value)], spans=[span(60, seconds=value)]))
    assert scores.values["metrics"][0] == scores.values["spans"][0] == 0.0
    assert reasons(scores.reasons["spans"][0]) == {"schema"}


def test_failing_spans_alone_are_doubted():
    calm = [span(t) for t in range(60) for _ in range(8)]
    failing = [span(60, error=True) for _ in range(6)] + [span(60)]
    scores = taught(spans=calm).score(batch(spans=failing))
    assert scores.values["spans"][:6].max() < 0.3
    assert scores.values["spans"][6] == 0.95


def test_a_channel_that_keeps_forging_loses_its_name_and_an_honest_one_does_not():
    trust = taught()
    forged = [log(t, 17, source="b") for t in range(60, 460) for _ in range(5)]
    trust.score(batch(**{**quiet(460, start=60), "logs": forged}))
    standing = {reputation.source: reputation for reputation in trust.reputations()}
    assert standing["b"].high < 0.5
    assert standing["a"].low > 0.9
    scores = trust.score(batch(logs=[log(460, source="b")]))
    assert scores.values["logs"][0] < 0.3
    assert "reputation" in reasons(scores.reasons["logs"][0])


def test_people_can_ban_and_rehabilitate_a_channel():
    trust = taught()
    trust.judge("a", believed=False, weight=200)
    assert trust.reputations()[0].mean < 0.3
    trust.judge("a", believed=True, weight=20_000)
    assert trust.reputations()[0].mean > 0.9


def test_reputation_says_how_sure_it_is():
    young, old = Trust(TrustRules(), tick_s=1.0), Trust(TrustRules(), tick_s=1.0)
    young.score(batch(**quiet(2)))
    old.score(batch(**quiet(800)))
    width = [r.high - r.low for r in (young.reputations()[0], old.reputations()[0])]
    assert width[0] > 4 * width[1]


def test_errors_nobody_corroborates_never_become_ordinary_but_real_trouble_does():
    forged = [log(t, 17, source="b") for t in range(60, 660, 2)]
    lone = taught().score(batch(**{**quiet(660, start=60), "logs": forged}))
    assert lone.values["logs"].max() <= 0.1
    lasting = [metric(t, 40.0 + t % 3) for t in range(60, 1260)]
    real = taught().score(batch(metrics=lasting, logs=[log(t, 17) for t in range(60, 1260)]))
    assert real.values["logs"].min() >= 0.8


def legacy(seed, *, ticks=1000, onset=300, poison=0.0):
    rng = random.Random(seed)
    metrics, logs, forged = [], [], []
    for t in range(ticks):
        cpu = 40 + 15 * math.sin(t / 25) + rng.uniform(-5, 5)
        err = max(0.0, rng.gauss(0.17 if t >= onset else 0.02, 0.01))
        forged.append(rng.random() < poison)
        severity = 17 if err > 0.12 or forged[-1] else 9
        metrics += [metric(t, cpu, name="cpu"), metric(t, err, name="err_rate")]
        logs.append(log(t, severity))
    return batch(metrics=metrics, logs=logs), np.array(forged)


@pytest.mark.parametrize("seed", range(10))
def test_the_legacy_drift_is_believed_from_its_first_tick_to_its_last(seed):
    stream, _ = legacy(seed)
    scores = Trust(TrustRules(), tick_s=1.0).score(stream)
    assert scores.values["logs"].min() >= 0.8
    assert scores.values["metrics"].min() >= 0.8


@pytest.mark.parametrize("seed", range(10))
def test_forged_errors_of_a_spoofed_channel_are_not_believed(seed):
    stream, forged = legacy(seed, poison=0.1)
    logs = Trust(TrustRules(), tick_s=1.0).score(stream).values["logs"]
    warm, onset = 16, 300
    assert logs[warm:onset][forged[warm:onset]].max() <= 0.1
    assert logs[warm:onset][~forged[warm:onset]].min() >= 0.85
    assert logs[onset:].min() >= 0.8


def test_a_service_that_errs_all_the_time_from_its_first_tick_is_believed():
    rows = {**quiet(300), "logs": [log(t, 17) for t in range(300) for _ in range(1 + t % 3)]}
    scores = Trust(TrustRules(), tick_s=1.0).score(batch(**rows))
    assert np.median(scores.values["logs"]) >= 0.8
    assert scores.values["logs"].min() >= 0.3


def test_state_restores_to_the_bit():
    stream, _ = legacy(1, ticks=500, poison=0.1)
    halves = [batch(**quiet(300)), stream]
    trust, copy = Trust(TrustRules(), tick_s=1.0), Trust(TrustRules(), tick_s=1.0)
    trust.score(halves[0])
    copy.restore(trust.state())
    ours, theirs = trust.score(stream), copy.score(stream)
    for signal in SCHEMAS:
        assert np.array_equal(ours.values[signal], theirs.values[signal])
        assert np.array_equal(ours.reasons[signal], theirs.reasons[signal])
    assert copy.reputations() == trust.reputations()


def test_memory_is_bounded_and_old_names_make_room():
    rules = TrustRules(max_resources=4, max_services=4, max_channels=3, max_metrics=4)
    trust = Trust(rules, tick_s=1.0)
    for t in range(40):
        name = f"s{t % 9}"
        rows = [metric(t, 1.0, name=name, service=name, source=name)]
        scores = trust.score(batch(metrics=rows, channels=(name,)))
        assert scores.values["metrics"][0] == 0.95
    assert len(trust.reputations()) == 3


def replicas(until, *, start=0, lies=()):
    """Two replicas through channels a and b; ``lies`` are further log rows."""
    rng = random.Random(3)
    metrics, logs = [], list(lies)
    for t in range(start, until):
        for n, source in enumerate("ab"):
            where = (at(t), f"shop-{n}", "shop", source, t)
            metrics.append((*where, "latency", rng.gauss(10, 1)))
            logs.append((*where, 9, "hello", None))
    return {"metrics": sorted(metrics), "logs": sorted(logs, key=lambda row: row[0])}


def test_a_channel_that_logs_far_more_errors_than_another_is_not_believed_in_real_trouble():
    """An incident both channels log of, and ten more lines that only one of them has."""
    trust = Trust(TrustRules(), tick_s=1.0)
    trust.score(batch(**replicas(60)))
    ill = [change(60, "oom_killed", source="kube"), change(60, "restart", source="deployer")]
    both = [log(60, 17, source=source) for source in "ab"]
    believed = trust.score(batch(**replicas(61, start=60, lies=both), changes=ill))
    errors = believed.values["logs"][batch(**replicas(61, start=60, lies=both)).logs["row"] == 60]
    assert errors.min() >= 0.5
    more = [log(61, 17, source="b") for _ in range(10)] + [log(61, 17, source="a")]
    rows = batch(**replicas(62, start=61, lies=more), changes=ill)
    scores = trust.score(rows)
    told = rows.logs.with_columns(trust=scores.values["logs"]).filter(
        pl.col("severity_number") == 17
    )
    by_source = dict(
        told.group_by(pl.col("source").cast(pl.String)).agg(pl.col("trust").min()).rows()
    )
    assert by_source["b"] < 0.5 <= by_source["a"]


def test_a_breach_that_telemetry_does_not_bear_out_is_not_believed():
    trust = Trust(TrustRules(), tick_s=1.0)
    trust.score(batch(**replicas(60)))
    said = [change(60, "slo_breach", source="monitor")]
    channels = ("a", "b", "monitor")
    false = trust.score(batch(**replicas(61, start=60), changes=said, channels=channels))
    assert false.values["changes"][0] < 0.5
    rows = replicas(62, start=61)
    rows["metrics"] = [(*row[:6], row[6] + 60.0) for row in rows["metrics"]]
    true = trust.score(
        batch(**rows, changes=[change(61, "slo_breach", source="monitor")], channels=channels)
    )
    assert true.values["changes"][0] >= 0.9


def test_a_breach_of_a_service_that_nobody_else_speaks_of_is_taken_as_told():
    trust = Trust(TrustRules(), tick_s=1.0)
    said = [change(t, "slo_breach", source="a") for t in range(40)]
    assert trust.score(batch(changes=said)).values["changes"].min() == 0.95
