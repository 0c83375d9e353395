"""From scores to an alarm: what is strange by the stream's own quiet past, and for how long."""

from dataclasses import dataclass

import numpy as np

from tam_workbench.records import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRule:
    """When an alarm rises and falls; strangeness is sqrt(score / (1 - score))."""

    rise: float = 1.9
    """Times the median strangeness of the quiet past above which a row speaks for an alarm."""
    fall: float = 0.85
    """Share of ``rise`` below which a row speaks against it; 1 switches the margin off."""
    confirm: int = 15
    """Rows in a row that must agree before the alarm switches; 1 switches this off."""


CHANGE_RULE = AlarmRule(rise=1.6, fall=1.0, confirm=5)
"""The quicker rule, of which each switch marks a change point."""


def alarms(quiet: Floats, scores: Floats, rule: AlarmRule) -> Floats:
    """Return 1.0 for each of ``scores`` under alarm, judged by the median of ``quiet`` scores.

    ``quiet`` are scores of rows that came before, whose labels nobody knows.

    Examples
    --------
    >>> quiet, told = np.full(50, 0.1), np.array([0.1, 0.6, 0.6, 0.6, 0.1, 0.1])
    >>> alarms(quiet, told, AlarmRule(confirm=2)).tolist()
    [0.0, 0.0, 1.0, 1.0, 1.0, 0.0]
    """
    bar = rule.rise * float(np.median(_strangeness(quiet)))
    out = np.zeros(len(scores))
    on, agreed = False, 0
    for at, strange in enumerate(_strangeness(scores).tolist()):
        against = strange < rule.fall * bar if on else strange > bar
        agreed = agreed + 1 if against else 0
        if agreed >= rule.confirm:
            on, agreed = not on, 0
        out[at] = float(on)
    return out


def switches(alarm: Floats) -> Floats:
    """Return 1.0 where an alarm rises or falls: a change point.

    Examples
    --------
    >>> switches(np.array([0.0, 1.0, 1.0, 0.0])).tolist()
    [0.0, 1.0, 0.0, 1.0]
    """
    return np.abs(np.diff(alarm, prepend=0.0))


def _strangeness(scores: Floats) -> Floats:
    return np.sqrt(scores / np.maximum(1.0 - scores, 1e-12))
