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
