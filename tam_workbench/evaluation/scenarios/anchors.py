"""The seed's own experiment, run again, beside the figures it was published with.

The published means were measured over seeds 1 to 30 with the seed's code; over the same seeds
our copy gives them to the last digit, and over fewer it must lie near.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np

from tam_workbench.evaluation.figures import Figure, interval
from tam_workbench.evaluation.scenarios import legacy
from tam_workbench.evaluation.scenarios.legacy import LegacyScore

ANCHOR: Final[Mapping[tuple[str, str], tuple[float, float]]] = MappingProxyType(
    {
        ("drift", "closed"): (0.96080, 0.12811),
        ("drift", "baseline"): (0.70100, 0.0),
        ("poison", "closed"): (0.94808, 0.12954),
        ("poison", "baseline"): (0.97400, 0.0),
        ("novel", "closed"): (0.73227, 0.06406),
        ("novel", "baseline"): (0.70100, 0.0),
    }
)
"""Accuracy and false positive rate by scenario and arm, means over seeds 1 to 30."""

PERSISTENCE: Final[Mapping[str, float]] = MappingProxyType(
    {"drift": 0.99900, "poison": 0.95267, "novel": 0.99900}
)
"""Accuracy of saying what was true a tick ago, on the same streams."""

TOLERANCE: Final = (0.01, 0.03)
"""How far accuracy and false positive rate over a few seeds may lie from the means over thirty."""


def figures(seeds: int) -> list[Figure]:
    """Run both arms of the seed on its three scenarios over seeds 1 to ``seeds``."""
    found: list[Figure] = []
    for scenario, arm in ANCHOR:
        scores = [legacy.run(scenario, arm=arm, seed=seed) for seed in range(1, seeds + 1)]
        found += beside(scenario, arm, scores)
    return found


def beside(scenario: str, arm: str, scores: Sequence[LegacyScore]) -> list[Figure]:
    """Return accuracy and false positive rate of some runs beside the published means."""
    accuracy = np.array([score.accuracy for score in scores])
    alarms = np.array([score.false_positive_rate for score in scores])
    of_accuracy, of_alarms = ANCHOR[scenario, arm]
    name = f"seed's {scenario}, {arm}"
    persistence = f", persistence {PERSISTENCE[scenario]:.4f}"
    return [
        _line(f"{name}: accuracy", accuracy, of_accuracy, TOLERANCE[0], note=persistence),
        _line(f"{name}: false positives", alarms, of_alarms, TOLERANCE[1], note=""),
    ]


def _line(
    name: str,
    values: np.ndarray[tuple[int], np.dtype[np.float64]],
    peer: float,
    tolerance: float,
    *,
    note: str,
) -> Figure:
    mean, low, high = interval(values)
    return Figure(
        name=name,
        value=mean,
        unit=f"[{low:.4f}, {high:.4f}]",
        peer=f"published {peer:.4f}{note}",
        goal=f"within {tolerance:g}",
        holds=abs(mean - peer) <= tolerance,
    )
