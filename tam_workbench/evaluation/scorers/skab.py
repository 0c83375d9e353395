"""SKAB's two boards: rows (F1, false and missed alarm rates) and changepoints (NAB, 60 s).

Written from the leaderboard's protocol (github waico/SKAB). All scored rows of all files are
pooled. The row board is degenerate - flagging every row gives F1 0.70 - so F1 counts only at a
false alarm rate of at most 13.55 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tam_workbench.records import Ints

Flags = npt.NDArray[np.bool_]

COSTS: Final = {
    "standard": (1.0, -0.11, -1.0),
    "low_fp": (1.0, -0.22, -1.0),
    "low_fn": (1.0, -0.11, -2.0),
}
"""Profile to what an alarm at a window's left edge, a false alarm and a miss are worth."""

_GRID: Final = 1000
HOLD: Final = 30
"""Rows that an alarm is held before its end is a change, as on the leaderboard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """A file's scored rows: their times in nanoseconds, true and told changepoints."""

    times: Ints
    true: Flags
    told: Flags


def binary(true: Flags, told: Flags) -> dict[str, float]:
    """Return F1, false alarm rate and missed alarm rate (both in percent) over rows.

    >>> binary(np.array([True, True, False, False]), np.array([True, False, True, False]))
    {'f1': 0.5, 'far': 50.0, 'mar': 50.0}
    """
    hits = int(np.count_nonzero(true & told))
    false, missed = int(np.count_nonzero(told)) - hits, int(np.count_nonzero(true)) - hits
    quiet = true.size - hits - false - missed
    return {
        "f1": 2.0 * hits / max(2 * hits + false + missed, 1),
        "far": 100.0 * false / max(false + quiet, 1),
        "mar": 100.0 * missed / max(missed + hits, 1),
    }


def changes_of(alarms: Flags, *, hold: int = HOLD) -> Flags:
    """Return where a held alarm begins or ends: what the leaderboard takes for changepoints.

    >>> changes_of(np.array([0, 0, 1, 0, 0, 0], dtype=bool), hold=2).astype(int).tolist()
    [0, 0, 1, 0, 1, 0]
    """
    sums = np.concatenate([[0], np.cumsum(alarms)])
    held = np.zeros(alarms.size, dtype=np.bool_)
    held[hold - 1 :] = sums[hold:] > sums[:-hold]
    edges = np.zeros(alarms.size, dtype=np.bool_)
    edges[1:] = held[1:] != held[:-1]
    edges[:1] = alarms[:1]
    return edges


def changepoint_score(files: Sequence[Changes], *, width_s: float = 60.0) -> dict[str, float]:
    """Return the changepoint score under the three profiles; 0 is silence, 100 perfect.

    A window is ``width_s`` from a true changepoint on; where two overlap the later one starts at
    the earlier one's end. Its first alarm is worth the more the earlier it comes, every alarm
    outside all windows costs.

    >>> second = 1_000_000_000
    >>> told = Changes(
    ...     times=np.arange(200) * second, true=np.arange(200) == 50, told=np.arange(200) == 50
    ... )
    >>> changepoint_score([told])["standard"]
    100.0
    """
    found: dict[str, float] = {}
    for name in COSTS:
        parts = np.array([change_gains(file, profile=name, width_s=width_s) for file in files])
        gained, possible, _ = parts.sum(axis=0).tolist()
        found[name] = 100.0 * gained / max(possible, 1e-12)
    return found


def change_gains(
    file: Changes, *, profile: str = "standard", width_s: float = 60.0
) -> tuple[float, float, int]:
    """Return an alarm's worth above silence, that of perfect ones, and how many were false."""
    hit, alarm, miss = COSTS[profile]
    delays, false, windows = _delays(file, round(width_s * 1e9))
    grid = np.linspace(-np.pi / 2.0, np.pi / 2.0, _GRID)
    place = np.minimum((np.array(delays) * _GRID).astype(int), _GRID - 1)
    half = (hit - alarm) / 2.0
    paid = half + alarm - half * np.tanh(grid[place]) / np.tanh(np.pi / 2.0)
    gained = alarm * false - miss * len(delays) + float(paid.sum())
    return gained, (hit - miss) * windows, false


def _delays(file: Changes, width: int) -> tuple[list[float], int, int]:
    """Return the first alarm's place (0 to 1) in each window hit, false alarms, windows."""
    begins = file.times[file.true].astype(np.int64)
    ends = begins + width
    overlap = ends[:-1] >= begins[1:]
    begins[1:][overlap] = ends[:-1][overlap]
    alarms = np.sort(file.times[file.told])
    used = np.zeros(alarms.size, dtype=np.bool_)
    found: list[float] = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        inside = (alarms >= begin) & (alarms <= end)
        used |= inside
        if inside.any():
            found.append((int(alarms[inside][0]) - begin) / (end - begin))
    return found, int(np.count_nonzero(~used)), begins.size
