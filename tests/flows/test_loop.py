"""The loop end to end on the plant: conservation, replay, resume, decisions, proof."""

import json
import time
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tam_workbench.engine import settings, wiring
from tam_workbench.engine.workbench import Workbench
from tam_workbench.errors import SettingsError
from tam_workbench.plant import Fault, Plant, scenario
from tam_workbench.records import Autonomy, Phase

SATURATION = Fault(kind="cpu_saturation", service="inventory", at=200)


def _spec(*faults, ticks=500):
    return replace(scenario("calm"), faults=faults, ticks=ticks)


def _workbench(*faults, ticks=500, seed=3, **arguments):
    arguments = {"batch_ticks": 4, "autonomy": Autonomy.ACT, "checkpoint_s": 1e9, **arguments}
    chosen = settings.read(source="scenario:calm", ticks=ticks, seed=seed, **arguments)
    plant = Plant(_spec(*faults, ticks=ticks), seed=seed)
    parts = wiring.assemble(chosen, plant=plant)
    return Workbench(parts.runner, name="scenario:calm", plant=plant), plant


@pytest.fixture(scope="module")
def closed():
    wb, plant = _workbench(SATURATION)
    wb.run()
    return wb, plant


def test_rows_in_are_rows_scored_and_quarantined(closed):
    wb, _ = closed
    health = wb.health()
    assert health.rows_in == health.rows_scored + health.rows_quarantined > 50_000
    assert not health.faults


def test_a_fault_becomes_an_incident_an_action_and_a_checked_outcome(closed):
    wb, plant = closed
    told = [i for i in wb.incidents() if i.service == "inventory"]
    assert told, "the fault must be seen"
    assert told[-1].outcome is not None
    assert told[-1].outcome.helped is True
    (fault,) = plant.measures().faults
    assert fault.by_action
    assert fault.recovered - fault.breached < 120


def test_every_arrow_left_a_line_and_the_ledger_holds(closed):
    wb, _ = closed
    proof = wb.verify_audit()
    assert proof.holds
    kinds = {entry.kind for entry in wb.audit_entries(limit=100_000)}
    assert {
        "batch",
        "update",
        "incident",
        "recall",
        "proposal",
        "verdict",
        "acting",
        "outcome",
    } <= kinds


def test_the_intent_is_in_the_ledger_before_the_outcome(closed):
    wb, _ = closed
    lines = [(e.kind, json.loads(e.body)) for e in wb.audit_entries(limit=100_000)]
    for at, (kind, body) in enumerate(lines):
        if kind == "outcome":
            before = [k for k, b in lines[:at] if b.get("key") == body["key"]]
            assert before[-1] == "acting"


def test_the_incident_is_remembered_with_what_helped(closed):
    wb, _ = closed
    incident = next(i for i in wb.incidents() if i.service == "inventory")
    hits = wb.recall("service inventory metrics cpu high queue", k=3)
    assert hits
    assert any(h.entry.action == incident.proposal.action and h.entry.helped for h in hits)


def test_the_same_seed_replays_bit_for_bit():
    one, _ = _workbench(SATURATION, ticks=320)
    other, _ = _workbench(SATURATION, ticks=320)
    one.run()
    other.run()
    assert [e.hash for e in one.audit_entries(limit=9999)] == [
        e.hash for e in other.audit_entries(limit=9999)
    ]


def test_a_loop_resumed_from_its_checkpoint_says_what_an_uncut_one_says(tmp_path):
    whole, _ = _workbench(SATURATION, ticks=400, state_dir=tmp_path / "whole")
    whole.run()
    first, _ = _workbench(SATURATION, ticks=400, state_dir=tmp_path / "cut")
    first.run(batches=60)
    first.close()
    second, _ = _workbench(SATURATION, ticks=400, state_dir=tmp_path / "cut")
    second.run()
    expected = whole.predictions()
    resumed = second.predictions()
    columns = ["tick", "service", "probability", "anomaly", "trust"]
    assert resumed.height < expected.height
    assert resumed.select(columns).equals(expected.tail(resumed.height).select(columns))
    assert second.verify_audit().holds
    bodies = [
        json.loads(e.body)["sequence"]
        for e in second.audit_entries(limit=99999)
        if e.kind == "batch"
    ]
    assert bodies == list(range(100))


def test_a_batch_that_breaks_a_stage_is_quarantined_whole_and_the_loop_goes_on():
    wb, _ = _workbench(ticks=80)
    learning = wb._runner.loop.stages.learning
    whole, calls = learning.advance, []

    def breaks(observed, labels):
        calls.append(observed)
        if len(calls) == 5:
            raise FloatingPointError("a stage broke")
        return whole(observed, labels)

    learning.advance = breaks
    wb.start()
    while not wb._runner.is_exhausted:
        time.sleep(0.05)
    wb.stop()
    health = wb.health()
    lines = [json.loads(e.body) for e in wb.audit_entries(limit=999) if e.kind == "batch"]
    assert [line["sequence"] for line in lines] == list(range(20))
    assert health.rows_in == health.rows_scored + health.rows_quarantined
    assert lines[4]["quarantined"] == lines[4]["rows_in"] > 0
    assert "a stage broke" in lines[4]["why"]
    assert "a stage broke" in health.faults[0]
    wb.close()


def test_nothing_is_done_without_permission():
    wb, plant = _workbench(SATURATION, ticks=400, autonomy=Autonomy.CONFIRM)
    wb.run()
    assert plant.measures().actions == 0
    waiting = wb.pending()
    assert [i.service for i in waiting] == ["inventory"]
    wb.approve(waiting[0].id, reason="a test says so")
    assert plant.measures().actions == 1
    assert wb.incident(waiting[0].id).phase is Phase.CHECKING


def test_a_rejected_proposal_is_not_carried_out():
    wb, plant = _workbench(SATURATION, ticks=400, autonomy=Autonomy.CONFIRM)
    wb.run()
    (incident,) = wb.pending()
    wb.reject(incident.id, reason="no")
    assert plant.measures().actions == 0
    assert wb.incident(incident.id).phase is Phase.UNRESOLVED


def test_a_person_can_label_snapshot_and_roll_back(tmp_path):
    wb, _ = _workbench(SATURATION, ticks=400, state_dir=tmp_path)
    wb.run()
    wb.snapshot("before")
    learning = wb._runner.loop.stages.learning
    weights = learning.linear().weights.copy()
    incident = wb.incidents()[0]
    wb.label(incident.id, verdict="false_alarm")
    assert wb.incident(incident.id).label == "false_alarm"
    wb.roll_back("before")
    assert np.array_equal(learning.linear().weights, weights)
    with pytest.raises(SettingsError, match="before"):
        wb.roll_back("never kept")
    assert {"label", "snapshot", "roll_back"} <= {e.kind for e in wb.audit_entries(limit=99999)}


def test_a_blocked_channel_is_not_believed():
    wb, _ = _workbench(ticks=200)
    wb.run(batches=10)
    wb.block("logs-node-a", reason="taken over")
    wb.run(batches=5)
    trust = {r.source: r.mean for r in wb.reputations()}
    assert trust["logs-node-a"] < 0.2 < trust["logs-node-b"]


@pytest.fixture
def dirty(tmp_path):
    path = tmp_path / "dirty.csv"
    lines = ["timestamp,value", "2026-01-01 00:00:00,1.0", "2026-01-01 00:00:01,NaN"]
    lines += ["2026-01-01 00:00:02,abc", "not a time,3.0", "2026-01-01 00:00:03"]
    lines += ["2026-01-01 00:00:04,2.0", "2026-01-01 00:00:04,2.0", "x" * 10_000_000]
    lines += [f"2026-01-01 00:01:{s:02d},{s}.5" for s in range(60)]
    path.write_bytes("\n".join(lines).encode() + b"\n\x00\xff\xfe binary junk\n")
    return path


def test_bad_input_is_quarantined_with_row_field_and_reason_and_the_loop_goes_on(dirty):
    wb = wiring.build(settings.read(source=f"file:{dirty}"))
    wb.run()
    health = wb.health()
    assert health.rows_in == health.rows_scored + health.rows_quarantined == 69
    assert health.rows_scored >= 61
    rejects = wb.quarantine()
    assert rejects.height == health.rows_quarantined >= 6
    assert rejects.select(pl.col("row", "field", "reason").is_null().any()).row(0) == (False,) * 3
    assert rejects["excerpt"].str.len_chars().max() <= 200
    assert not health.faults
