"""Drift: how soon it is over, and how often one is seen where there is none.

Normal changes on the plant: load and latency rise at once, slowly, or again and again, which is
no incident. Each run has a twin with the same seed, the same faults and no shift, so that the
*excess* of a tick is the mean log-loss of its fair questions less that of the twin's. A drift is
over at the first tick from which the mean excess of the next `WINDOW` ticks is at most `BAND`.
The same rule holds for everybody: the learner, a model retrained on a window, the trivial ones.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tam_workbench.engine import settings, wiring
from tam_workbench.engine.summary import ServiceTicks
from tam_workbench.evaluation.figures import Figure, interval
from tam_workbench.evaluation.scenarios import prediction
from tam_workbench.evaluation.scenarios.headless import turns
from tam_workbench.learning import LearningRules
from tam_workbench.plant import START, Plant, PlantSpec, scenario
from tam_workbench.records import Autonomy, Drift, Floats

WINDOW: Final = 10
"""Ticks over which the excess is averaged."""

BAND: Final = 0.01
"""Log-loss per question; the base rate loses about 0.055, so a drift that costs less than a fifth
of knowing nothing is no drift to speak of."""

NEVER: Final = 300
"""Ticks after which a drift that is not over counts as this many."""

GOALS: Final[Mapping[str, float]] = {"sudden": 5.0, "gradual": 30.0, "recurring": 2.0}
ONSETS: Final[Mapping[str, tuple[int, ...]]] = {
    "sudden": (1500,),
    "gradual": (1500, 2100, 2700),
    "recurring": (2100, 2700, 3300, 3900),
}
"""Ticks that are looked at: of the gradual one its beginning, middle and end; of the recurring
one every return to a world that was there before."""

RETRAIN_EVERY: Final = 480
RETRAIN_ROWS: Final = 40_000
_ZERO: Final = int(START.timestamp())
_EDGE: Final = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Mean log-loss per tick (T,) of each model, NaN without a fair question, and the drifts."""

    losses: Mapping[str, Floats]
    drifts: tuple[Drift, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """One drift of one run: ticks until it was over per model, until it was noticed, its cost."""

    kind: str
    seed: int
    onset: int
    recovered: Mapping[str, int]
    peak: Mapping[str, float]
    noticed: int | None


def run(spec: PlantSpec, *, seed: int) -> Run:
    """Run the loop, which only watches, over a plant and score each tick."""
    chosen = settings.read(
        source="scenario:calm",
        seed=seed,
        ticks=spec.ticks,
        autonomy=Autonomy.OBSERVE,
        learning=LearningRules(baseline_every=RETRAIN_EVERY, baseline_window=RETRAIN_ROWS),
        checkpoint_s=1e9,
    )
    plant = Plant(spec, seed=seed)
    runner = wiring.assemble(chosen, plant=plant).runner
    seen: list[ServiceTicks] = []
    drifts: list[Drift] = []
    cursor = 0
    for turn in turns(runner):
        seen.append(turn.seen)
        told, cursor = runner.bus.read("drift", after=cursor)
        drifts += [item for item in told if isinstance(item, Drift)]
    runner.close()
    said = prediction.joined(seen)
    came = prediction.answers(plant.truth(), said, horizon=chosen.learning.horizon)
    rivals = prediction.rivals(said, came, seed=seed)
    losses = {name: per_tick(p, came) for name, p in rivals.items()}
    return Run(losses=losses, drifts=tuple(drifts))


def per_tick(probability: Floats, came: prediction.Answers) -> Floats:
    """Return the mean log-loss of each tick's fair questions, NaN where there is none."""
    cut = np.clip(probability, _EDGE, 1.0 - _EDGE)
    lost = np.where(came.is_soon, -np.log(cut), -np.log(1.0 - cut))
    asked = came.is_asked.sum(axis=1)
    total = np.where(came.is_asked, lost, 0.0).sum(axis=1)
    return np.where(asked > 0, total / np.maximum(asked, 1), np.nan)


def ticks_to_recover(excess: Floats, *, band: float = BAND, window: int = WINDOW) -> int:
    """Return the first tick from which the mean excess of ``window`` ticks is within the band.

    >>> ticks_to_recover(np.r_[np.full(7, 0.5), np.zeros(20)], window=2)
    7
    >>> ticks_to_recover(np.full(400, 0.5))
    300
    """
    for at in range(min(NEVER, len(excess) - window + 1)):
        piece = excess[at : at + window]
        told = piece[~np.isnan(piece)]
        if not told.size or told.mean() <= band:
            return at
    return NEVER


def recoveries(kind: str, *, seed: int, twin: Run) -> list[Recovery]:
    """Run one drift scenario and compare it with its twin at every onset."""
    ran = run(_spec(kind), seed=seed)
    found = []
    for onset in ONSETS[kind]:
        ends = onset + NEVER + WINDOW
        excess = {
            name: (lost - twin.losses[name][: len(lost)])[onset:ends]
            for name, lost in ran.losses.items()
        }
        noticed = [d.tick - _ZERO - onset for d in ran.drifts if 0 <= d.tick - _ZERO - onset < 100]
        found.append(
            Recovery(
                kind=kind,
                seed=seed,
                onset=onset,
                recovered={name: ticks_to_recover(e) for name, e in excess.items()},
                peak={name: float(np.nanmean(e[:WINDOW])) for name, e in excess.items()},
                noticed=min(noticed, default=None),
            )
        )
    return found


def _spec(kind: str) -> PlantSpec:
    """Return a drift scenario no longer than its last onset needs; ``twin`` has no shift."""
    longest = max(max(ticks) for ticks in ONSETS.values())
    spec = scenario(f"drift-{'recurring' if kind == 'twin' else kind}")
    last = longest if kind == "twin" else max(ONSETS[kind])
    shifts = () if kind == "twin" else spec.shifts
    return replace(spec, shifts=shifts, ticks=last + NEVER + WINDOW + 10)


def of_seed(seed: int) -> tuple[list[Recovery], int, int]:
    """Return all recoveries of one seed, and (false alarms, ticks) on a calm plant."""
    twin = run(_spec("twin"), seed=seed)
    found = [r for kind in GOALS for r in recoveries(kind, seed=seed, twin=twin)]
    calm = replace(scenario("calm"), ticks=CALM_TICKS)
    return found, len(run(calm, seed=seed).drifts), CALM_TICKS


CALM_TICKS: Final = 3000
"""Calm ticks per seed in which a drift seen is a false alarm."""

_SHOWN: Final = (
    "learner",
    "static model, retrained",
    "persistence: breached lately",
    "base rate so far",
    "always fire",
)


def figures(seeds: int, *, processes: int = 1) -> list[Figure]:
    """Return recovery, detection delay and false alarms over seeds 1 to ``seeds``."""
    numbers = range(1, seeds + 1)
    if processes > 1:
        with ProcessPoolExecutor(processes) as pool:
            told = list(pool.map(of_seed, numbers))
    else:
        told = [of_seed(seed) for seed in numbers]
    found = [r for part, _, _ in told for r in part]
    alarms, ticks = sum(part[1] for part in told), sum(part[2] for part in told)
    return [*table(found), false_alarms(alarms, ticks)]


def table(found: Iterable[Recovery]) -> list[Figure]:
    """Return a line per kind of drift and model, and one for noticing it."""
    found, lines = list(found), []
    for kind, goal in GOALS.items():
        ours = [r for r in found if r.kind == kind]
        if not ours:
            continue
        for name in _SHOWN:
            values = np.array([float(r.recovered[name]) for r in ours])
            mean, low, high = interval(values)
            peak = float(np.mean([r.peak[name] for r in ours]))
            lines.append(
                Figure(
                    name=f"{kind} drift, ticks to recover: {name}",
                    value=mean,
                    unit=f"[{low:.1f}, {high:.1f}], excess of the first {WINDOW} ticks {peak:+.3f}",
                    peer="ADWIN notices after 83" if name == "learner" else "",
                    goal=f"<= {goal:g}" if name == "learner" else "",
                    holds=mean <= goal if name == "learner" else None,
                )
            )
        lines.append(_noticed(kind, ours))
    return lines


def _noticed(kind: str, ours: list[Recovery]) -> Figure:
    heard = np.array([float(r.noticed) for r in ours if r.noticed is not None])
    mean, low, high = interval(heard)
    return Figure(
        name=f"{kind} drift, ticks until noticed",
        value=mean,
        unit=f"[{low:.1f}, {high:.1f}], {heard.size} of {len(ours)} noticed within 100",
        peer="ADWIN 83",
        goal="",
        holds=None,
    )


def false_alarms(alarms: int, ticks: int) -> Figure:
    """Return drifts seen per 10,000 calm ticks.

    >>> false_alarms(2, 40_000).value
    0.5
    """
    rate = alarms * 1e4 / max(ticks, 1)
    return Figure(
        name="drifts seen on a calm plant",
        value=rate,
        unit=f"per 10,000 ticks, {alarms} in {ticks:,}",
        peer="",
        goal="<= 1",
        holds=rate <= 1.0,
    )
