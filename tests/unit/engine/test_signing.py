from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from tam_workbench.engine.pieces import SpanRows
from tam_workbench.engine.signing import Signer, SigningRules
from tam_workbench.engine.summary import ServiceTicks
from tam_workbench.engine.windows import MaskedLines, Stretch, spans_of
from tam_workbench.features import FeatureRules, Features
from tam_workbench.features.masks import mask
from tam_workbench.memory.blocks import findings
from tam_workbench.memory.recognition import Recogniser
from tam_workbench.plant import START, Fault, Plant, PlantSpec
from tam_workbench.records import Batch, TrustScores

ZERO = int(START.timestamp())
SIGNALS = ("metrics", "logs", "spans", "changes")


def batches(*faults: Fault, ticks: int, seed: int = 3):
    plant = Plant(PlantSpec(faults=faults), seed=seed)
    while plant.tick < ticks:
        output = plant.advance(20)
        yield Batch(
            source="scenario:test",
            sequence=0,
            offset="",
            received_at=START + timedelta(seconds=output.end),
            **{signal: getattr(output, signal) for signal in SIGNALS},
        )


def believed(batch: Batch, *, logs: float = 1.0) -> TrustScores:
    values = {s: np.ones(getattr(batch, s).height) for s in SIGNALS}
    values["logs"] *= logs
    reasons = {s: np.zeros(len(v), dtype=np.uint8) for s, v in values.items()}
    return TrustScores(values=values, reasons=reasons)


def signer_of(stream, *, rules: SigningRules | None = None, logs: float = 1.0, loud=()) -> Signer:
    features, signer = Features(FeatureRules(), tick_s=1.0), Signer(rules, tick_s=1.0)
    for batch in stream:
        scores = believed(batch, logs=logs)
        observed = features.observe(batch, believed(batch))
        ticks = np.unique(observed.ticks)
        none = np.zeros((ticks.size, 1))
        is_loud = np.isin(ticks - ZERO, list(loud))[:, None]
        seen = ServiceTicks(
            ticks=ticks,
            services=("checkout",),
            probability=none,
            baseline=none,
            anomaly=none,
            trust=none + 1.0,
            is_breached=is_loud,
            rows=np.full((ticks.size, 1), -1),
        )
        signer.add(batch, observed, seen=seen, scores=scores)
    return signer


def saturated(at: int = 300) -> Fault:
    return Fault(kind="cpu_saturation", service="checkout", at=at, duration=200, pace=2.0)


@pytest.fixture(scope="module")
def ill() -> Signer:
    return signer_of(batches(saturated(), ticks=360))


def similarity(one, other) -> float:
    recogniser = Recogniser()
    recogniser.learn(one, at=START)
    return recogniser.recognise(other).matches[0].similarity


def test_the_window_of_an_ill_service_says_what_is_wrong(ill):
    signature = ill.sign("checkout", opened_tick=ZERO + 320, callees=("payment", "inventory", "db"))
    assert sorted(signature.blocks) == [
        "below",
        "changes",
        "metrics",
        "place",
        "spans",
        "templates",
    ]
    assert "container.cpu.utilization +" in signature.text
    assert "connection pool exhausted" in signature.text
    assert "calls to /checkout slow" in signature.text


def test_the_window_of_a_well_service_says_next_to_nothing(ill):
    found = findings(ill.window("payment", opened_tick=ZERO + 200))
    assert sum(f.weight for said in found.values() for f in said) < 1.5


def test_the_victim_sees_what_is_below_it(ill):
    found = findings(ill.window("frontend", opened_tick=ZERO + 320, callees=("checkout", "db")))
    assert {f.name.split()[0] for f in found["below"][:3]} == {"checkout"}


def test_the_same_fault_later_and_under_another_chance_is_alike_and_another_is_not(ill):
    first = ill.sign("checkout", opened_tick=ZERO + 320)
    again = signer_of(batches(saturated(500), ticks=560, seed=8))
    disk = Fault(kind="disk_full", service="checkout", at=250, duration=300, pace=2.0)
    other = signer_of(batches(disk, ticks=360))
    assert similarity(first, again.sign("checkout", opened_tick=ZERO + 520)) > 0.85
    assert similarity(first, other.sign("checkout", opened_tick=ZERO + 320)) < 0.7


def test_earlier_trouble_is_no_past_to_compare_with():
    stream = (saturated(300), Fault(kind="cpu_saturation", service="checkout", at=520, pace=2.0))
    deaf = signer_of(batches(*stream, ticks=600))
    wise = signer_of(batches(*stream, ticks=600), loud=range(305, 515))
    plain = signer_of(batches(saturated(300), ticks=380))
    first = plain.sign("checkout", opened_tick=ZERO + 320)
    one, two = (s.sign("checkout", opened_tick=ZERO + 540) for s in (deaf, wise))
    assert similarity(first, two) > similarity(first, one)
    assert similarity(first, two) > 0.85


def test_rows_that_nobody_believes_leave_no_trace():
    signer = signer_of(batches(saturated(), ticks=360), logs=0.1)
    window = signer.window("checkout", opened_tick=ZERO + 320)
    assert window.templates == {}
    assert window.metrics["container.cpu.utilization"].now.max() > 0.9


def test_a_window_grows_until_it_is_whole(ill):
    early = signer_of(batches(saturated(), ticks=320))
    assert early.window("checkout", opened_tick=ZERO + 312).ticks == 18
    assert not early.is_whole(ZERO + 312, tick=ZERO + 319)
    assert ill.is_whole(ZERO + 312, tick=ZERO + 341)
    assert ill.window("checkout", opened_tick=ZERO + 312).ticks == 40


def test_what_is_kept_is_bounded():
    rules = SigningRules(max_rows=2000, max_cells=5000)
    signer = signer_of(batches(ticks=400), rules=rules)
    assert max(signer._rows.values()) <= 2000
    assert signer._cells <= 5000
    assert signer.sign("checkout", opened_tick=ZERO + 395).blocks


def test_a_stranger_and_an_empty_past_are_signed_by_what_there_is():
    empty = Signer(tick_s=1.0).sign("nobody", opened_tick=5)
    assert sorted(empty.blocks) == ["place"]
    signer = signer_of(batches(ticks=20))
    assert "metrics" in signer.sign("nobody", opened_tick=ZERO + 10).blocks


def test_a_signal_that_never_came_is_missing_not_quiet():
    stream = (
        Batch(
            source=b.source,
            sequence=0,
            offset="",
            received_at=b.received_at,
            metrics=b.metrics,
        )
        for b in batches(ticks=60)
    )
    blocks = signer_of(stream).sign("checkout", opened_tick=ZERO + 30).blocks
    assert sorted(blocks) == ["below", "metrics", "place"]


@pytest.mark.parametrize("ticks", [1, 7])
def test_how_the_stream_is_cut_into_batches_does_not_show(ticks):
    def cut(step: int) -> Signer:
        plant = Plant(PlantSpec(faults=(saturated(150),)), seed=3)
        outputs = []
        while plant.tick < 210:
            outputs.append(plant.advance(step))
        return signer_of(
            Batch(
                source="scenario:test",
                sequence=0,
                offset="",
                received_at=START + timedelta(seconds=output.end),
                **{signal: getattr(output, signal) for signal in SIGNALS},
            )
            for output in outputs
        )

    whole, small = cut(70), cut(ticks)
    callees = ("payment", "inventory", "db")
    one, two = (
        s.window("checkout", opened_tick=ZERO + 165, callees=callees) for s in (whole, small)
    )
    assert len(small._pieces) < 210 / ticks / 3
    assert one.templates == two.templates
    assert one.spans == two.spans
    assert one.changes == two.changes
    assert sorted(one.metrics) == sorted(two.metrics)


def test_lines_of_one_shape_are_masked_alike_and_odd_ones_by_themselves():
    said = ["took 12 ms", "took 93 ms", None, "a\\042b 7", "a\\043b 7", "é 3", "é 4", "x" * 1200]
    lines = MaskedLines()
    texts = [lines.texts[n] for n in lines.number(said)]
    assert texts == mask(pl.Series([line or "" for line in said])).to_list()
    assert [lines.texts[n] for n in lines.number(said[:2] + said[5:7])] == [
        texts[at] for at in (0, 1, 5, 6)
    ]
    assert lines.number([]).size == 0


def test_an_origin_is_a_failure_that_nothing_below_it_explains():
    def rows(*spans) -> SpanRows:
        traces, services, parents, failed = zip(*spans, strict=True)
        return SpanRows(
            ticks=np.full(len(spans), 5),
            services=np.array(services),
            parents=np.array(parents),
            names=np.array(services),
            failed=np.array(failed),
            seconds=np.full(len(spans), 0.1),
            called=pl.Series([f"/{service}" for service in services]),
            traces=pl.Series(traces),
        )

    quiet = np.ones((2, 4), dtype=bool)
    stretch = Stretch(services=("a", "b"), past=0, start=4, end=8, quiet=quiet)
    told = rows(("t1", 1, 0, True), ("t1", 2, 1, True), ("t2", 1, 0, True), ("t3", 1, 0, False))
    calls = spans_of([told], np.array([1, 2]), stretch)
    assert (calls["/1"].count, calls["/2"].count) == (3, 1)
    assert calls["/1"].failed == pytest.approx(2 / 3)
    assert calls["/1"].origin == pytest.approx(1 / 3)  # of t1 the callee failed, of t2 nobody
    assert calls["/2"].origin == 1.0
