"""The board of foresight: the learner beside every baseline over seeds, with paired intervals."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Final

import numpy as np

from tam_workbench.evaluation.figures import Figure, interval
from tam_workbench.evaluation.scenarios.prediction import compare

TICKS: Final = 4800
"""Ticks of a run: every kind of fault once, and some twice."""

BETTER: Final = {"log_loss": -1, "brier": -1, "average_precision": 1, "recall_at_1pct_fpr": 1}
"""Each measure, and whether more (1) or less (-1) of it is better."""

_LEARNER: Final = "learner"


def figures(
    seeds: int, *, source: str = "scenario:faults", ticks: int = TICKS, processes: int = 2
) -> list[Figure]:
    """Return the learner and its rivals on seeds 1 to ``seeds``.

    A goal holds when the 95 % interval of the paired difference to the best rival, by its mean,
    lies on the better side of zero.
    """
    tasks = [(source, seed, ticks) for seed in range(1, seeds + 1)]
    if processes > 1:
        with ProcessPoolExecutor(processes) as pool:
            told = list(pool.map(_one, tasks))
    else:
        told = [_one(task) for task in tasks]
    return [line for measure in BETTER for line in lines(told, measure)]


def _one(task: tuple[str, int, int]) -> list[dict[str, object]]:
    source, seed, ticks = task
    return compare(source, seed=seed, ticks=ticks)


def lines(told: Sequence[Sequence[dict[str, object]]], measure: str) -> list[Figure]:
    """Return one measure's line of the learner and of each rival, from the rows of all seeds."""
    by_model = {
        str(row["model"]): np.array([float(str(_of(run, row["model"])[measure])) for run in told])
        for row in told[0]
    }
    ours = by_model.pop(_LEARNER)
    sign = BETTER[measure]
    best = max(by_model, key=lambda name: sign * float(by_model[name].mean()))
    mean, low, high = interval(ours)
    _, least, most = interval(sign * (ours - by_model[best]))
    first = Figure(
        name=f"{measure}: {_LEARNER}",
        value=mean,
        unit=f"[{low:.4f}, {high:.4f}]",
        peer=f"{best} {by_model[best].mean():.4f}; better by [{least:.4f}, {most:.4f}]",
        goal="better than every baseline",
        holds=least > 0.0,
    )
    return [first, *(_rival(measure, name, values) for name, values in by_model.items())]


def _of(run: Sequence[dict[str, object]], model: object) -> dict[str, object]:
    return next(row for row in run if row["model"] == model)


def _rival(measure: str, name: str, values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Figure:
    mean, low, high = interval(values)
    return Figure(
        name=f"{measure}: {name}",
        value=mean,
        unit=f"[{low:.4f}, {high:.4f}]",
        peer="",
        goal="",
        holds=None,
    )
