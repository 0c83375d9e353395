"""Compiled bookkeeping of rows: who speaks in a tick, and what a row is worth in the end.

numba's cache sees only the file of the function that is called from outside: after a change here,
touch ``kernels.py`` too.
"""

from tam_workbench.trust.arrays import Case, Doubted, Memory, Scale, Scratch
from tam_workbench.trust.compiled import borrowing
from tam_workbench.trust.evidence import METRIC
from tam_workbench.trust.rows import ChangeRows, LogRows, MetricRows, SpanRows

_SCHEMA, _STALE, _REPLAYED, _ANOMALOUS, _UNCORROBORATED, _CORROBORATED = 2, 4, 8, 16, 32, 64

Rows = MetricRows | LogRows | SpanRows | ChangeRows


@borrowing(inline="always")
def speak(m: Memory, w: Scratch, service: int, source: int, tick: int) -> None:
    """Note that a channel speaks of a service in this tick."""
    if m.first[service] < 0:
        m.first[service] = tick
    if w.channel_stamp[source] != w.counts[3]:
        w.channel_stamp[source] = w.counts[3]
        w.channels[w.counts[0]] = source
        w.counts[0] += 1
        w.rows[source] = 0.0
        w.doubt[source] = 0.0
        w.blame[source] = 0.0
    w.rows[source] += 1.0


@borrowing(inline="always")
def hold(m: Memory, service: int, tick: int, k: Scale) -> float:
    """Return how fast the long-term baselines of a service move: hardly while it is ill."""
    return k.patience if tick - m.ill[service] <= k.breach_window else 1.0


@borrowing(inline="always")
def is_new(m: Memory, service: int, tick: int, k: Scale) -> bool:
    """Tell whether a service is too young for its counts to be called unusual."""
    return bool(tick - m.first[service] < k.warmup)


@borrowing(inline="always")
def doubt_of(seen: Doubted) -> float:
    """Return how far a row is doubted: by the worse of silence and contradiction."""
    return max(seen.level * (1.0 - seen.support) * seen.heed, seen.against)


@borrowing(inline="always")
def settle(w: Scratch, rows: Rows, i: int, case: Case, seen: Doubted, k: Scale) -> None:
    """Write one row's trust and reasons, and what it says about its channel."""
    kind, source, late = case
    reasons = w.flags[source]
    factor, doubt = 1.0, doubt_of(seen)
    blamed = doubt
    if kind == METRIC:  # a series that parts is singled out; its channel's others are not
        blamed = seen.level * (1.0 - seen.support) * seen.heed
    if late:
        factor = k.replay_factor if late == 2 else k.stale_factor
        reasons |= _REPLAYED if late == 2 else _STALE
        if late == 2:
            blamed = 1.0
    if seen.level >= 0.5 or seen.against >= 0.5:
        reasons |= _ANOMALOUS
        if doubt < 0.5 and seen.support >= 0.5:
            reasons |= _CORROBORATED
        elif seen.heed > 0.0 or doubt >= 0.5:
            reasons |= _UNCORROBORATED
    w.doubt[source] += blamed
    w.blame[source] += blamed * k.blame[kind]
    rows.trust[i] = w.base[source] * factor * (1.0 - doubt * k.doubt[kind])
    rows.reasons[i] = reasons


@borrowing(inline="always")
def refuse(w: Scratch, rows: Rows, i: int, source: int) -> None:
    """Give a row that is no number no trust at all."""
    rows.trust[i] = 0.0
    rows.reasons[i] = w.flags[source] | _SCHEMA
