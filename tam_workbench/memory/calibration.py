"""Calibration: from how alike two things look to how probably they are the same.

A logistic curve over the similarity (Platt, 1999), learned online from pairs that were
confirmed. Before any, a handful of imagined pairs say what a sensible reader would believe;
they fade as real ones come in.
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

_RIDGE: Final = 2e-3  # keeps the slope finite where the pairs part cleanly
_ROUNDS: Final = 25
_STEEPEST: Final = 80.0


class Calibration:
    """Probability that two things are the same, given their similarity in [-1, 1].

    Parameters
    ----------
    prior
        Imagined pairs, each as good as one that was confirmed.
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

    def _arrays(self) -> tuple[Floats, Floats]:
        pairs = np.array([*self._prior, *self._pairs], dtype=np.float64)
        return pairs[:, 0], pairs[:, 1]


def _fitted(pairs: tuple[Floats, Floats], start: tuple[float, float]) -> tuple[float, float]:
    """Return bias and slope of the logistic curve by Newton's method with a small ridge.

    The targets are Platt's (n+ + 1) / (n+ + 2) and 1 / (n- + 2), so that no probability is 1.
    """
    x, y = pairs
    ups = float(y.sum())
    downs = y.size - ups
    target = np.where(y > 0.0, (ups + 1.0) / (ups + 2.0), 1.0 / (downs + 2.0))
    design = np.stack([np.ones_like(x), x - 0.8], axis=1)
    theta = np.array([start[0] + 0.8 * start[1], start[1]])
    ridge = np.diag([0.0, _RIDGE])
    for _ in range(_ROUNDS):
        said = 1.0 / (1.0 + np.exp(-np.clip(design @ theta, -30.0, 30.0)))
        gradient = design.T @ (said - target) + ridge @ theta
        curvature = (design.T * (said * (1.0 - said) + 1e-6)) @ design + ridge
        step = np.linalg.solve(curvature, gradient)
        theta -= np.clip(step, -20.0, 20.0)
        if float(np.abs(step).max()) < 1e-9:
            break
    slope = min(max(float(theta[1]), 1.0), _STEEPEST)  # more alike is never less the same
    return float(theta[0]) - 0.8 * slope, slope
