"""The plant: the same however it is cut, broken by faults, mended only by what mends them."""

from dataclasses import replace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tam_workbench.errors import CheckpointError, SettingsError
from tam_workbench.plant import (
    ATTACKS,
    FAULTS,
    FIXES,
    SHIFTS,
    Attack,
    Fault,
    Plant,
    PlantOutput,
    PlantSpec,
    Service,
    Shift,
    scenario,
    scenario_names,
)
from tam_workbench.records import CHANGES, LOGS, METRICS, SPANS

SIGNALS = ("metrics", "logs", "spans", "changes")
BUSY = PlantSpec(
    faults=(
        Fault(kind="memory_leak", service="cart", at=5, pace=4.0),
        Fault(kind="bad_deploy", service="db", at=40, duration=60),
        Fault(kind="novel", service="payment", at=120),
    ),
    shifts=(Shift(kind="recurring", at=50, period=80),),
    attacks=tuple(Attack(kind=kind, at=20, until=600, rate=0.3) for kind in ATTACKS),
)


def collect(plant: Plant, cuts: list[int]) -> dict[str, pl.DataFrame]:
    pieces: list[PlantOutput] = [plant.advance(cut) for cut in cuts]
    return {name: pl.concat([getattr(piece, name) for piece in pieces]) for name in SIGNALS}


def assert_same(left: dict[str, pl.DataFrame], right: dict[str, pl.DataFrame]) -> None:
    for name in SIGNALS:
        assert_frame_equal(left[name], right[name], check_exact=True)


def one_fault(kind: str, service: str = "cart") -> PlantSpec:
    return PlantSpec(faults=(Fault(kind=kind, service=service, at=50, duration=700),))


def to_breach(plant: Plant) -> int:
    while plant.tick < 400:
        plant.advance(5)
        record = plant.measures().faults
        if record and record[0].breached is not None:
            return record[0].breached
    raise AssertionError("no breach in 400 ticks")


def test_frames_have_the_declared_schemas() -> None:
    output = Plant(BUSY, seed=1).advance(100)
    assert output.metrics.schema == METRICS
    assert output.logs.schema == LOGS
    assert output.spans.schema == SPANS
    assert output.changes.schema == CHANGES
    for name in SIGNALS:
        frame = getattr(output, name)
        assert frame.height > 0
        columns = [c for c in frame.columns if c not in {"trace_id", "parent_service"}]
        assert frame.select(columns).null_count().sum_horizontal().item() == 0


def test_the_stream_does_not_depend_on_how_it_is_cut() -> None:
    whole = collect(Plant(BUSY, seed=3), [420])
    ticks = collect(Plant(BUSY, seed=3), [1] * 420)
    pieces = collect(Plant(BUSY, seed=3), [64, 7, 200, 0, 149])
    assert_same(whole, ticks)
    assert_same(whole, pieces)


def test_actions_at_the_same_ticks_give_the_same_stream() -> None:
    def run(cuts: list[int]) -> tuple[dict[str, pl.DataFrame], float]:
        plant = Plant(BUSY, seed=3)
        first = collect(plant, cuts)
        plant.act("restart", "cart")
        plant.inject("disk_full", "frontend", at=plant.tick + 9)
        plant.act("block", "logs-node-b")
        second = collect(plant, cuts)
        both = {name: pl.concat([first[name], second[name]]) for name in SIGNALS}
        return both, plant.measures().action_cost

    left, right = run([150]), run([1, 64, 85])
    assert_same(left[0], right[0])
    assert left[1] == pytest.approx(right[1])


def test_another_seed_gives_another_stream() -> None:
    left, right = Plant(BUSY, seed=1).advance(10), Plant(BUSY, seed=2).advance(10)
    assert not left.metrics.equals(right.metrics)


def test_state_restores_the_bits() -> None:
    plant = Plant(BUSY, seed=4)
    plant.advance(130)
    plant.act("scale", "cart")
    state = plant.state()
    expected = collect(plant, [400])
    other = Plant(BUSY, seed=4)
    other.restore(state)
    assert_same(collect(other, [33, 367]), expected)
    with pytest.raises(CheckpointError, match="seed 4"):
        Plant(BUSY, seed=5).restore(state)


def test_replay_repeats_what_was_done() -> None:
    plant = Plant(BUSY, seed=4)
    plant.advance(100)
    plant.act("scale", "payment")
    plant.inject("self_declared")
    plant.inject("sudden")
    plant.advance(50)
    steps = plant.steps()
    expected = collect(plant, [60])
    other = Plant(BUSY, seed=4)
    other.replay(steps, until=150)
    assert other.steps() == steps
    assert_same(collect(other, [60]), expected)


def test_calm_and_drift_are_no_incidents() -> None:
    for spec in (PlantSpec(), *(PlantSpec(shifts=(Shift(kind=k, at=300),)) for k in SHIFTS)):
        plant = Plant(spec, seed=2)
        output = plant.advance(1500)
        assert sum(plant.measures().slo_minutes_lost.values()) == 0.0
        assert output.changes.height == 0
        assert plant.truth().height == 0


def test_a_shift_moves_the_load() -> None:
    def mean_rate(spec: PlantSpec) -> float:
        metrics = Plant(spec, seed=2).advance(400).metrics
        return metrics.filter(pl.col("name") == "http.server.request.rate")["value"].mean()

    assert mean_rate(PlantSpec(shifts=(Shift(kind="sudden", at=0),))) > 1.2 * mean_rate(PlantSpec())


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_breaches_persists_and_only_its_fix_ends_it(kind: str) -> None:
    plant = Plant(one_fault(kind), seed=1)
    assert to_breach(plant) > 52
    wrong = next(a for a in ("rollback", "clear_disk") if a not in FIXES[kind])
    plant.act(wrong, "cart")
    plant.advance(60)
    measures = plant.measures()
    assert measures.faults[0].resolved is None
    assert measures.wrong_actions == 1
    plant.act(max(FIXES[kind]), "cart")
    plant.advance(60)
    record = plant.measures().faults[0]
    assert record.recovered is not None
    assert record.by_action
    assert plant.measures().wrong_actions == 1


def test_without_action_people_end_it_late() -> None:
    plant = Plant(one_fault("bad_deploy"), seed=1)
    output = plant.advance(900)
    record = plant.measures().faults[0]
    assert record.resolved == 750
    assert not record.by_action
    kinds = output.changes.filter(pl.col("kind") == "deploy")["detail"].to_list()
    assert kinds == ["cart version 2.50", "cart repaired by its team"]


def test_a_leak_is_seen_tens_of_ticks_before_the_breach_and_kills_pods() -> None:
    plant = Plant(one_fault("memory_leak"), seed=1)
    output = plant.advance(600)
    breached = plant.measures().faults[0].breached
    assert breached is not None
    assert breached - 50 >= 60
    memory = output.metrics.filter(
        (pl.col("resource") == "cart-0") & (pl.col("name") == "container.memory.limit_utilization")
    )["value"]
    assert memory[breached - 30] > 1.3 * memory[49]
    killed = output.changes.filter(pl.col("kind") == "oom_killed")
    assert killed.height >= 4  # the pods die again and again
    restarts = output.metrics.filter(pl.col("name") == "k8s.container.restart.count")["value"]
    assert restarts.max() >= 2


def test_an_outage_reaches_the_callers_and_truth_names_the_root() -> None:
    plant = Plant(one_fault("dependency_outage", "payment"), seed=1)
    plant.advance(200)
    truth = plant.truth()
    impact = truth.filter(pl.col("phase") == "impact")
    assert set(impact["service"]) == {"checkout", "frontend"}
    assert set(impact["fault"]) == {"dependency_outage"}
    own = truth.filter(pl.col("service") == "payment")
    assert own["phase"].unique(maintain_order=True).to_list() == ["onset", "breach"]


def test_novel_faults_write_lines_never_seen_before() -> None:
    plant = Plant(one_fault("novel"), seed=1)
    before, after = plant.advance(50).logs, plant.advance(100).logs
    assert not before["body"].str.contains("fenced").any()
    assert after.filter(pl.col("service") == "cart")["body"].str.contains("fenced").any()


def test_an_action_costs_a_short_outage() -> None:
    plant = Plant(PlantSpec(), seed=1)
    plant.advance(50)
    plant.act("restart", "cart-0")
    output = plant.advance(20)
    rates = output.metrics.filter(
        (pl.col("resource") == "cart-0") & (pl.col("name") == "http.server.request.rate")
    )
    assert rates.height == 15
    assert plant.measures().action_cost == pytest.approx(2.0)


def test_undo_takes_back_scale_block_and_rollback() -> None:
    plant = Plant(one_fault("bad_deploy"), seed=1)
    plant.advance(100)
    plant.act("scale", "frontend")
    assert plant.advance(1).metrics["resource"].n_unique() == 13
    assert plant.act("undo", "frontend") == "removed pod frontend-2"
    assert plant.advance(1).metrics["resource"].n_unique() == 12
    plant.act("block", "traces")
    assert plant.advance(5).spans.height == 0
    plant.act("undo", "traces")
    assert plant.advance(5).spans.height > 0
    plant.act("rollback", "cart")
    plant.advance(60)
    assert plant.measures().faults[0].recovered is not None
    plant.act("undo", "cart")
    plant.advance(60)
    assert plant.measures().faults[0].resolved is None
    assert plant.act("undo", "payment") == "nothing to undo on payment"


def test_added_pods_go_again_and_are_paid_for() -> None:
    plant = Plant(PlantSpec(), seed=1)
    plant.act("scale", "cart")
    plant.act("scale", "cart")
    assert "all 4" in plant.act("scale", "cart")
    plant.advance(700)
    assert plant.advance(1).metrics["resource"].n_unique() == 12
    assert plant.measures().action_cost == pytest.approx(9.0 + 2 * 600 * 0.005, rel=0.01)


def test_row_numbers_count_within_their_channel() -> None:
    output = collect(Plant(BUSY, seed=1), [40, 60])
    for frame in output.values():
        for _, part in frame.group_by("source"):
            assert part["row"].to_list() == list(range(part.height))


def test_spans_of_a_trace_hang_together() -> None:
    spans = Plant(PlantSpec(), seed=1).advance(50).spans
    roots = spans.filter(pl.col("parent_service").is_null())
    assert set(roots["service"]) == {"frontend"}
    assert roots["trace_id"].n_unique() == roots.height == 500
    assert spans["span_id"].n_unique() == spans.height
    children = spans.filter(pl.col("parent_service") == "checkout")
    assert set(children["service"]) <= {"payment", "inventory"}
    joined = children.join(roots, on="trace_id", suffix="_root")
    assert (joined["duration_s"] <= joined["duration_s_root"]).all()


def test_log_traces_point_at_spans_of_the_same_pod() -> None:
    output = Plant(PlantSpec(), seed=1).advance(30)
    traced = output.logs.filter(pl.col("trace_id").is_not_null())
    joined = traced.join(output.spans, on=["trace_id", "resource"], how="inner")
    assert traced.height > 50
    assert joined.height == traced.height


def test_specs_that_make_no_sense_are_refused() -> None:
    with pytest.raises(SettingsError, match="no kind 'typo'"):
        Plant(PlantSpec(faults=(Fault(kind="typo", service="cart", at=1),)), seed=1)
    with pytest.raises(SettingsError, match="no service 'carts'"):
        Plant(PlantSpec(faults=(Fault(kind="novel", service="carts", at=1),)), seed=1)
    odd = Service(name="a", capacity=1, latency_s=1, memory_mib=1, calls=(("nobody", 1.0),))
    with pytest.raises(SettingsError, match="listed after"):
        Plant(PlantSpec(services=(odd,)), seed=1)
    with pytest.raises(SettingsError, match=r"0 to 0\.5"):
        Plant(PlantSpec(attacks=(Attack(kind="spoofed", at=0, until=9, rate=0.9),)), seed=1)
    plant = Plant(PlantSpec(), seed=1)
    with pytest.raises(SettingsError, match="no service or pod"):
        plant.act("restart", "cart-9")
    with pytest.raises(SettingsError, match="no channel"):
        plant.act("block", "cart")
    with pytest.raises(SettingsError, match="no kind 'explode'"):
        plant.act("explode", "cart")
    assert plant.steps() == ()


@pytest.mark.parametrize("name", scenario_names())
def test_every_scenario_runs(name: str) -> None:
    plant = Plant(scenario(name), seed=1)
    output = plant.advance(120)
    assert 120 * 150 <= sum(getattr(output, signal).height for signal in SIGNALS) <= 120 * 300


def test_something_happens_in_the_demo_within_a_minute() -> None:
    changes = Plant(scenario("demo"), seed=0).advance(80).changes
    assert "slo_breach" in set(changes["kind"])


def test_jitter_moves_faults_by_the_seed() -> None:
    spec = replace(one_fault("cpu_saturation"), jitter=100)
    starts = set()
    for seed in range(5):
        plant = Plant(spec, seed=seed)
        plant.advance(200)
        starts.add(plant.measures().faults[0].started)
    assert len(starts) > 2
    assert min(starts) >= 50
    assert max(starts) <= 150
