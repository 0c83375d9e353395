"""Compiled bookkeeping of rows: who speaks in a tick, and what a row is worth in the end.

numba's cache sees only the file of the function that is called from outside: after a change here,
touch ``kernels.py`` too.
"""

from tam_workbench.trust.arrays import Case, Memory, Scale, Scratch
from tam_workbench.trust.compiled import borrowing
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
def settle(w: Scratch, rows: Rows, i: int, case: Case, k: Scale) -> None:
    """Write one row's trust and reasons, and what it says about its channel."""
    kind, source, late, level, support = case
    reasons = w.flags[source]
    factor = 1.0
    doubt = level * (1.0 - support)
    if late:
        factor = k.replay_factor if late == 2 else k.stale_factor
        reasons |= _REPLAYED if late == 2 else _STALE
        if late == 2:
            doubt = 1.0
    if level >= 0.5:
        reasons |= _ANOMALOUS | (_CORROBORATED if support >= 0.5 else _UNCORROBORATED)
    w.doubt[source] += doubt
    rows.trust[i] = w.base[source] * factor * (1.0 - level * (1.0 - support) * k.doubt[kind])
    rows.reasons[i] = reasons


@borrowing(inline="always")
def refuse(w: Scratch, rows: Rows, i: int, source: int) -> None:
    """Give a row that is no number no trust at all."""
    rows.trust[i] = 0.0
    rows.reasons[i] = w.flags[source] | _SCHEMA
