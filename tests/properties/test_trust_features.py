"""Compiled trust and features agree with their readable twins, however the stream is cut."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tam_workbench.features import FeatureRules, Features, ReferenceFeatures
from tam_workbench.plant import Attack, Fault, Plant, PlantSpec
from tam_workbench.records import CHANGES, LOGS, METRICS, SPANS, Authentication, Batch, Channel
from tam_workbench.trust import ReferenceTrust, Trust, TrustRules

START = datetime(2026, 1, 1, tzinfo=UTC)
SCHEMAS = {"metrics": METRICS, "logs": LOGS, "spans": SPANS, "changes": CHANGES}
CHANNELS = (
    Channel(name="signed", authentication=Authentication.SIGNED),
    Channel(name="local"),
    Channel(name="open", authentication=Authentication.NONE),
)
TRUST = TrustRules(warmup=4, lateness_s=2.0, replay_s=6.0, reputation_ticks=10.0, fast_ticks=8.0)
EAGER = replace(TRUST, part_points=3, part_quiet=0.5, part_loud=1.0, part_quiet_z=0.5)
FEATURES = FeatureRules(max_metrics=2, window=6, min_window=3, novel_ticks=3, change_ticks=5.0)
KINDS = ("deploy", "restart", "slo_breach", "maintenance")
WORDS = ("cache miss", "took 5 ms", "took 7 ms", "disk full on node", "GET /a/b done")


def make(ticks, seed, *, late):
    """A stream of two services with storms, slow calls and changes; some rows come late."""
    rng = np.random.default_rng(seed)
    rows = {signal: [] for signal in SCHEMAS}
    for tick in range(ticks):
        is_trouble = tick % 11 > 7
        for _ in range(rng.integers(1, 7)):
            signal = rng.choice(("metrics", "metrics", "logs", "logs", "spans", "spans", "changes"))
            behind = float(rng.choice((0.0, 1.5, 3.0, 9.0))) if late and rng.random() < 0.1 else 0.0
            service = str(rng.choice(("shop", "cart")))
            source = str(rng.choice(("signed", "local", "open", "stranger")))
            time = START + timedelta(seconds=tick + float(rng.random()) * 0.5 - behind)
            head = (time, f"{service}-{rng.integers(2)}", service, source, tick)
            rows[signal].append((*head, *body(signal, rng, is_trouble)))
    return rows


def body(signal, rng, is_trouble):
    if signal == "metrics":
        value = float(rng.normal(50.0 if is_trouble else 10.0, 1.0))
        return (str(rng.choice(("cpu", "mem", "third"))), value if rng.random() > 0.03 else np.nan)
    if signal == "logs":
        severity = 17 if is_trouble or rng.random() < 0.2 else 9
        return (severity, str(rng.choice(WORDS)), None)
    if signal == "spans":
        parent = None if rng.random() < 0.5 else "cart"
        seconds = float(rng.lognormal(0.0 if is_trouble else -3.0, 0.3))
        return ("op", "t", "s", parent, seconds, bool(is_trouble and rng.random() < 0.5))
    return (str(rng.choice(KINDS)), "", "")


def frames(rows):
    return {
        signal: pl.DataFrame(found, schema=SCHEMAS[signal], orient="row")
        for signal, found in rows.items()
    }


def batch(rows):
    return Batch(
        source="t", sequence=0, offset="", received_at=START, channels=CHANNELS, **frames(rows)
    )


def cut(rows, ticks):
    """Cut a stream at tick borders, by the number of the tick a row came in."""
    edges = [0, *sorted(ticks), 10**6]
    for low, high in pairwise(edges):
        yield batch({s: [r for r in found if low <= r[4] < high] for s, found in rows.items()})


streams = st.tuples(st.integers(1, 45), st.integers(0, 10**6))
cuts = st.sets(st.integers(1, 44), max_size=4)


@settings(max_examples=40, deadline=None)
@given(streams, cuts)
def test_compiled_trust_agrees_with_the_readable_one(stream, edges):
    rows = make(*stream, late=True)
    rules = (TRUST, EAGER)[stream[1] % 2]
    fast, plain = Trust(rules, tick_s=1.0), ReferenceTrust(rules, tick_s=1.0)
    for part in cut(rows, edges):
        ours, theirs = fast.score(part), plain.score(part)
        for signal in SCHEMAS:
            assert ours.values[signal] == pytest.approx(theirs.values[signal], abs=1e-9)
            assert ours.reasons[signal].tolist() == theirs.reasons[signal].tolist()
            assert ((ours.values[signal] >= 0) & (ours.values[signal] <= 1)).all()


@pytest.mark.parametrize("kind", ["spoofed", "label_flip", "colluding", "slow_poison"])
def test_compiled_trust_agrees_with_the_readable_one_on_a_plant_under_attack(kind):
    fault = Fault(kind="dependency_outage", service="db", at=60, pace=2.0)
    attack = Attack(kind=kind, at=40, until=200, rate=0.3)
    plant = Plant(PlantSpec(faults=(fault,), attacks=(attack,)), seed=2)
    fast, plain = Trust(TrustRules(), tick_s=1.0), ReferenceTrust(TrustRules(), tick_s=1.0)
    doubted = 0
    for ticks in (90, 40, 20):
        told = plant.advance(ticks)
        rows = {signal: getattr(told, signal) for signal in SCHEMAS}
        part = Batch(
            source="p", sequence=0, offset="", received_at=START, channels=plant.channels(), **rows
        )
        ours, theirs = fast.score(part), plain.score(part)
        for signal in SCHEMAS:
            assert ours.values[signal] == pytest.approx(theirs.values[signal], abs=1e-9)
            assert ours.reasons[signal].tolist() == theirs.reasons[signal].tolist()
            doubted += int((ours.values[signal] < 0.5).sum())
    assert doubted > 20


@settings(max_examples=40, deadline=None)
@given(streams, cuts)
def test_compiled_features_agree_with_the_readable_ones(stream, edges):
    rows = make(*stream, late=True)
    trust = Trust(TRUST, tick_s=1.0)
    fast, plain = Features(FEATURES, tick_s=1.0), ReferenceFeatures(FEATURES, tick_s=1.0)
    for part in cut(rows, edges):
        scores = trust.score(part)
        ours, theirs = fast.observe(part, scores), plain.observe(part, scores)
        assert ours.ticks.tolist() == theirs.ticks.tolist()
        assert ours.resources.tolist() == theirs.resources.tolist()
        assert ours.values == pytest.approx(theirs.values, abs=1e-9, rel=1e-9)
        assert ours.trust == pytest.approx(theirs.trust, abs=1e-9)
        assert ours.feature_names == theirs.feature_names
        assert ours.service_names == theirs.service_names
        assert ours.novel == theirs.novel


@settings(max_examples=40, deadline=None)
@given(streams, cuts)
def test_it_does_not_matter_at_which_ticks_the_stream_is_cut(stream, edges):
    rows = make(*stream, late=False)
    trust, features = Trust(TRUST, tick_s=1.0), Features(FEATURES, tick_s=1.0)
    whole = batch(rows)
    scores = trust.score(whole)
    seen = features.observe(whole, scores)
    other, others = Trust(TRUST, tick_s=1.0), Features(FEATURES, tick_s=1.0)
    parts = [(part, other.score(part)) for part in cut(rows, edges)]
    views = [others.observe(part, score) for part, score in parts]
    for signal in SCHEMAS:
        values = np.concatenate([score.values[signal] for _, score in parts])
        assert np.array_equal(values, scores.values[signal])
    names = lambda view: [view.resource_names[n] for n in view.resources]  # noqa: E731
    here = list(zip(seen.ticks.tolist(), names(seen), seen.values.tolist(), strict=True))
    there = [
        row
        for view in views
        for row in zip(view.ticks.tolist(), names(view), view.values.tolist(), strict=True)
    ]
    assert sorted(here) == sorted(there)
    assert trust.reputations() == other.reputations()
