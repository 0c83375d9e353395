"""Where the learner stands beside its baselines on the stream that runs now, with intervals.

The questions are those of `prediction`; the answers are the breaches that the stream itself told
of, so the figures are as good as its labels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from tam_workbench.evaluation.scenarios.prediction import Answers, Flags
from tam_workbench.records import Floats

BLOCK_TICKS: Final = 60
"""Ticks resampled together: losses of neighbouring ticks are not independent."""

_RESAMPLES: Final = 400
_FEWEST: Final = 5 * BLOCK_TICKS
_EDGE: Final = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One model on the recent stream: log-loss with its 95 % interval, average precision."""

    model: str
    log_loss: float
    low: float
    high: float
    average_precision: float
    questions: int
    breaches: int


def standings(predictions: pl.DataFrame, *, horizon: int) -> list[Standing]:
    """Compare the learner with static model, base rate, persistence and always-fire.

    Parameters
    ----------
    predictions
        Columns tick, service, probability, baseline, breached; as `Workbench.predictions` says.
    horizon
        Ticks ahead that a prediction speaks of.

    Returns
    -------
    Best log-loss first; empty before five minutes of ticks, or before any breach was foreseeable.
    """
    ticks, said, breached = _matrices(predictions)
    if ticks.size < _FEWEST + horizon:
        return []
    came = _answers(ticks, breached, horizon=horizon)
    y = came.is_soon[came.is_asked]
    if not y.any() or y.all():
        return []
    rivals = {**said, **_trivial(came, horizon=horizon)}
    rows = [_standing(name, p, came, ticks) for name, p in rivals.items()]
    return sorted(rows, key=lambda row: row.log_loss)


def _matrices(predictions: pl.DataFrame) -> tuple[Floats, Mapping[str, Floats], Floats]:
    """Return ticks (T,), what was said (T, S) by model, and breaches (T, S)."""
    ticks, at = np.unique(predictions["tick"].to_numpy(), return_inverse=True)
    names, who = np.unique(
        predictions["service"].cast(pl.String).to_numpy().astype(str), return_inverse=True
    )

    def spread(column: str, *, missing: float) -> Floats:
        out = np.full((ticks.size, names.size), missing)
        out[at, who] = predictions[column].cast(pl.Float64).to_numpy()
        return out

    said = {
        "learner": spread("probability", missing=np.nan),
        "static model, retrained": spread("baseline", missing=np.nan),
    }
    return ticks, said, spread("breached", missing=0.0)


def _answers(ticks: Floats, breached: Floats, *, horizon: int) -> Answers:
    """Say of each tick and service whether it breaches within the horizon, and who may ask."""
    total = np.vstack([np.zeros((1, breached.shape[1])), np.cumsum(breached, axis=0)])
    ahead = np.searchsorted(ticks, ticks + horizon, side="right")
    behind = np.searchsorted(ticks, ticks - horizon)
    here = np.arange(ticks.size)
    now = breached > 0
    return Answers(
        is_breached=now,
        is_soon=total[ahead] > total[here + 1],
        is_lately=total[here] > total[behind],
        is_asked=~now & (ticks + horizon <= ticks[-1])[:, None],
    )


def _trivial(came: Answers, *, horizon: int) -> Mapping[str, Floats]:
    return {
        "base rate so far": _rate(came, np.ones_like(came.is_lately), horizon=horizon),
        "persistence: breached lately": np.where(
            came.is_lately,
            _rate(came, came.is_lately, horizon=horizon),
            _rate(came, ~came.is_lately, horizon=horizon),
        ),
        "always fire": np.ones(came.is_soon.shape),
    }


def _rate(came: Answers, among: Flags, *, horizon: int) -> Floats:
    """Return the share of breaches among questions of a kind that were answered by then."""
    asked = (came.is_asked & among).sum(axis=1)
    soon = (came.is_asked & among & came.is_soon).sum(axis=1)
    known = np.maximum(np.arange(len(asked)) - horizon, 0)
    counted = np.concatenate([[0], np.cumsum(asked)])[known]
    hit = np.concatenate([[0], np.cumsum(soon)])[known]
    return np.repeat(((hit + 0.5) / (counted + 10.0))[:, None], came.is_soon.shape[1], axis=1)


def _standing(name: str, p: Floats, came: Answers, ticks: Floats) -> Standing:
    from sklearn.metrics import average_precision_score

    asked = came.is_asked & ~np.isnan(p)
    cut = np.clip(np.nan_to_num(p), _EDGE, 1.0 - _EDGE)
    losses = -np.log(np.where(came.is_soon, cut, 1.0 - cut)) * asked
    block = (ticks // BLOCK_TICKS).astype(np.int64)
    block -= block[0]
    sums = np.bincount(block, weights=losses.sum(axis=1))
    counts = np.bincount(block, weights=asked.sum(axis=1))
    drawn = np.random.default_rng(0).integers(0, sums.size, (_RESAMPLES, sums.size))
    means = sums[drawn].sum(axis=1) / np.maximum(counts[drawn].sum(axis=1), 1.0)
    low, high = np.quantile(means, [0.025, 0.975])
    y = came.is_soon[asked]
    return Standing(
        model=name,
        log_loss=float(sums.sum() / counts.sum()),
        low=float(low),
        high=float(high),
        average_precision=float(average_precision_score(y, p[asked])),
        questions=int(y.size),
        breaches=int(y.sum()),
    )
