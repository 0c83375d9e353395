"""How fast the loop is, beside its peers in the same run."""

import resource
import statistics
import subprocess
import sys
import time

import psutil

from tam_workbench.engine import settings, wiring
from tam_workbench.engine.runner import Runner
from tam_workbench.evaluation.benches.reference import plain_loop_rate
from tam_workbench.evaluation.figures import Figure
from tam_workbench.evaluation.scenarios.legacy import legacy_loop_rate
from tam_workbench.explain import linear_shap

PLANT_TICKS = 8192
PLANT_BATCH_TICKS = 256
LEGACY_TICKS = 200_000
MEMORY_EVENTS = 5_000_000
ROUNDS = 3


def _runner(source: str, ticks: int, *, batch_ticks: int = 64, seed: int = 7) -> Runner:
    chosen = settings.read(
        source=source, ticks=ticks, batch_ticks=batch_ticks, seed=seed, checkpoint_s=1e9
    )
    return wiring.assemble(chosen).runner


def _rate(
    source: str, ticks: int, *, batch_ticks: int = 64
) -> tuple[float, float, dict[str, float]]:
    """Return events/s and ticks/s of CPU time of the loop alone, and seconds per stage.

    Reading (here: simulating) is not the loop and is left out of its time.
    """
    runner = _runner(source, ticks, batch_ticks=batch_ticks)
    runner.open()
    runner.loop.prepare()
    warm = runner.source.read()
    if warm is not None:
        runner.loop.turn(warm, tick_s=runner.source.tick_s)
    spent, rows, seen = 0.0, 0, 0
    while (batch := runner.source.read()) is not None:
        begun = time.process_time()
        turn = runner.loop.turn(batch, tick_s=runner.source.tick_s)
        runner.archive.add(turn)
        spent += time.process_time() - begun
        rows += batch.rows_in
        seen += turn.seen.ticks.size
    begun = time.process_time()
    runner.commit()
    spent += time.process_time() - begun
    stages = dict(runner.loop.tally.stage_seconds)
    runner.close()
    return rows / spent, seen / spent, stages


def loop_figures() -> list[Figure]:
    """Return throughput against the seed's loop, the plain reference, and memory growth."""
    legacy, ours, plain_ratio, plant = [], [], [], []
    stages: dict[str, float] = {}
    for _ in range(ROUNDS):
        legacy.append(legacy_loop_rate(20_000, seed=1))
        ours.append(_rate("scenario:legacy-drift", LEGACY_TICKS)[1])
        events, _, stages = _rate("scenario:throughput", PLANT_TICKS, batch_ticks=PLANT_BATCH_TICKS)
        plant.append(events)
        plain_ratio.append(events / plain_loop_rate("scenario:throughput", ticks=128))
    ratio = statistics.median(o / p for o, p in zip(ours, legacy, strict=True))
    rows = [
        _figure(
            "ticks/s on the legacy stream",
            statistics.median(ours),
            "ticks/s",
            f"seed's loop {statistics.median(legacy):,.0f}",
            ">= 10x",
            holds=ratio >= 10.0,
        ),
        _figure("  ratio to the seed's loop", ratio, "x", "1", ">= 10", holds=ratio >= 10.0),
        _figure(
            "events/s on the plant, every stage on",
            statistics.median(plant),
            "events/s",
            "",
            ">= 100,000",
            holds=statistics.median(plant) >= 1e5,
        ),
        _figure(
            "  ratio to the plain River loop",
            statistics.median(plain_ratio),
            "x",
            "1",
            ">= 50",
            holds=statistics.median(plain_ratio) >= 50.0,
        ),
    ]
    total = sum(stages.values())
    rows += [
        _figure(f"  stage {name}", 100 * spent / total, "% of the loop", "", "", holds=None)
        for name, spent in sorted(stages.items(), key=lambda item: -item[1])
    ]
    return [*rows, shap_figure(), memory_figure()]


def _figure(
    name: str, value: float, unit: str, peer: str, goal: str, *, holds: bool | None
) -> Figure:
    return Figure(name=name, value=value, unit=unit, peer=peer, goal=goal, holds=holds)


def shap_figure(ticks: int = 1024) -> Figure:
    """Return what exact SHAP of every prediction adds to the loop, in the same run."""
    runner = _runner("scenario:throughput", ticks)
    runner.open()
    loop_s, shap_s = 0.0, 0.0
    while (batch := runner.source.read()) is not None:
        begun = time.process_time()
        turn = runner.loop.turn(batch, tick_s=runner.source.tick_s)
        turned = time.process_time()
        linear = runner.loop.stages.learning.linear()
        if linear is not None and runner.loop.tally.batches > 2:  # the first ones compile
            linear_shap(
                linear.weights,
                linear.intercept,
                mean=linear.mean,
                scale=linear.scale,
                X=turn.observed.values,
                clip=linear.clip,
            )
            loop_s += turned - begun
            shap_s += time.process_time() - turned
    runner.close()
    share = 100 * shap_s / loop_s
    return _figure(
        "exact SHAP of every prediction",
        share,
        "% on top of the loop",
        "",
        "<= 5",
        holds=share <= 5.0,
    )


def memory_figure(events: int = MEMORY_EVENTS) -> Figure:
    """Return how much the process grows over some million events, after a warm-up."""
    runner = _runner("scenario:throughput", 10_000_000)
    runner.open()
    process = psutil.Process()
    warm_until, rows, warm = events // 5, 0, 0
    while rows < events + warm_until:
        batch = runner.source.read()
        assert batch is not None
        runner.archive.add(runner.loop.turn(batch, tick_s=runner.source.tick_s))
        rows += batch.rows_in
        if runner.loop.tally.batches % 50 == 0:
            runner.commit()
        if not warm and rows >= warm_until:
            warm = process.memory_info().rss
    grown = (process.memory_info().rss - warm) / 2**20
    runner.close()
    return _figure(
        f"growth over {events / 1e6:.0f} million events",
        grown,
        "MiB",
        "",
        "< 50",
        holds=grown < 50.0,
    )


def start_figures() -> list[Figure]:
    """Return what importing costs against a bare interpreter, medians of paired runs."""
    bare = _times([sys.executable, "-c", "pass"])
    ours = _times([sys.executable, "-c", "import tam_workbench"])
    ratio = statistics.median(b / a for a, b in zip(bare, ours, strict=True))
    return [
        _figure(
            "import tam_workbench", ratio, "x a bare interpreter", "1", "< 3", holds=ratio < 3.0
        )
    ]


def _times(command: list[str], *, runs: int = 9) -> list[float]:
    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True)  # noqa: S603 - our own interpreter
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return [once() for _ in range(runs)]
