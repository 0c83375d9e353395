"""Is a breach foreseen? The learner beside a static model and the trivial baselines.

Each (tick, service) is a question, put before anything of its answer was learnt: will this
service breach its objective within the next ``horizon`` ticks? The answers come from the
plant's ground truth afterwards. Ticks already in breach are left out: nothing is left to foresee.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from tam_workbench.engine import settings, wiring
from tam_workbench.engine.loop import Turn
from tam_workbench.engine.summary import ServiceTicks
from tam_workbench.errors import SettingsError
from tam_workbench.evaluation.scenarios.headless import turns
from tam_workbench.learning import LearningRules
from tam_workbench.plant import START
from tam_workbench.records import Autonomy, Floats, Ints

RETRAIN_EVERY: Final = 480
RETRAIN_ROWS: Final = 40_000
"""The static model gets its fits often and on nearly all the past: a strong peer."""

_EDGE: Final = 1e-3
_BREACHES: Final = ("breach", "recovery", "impact")
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    """What was said per (tick, service), shape (T, S); ticks are the plant's, from 0."""

    ticks: Ints
    services: tuple[str, ...]
    learner: Floats
    static: Floats
    anomaly: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What came: in breach now, soon, or lately; ``is_asked`` marks fair questions."""

    is_breached: Flags
    is_soon: Flags
    is_lately: Flags
    is_asked: Flags


def compare(source: str, *, seed: int, ticks: int) -> list[dict[str, object]]:
    """Run the loop, which only watches, over a scenario and score who foresaw the breaches.

    Log-loss and Brier score take every number as a probability (cut at 0.001 and 0.999; the
    anomaly score never claimed to be one); average precision and recall at 1 % false positives
    only ask for the order. Lower is better for the first two.
    """
    chosen = settings.read(
        source=source,
        seed=seed,
        ticks=ticks,
        autonomy=Autonomy.OBSERVE,
        learning=LearningRules(baseline_every=RETRAIN_EVERY, baseline_window=RETRAIN_ROWS),
        checkpoint_s=1e9,
    )
    parts = wiring.assemble(chosen)
    if parts.plant is None:
        raise SettingsError(f"{source!r} has no ground truth; use a plant such as scenario:faults")
    said = gather(turns(parts.runner))
    parts.runner.close()
    came = answers(parts.plant.truth(), said, horizon=chosen.learning.horizon)
    return [row(name, p, came) for name, p in rivals(said, came, seed=seed).items()]


def gather(heard: Iterable[Turn]) -> Foresight:
    """Put the predictions of all turns together."""
    return joined([turn.seen for turn in heard])


def joined(seen: list[ServiceTicks]) -> Foresight:
    """Put summaries together; services that came later were silent before."""
    services = seen[-1].services if seen else ()

    def column(name: str) -> Floats:
        filled = [
            np.pad(values, ((0, 0), (0, len(services) - values.shape[1])))
            for values in (getattr(part, name) for part in seen)
        ]
        return np.concatenate(filled) if filled else np.empty((0, 0))

    ticks = np.concatenate([part.ticks for part in seen]) if seen else np.empty(0, np.int64)
    return Foresight(
        ticks=ticks - int(START.timestamp()),
        services=services,
        learner=column("probability"),
        static=column("baseline"),
        anomaly=column("anomaly"),
    )


def answers(truth: pl.DataFrame, said: Foresight, *, horizon: int) -> Answers:
    """Look up what came after each tick; the last ``horizon`` ticks are not asked."""
    last = int(said.ticks[-1]) + 1 if said.ticks.size else 0
    breached = np.zeros((last + horizon, len(said.services)), dtype=np.bool_)
    rows = truth.filter(pl.col("phase").is_in(_BREACHES) & (pl.col("tick") < last))
    place = {name: at for at, name in enumerate(said.services)}
    columns = np.array([place.get(name, -1) for name in rows["service"]], dtype=np.int64)
    known = columns >= 0
    breached[rows["tick"].to_numpy()[known], columns[known]] = True
    total = np.vstack([np.zeros((1, breached.shape[1])), np.cumsum(breached, axis=0)])
    at = said.ticks
    now = breached[at]
    return Answers(
        is_breached=now,
        is_soon=total[at + horizon + 1] > total[at + 1],
        is_lately=total[at] > total[np.maximum(at - horizon, 0)],
        is_asked=~now & (at + horizon < last)[:, None],
    )


def rivals(said: Foresight, came: Answers, *, seed: int) -> dict[str, Floats]:
    """Return what the learner, the retrained model and the trivial ones said, shape (T, S)."""
    shape = said.learner.shape
    chance = np.random.default_rng(seed).random(shape)
    return {
        "learner": said.learner,
        "static model, retrained": said.static,
        "anomaly score": said.anomaly,
        "persistence: breached lately": came.is_lately.astype(np.float64),
        "base rate so far": _rate_so_far(came),
        "always fire": np.ones(shape),
        "never fire": np.zeros(shape),
        "random": chance,
    }


def _rate_so_far(came: Answers) -> Floats:
    """Return the share of positives among questions already answered, the same for all."""
    asked = came.is_asked.sum(axis=1)
    soon = (came.is_soon & came.is_asked).sum(axis=1)
    before = (np.cumsum(soon) - soon + 0.5) / (np.cumsum(asked) - asked + 10.0)
    return np.repeat(before[:, None], came.is_asked.shape[1], axis=1)


def loss(probability: Floats, came: Answers) -> float:
    """Return the mean log-loss on the fair questions."""
    from sklearn.metrics import log_loss

    y = came.is_soon[came.is_asked]
    cut = np.clip(probability[came.is_asked], _EDGE, 1.0 - _EDGE)
    return float(log_loss(y, cut, labels=[False, True]))


def row(name: str, probability: Floats, came: Answers) -> dict[str, object]:
    """Score one model on the fair questions."""
    from sklearn.metrics import average_precision_score, brier_score_loss

    y, p = came.is_soon[came.is_asked], probability[came.is_asked]
    cut = np.clip(p, _EDGE, 1.0 - _EDGE)
    has_both = bool(y.any()) and not bool(y.all())
    return {
        "model": name,
        "log_loss": loss(probability, came),
        "brier": float(brier_score_loss(y, cut)) if has_both else float(np.mean((cut - y) ** 2)),
        "average_precision": float(average_precision_score(y, p)) if has_both else 0.0,
        "recall_at_1pct_fpr": recall_at(y, p, fpr=0.01) if has_both else 0.0,
        "questions": int(y.size),
        "positives": int(y.sum()),
    }


def recall_at(y: Flags, p: Floats, *, fpr: float) -> float:
    """Return the share of positives above the lowest threshold with at most ``fpr`` of negatives.

    >>> recall_at(np.array([True, True, False, False]), np.array([0.9, 0.2, 0.5, 0.1]), fpr=0.01)
    0.5
    """
    from sklearn.metrics import roc_curve

    false, true, _ = roc_curve(y, p)
    return float(true[false <= fpr].max())
