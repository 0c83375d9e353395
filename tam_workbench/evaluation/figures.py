"""A measured figure beside its peer and its goal, and intervals over seeds."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of a table: what was measured, beside what, and whether the goal holds."""

    name: str
    value: float
    unit: str
    peer: str
    goal: str
    holds: bool | None

    def row(self) -> dict[str, object]:
        """Return the line as the command line prints it."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "peer": self.peer,
            "goal": self.goal,
            "holds": self.holds,
        }


def interval(values: npt.NDArray[np.float64], *, seed: int = 0) -> tuple[float, float, float]:
    """Return mean and 95 % bootstrap interval of the mean (2,000 resamples).

    >>> interval(np.array([1.0, 1.0, 1.0]))
    (1.0, 1.0, 1.0)
    """
    if not values.size:
        return 0.0, 0.0, 0.0
    rng = np.random.default_rng(seed)
    means = rng.choice(values, size=(2000, values.size)).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(values.mean()), float(low), float(high)


def ratio_interval(
    gained: npt.NDArray[np.float64], possible: npt.NDArray[np.float64], *, seed: int = 0
) -> tuple[float, float, float]:
    """Return sum(gained) / sum(possible) and its 95 % bootstrap interval over files and seeds.

    Both have shape (seeds, files); the mean over seeds is taken, a resample draws one seed and
    as many files as there are. A mean over files is the case ``possible`` = 1.

    >>> ratio_interval(np.array([[1.0, 3.0]]), np.array([[4.0, 4.0]]))
    (0.5, 0.25, 0.75)
    """
    whole = possible.sum(axis=1)
    if not gained.size or not (whole > 0.0).any():
        return float("nan"), float("nan"), float("nan")
    values = gained.sum(axis=1)[whole > 0.0] / whole[whole > 0.0]
    rng = np.random.default_rng(seed)
    seeds = rng.integers(gained.shape[0], size=(2000, 1))
    files = rng.integers(gained.shape[1], size=(2000, gained.shape[1]))
    above, below = gained[seeds, files].sum(axis=1), possible[seeds, files].sum(axis=1)
    drawn = above[below > 0.0] / below[below > 0.0]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(values.mean()), float(low), float(high)
