"""How long an event waits until what is decided about it, at a steady rate of events."""

import time
from datetime import timedelta
from typing import Final

import numpy as np

from tam_workbench.engine import settings, wiring
from tam_workbench.evaluation.benches.reference import plain_loop_rate
from tam_workbench.evaluation.figures import Figure
from tam_workbench.plant import START, Plant, scenario
from tam_workbench.records import Batch, Floats

RATE: Final = 50_000
WARM_TURNS: Final = 200
GOAL_MS: Final = 10.0


def latencies(*, rate: float = RATE, turns: int = 1500, seed: int = 7) -> Floats:
    """Return seconds from each event to the end of the turn that decided on it.

    Events come evenly at ``rate``, a tick of the plant at a time; a turn takes every tick that
    is complete when it begins. The clock of the queue is simulated, the turns really take place
    and their wall time is what it advances by.

    Parameters
    ----------
    rate
        Events a second.
    turns
        Turns measured, after 200 that warm up.
    seed
        Of the plant.
    """
    plant = Plant(scenario("throughput"), seed=seed)
    chosen = settings.read(source="scenario:throughput", seed=seed, checkpoint_s=1e9)
    runner = wiring.assemble(chosen, plant=plant).runner
    runner.open()
    runner.loop.prepare()
    a_tick = _rows_a_tick(plant) / rate
    now, taken, waited = 0.0, 0, []
    for turn in range(WARM_TURNS + turns):
        complete = int(now / a_tick)
        if complete <= taken:
            complete, now = taken + 1, (taken + 1) * a_tick
        batch = _batch(plant, complete - taken, sequence=turn, channels=runner.source.channels())
        begun = time.perf_counter()
        runner.archive.add(runner.loop.turn(batch, tick_s=1.0))
        if turn < WARM_TURNS:
            now, taken = 0.0, 0
            continue
        now += time.perf_counter() - begun
        came = taken * a_tick + np.arange(batch.rows_in) * (
            (complete - taken) * a_tick / batch.rows_in
        )
        waited.append(now - came)
        taken = complete
    runner.close()
    return np.concatenate(waited)


def _rows_a_tick(plant: Plant) -> float:
    output = Plant(plant.spec, seed=plant.seed).advance(600)
    frames = (output.metrics, output.logs, output.spans, output.changes)
    return sum(frame.height for frame in frames) / 600


def _batch(plant: Plant, ticks: int, *, sequence: int, channels: object) -> Batch:
    output = plant.advance(ticks)
    return Batch(
        source="scenario:throughput",
        sequence=sequence,
        offset="",
        received_at=START + timedelta(seconds=output.end),
        metrics=output.metrics,
        logs=output.logs,
        spans=output.spans,
        changes=output.changes,
        channels=tuple(channels),  # type: ignore[arg-type]
    )


def latency_figures() -> list[Figure]:
    """Return percentiles from event to decision beside what the plain loop can take at all."""
    waited = 1e3 * latencies()
    plain = plain_loop_rate("scenario:throughput", ticks=64)
    peer = f"plain River loop: takes {plain:,.0f} events/s at most"
    told = zip((50, 95, 99), np.percentile(waited, (50, 95, 99)).tolist(), strict=True)
    return [
        Figure(
            name=f"event to decision at {RATE:,} events/s, p{q}",
            value=value,
            unit="ms",
            peer=peer if q == 99 else "",
            goal=f"< {GOAL_MS:.0f}" if q == 99 else "",
            holds=value < GOAL_MS if q == 99 else None,
        )
        for q, value in told
    ]
