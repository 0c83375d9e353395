"""Does the loop close? Time to recovery and SLO minutes lost, with it and without it.

Three arms see the same plant with the same faults: nobody acts; a rule restarts a service whose
error ratio stays high (what most alerting does); and the loop, allowed to act within its bounds.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from tam_workbench.engine import settings, wiring
from tam_workbench.evaluation.figures import Figure, interval
from tam_workbench.plant import START, Plant, PlantSpec, scenario
from tam_workbench.records import Autonomy, Floats

BATCH_TICKS = 8
RULE_ERROR_RATIO = 0.05
RULE_TICKS = 10
RULE_COOL_DOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run of one arm cost."""

    arm: str
    seed: int
    slo_minutes: float
    mttr_s: float
    action_cost: float
    actions: int
    wrong_actions: int
    faults: int
    incidents: int
    false_incidents: int


def nobody(spec: PlantSpec, seed: int) -> Run:
    """Let the plant run without any action."""
    plant = Plant(spec, seed=seed)
    plant.advance(spec.ticks)
    return _run("no action", seed, plant)


def rule(spec: PlantSpec, seed: int) -> Run:
    """Restart a service whose error ratio is above a threshold for some ticks."""
    plant = Plant(spec, seed=seed)
    high = dict.fromkeys(spec.service_names, 0)
    rests = dict.fromkeys(spec.service_names, 0)
    for _ in range(spec.ticks // BATCH_TICKS):
        metrics = plant.advance(BATCH_TICKS).metrics
        for service, ratio in _error_ratios(metrics).items():
            high[service] = high[service] + BATCH_TICKS if ratio > RULE_ERROR_RATIO else 0
            rests[service] -= BATCH_TICKS
            if high[service] >= RULE_TICKS and rests[service] <= 0:
                plant.act("restart", service)
                rests[service] = RULE_COOL_DOWN
    return _run("restart rule", seed, plant)


def _error_ratios(metrics: pl.DataFrame) -> dict[str, float]:
    ratios = (
        metrics.filter(pl.col("name") == "http.server.error_ratio")
        .group_by("service")
        .agg(pl.col("value").mean())
    )
    return dict(zip(ratios["service"].cast(pl.String), ratios["value"], strict=True))


def loop(spec: PlantSpec, seed: int) -> Run:
    """Let the loop act within its bounds."""
    chosen = settings.read(
        source="scenario:calm",
        seed=seed,
        ticks=spec.ticks,
        batch_ticks=BATCH_TICKS,
        autonomy=Autonomy.ACT,
    )
    plant = Plant(spec, seed=seed)
    parts = wiring.assemble(chosen, plant=plant)
    parts.runner.run()
    truth = plant.truth()
    busy = set(zip(truth["service"].cast(pl.String), truth["tick"], strict=True))
    found = parts.runner.loop.stages.book.all()
    zero = int(START.timestamp())
    false = [i for i in found if not _is_real(busy, i.service, i.opened_tick - zero)]
    parts.runner.close()
    run = _run("loop", seed, plant)
    return replace(run, incidents=len(found), false_incidents=len(false))


def _is_real(busy: set[tuple[str, int]], service: str, tick: int) -> bool:
    return any((service, tick + d) in busy for d in range(-10, 31))


def _run(arm: str, seed: int, plant: Plant) -> Run:
    measures = plant.measures()
    return Run(
        arm=arm,
        seed=seed,
        slo_minutes=sum(measures.slo_minutes_lost.values()),
        mttr_s=measures.mttr_s or 0.0,
        action_cost=measures.action_cost,
        actions=measures.actions,
        wrong_actions=measures.wrong_actions,
        faults=len(measures.faults),
        incidents=0,
        false_incidents=0,
    )


ARMS: tuple[Callable[[PlantSpec, int], Run], ...] = (nobody, rule, loop)


def _one(task: tuple[int, str, int, int]) -> Run:
    arm, name, seed, ticks = task
    return ARMS[arm](replace(scenario(name), ticks=ticks), seed)


def runs(name: str, *, seeds: Sequence[int], ticks: int, processes: int = 2) -> list[Run]:
    """Return every arm's run on every seed, two processes at a time."""
    tasks = [(arm, name, seed, ticks) for seed in seeds for arm in range(len(ARMS))]
    if processes == 1:
        return [_one(task) for task in tasks]
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(_one, tasks))


def figures(name: str, *, seeds: int, ticks: int = 5900) -> list[Figure]:
    """Return MTTR, SLO minutes lost and costs per arm with 95 % intervals over seeds."""
    found = runs(name, seeds=range(1, seeds + 1), ticks=ticks)
    rows: list[Figure] = []
    columns = {"MTTR": ("mttr_s", "s"), "SLO lost": ("slo_minutes", "min")}
    for label, (column, unit) in columns.items():
        by_arm = {arm: _values(found, arm, column) for arm in ("no action", "restart rule", "loop")}
        rows += [_arm_row(label, unit, arm, by_arm) for arm in by_arm]
    for column in ("action_cost", "wrong_actions", "false_incidents", "incidents"):
        mean, low, high = interval(_values(found, "loop", column))
        peer = interval(_values(found, "restart rule", column))[0]
        rows.append(
            Figure(
                name=f"{column.replace('_', ' ')} of the loop",
                value=mean,
                unit=f"[{low:.1f}, {high:.1f}] per run",
                peer=f"rule {peer:.1f}" if column != "incidents" else "",
                goal="",
                holds=None,
            )
        )
    return rows


def _values(found: Sequence[Run], arm: str, column: str) -> Floats:
    return np.array([float(getattr(run, column)) for run in found if run.arm == arm])


def _arm_row(label: str, unit: str, arm: str, by_arm: dict[str, Floats]) -> Figure:
    mean, low, high = interval(by_arm[arm])
    best_other = min(float(by_arm[a].mean()) for a in by_arm if a != "loop")
    is_loop = arm == "loop"
    return Figure(
        name=f"{label}, {arm}",
        value=mean,
        unit=f"{unit} [{low:.1f}, {high:.1f}]",
        peer=f"best other {best_other:.1f}" if is_loop else "",
        goal=f"below {best_other:.1f}" if is_loop else "",
        holds=mean < best_other if is_loop else None,
    )
