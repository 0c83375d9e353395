"""Compiled arithmetic of likelihood: lateness of rows, levels of values and of counts.

numba's cache sees only the file of the function that is called from outside: after a change here,
touch ``kernels.py`` too.
"""

import math

import numpy as np
from numba import njit

from tam_workbench.records import Bytes, Floats, Ints
from tam_workbench.trust.arrays import Scale
from tam_workbench.trust.compiled import borrowing

Pair = tuple[float, float]


@njit(cache=True, nogil=True, error_model="numpy")
def arrive(time: Ints, source: Ints, newest: Ints, clock: Ints) -> tuple[Ints, Bytes]:
    """Return the tick each row counts in, and 1 for stale rows, 2 for replayed ones.

    ``clock`` = (ticks' microseconds, lateness, replay, first open tick). A late row counts in the
    tick of its channel's newest row: when it came, not when it says it was.
    """
    ticks = np.empty(time.size, dtype=np.int64)
    late = np.zeros(time.size, dtype=np.uint8)
    for i in range(time.size):
        c = source[i]
        behind = newest[c] - time[i]
        if behind > 0:
            late[i] = 2 if behind > clock[2] else (1 if behind > clock[1] else 0)
        else:
            newest[c] = time[i]
        ticks[i] = max(newest[c] // clock[0], clock[3])
    return ticks, late


@borrowing()
def _ramp(z: float, quiet: float, loud: float) -> float:
    return min(max((z - quiet) / (loud - quiet), 0.0), 1.0)


@borrowing()
def _deviation(x: float, mean: float, var: float) -> float:
    return abs(x - mean) / (math.sqrt(var) + 0.01 * abs(mean) + 1e-6)


@borrowing()
def _follow(s: Floats, at: int, x: float, rate: float, clip: float, shrink: float) -> None:
    """Move mean and variance of a baseline towards x, by no more than ``clip`` deviations."""
    off = x - s[at]
    if clip > 0.0:
        bound = clip * (math.sqrt(s[at + 1]) + 0.01 * abs(s[at]) + 1e-6)
        off = min(max(off, -bound), bound)
    s[at] += rate * off
    s[at + 1] += rate * (off * off / shrink - s[at + 1])


@borrowing()
def weigh(s: Floats, x: float, weight: float, hold: float, k: Scale) -> Pair:
    """Return (level against both baselines, level against either), then learn x.

    ``weight`` slows both baselines, ``hold`` the lasting one.

    The clips 2.5 and 1.5 are Huber's; 0.9776 and 0.7785 make the variance right for a Gaussian.
    """
    if s[0] == 0.0:
        s[0], s[1], s[3] = 1.0, x, x
        return 0.0, 0.0
    low, high = 0.0, 0.0
    is_warm = s[0] >= k.warmup
    if is_warm:
        fast = _ramp(_deviation(x, s[1], s[2]), k.quiet_z, k.loud_z)
        slow = _ramp(_deviation(x, s[3], s[4]), k.quiet_z, k.loud_z)
        low, high = min(fast, slow), max(fast, slow)
    s[0] += 1.0
    plain = 1.0 / s[0]
    _follow(s, 1, x, max(k.fast, plain) * weight, 2.5 * is_warm, 0.9776 if is_warm else 1.0)
    _follow(s, 3, x, max(k.slow, plain) * weight * hold, 1.5 * is_warm, 0.7785 if is_warm else 1.0)
    return low, high


@borrowing()
def surprise(count: float, scale: float, usual: Floats, slack: float, k: Scale) -> Pair:
    """Return the lower and the higher level of a count against usual shares of ``scale``."""
    recent, lasting = scale * usual[0], scale * usual[1]
    quiet, loud = k.quiet_count_z, k.loud_count_z
    fast = _ramp((count - recent) / math.sqrt(recent + slack), quiet, loud)
    slow = _ramp((count - lasting) / math.sqrt(lasting + slack), quiet, loud)
    return min(fast, slow), max(fast, slow)


@borrowing()
def get_used(usual: Floats, share: float, belief: float, hold: float, k: Scale) -> None:
    """Move the usual shares; errors that nobody corroborates hardly move them."""
    weight = max(k.credulity, belief)
    usual[0] += k.fast * weight * (share - usual[0])
    usual[1] += k.slow * weight * hold * (share - usual[1])


@borrowing()
def meet(usual: Floats, errors: float, age: int) -> None:
    """Average the errors of a service's first ticks, and in how many of them there were any."""
    pace = 1.0 / (age + 1.0)
    usual[0] += pace * (errors - usual[0])
    usual[1] += pace * (errors - usual[1])
    usual[3] += pace * ((1.0 if errors > 0.0 else 0.0) - usual[3])


@borrowing()
def settle_habit(usual: Floats, k: Scale) -> None:
    """After the first ticks, keep what was usual only if errors were a habit."""
    if usual[3] > 0.0:
        if usual[3] < k.habit:
            usual[0] = 0.0
            usual[1] = 0.0
        usual[3] = 0.0
