"""NAB's score: an early alarm inside a window pays, alarms outside cost, by one threshold.

Written from A. Lavin and S. Ahmad, "Evaluating Real-time Anomaly Detection Algorithms - the
Numenta Anomaly Benchmark", ICMLA 2015, and NAB's white paper. NAB's own rule chooses one
threshold for the whole corpus so as to maximise the score, that is on the truth; `held_out`
beside it chooses each file's threshold on the other files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor
from typing import Final

import numpy as np

from tam_workbench.records import Floats, Ints

_STEEPNESS: Final = 5.0
_FAR: Final = 3.0
_LONGEST_PROBATION: Final = 750.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a hit pays, what an alarm outside costs, what a missed window costs."""

    name: str
    hit: float
    alarm: float
    miss: float


PROFILES: Final = (
    Profile(name="standard", hit=1.0, alarm=0.11, miss=1.0),
    Profile(name="low_fp", hit=1.0, alarm=0.22, miss=1.0),
    Profile(name="low_fn", hit=1.0, alarm=0.11, miss=2.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NabFile:
    """A file's scores, one a row, and its windows as (first row, last row)."""

    scores: Floats
    windows: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NabScore:
    """The best score one threshold reaches, and the score without peeking; 100 is perfect.

    ``gained`` and ``possible`` hold each file's part of the fraction, for intervals over files.
    """

    profile: str
    best: float
    threshold: float
    held_out: float
    alarms: int
    gained: Floats
    held_out_gained: Floats
    possible: Floats


def sigmoid(x: Floats) -> Floats:
    """Return NAB's scaled sigmoid: 1 far before the end of a window, 0 at its end, then to -1.

    >>> sigmoid(np.array([-1.0, 0.0, 3.5])).round(4).tolist()
    [0.9866, 0.0, -1.0]
    """
    falling: Floats = 2.0 / (1.0 + np.exp(_STEEPNESS * np.minimum(x, _FAR))) - 1.0
    return np.where(x > _FAR, -1.0, falling)


def probation(rows: int) -> int:
    """Return how many first rows are not scored: 15 %, at most 750.

    >>> probation(4032), probation(20_000)
    (604, 750)
    """
    return int(min(floor(0.15 * rows), _LONGEST_PROBATION))


def worth(rows: int, windows: Sequence[tuple[int, int]]) -> tuple[Floats, Ints]:
    """Return what an alarm at each row is worth, unweighted, and its window's number or -1."""
    value, owner = np.full(rows, -1.0), np.full(rows, -1, dtype=np.int64)
    for number, (first, last) in enumerate(windows):
        width = last - first + 1
        inside = np.arange(first, last + 1)
        value[inside] = sigmoid((inside - last - 1) / width)
        owner[inside] = number
        following = windows[number + 1][0] if number + 1 < len(windows) else rows
        after = np.arange(last + 1, following)
        value[after] = sigmoid((after - last) / max(width - 1.0, 1e-12))
    return value, owner


@dataclass(frozen=True, slots=True)
class _Steps:
    """What a file gains as the threshold falls: rows by falling score, and the running sum."""

    scores: Floats
    gained: Floats  # one longer than scores; the first is no alarm at all
    live: int
    windows: int

    def at(self, thresholds: Floats) -> Floats:
        alarms = np.searchsorted(-self.scores, -thresholds, side="right")
        return self.gained[alarms]


def _steps(file: NabFile, profile: Profile) -> _Steps:
    value, owner = worth(len(file.scores), file.windows)
    start = probation(len(file.scores))
    order = start + np.argsort(-file.scores[start:], kind="stable")
    scores, value, owner = file.scores[order], value[order], owner[order]
    gain = np.where(owner < 0, value * profile.alarm, 0.0)
    full = float(sigmoid(np.array([-1.0]))[0])
    live = np.unique(owner[owner >= 0])
    for number in live:  # in a window only its best alarm counts
        inside = np.flatnonzero(owner == number)
        best = np.maximum.accumulate(np.maximum(value[inside] * profile.hit / full, -profile.miss))
        gain[inside] = np.diff(best, prepend=-profile.miss)
    gained = np.concatenate([[0.0], np.cumsum(gain)])
    return _Steps(scores, gained, live.size, len(file.windows))


def nab_scores(files: Sequence[NabFile]) -> dict[str, NabScore]:
    """Score a corpus under the three profiles.

    >>> told = NabFile(scores=np.eye(1, 40, 20)[0], windows=((20, 29),))
    >>> found = nab_scores([told, told])["standard"]
    >>> round(found.best, 1), found.threshold, round(found.held_out, 1)
    (100.0, 1.0, 100.0)
    """
    return {profile.name: _score(files, profile) for profile in PROFILES}


def _score(files: Sequence[NabFile], profile: Profile) -> NabScore:
    steps = [_steps(file, profile) for file in files]
    told = np.unique(np.concatenate([step.scores for step in steps]))
    thresholds = np.concatenate([[np.inf], told[::-1]])
    total = np.zeros(thresholds.size)
    for step in steps:
        total += step.at(thresholds)
    best = int(np.argmax(total))
    gained, blind = np.empty(len(steps)), np.empty(len(steps))
    for at, step in enumerate(steps):
        own = step.at(thresholds)
        gained[at] = own[best]
        blind[at] = own[int(np.argmax(total - own))]
    possible = np.array([s.windows * profile.hit + s.live * profile.miss for s in steps])
    whole = max(float(possible.sum()), 1e-12)
    return NabScore(
        profile=profile.name,
        best=100.0 * float(gained.sum()) / whole,
        threshold=float(thresholds[best]),
        held_out=100.0 * float(blind.sum()) / whole,
        alarms=int(sum(np.count_nonzero(s.scores >= thresholds[best]) for s in steps)),
        gained=100.0 * gained,
        held_out_gained=100.0 * blind,
        possible=possible,
    )
