"""Compiled emission: which log lines and spans the pods write, forged lines among them.

Without a state of its own: what is written follows from the simulated tick and from chance.
"""

import numpy as np
from numba import njit

from tam_workbench.plant.chance import bits, uniform
from tam_workbench.plant.kernels import (
    CPU,
    DISK,
    ERRORS,
    MEMORY_SHARE,
    P95,
    QUEUE,
    SLOTS,
    Output,
    World,
)
from tam_workbench.records import Floats, Ints

LOG_COLUMNS = 9
(EMIT, TIME_US, POD, TEMPLATE, FIRST, SECOND, TRACE, CHANNEL, FORGED) = range(LOG_COLUMNS)
SPAN_COLUMNS = 6
(S_EMIT, S_TIME_US, S_POD, S_TRACE, S_PARENT, S_ERROR) = range(SPAN_COLUMNS)
LOGS_A, LOGS_B, ANONYMOUS = 2, 3, 8  # numbers in channels.CHANNELS
_GC, _THROTTLED, _DISK, _RETRY, _WAITING, _SLOW = 5, 6, 7, 8, 9, 10
_UPSTREAM, _RESET, _NOVEL, _DIVERGED = 15, 16, 17, 18
MOST_LOGS = 900  # a tick, forged ones included
_SPACING_US = 500
_SELF_DECLARED, _SPOOFED = 0, 1


@njit(cache=True, nogil=True)
def _write(rows: Ints, at: tuple[int, int, int], template: int, trace: int, salt: int) -> int:
    """Write one genuine line of pod p as row n and return the next row number."""
    tick, n, p = at
    rows[n, EMIT], rows[n, POD], rows[n, TEMPLATE], rows[n, TRACE] = tick, p, template, trace
    rows[n, CHANNEL] = LOGS_A if p % 2 == 0 else LOGS_B
    rows[n, FORGED] = 0
    x = bits(salt, tick, p, template)
    rows[n, FIRST] = int(x & np.uint64(0xFFFF))
    rows[n, SECOND] = int((x >> np.uint64(16)) & np.uint64(0xFF))
    return n + 1


@njit(cache=True, nogil=True)
def _warning(m: Floats, u: float) -> int:
    """Return the template of the warning that fits what the pod feels, -1 without one."""
    if m[MEMORY_SHARE] > 0.8 and u < 0.5:
        return _GC
    if m[CPU] > 0.9 and u < 0.6:
        return _THROTTLED
    if m[DISK] > 0.8 and u < 0.5:
        return _DISK
    if m[QUEUE] > 20.0 and u < 0.5:
        return _WAITING
    if m[P95] > 0.3 and u < 0.4:
        return _SLOW
    return _RETRY if u > 0.99 else -1


@njit(cache=True, nogil=True)
def _failure(m: Floats, fault: int, u: float) -> int:
    """Return the template of an error, by the fault of the pod's own service or its callees."""
    own = (_UPSTREAM, 11, 14, 12, 13, 14, _RESET, _RESET, _NOVEL)
    if fault == 3 and m[DISK] <= 0.95:
        return _UPSTREAM
    if fault == 8 and u < 0.3:
        return _DIVERGED
    return own[fault]


@njit(cache=True, nogil=True)
def _pod_lines(
    world: World, out: Output, rows: Ints, at: tuple[int, int, int, int], trace: int
) -> int:
    """Write the lines of one pod in one tick."""
    tick, i, p, n = at
    seed = world.seed
    salt = seed + 7919 * p
    m, fault = out.metrics[i, p], out.fault[i, p // SLOTS]
    for k in range(2 + int(uniform(seed, tick, p, 20) < 0.5)):
        u = uniform(seed, tick, p, 21 + k)
        template = 0 if u < 0.55 else 1 if u < 0.7 else 2 if u < 0.82 else 3 if u < 0.97 else 4
        n = _write(rows, (tick, n, p), template, trace if template == 0 else -1, salt + k)
    warned = _warning(m, uniform(seed, tick, p, 25))
    if warned >= 0:
        n = _write(rows, (tick, n, p), warned, -1, salt + 30)
    wanted = min(4.0, 20.0 * max(0.0, m[ERRORS] - 0.03) + 0.004)
    for k in range(int(wanted + uniform(seed, tick, p, 26))):
        template = _failure(m, fault, uniform(seed, tick, p, 27 + k))
        n = _write(rows, (tick, n, p), template, trace, salt + 40 + k)
    return n


@njit(cache=True, nogil=True)
def _forge(world: World, rows: Ints, attack: Floats, at: tuple[int, int, int], slots: int) -> int:
    """Write the lines of one attacker: bursts of errors about a service that is well."""
    tick, begin, n = at
    mode, rate = attack[0], attack[3]
    if rate <= 0.0 or (tick - int(attack[1])) % 60 >= 20:
        return n
    honest = 0
    for r in range(begin, n):
        honest += mode == _SELF_DECLARED or rows[r, CHANNEL] == LOGS_B
    wanted = 3.0 * honest * rate / (1.0 - rate) + uniform(world.seed, tick, int(mode), 60)
    victim = int(uniform(world.seed, tick // 60, int(mode), 61) * world.capacity.size)
    for k in range(min(int(wanted), begin + MOST_LOGS - n)):
        p = victim * SLOTS + min(1, slots - 1)
        template = 15 if uniform(world.seed, tick, k, 62) < 0.6 else 13
        n = _write(rows, (tick, n, p), template, -1, world.seed + 99_991 + k)
        rows[n - 1, CHANNEL] = ANONYMOUS if mode == _SELF_DECLARED else LOGS_B
        rows[n - 1, FORGED] = 1
    return n


@njit(cache=True, nogil=True)
def emit_logs(
    world: World, out: Output, traces: Ints, attacks: Floats, before: Ints, at: tuple[int, int]
) -> Ints:
    """Return the log rows of T ticks; ``before`` (P,) tells who was up in the tick before."""
    tick, slots = at
    rows = np.empty((out.up.shape[0] * MOST_LOGS, LOG_COLUMNS), np.int64)
    n = 0
    for i in range(out.up.shape[0]):
        now, begin = tick + i, n
        for p in range(out.up.shape[1]):
            if out.up[i, p] == 2:
                if (before[p] if i == 0 else out.up[i - 1, p]) == 1:
                    n = _write(rows, (now, n, p), 19, -1, world.seed)
                n = _pod_lines(world, out, rows, (now, i, p, n), traces[i, p])
        for a in range(attacks.shape[0]):
            lies = attacks[a, 0] == _SELF_DECLARED or attacks[a, 0] == _SPOOFED
            if lies and attacks[a, 1] <= now < attacks[a, 2]:
                n = _forge(world, rows, attacks[a], (now, begin, n), slots)
        for r in range(begin, n):
            rows[r, TIME_US] = now * 1_000_000 + (r - begin) * _SPACING_US
    return rows[:n].copy()


@njit(cache=True, nogil=True)
def _pick_pod(out: Output, i: int, v: int, u: float) -> int:
    """Return a pod of service v that is up, -1 without one."""
    up = 0
    for k in range(SLOTS):
        up += out.up[i, v * SLOTS + k] == 2
    nth = int(u * up)
    for k in range(SLOTS):
        if out.up[i, v * SLOTS + k] == 2:
            if nth == 0:
                return v * SLOTS + k
            nth -= 1
    return -1


@njit(cache=True, nogil=True)
def _return(parent: Ints, seconds: Floats, failed: Floats) -> None:
    """Add the callees' time and failures to their callers, callees first."""
    for v in range(parent.size - 1, 0, -1):
        if parent[v] >= 0:
            seconds[parent[v]] += seconds[v]
            failed[parent[v]] = max(failed[parent[v]], failed[v])


@njit(cache=True, nogil=True)
def _walk(
    world: World, out: Output, tick: int, i: int, j: int
) -> tuple[Ints, Ints, Floats, Floats]:
    """Follow one request: parent, pod, seconds and failure per service it reached."""
    count = world.capacity.size
    parent, pod = np.full(count, -2), np.full(count, -1)
    seconds, failed = np.zeros(count), np.zeros(count)
    parent[0] = -1
    for v in range(count):
        if parent[v] == -2:
            continue
        place = j * count + v
        pod[v] = _pick_pod(out, i, v, uniform(world.seed, tick, place, 30))
        own = 1.0 - uniform(world.seed, tick, place, 31)
        seconds[v] = out.own_latency[i, v] / 3.0 * -np.log(own)
        if uniform(world.seed, tick, place, 32) < out.own_errors[i, v] or pod[v] < 0:
            failed[v] = 1.0
            continue
        for w in range(v + 1, count):
            coin = uniform(world.seed, tick, place, 40 + w)
            if parent[w] == -2 and coin < world.calls[v, w]:
                parent[w] = v
    _return(parent, seconds, failed)
    return parent, pod, seconds, failed


@njit(cache=True, nogil=True)
def emit_spans(world: World, out: Output, tick: int, sampled: int) -> tuple[Ints, Floats, Ints]:
    """Return span rows and seconds of T ticks, and a trace seen on each pod (-1 without)."""
    ticks, count = out.up.shape[0], world.capacity.size
    rows = np.empty((ticks * sampled * count, SPAN_COLUMNS), np.int64)
    durations = np.empty(ticks * sampled * count)
    seen = np.full(out.up.shape, -1)
    n = 0
    for i in range(ticks):
        begin = n
        for j in range(sampled):
            parent, pod, seconds, failed = _walk(world, out, tick + i, i, j)
            for v in range(count):
                if pod[v] < 0:
                    continue
                rows[n, S_EMIT], rows[n, S_POD], rows[n, S_TRACE] = tick + i, pod[v], j
                rows[n, S_TIME_US] = (tick + i) * 1_000_000 + (n - begin) * _SPACING_US
                rows[n, S_PARENT], rows[n, S_ERROR] = parent[v], int(failed[v])
                durations[n] = min(9.0, seconds[v])
                seen[i, pod[v]] = j
                n += 1
    return rows[:n].copy(), durations[:n].copy(), seen


@njit(cache=True, nogil=True)
def number_rows(channels: Ints, counters: Ints) -> Ints:
    """Count rows within their channel, in order, and advance the counters."""
    out = np.empty(channels.size, np.int64)
    for r in range(channels.size):
        out[r] = counters[channels[r]]
        counters[channels[r]] += 1
    return out


@njit(cache=True, nogil=True)
def identities(seed: int, ticks: Ints, places: Ints, purpose: int) -> Ints:
    """Return a 16-digit number for every (tick, place)."""
    out = np.empty(ticks.size, np.int64)
    for r in range(ticks.size):
        x = bits(seed, ticks[r], places[r], purpose)
        out[r] = 1_000_000_000_000_000 + int(x % np.uint64(9_000_000_000_000_000))
    return out
