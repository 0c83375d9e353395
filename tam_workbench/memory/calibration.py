"""Calibration: from how alike two things look to how probably they are the same.

A logistic curve over the similarity (Platt, 1999), learned online from pairs that were
confirmed. Before any, a handful of imagined pairs say what a sensible reader would believe; how
alike strangers are differs from house to house, so they fade with the first real ones.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from tam_workbench.errors import BadInputError
from tam_workbench.records import Floats

PRIOR: Final = (
    *((similarity, True) for similarity in (0.96, 0.93, 0.91, 0.88, 0.87, 0.86)),
    *((similarity, False) for similarity in (0.82, 0.80, 0.78, 0.74, 0.65, 0.55)),
)
"""Imagined pairs before any was confirmed: similarity, and whether they were the same."""

_TRUSTED: Final = 1.0  # confirmed pairs of a sort at which an imagined one of it weighs half
_RIDGE: Final = 2e-3  # keeps the slope finite where the pairs part cleanly
_ROUNDS: Final = 50
_CLOSE: Final = 1e-9
_STEEPEST: Final = 80.0


class Calibration:
    """Probability that two things are the same, given their similarity in [-1, 1].

    Parameters
    ----------
    prior
        Imagined pairs; each weighs 1 / (1 + n), n the pairs of its sort that were confirmed.
    kept
        Confirmed pairs remembered, the latest first.

    Examples
    --------
    >>> calibration = Calibration()
    >>> [round(calibration.probability(s), 2) for s in (0.6, 0.95)]
    [0.04, 0.86]
    >>> before = calibration.border
    >>> for _ in range(20):
    ...     calibration.learn(0.7, is_same=True)
    >>> calibration.border < before
    True
    """

    def __init__(self, prior: tuple[tuple[float, bool], ...] = PRIOR, *, kept: int = 1000) -> None:
        if len({is_same for _, is_same in prior}) < 2:
            raise BadInputError("calibration: the prior needs pairs of both kinds, same and not")
        self._prior = prior
        self._kept = kept
        self._pairs: list[tuple[float, bool]] = []
        self._bias, self._slope = _fitted(self._arrays(), (0.0, 0.0))

    @property
    def pairs(self) -> int:
        """How many confirmed pairs it rests on."""
        return len(self._pairs)

    @property
    def border(self) -> float:
        """The similarity at which same and different are equally probable."""
        return -self._bias / self._slope

    def probability(self, similarity: float) -> float:
        """Return the probability that a pair this similar is the same thing."""
        return float(1.0 / (1.0 + np.exp(-(self._bias + self._slope * similarity))))

    def similarity(self, probability: float) -> float:
        """Return the similarity at which a pair is the same with this probability."""
        odds = float(np.log(probability / (1.0 - probability)))
        return (odds - self._bias) / self._slope

    def learn(self, similarity: float, *, is_same: bool) -> None:
        """Take in a confirmed pair."""
        if not np.isfinite(similarity):
            raise BadInputError(f"calibration: similarity {similarity} is not a number")
        self._pairs.append((float(similarity), bool(is_same)))
        del self._pairs[: -self._kept]
        self._bias, self._slope = _fitted(self._arrays(), (self._bias, self._slope))

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs, in plain containers."""
        return {
            "pairs": [[s, same] for s, same in self._pairs],
            "curve": [self._bias, self._slope],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `state` described."""
        self._pairs = [(float(s), bool(same)) for s, same in state["pairs"]]
        self._bias, self._slope = (float(value) for value in state["curve"])

    def _arrays(self) -> tuple[Floats, Floats, Floats]:
        """Return similarity, whether it was the same, and weight of every pair."""
        pairs = np.array([*self._prior, *self._pairs], dtype=np.float64)
        imagined, same = len(self._prior), pairs[:, 1] > 0.0
        weight = np.ones(len(pairs))
        for sort in (same, ~same):
            weight[:imagined][sort[:imagined]] = _TRUSTED / (_TRUSTED + sort[imagined:].sum())
        return pairs[:, 0], pairs[:, 1], weight


def _fitted(
    pairs: tuple[Floats, Floats, Floats], start: tuple[float, float]
) -> tuple[float, float]:
    """Return bias and slope of the logistic curve by damped Newton steps with a small ridge.

    The targets are Platt's (n+ + 1) / (n+ + 2) and 1 / (n- + 2), so that no probability is 1.
    """
    x, y, weight = pairs
    ups = float(weight @ y)
    downs = float(weight.sum()) - ups
    target = np.where(y > 0.0, (ups + 1.0) / (ups + 2.0), 1.0 / (downs + 2.0))
    design = np.stack([np.ones_like(x), x - 0.8], axis=1)
    theta = np.array([start[0] + 0.8 * start[1], start[1]])
    loss = _loss(design @ theta, target, weight) + 0.5 * _RIDGE * theta[1] ** 2
    for _ in range(_ROUNDS):
        said = 1.0 / (1.0 + np.exp(-design @ theta))
        gradient = design.T @ (weight * (said - target)) + [0.0, _RIDGE * theta[1]]
        curvature = (design.T * (weight * (said * (1.0 - said) + 1e-6))) @ design
        curvature[1, 1] += _RIDGE
        step = np.linalg.solve(curvature, gradient)
        while True:  # a whole step may leap over the least loss and never come back
            after = _loss(design @ (theta - step), target, weight)
            after += 0.5 * _RIDGE * (theta[1] - step[1]) ** 2
            if after <= loss or float(np.abs(step).max()) < _CLOSE:
                break
            step *= 0.5
        theta, loss = theta - step, after
        if float(np.abs(step).max()) < _CLOSE:
            break
    slope = min(max(float(theta[1]), 1.0), _STEEPEST)  # more alike is never less the same
    return float(theta[0]) - 0.8 * slope, slope


def _loss(steps: Floats, target: Floats, weight: Floats) -> float:
    """Return the log loss of a curve that is ``steps`` above even odds."""
    return float(weight @ (np.logaddexp(0.0, steps) - target * steps))
