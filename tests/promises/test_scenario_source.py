"""Scenario sources keep the promises of a source; the plant's actuator those of an actuator."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from polars.testing import assert_frame_equal

from tam_workbench.adapters.actuators.plant import PlantActuator
from tam_workbench.adapters.sources.legacy import LegacySource
from tam_workbench.adapters.sources.scenario import ScenarioSource
from tam_workbench.errors import BadInputError
from tam_workbench.plant import Plant, scenario
from tam_workbench.ports import Actuator, Source
from tam_workbench.records import Batch, Proposal, Result

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SIGNALS = ("metrics", "logs", "spans", "changes")


class FakeClock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def scenario_source(**settings: object) -> ScenarioSource:
    plant = Plant(scenario("demo"), seed=1)
    chosen = {"ticks": 100, "batch_ticks": 16, "clock": FakeClock(), **settings}
    return ScenarioSource("scenario:demo", plant=plant, **chosen)


def legacy_source(**settings: object) -> LegacySource:
    chosen = {"ticks": 100, "batch_ticks": 16, "clock": FakeClock(), **settings}
    return LegacySource("scenario:legacy-poison", seed=1, **chosen)


MAKERS = (scenario_source, legacy_source)


def read_all(source: Source) -> list[Batch]:
    batches = []
    while (batch := source.read()) is not None:
        batches.append(batch)
    return batches


def assert_same(left: Batch, right: Batch) -> None:
    assert (left.sequence, left.offset, left.received_at) == (
        right.sequence,
        right.offset,
        right.received_at,
    )
    for name in SIGNALS:
        assert_frame_equal(getattr(left, name), getattr(right, name), check_exact=True)


@pytest.mark.parametrize("make", MAKERS)
def test_every_offset_is_a_point_to_resume_from(make: Callable[..., Source]) -> None:
    source = make()
    assert isinstance(source, Source)
    source.open(None)
    batches = read_all(source)
    assert [batch.sequence for batch in batches] == list(range(7))
    for number in (0, 3, 5):
        fresh = make()
        fresh.open(batches[number].offset)
        rest = read_all(fresh)
        assert len(rest) == 6 - number
        for left, right in zip(rest, batches[number + 1 :], strict=True):
            assert_same(left, right)
    source.open(batches[2].offset)  # the same object goes back in time, too
    assert_same(source.read(), batches[3])
    source.close()
    source.close()


@pytest.mark.parametrize("make", MAKERS)
def test_rows_come_only_through_declared_channels(make: Callable[..., Source]) -> None:
    source = make(ticks=400, batch_ticks=400)
    source.open(None)
    batch = source.read()
    names = {channel.name for channel in source.channels()}
    assert {channel.name for channel in batch.channels} == names
    for signal in SIGNALS:
        assert set(getattr(batch, signal)["source"]) <= names
    assert source.read() is None


@pytest.mark.parametrize("make", MAKERS)
def test_live_ticks_come_as_the_clock_goes(make: Callable[..., Source]) -> None:
    clock = FakeClock()
    source = make(clock=clock, speed=2.0)
    source.open(None)
    empty = source.read()
    assert empty.rows_in == 0
    clock.sleep(1.6)
    batch = source.read()
    assert batch.metrics["time"].dt.epoch("s").n_unique() == 3
    assert source.read().rows_in == 0
    clock.sleep(100.0)
    assert source.read().metrics["time"].dt.epoch("s").n_unique() == 16
    resumed = make(clock=clock, speed=2.0)
    resumed.open(batch.offset)
    assert resumed.read().rows_in == 0  # what passed while it was away is not made up for


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("offset", ["", "{}", '{"tick": "x", "sequence": 1, "steps": []}', "[1]"])
def test_an_offset_of_another_is_refused(make: Callable[..., Source], offset: str) -> None:
    with pytest.raises(BadInputError, match="is not one of ours"):
        make().open(offset)


def test_an_offset_remembers_what_was_done_to_the_plant() -> None:
    plant = Plant(scenario("calm"), seed=1)
    source = ScenarioSource(plant=plant, clock=FakeClock(), ticks=200, batch_ticks=50)
    source.open(None)
    source.read()
    plant.inject("cpu_saturation", "cart")
    plant.act("block", "traces")
    second = source.read()
    third = source.read()
    fresh = ScenarioSource(
        plant=Plant(scenario("calm"), seed=1), clock=FakeClock(), ticks=200, batch_ticks=50
    )
    fresh.open(second.offset)
    assert_same(fresh.read(), third)
    assert third.spans.height == 0


def test_a_restored_plant_is_not_simulated_again() -> None:
    plant = Plant(scenario("calm"), seed=1)
    source = ScenarioSource(plant=plant, clock=FakeClock(), ticks=200, batch_ticks=50)
    source.open(None)
    first = source.read()
    plant.act("block", "traces")  # after the offset was given
    state = plant.state()
    second = source.read()
    restored = Plant(scenario("calm"), seed=1)
    restored.restore(state)
    fresh = ScenarioSource(plant=restored, clock=FakeClock(), ticks=200, batch_ticks=50)
    fresh.open(first.offset)
    assert_same(fresh.read(), second)
    assert second.spans.height == 0


def proposal(key: str, action: str = "restart", target: str = "cart") -> Proposal:
    return Proposal(
        key=key,
        incident="i",
        action=action,
        target=target,
        rationale="",
        confidence=1.0,
        blast_radius=1,
        proposed_at=NOW,
    )


def test_the_actuator_acts_once_per_key() -> None:
    plant = Plant(scenario("calm"), seed=1)
    actuator = PlantActuator(plant)
    assert isinstance(actuator, Actuator)
    assert actuator.outcome_of("a") is None
    first = actuator.act(proposal("a"), now=NOW)
    assert first.result is Result.SUCCEEDED
    assert actuator.act(proposal("a", action="scale"), now=NOW) == first
    assert actuator.outcome_of("a") == first
    assert plant.measures().actions == 1
    actuator.act(proposal("b"), now=NOW)
    assert plant.measures().actions == 2


@pytest.mark.parametrize(("action", "target"), [("explode", "cart"), ("restart", "nothing")])
def test_what_cannot_be_done_fails_and_says_why(action: str, target: str) -> None:
    outcome = PlantActuator(Plant(scenario("calm"), seed=1)).act(
        proposal("a", action=action, target=target), now=NOW
    )
    assert outcome.result is Result.FAILED
    assert "choose" in outcome.detail
