"""Are explanations any good? Fidelity, stability, agreement, hits on labels, and their cost.

On the plant: each incident's alarm is explained by exact SHAP of the learner, by LIME and by
chance, and the features are taken away in the order that they give. On the boards that say which
metrics carry an anomaly: how many of the detector's first suspects are among them.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tam_workbench import explain
from tam_workbench.engine import settings, wiring
from tam_workbench.engine.loop import Turn
from tam_workbench.evaluation.figures import Figure, interval
from tam_workbench.evaluation.scenarios.explaining_boards import hit_rows
from tam_workbench.evaluation.scenarios.headless import turns
from tam_workbench.evaluation.scenarios.policy_cases import site
from tam_workbench.learning import Linear
from tam_workbench.plant import Plant
from tam_workbench.records import Autonomy, Floats

CADENCES: Final = (1, 10, 100, 1000)
_LEAST_RISE: Final = 0.05  # of a prediction over the usual one, below which nothing is explained
_BACKGROUND: Final = 200
_NOISE: Final = 0.05  # of a feature's spread
_TWINS: Final = 5
_ORDERS: Final = 20
_TOP: Final = 5
_BATCH: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """An alarm as the explainer meets it: the row, recent rows, and the model as it was."""

    row: Floats
    background: Floats
    linear: Linear

    def predict_proba(self, X: Floats) -> Floats:
        """Return P(incident) per row, as the linear model says."""
        phi, base = self.shap(X)
        odds = np.clip(base + phi.sum(axis=1), -700.0, 700.0)
        p: Floats = 1.0 / (1.0 + np.exp(-odds))
        return p

    def exact(self, row: Floats) -> Floats:
        """Return exact SHAP in log-odds."""
        phi: Floats = self.shap(row[None, :])[0][0]
        return phi

    def lime(self, row: Floats, *, seed: int) -> Floats:
        """Return LIME's weights times how far the row is from the usual, as SHAP counts it."""
        names = tuple(str(at) for at in range(len(row)))
        told = explain.lime_attributions(
            self.predict_proba, row, background=self.background, feature_names=names, seed=seed
        )
        spread = self.background.std(axis=0)
        scale = np.where(spread > 0.0, spread, 1.0)
        deviation = (row - self.background.mean(axis=0)) / scale
        contributions: Floats = np.array(told.attributions) * deviation
        return contributions

    def shap(self, X: Floats) -> tuple[Floats, float]:
        """Return exact SHAP of many rows in log-odds, and its base."""
        one = self.linear
        return explain.linear_shap(
            one.weights, one.intercept, mean=one.mean, scale=one.scale, X=X, clip=one.clip
        )


def figures(seeds: int, *, processes: int = 2) -> list[Figure]:
    """Return all figures: the plant's over seeds, the boards' over files, the cost of one run."""
    tasks = range(1, seeds + 1)
    if processes == 1:
        measured = [plant_measures(seed) for seed in tasks]
    else:
        with ProcessPoolExecutor(processes) as pool:
            measured = list(pool.map(plant_measures, tasks))
    return [*plant_rows(measured), *hit_rows(), *cost_rows()]


def moments(seed: int, *, ticks: int | None = None) -> list[Moment]:
    """Return the alarms of a run that only watches, at the opening of each incident."""
    spec = site(seed) if ticks is None else replace(site(seed), ticks=ticks)
    chosen = settings.read(
        source="scenario:calm",
        seed=seed,
        ticks=spec.ticks,
        batch_ticks=_BATCH,
        autonomy=Autonomy.OBSERVE,
        checkpoint_s=1e9,
    )
    runner = wiring.assemble(chosen, plant=Plant(spec, seed=seed)).runner
    stages = runner.loop.stages
    known: set[str] = set()
    found: list[Moment] = []
    for turn in turns(runner):
        linear = stages.learning.linear()
        for incident in stages.book.all():
            if incident.id in known:
                continue
            known.add(incident.id)
            row = _row_of(turn, incident.service, incident.opened_tick)
            background = stages.learning.recent_rows()[0][-_BACKGROUND:]
            if row is not None and linear is not None and len(background) >= _BACKGROUND // 4:
                found.append(Moment(row=row, background=background.copy(), linear=linear))
    runner.close()
    return found


def _row_of(turn: Turn, service: str, tick: int) -> Floats | None:
    """Return what the responder explains: the service's last row up to the alarm."""
    seen = turn.seen
    last = int(np.searchsorted(seen.ticks, tick, side="right"))
    rows = seen.rows[:last, seen.services.index(service)]
    rows = rows[rows >= 0]
    return turn.observed.values[rows[-1]].copy() if rows.size else None


def plant_measures(seed: int) -> dict[str, float]:
    """Return the means over one run's alarms; empty when none rose over the usual prediction."""
    rng = np.random.default_rng(seed)
    kept = [one for moment in moments(seed) if (one := _measured(moment, rng)) is not None]
    names = kept[0] if kept else {}
    return {name: float(np.mean([one[name] for one in kept])) for name in names}


def _measured(moment: Moment, rng: np.random.Generator) -> dict[str, float] | None:
    """Return fidelity, stability and agreement at one alarm, None where there is no alarm.

    Areas are stretched so that 0 is the prediction of the baseline and 1 that of the row.
    """
    row, baseline = moment.row, moment.background.mean(axis=0)
    low, high = moment.predict_proba(np.stack([baseline, row]))
    if high - low < _LEAST_RISE:
        return None
    seed = int(rng.integers(2**31))
    exact, lime = moment.exact(row), moment.lime(row, seed=seed)
    orders = {
        "exact SHAP": [explain.supporting(exact)],
        "LIME": [explain.supporting(lime)],
        "chance": [rng.permutation(len(row)) for _ in range(_ORDERS)],
    }
    out: dict[str, float] = {}
    for name, tried in orders.items():
        for curve in (explain.deletion, explain.insertion):
            areas = [
                explain.area(curve(moment.predict_proba, row, order, baseline=baseline))
                for order in tried
            ]
            out[f"{curve.__name__}, {name}"] = (float(np.mean(areas)) - low) / (high - low)
    noise = _NOISE * moment.background.std(axis=0)
    twins = [row + noise * rng.standard_normal(len(row)) for _ in range(_TWINS)]
    out["stability, exact SHAP"] = _stability(moment.exact, exact, twins)
    out["stability, LIME"] = _stability(lambda r: moment.lime(r, seed=seed), lime, twins[:2])
    out["stability, LIME with another seed"] = explain.rank_correlation(
        lime, moment.lime(row, seed=seed + 1)
    )
    out["agreement SHAP with LIME, rank correlation"] = explain.rank_correlation(exact, lime)
    out[f"agreement SHAP with LIME, top {_TOP} in common"] = explain.overlap(exact, lime, top=_TOP)
    out["alarms explained"] = 1.0
    return out


def _stability(told: Callable[[Floats], Floats], first: Floats, twins: Sequence[Floats]) -> float:
    return float(np.mean([explain.rank_correlation(first, told(twin)) for twin in twins]))


def plant_rows(measured: Sequence[dict[str, float]]) -> list[Figure]:
    """Return the plant's figures: means over runs with 95 % intervals."""
    told = [run for run in measured if run]
    rows = []
    for name in told[0] if told else {}:
        if name == "alarms explained":
            continue
        values = np.array([run[name] for run in told])
        mean, low, high = interval(values)
        peer = name.replace("exact SHAP", "chance").replace("LIME", "chance")
        goal, holds = "", None
        if name.startswith(("deletion", "insertion")) and peer != name:
            rival = np.array([run[peer] for run in told])
            better = rival - values if name.startswith("deletion") else values - rival
            goal, holds = "better than chance", interval(better)[1] > 0.0
        unit = f"[{low:.3f}, {high:.3f}]"
        rows.append(Figure(name=name, value=mean, unit=unit, peer="", goal=goal, holds=holds))
    return rows


def cost_rows(ticks: int = 2048) -> list[Figure]:
    """Return the share of CPU time that explaining every n-th prediction takes, per method.

    The loop's own time and that of one explanation are measured in the same run.
    """
    spec = replace(site(1), ticks=ticks)
    chosen = settings.read(
        source="scenario:calm", seed=1, ticks=ticks, autonomy=Autonomy.OBSERVE, checkpoint_s=1e9
    )
    runner = wiring.assemble(chosen, plant=Plant(spec, seed=1)).runner
    runner.open()
    spent, rows = 0.0, 0
    exact_spent, moment = 0.0, None
    while (batch := runner.source.read()) is not None:
        begun = time.process_time()
        turn = runner.loop.turn(batch, tick_s=runner.source.tick_s)
        turned = time.process_time()
        linear = runner.loop.stages.learning.linear()
        if linear is None or runner.loop.tally.batches <= 2:  # the first ones compile
            continue
        X = turn.observed.values
        background = runner.loop.stages.learning.recent_rows()[0][-_BACKGROUND:]
        moment = Moment(row=X[-1].copy(), background=background.copy(), linear=linear)
        explained = time.process_time()
        moment.shap(X)
        exact_spent += time.process_time() - explained
        spent += turned - begun
        rows += len(X)
    runner.close()
    if moment is None:
        return []
    single = moment
    each = {
        "exact SHAP": exact_spent / rows,
        "LIME": _seconds(lambda: single.lime(single.row, seed=1)),
        "KernelSHAP": _seconds(lambda: _kernel(single)),
    }
    return [
        _cost_row(name, cost, spent / rows, every)
        for name, cost in each.items()
        for every in CADENCES
    ]


def _kernel(moment: Moment) -> None:
    names = tuple(str(at) for at in range(len(moment.row)))
    explain.kernel_shap(
        moment.predict_proba,
        moment.row,
        background=moment.background,
        feature_names=names,
        seed=1,
    )


def _seconds(work: Callable[[], object], *, times: int = 5) -> float:
    work()  # the first imports its guest
    begun = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - begun) / times


def _cost_row(name: str, cost: float, loop: float, every: int) -> Figure:
    """Return the share of explaining in all the time spent."""
    share = cost / every / (loop + cost / every)
    return Figure(
        name=f"time spent explaining every {every:,}th prediction by {name}",
        value=100.0 * share,
        unit="% of CPU time",
        peer=f"{1e6 * cost:,.1f} us beside {1e6 * loop:,.1f} us of the loop",
        goal="",
        holds=None,
    )
