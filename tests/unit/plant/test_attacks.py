"""Attackers lie at the rate they are told, and the truth beside the stream knows each lie."""

import polars as pl
import pytest

from tam_workbench.plant import ATTACKS, START, Attack, Fault, Plant, PlantSpec
from tam_workbench.records import Authentication


def attacked(kind: str, *, rate: float, ticks: int = 600) -> tuple[Plant, object]:
    plant = Plant(PlantSpec(attacks=(Attack(kind=kind, at=0, until=ticks, rate=rate),)), seed=1)
    return plant, plant.advance(ticks)


@pytest.mark.parametrize("kind", ATTACKS)
def test_rate_zero_forges_nothing(kind: str) -> None:
    plant, _ = attacked(kind, rate=0.0, ticks=400)
    assert plant.forged().height == 0


def test_self_declared_rows_come_through_an_unauthenticated_channel() -> None:
    plant, output = attacked("self_declared", rate=0.3)
    forged = output.logs.filter(pl.col("source") == "anonymous")
    assert forged.height == plant.forged().height
    assert forged.height / output.logs.height == pytest.approx(0.3, abs=0.05)
    proofs = {channel.name: channel.authentication for channel in plant.channels()}
    assert proofs["anonymous"] is Authentication.NONE
    assert Authentication.NONE not in {p for n, p in proofs.items() if n != "anonymous"}


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_spoofed_rows_hide_among_those_of_a_trusted_channel(rate: float) -> None:
    plant, output = attacked("spoofed", rate=rate)
    forged = plant.forged()
    assert set(forged["source"]) == {"logs-node-b"}
    through = output.logs.filter(pl.col("source") == "logs-node-b")
    assert forged.height / through.height == pytest.approx(rate, abs=0.06)
    lies = through.with_columns(pl.col("source").cast(pl.String)).join(
        forged, on=["source", "row"], how="inner"
    )
    assert lies.height == forged.height
    assert (lies["severity_number"] >= 17).all()


def test_spoofed_storms_have_no_metric_evidence() -> None:
    _, output = attacked("spoofed", rate=0.5)
    clean = Plant(PlantSpec(), seed=1).advance(600)
    assert output.metrics.equals(clean.metrics)
    assert output.spans.equals(clean.spans)
    assert output.changes.height == 0


def test_slow_poison_grows_in_a_share_of_the_metrics() -> None:
    plant, output = attacked("slow_poison", rate=0.3)
    clean = Plant(PlantSpec(), seed=1).advance(600)
    bias = output.metrics["value"] / clean.metrics["value"]
    through = output.metrics["source"] == "metrics-node-b"
    changed = (output.metrics["value"] != clean.metrics["value"]) & through
    assert changed.sum() / through.sum() == pytest.approx(0.3, abs=0.1)
    assert not (changed & ~through).any()
    early, late = bias.filter(changed).head(500).mean(), bias.filter(changed).tail(500).mean()
    assert early < 1.1
    assert late > 1.6
    assert set(plant.forged()["signal"]) == {"metrics"}


def test_label_flips_lie_both_ways() -> None:
    plant, output = attacked("label_flip", rate=0.3)
    breaches = output.changes.filter(pl.col("kind") == "slo_breach")
    assert breaches.height / (600 * 3) == pytest.approx(0.3, abs=0.12)
    assert breaches.height == plant.forged().height
    assert sum(plant.measures().slo_minutes_lost.values()) == 0.0

    fault = Fault(kind="dependency_outage", service="db", at=0)
    flip = Attack(kind="label_flip", at=0, until=300, rate=0.4)
    told = Plant(PlantSpec(faults=(fault,), attacks=(flip,)), seed=1)
    changes = told.advance(300).changes
    heard = changes.filter((pl.col("kind") == "slo_breach") & (pl.col("service") == "db")).height
    assert heard < 0.8 * told.measures().slo_minutes_lost["db"] * 60


def test_replayed_rows_are_old_rows_again() -> None:
    plant, output = attacked("replay", rate=0.3, ticks=900)
    rows = plant.forged()
    again = output.logs.with_columns(pl.col("source").cast(pl.String)).join(
        rows, on=["source", "row"], how="inner"
    )
    assert again.height == rows.height > 100
    columns = ["time", "resource", "body", "severity_number"]
    originals = output.logs.join(again.select(columns), on=columns, how="semi")
    assert originals.height == 2 * again.height


def test_block_silences_the_attacker_and_the_channel_with_him() -> None:
    plant, _ = attacked("spoofed", rate=0.5, ticks=60)
    lies = plant.forged().height
    plant.act("block", "logs-node-b")
    output = plant.advance(60)
    assert "logs-node-b" not in set(output.logs["source"])
    assert plant.forged().height == lies


def test_accomplices_lie_about_the_same_pods_through_two_of_five_channels() -> None:
    plant, output = attacked("colluding", rate=0.3)
    forged = plant.forged()
    assert set(forged["source"]) == {"logs-node-b", "metrics-node-b"}
    for signal, frame in (("metrics", output.metrics), ("logs", output.logs)):
        lies = forged.filter(pl.col("signal") == signal)
        through = frame.filter(frame["source"].cast(pl.String).is_in(lies["source"].implode()))
        assert lies.height / through.height == pytest.approx(0.3, abs=0.1)
    keys = ["source", "row"]
    told = output.logs.with_columns(pl.col("source").cast(pl.String)).join(forged, on=keys)
    worse = output.metrics.with_columns(pl.col("source").cast(pl.String)).join(forged, on=keys)
    assert set(told["resource"].cast(pl.String)) <= set(worse["resource"].cast(pl.String))


@pytest.mark.parametrize("rate", [0.1, 0.3])
def test_a_quiet_forger_adds_a_line_or_two_a_tick_all_the_time(rate: float) -> None:
    plant, output = attacked("quiet", rate=rate)
    forged = plant.forged()
    assert set(forged["source"]) == {"logs-node-b"}
    through = output.logs.filter(pl.col("source") == "logs-node-b")
    assert forged.height / through.height == pytest.approx(rate, abs=0.05)
    named = through.with_columns(pl.col("source").cast(pl.String))
    lies = named.join(forged, on=["source", "row"])
    counts = lies.group_by(pl.col("time").dt.truncate("1s"), "service").len()
    assert counts["len"].max() <= 2
    assert lies["time"].dt.truncate("1s").n_unique() > 550


def test_a_partial_flipper_lies_only_while_something_is_really_broken() -> None:
    plant, _ = attacked("partial_flip", rate=0.3)
    assert plant.forged().height == 0
    fault = Fault(kind="dependency_outage", service="db", at=100, duration=120)
    flip = Attack(kind="partial_flip", at=0, until=600, rate=0.4)
    told = Plant(PlantSpec(faults=(fault,), attacks=(flip,)), seed=1)
    changes = told.advance(600).changes
    lies = told.forged()
    claims = changes.with_columns(pl.col("source").cast(pl.String)).join(lies, on=["source", "row"])
    ill = told.truth().filter(pl.col("phase") != "none")
    assert lies.height > 10
    seconds = (claims["time"] - START).dt.total_seconds()
    assert set(seconds) <= set(ill["tick"])
