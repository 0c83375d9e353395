"""Trials: one injected fault each, what was ranked for it, and how often that was right."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from tam_workbench.evaluation.figures import Figure, interval

ALWAYS: Final = "always the same"
"""The trivial ranking that reads nothing but the labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One fault: who caused it (for the scorer alone) and who was suspected, the first first.

    ``suspects`` is empty when no incident was open, which counts as wrong. ``delay_s`` runs from
    the injection to the alarm; it is negative when the alarm was up already.
    """

    name: str
    number: int  # in its set; the design was settled on the even ones
    cause: str
    suspects: tuple[str, ...]
    delay_s: float | None = None
    peers: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def place(self, peer: str | None = None) -> int:
        """Return at which place the cause stands, from 1; 1000 when it stands nowhere."""
        told = self.suspects if peer is None else self.peers.get(peer, ())
        return told.index(self.cause) + 1 if self.cause in told else 1000


def rate(trials: Sequence[Trial], first: int, *, peer: str | None = None) -> float:
    """Return in which share of the trials the cause is among so many first.

    >>> one = Trial(name="a", number=0, cause="web", suspects=("cart", "web"))
    >>> rate([one], 1), rate([one], 3)
    (0.0, 1.0)
    """
    return float(np.mean([trial.place(peer) <= first for trial in trials])) if trials else 0.0


def halves(trials: Sequence[Trial], first: int) -> str:
    """Return the rates on the trials that the design was settled on (even), and on the others."""
    settled, other = (rate([t for t in trials if t.number % 2 == odd], first) for odd in (0, 1))
    return f"even half {settled:.2f}, odd half {other:.2f}"


def figures_of(
    board: str,
    trials: Sequence[Trial],
    *,
    measure: str,
    goals: dict[int, float],
    published: dict[int, str] | None = None,
) -> list[Figure]:
    """Return one figure a rank: ours with its interval over trials, and the peers beside it."""
    found = []
    beside = {**always(trials)}
    names = sorted({name for trial in trials for name in trial.peers})
    for first, goal in goals.items():
        hits = np.array([float(trial.place() <= first) for trial in trials])
        mean, low, high = interval(hits)
        same = float(np.mean([t.cause in beside[ALWAYS][:first] for t in trials]))
        told = [
            (published or {}).get(first, ""),
            *(f"{name} {rate(trials, first, peer=name):.2f}" for name in names),
            f"{ALWAYS} (told the labels) {same:.2f}",
        ]
        found.append(
            Figure(
                name=f"{board} {measure}@{first} ({len(trials)} faults, time found)",
                value=mean,
                unit=f"share [{low:.2f}, {high:.2f}]; {halves(trials, first)}",
                peer=", ".join(part for part in told if part),
                goal=f"> {goal:.3g}",
                holds=mean > goal + 1e-9,
            )
        )
    return found


def found_figure(board: str, trials: Sequence[Trial], *, alarms: str) -> Figure:
    """Return in which share of trials an incident was open, how late, and the false alarms."""
    delays = [trial.delay_s for trial in trials if trial.delay_s is not None]
    late = f"{np.median(delays):.0f} s after the injection (median)" if delays else "never"
    return Figure(
        name=f"{board} incidents found",
        value=float(np.mean([bool(trial.suspects) for trial in trials])) if trials else 0.0,
        unit=f"share; alarm {late}",
        peer=alarms,
        goal="",
        holds=None,
    )


def trivial(services: Sequence[str], number: int) -> dict[str, tuple[str, ...]]:
    """Return the rankings that read no data: by the alphabet, and by lot (of that number)."""
    names = sorted(services)
    lot = np.random.default_rng(number).permutation(len(names))
    return {"alphabet": tuple(names), "lot": tuple(names[place] for place in lot)}


def always(trials: Sequence[Trial]) -> dict[str, tuple[str, ...]]:
    """Return the best that naming the same services each time can reach, told the labels."""
    causes = [trial.cause for trial in trials]
    return {ALWAYS: tuple(sorted(set(causes), key=lambda s: (-causes.count(s), s)))}
