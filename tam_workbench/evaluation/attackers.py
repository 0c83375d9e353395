"""The board of liars: every kind of attacker at two rates, what he got through and at what cost.

What is denied to real incidents stands beside what is blocked, since trusting nobody blocks all.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from tam_workbench.evaluation import poison
from tam_workbench.evaluation.figures import Figure, interval
from tam_workbench.plant.spec import ATTACKS
from tam_workbench.records import Floats

RATES: Final = (0.1, 0.3)
TICKS: Final = 900
MOST_DENIED: Final = 0.01

MOST_ACCEPTED: Final[Mapping[tuple[str, float], float]] = MappingProxyType(
    {("spoofed", 0.1): 0.02, ("spoofed", 0.3): 0.05}
)
"""The goals; the seed's best accepted 68 % of what a spoofed source forged."""


def figures(seeds: int, *, kinds: tuple[str, ...] = ATTACKS) -> list[Figure]:
    """Run the loop under each attacker over seeds 1 to ``seeds``, with trust and without."""
    found: list[Figure] = []
    for kind in kinds:
        for rate in RATES:
            guarded = _runs(kind, rate, seeds, trust_on=True)
            naive = _runs(kind, rate, seeds, trust_on=False)
            found += _lines(kind, rate, guarded, naive)
    return found


def _runs(kind: str, rate: float, seeds: int, *, trust_on: bool) -> dict[str, Floats]:
    runs = [
        poison.run(kind=kind, rate=rate, trust_on=trust_on, seed=seed, ticks=TICKS)
        for seed in range(1, seeds + 1)
    ]
    names = ("forged_accepted", "accepted_calm", "real_denied", "errors_denied", "log_loss")
    return {name: np.array([float(run[name]) for run in runs]) for name in names}


def _lines(
    kind: str, rate: float, guarded: dict[str, Floats], naive: dict[str, Floats]
) -> list[Figure]:
    found = []
    goals = {"forged_accepted": MOST_ACCEPTED.get((kind, rate)), "real_denied": MOST_DENIED}
    for name, values in guarded.items():
        mean, low, high = interval(values)
        goal = goals.get(name)
        found.append(
            Figure(
                name=f"{kind} at {rate:.0%}: {name.replace('_', ' ')}",
                value=mean,
                unit=f"[{low:.4f}, {high:.4f}]",
                peer=f"everything believed {float(naive[name].mean()):.4f}",
                goal=f"at most {goal:g}" if goal is not None else "",
                holds=mean <= goal if goal is not None else None,
            )
        )
    return found
