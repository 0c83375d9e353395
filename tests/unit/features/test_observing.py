"""Features: what an observation holds, and what never gets in."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from tam_workbench.features import FeatureRules, Features
from tam_workbench.records import CHANGES, LOGS, METRICS, SPANS, Batch, TrustScores

START = datetime(2026, 1, 1, tzinfo=UTC)
SCHEMAS = {"metrics": METRICS, "logs": LOGS, "spans": SPANS, "changes": CHANGES}


def at(tick):
    return START + timedelta(seconds=tick)


def metric(tick, value, *, name="cpu", resource="p0"):
    return (at(tick), resource, "shop", "a", 0, name, value)


def log(tick, body="cache miss", *, severity=9, resource="p0"):
    return (at(tick), resource, "shop", "a", 0, severity, body, None)


def span(tick, seconds, *, error=False):
    return (at(tick), "p0", "shop", "a", 0, "op", "t", "s", None, seconds, error)


def change(tick, kind):
    return (at(tick), "p0", "shop", "a", 0, kind, "", "")


def batch(**rows):
    frames = {
        signal: pl.DataFrame(found, schema=SCHEMAS[signal], orient="row")
        for signal, found in rows.items()
    }
    return Batch(source="t", sequence=0, offset="", received_at=START, **frames)


def scores(of, trust=None, odd=None):
    """Scores 1.0 except where ``trust[signal]`` says otherwise."""
    values = {s: np.ones(getattr(of, s).height) for s in SCHEMAS}
    values |= {s: np.array(v, dtype=float) for s, v in (trust or {}).items()}
    reasons = {s: np.zeros(v.size, dtype=np.uint8) for s, v in values.items()}
    for signal, rows in (odd or {}).items():
        reasons[signal][rows] = 16
    return TrustScores(values=values, reasons=reasons)


def observe(features, trust=None, odd=None, **rows):
    found = batch(**rows)
    return features.observe(found, scores(found, trust, odd))


@pytest.fixture
def features():
    return Features(FeatureRules(), tick_s=1.0)


def column(seen, name):
    return seen.values[:, seen.feature_names.index(name)]


def test_the_width_is_fixed_and_names_come_with_the_metrics(features):
    assert set(features.feature_names[:48]) == {""}
    seen = observe(features, metrics=[metric(0, 1.0), metric(0, 2.0, name="mem")])
    assert seen.feature_names[:6] == (
        "cpu", "cpu.delta", "cpu.deviation", "mem", "mem.delta", "mem.deviation",
    )  # fmt: skip
    assert seen.values.shape == (1, 70)


def test_observations_are_one_per_tick_and_resource_in_tick_order(features):
    rows = [metric(2, 1.0), metric(0, 1.0), metric(0, 1.0, resource="p1"), metric(0.5, 3.0)]
    seen = observe(features, metrics=rows)
    start = int(START.timestamp())
    assert (seen.ticks - start).tolist() == [0, 0, 2]
    assert [seen.resource_names[n] for n in seen.resources] == ["p0", "p1", "p0"]
    assert seen.service_names == ("shop", "shop")
    assert column(seen, "cpu").tolist() == [2.0, 1.0, 1.0]


def test_a_missing_metric_keeps_its_last_value(features):
    seen = observe(features, metrics=[metric(0, 5.0), metric(1, 8.0)], logs=[log(2)])
    assert column(seen, "cpu").tolist() == [5.0, 8.0, 8.0]
    assert column(seen, "cpu.delta").tolist() == [0.0, 3.0, 0.0]


def test_deviation_is_robust_clipped_and_needs_enough_values(features):
    values = [10.0 + (t % 5) for t in range(20)] + [13.0, 1000.0, 12.0]
    deviation = column(
        observe(features, metrics=[metric(t, v) for t, v in enumerate(values)]), "cpu.deviation"
    )
    assert not deviation[:8].any()
    window = values[:20]
    spread = np.subtract(*np.quantile(window, (0.75, 0.25))) / 1.349
    assert deviation[20] == pytest.approx((13.0 - 12.0) / (spread + 0.012), rel=1e-6)
    assert deviation[21] == 10.0
    assert abs(deviation[22]) < 0.1


def test_logs_are_counted_by_trust_and_template(features):
    lines = [log(0, "took 5 ms"), log(0, "took 7 ms"), log(0, "disk full on node", severity=17)]
    seen = observe(features, logs=lines, trust={"logs": [1.0, 0.5, 0.5]})
    assert column(seen, "log.count")[0] == 2.0
    assert column(seen, "log.errors")[0] == 0.5
    assert column(seen, "log.templates")[0] == 2.0
    assert seen.values[0, 52:64].sum() == 2.0
    assert [template.text for template in seen.novel] == ["took <*> ms", "disk full on node"]
    assert seen.novel[0].example == "took 5 ms"


def test_only_templates_that_come_later_are_novel(features):
    lines = [log(t) for t in range(120)] + [log(t, "disk full on node") for t in range(50, 120)]
    novelty = column(observe(features, logs=lines), "log.novelty")
    assert not novelty[:50].any()
    assert (novelty[50:80] == 1.0).all()
    assert not novelty[80:].any()


def test_span_aggregates(features):
    rows = [span(0, s / 100, error=s == 100) for s in range(1, 101)]
    seen = observe(features, spans=rows, logs=[log(1)])
    assert column(seen, "span.rate").tolist() == [100.0, 0.0]
    assert column(seen, "span.error_ratio").tolist() == [0.01, 0.0]
    assert column(seen, "span.p50") == pytest.approx([0.505, 0.505])
    assert column(seen, "span.p95") == pytest.approx([0.9505, 0.9505])


def test_changes_fade_and_slo_events_never_become_features(features):
    told = [change(1, "deploy"), change(2, "slo_breach")]
    seen = observe(features, metrics=[metric(t, 1.0) for t in range(32)], changes=told)
    deploy = column(seen, "change.deploy")
    assert deploy[:2].tolist() == [0.0, 1.0]
    assert deploy[31] == pytest.approx(math.exp(-1))
    assert not column(seen, "change.restart").any()


def test_distrusted_rows_feed_nothing_and_cannot_drown_the_honest_ones(features):
    forged = [log(0, f"ERROR forged {word}", severity=17) for word in ("a", "b", "c")]
    trust = {"logs": [0.95, 0.05, 0.05, 0.05]}
    seen = observe(features, logs=[log(0), *forged], trust=trust, odd={"logs": [1, 2, 3]})
    assert column(seen, "log.errors")[0] == 0.0
    assert len(features.templates()) == 1
    assert seen.trust[0] == 0.95


def test_an_observation_that_lost_a_sense_is_not_trusted(features):
    rows = {"metrics": [metric(0, 1.0)], "logs": [log(0, severity=17)]}
    seen = observe(features, trust={"logs": [0.05]}, odd={"logs": [0]}, **rows)
    assert seen.trust[0] == 0.05


def test_a_doubted_row_that_feeds_pulls_the_observation_down(features):
    rows = {"metrics": [metric(0, 1.0)], "logs": [log(0), log(0, severity=17)]}
    seen = observe(features, trust={"logs": [0.95, 0.4]}, odd={"logs": [1]}, **rows)
    assert column(seen, "log.errors")[0] == 0.4
    assert seen.trust[0] == 0.4


def test_metrics_beyond_the_slots_are_counted_as_overflow():
    features = Features(FeatureRules(max_metrics=2), tick_s=1.0)
    rows = [metric(0, 1.0, name=f"m{n}") for n in range(5)]
    seen = observe(features, metrics=rows)
    assert features.overflow()["metrics"] == 3
    assert seen.feature_names[:6:3] == ("m0", "m1")


def test_a_flood_of_odd_lines_costs_no_memory():
    features = Features(FeatureRules(max_templates=8, max_lines=16), tick_s=1.0)
    words = [f"{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(300)]
    observe(features, logs=[log(0, f"{w} {w}{w} strange") for w in words])
    assert len(features.templates()) == 8
    assert features.overflow()["templates"] == 292


def test_a_line_finds_its_template_without_teaching(features):
    observe(features, logs=[log(0, "took 5 ms")])
    assert features.template_of("took 99 ms").text == "took <*> ms"
    assert features.template_of("never seen before") is None
    assert len(features.templates()) == 1


def test_ticks_far_apart_need_no_room_between_them(features):
    rows = [metric(0, 1.0), metric(20_000_000, 2.0)]
    seen = observe(features, metrics=rows)
    assert np.diff(seen.ticks).tolist() == [20_000_000]
    assert column(seen, "cpu").tolist() == [1.0, 2.0]


def test_a_batch_of_changes_only_has_no_observation_but_is_remembered(features):
    assert observe(features, changes=[change(0, "restart")]).values.shape == (0, 70)
    assert column(observe(features, metrics=[metric(0, 1.0)]), "change.restart")[0] == 1.0


def test_a_late_row_does_not_see_a_change_before_it_happened(features):
    observe(features, metrics=[metric(0, 1.0)], changes=[change(5, "deploy")])
    seen = observe(features, metrics=[metric(3, 2.0)])
    assert int(seen.ticks[0] - START.timestamp()) == 5
    assert column(seen, "change.deploy")[0] == 1.0


def test_old_resources_make_room():
    features = Features(FeatureRules(max_resources=3, max_services=2), tick_s=1.0)
    for tick in range(20):
        seen = observe(features, metrics=[metric(tick, float(tick), resource=f"p{tick}")])
        assert seen.resource_names[seen.resources[0]] == f"p{tick}"
        assert column(seen, "cpu.delta")[0] == 0.0
    assert len(seen.resource_names) == 3


def test_state_restores_to_the_bit(features):
    rows = {
        "metrics": [metric(t, math.sin(t)) for t in range(100)],
        "logs": [log(t, f"took {t} ms") for t in range(100)],
        "spans": [span(t, 1.0 + math.cos(t)) for t in range(100)],
        "changes": [change(50, "deploy")],
    }
    observe(features, **rows)
    copy = Features(FeatureRules(), tick_s=1.0)
    copy.restore(features.state())
    later = {
        "metrics": [metric(t, math.sin(t)) for t in range(100, 140)],
        "logs": [log(t, f"took {t} s and {'x' * (t % 7)}") for t in range(100, 140)],
    }
    ours, theirs = observe(features, **later), observe(copy, **later)
    assert np.array_equal(ours.values, theirs.values)
    assert ours.novel == theirs.novel
    assert ours.feature_names == theirs.feature_names
