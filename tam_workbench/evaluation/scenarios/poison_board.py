"""The board of liars: every attacker at every rate, what he gets through and what that costs.

What honest senders are denied stands beside what is blocked, since trusting nobody blocks all.
Which rows are forged is the plant's own knowledge, asked after the run and never by trust.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np

from tam_workbench.evaluation.figures import Figure, interval
from tam_workbench.evaluation.scenarios import poison
from tam_workbench.plant import ATTACKS
from tam_workbench.records import Floats

RATES: Final = (0.1, 0.2, 0.3, 0.5)
TICKS: Final = 1200
MOST_DENIED: Final = 0.01

MOST_ACCEPTED: Final[Mapping[tuple[str, float], float]] = MappingProxyType(
    {("spoofed", 0.1): 0.02, ("spoofed", 0.3): 0.05}
)
"""The goals for a spoofed trusted source; the seed's best accepted 68 % on its own stream."""

_MEASURES: Final = (
    "forged_accepted",
    "ill_accepted",
    "genuine_denied",
    "real_denied",
    "errors_denied",
    "labels_lost",
    "labels_false",
)
_DENIED: Final = ("genuine_denied", "real_denied", "errors_denied", "labels_lost")
_LEARNT: Final = "average_precision"
_SCORES: Final = (_LEARNT, "log_loss")
_PEERS: Final = ("accept all", "seed's gate")

Runs = Mapping[str, Floats]


def figures(
    seeds: int,
    *,
    kinds: Sequence[str] = ATTACKS,
    rates: Sequence[float] = RATES,
    ticks: int = TICKS,
) -> list[Figure]:
    """Run the loop under each attacker over seeds 1 to ``seeds``, beside the trivial gates.

    "deny all" is not run under each attacker: it accepts nothing and denies everything; what its
    learner is worth stands once, at rate 0.
    """
    numbers = range(1, seeds + 1)
    clean = {arm: _runs(kinds[0], 0.0, arm, numbers, ticks) for arm in poison.ARMS}
    found = _calm(clean)
    for kind in kinds:
        for rate in rates:
            ours = _runs(kind, rate, "trust", numbers, ticks)
            peers = {arm: _runs(kind, rate, arm, numbers, ticks) for arm in _PEERS}
            found += _lines(kind, rate, ours, peers)
            said = f"{kind} at {rate:.0%}"
            found += [_loss(said, name, ours, peers=peers, clean=clean) for name in _SCORES]
    return found


def _runs(kind: str, rate: float, arm: str, seeds: range, ticks: int) -> Runs:
    told = [poison.tried(kind=kind, rate=rate, arm=arm, seed=seed, ticks=ticks) for seed in seeds]
    return {name: np.array([run[name] for run in told]) for name in (*_MEASURES, *_SCORES)}


def _calm(clean: Mapping[str, Runs]) -> list[Figure]:
    """Return what trust costs where nobody lies."""
    found = [
        _figure(f"nobody at 0%: {_said(name)}", values, peer="accept all 0, deny all 1", goal=goal)
        for name, goal in (("genuine_denied", None), ("real_denied", MOST_DENIED))
        for values in (clean["trust"][name],)
    ]
    peer = ", ".join(f"{arm} {runs['average_precision'].mean():.4f}" for arm, runs in clean.items())
    name = f"nobody at 0%: {_said('average_precision')}"
    return [*found, _figure(name, clean["trust"][_LEARNT], peer=peer, goal=None)]


def _lines(kind: str, rate: float, ours: Runs, peers: Mapping[str, Runs]) -> list[Figure]:
    goals = {"forged_accepted": MOST_ACCEPTED.get((kind, rate)), "real_denied": MOST_DENIED}
    found = []
    for name in _MEASURES:
        others = [f"{arm} {runs[name].mean():.4f}" for arm, runs in peers.items()]
        others.append("deny all 1" if name in _DENIED else "deny all 0")
        title = f"{kind} at {rate:.0%}: {_said(name)}"
        found.append(_figure(title, ours[name], peer=", ".join(others), goal=goals.get(name)))
    return found


def _loss(
    name: str, score: str, ours: Runs, *, peers: Mapping[str, Runs], clean: Mapping[str, Runs]
) -> Figure:
    """Return what the attack costs the learner, seed by seed against its own clean run."""
    sign = -1.0 if score == "log_loss" else 1.0
    lost = {arm: sign * (clean[arm][score] - runs[score]) for arm, runs in peers.items()}
    peer = ", ".join(f"{arm} {values.mean():.4f}" for arm, values in lost.items())
    values = sign * (clean["trust"][score] - ours[score])
    what = "rise of log-loss" if score == "log_loss" else f"loss of {_said(score)}"
    return _figure(f"{name}: {what}", values, peer=peer, goal=None)


def _said(name: str) -> str:
    return {
        "forged_accepted": "forged rows accepted",
        "ill_accepted": "forged rows about a service really in breach accepted",
        "labels_lost": "real breaches the learner was not told of",
        "labels_false": "breaches the learner was told of that were none",
        "genuine_denied": "genuine rows denied",
        "real_denied": "genuine rows of real incidents denied",
        "errors_denied": "their ERROR lines denied",
        "average_precision": "average precision",
    }[name]


def _figure(name: str, values: Floats, *, peer: str, goal: float | None) -> Figure:
    mean, low, high = interval(values)
    return Figure(
        name=name,
        value=mean,
        unit=f"[{low:.4f}, {high:.4f}]",
        peer=peer,
        goal=f"at most {goal:g}" if goal is not None else "",
        holds=mean <= goal if goal is not None else None,
    )
