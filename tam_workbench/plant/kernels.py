"""The compiled physics of the plant: one call simulates many ticks of all pods.

Load flows from callers to callees, latency and errors flow back. Pods queue, fill memory and
disk, die and return. Nothing here is drawn from a state: see `chance`.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from tam_workbench.plant.chance import normal, smooth, uniform
from tam_workbench.records import Floats, Ints

Flags = npt.NDArray[np.bool_]

SLOTS = 4  # pods a service can have
WINDOW = 10  # ticks over which the SLO is judged
OOM_TICKS, RESTART_TICKS = 10, 5
MAX_LATENCY_S = 5.0
ERROR_LIMIT = 0.05
(CPU, MEMORY, MEMORY_SHARE, DISK, RESTARTS, RATE, ERRORS, P95, QUEUE) = range(9)
_LEAK, _HOT, _FULL, _DEPLOY, _CONFIG, _NETWORK, _OUTAGE, _NOVEL = range(8)
_KIND, _SERVICE, _START, _END, _SICK, _RESOLVED, _FIX = range(7)
MIB = 1048576.0


class World(NamedTuple):
    """What does not change: S services, D shifts."""

    seed: int
    capacity: Floats  # (S,) requests/s of one pod
    latency: Floats  # (S,) seconds without load
    memory: Floats  # (S,) MiB without load
    calls: Floats  # (S, S) calls of row's service to column's, per request
    limit: Floats  # (S,) latency objective, seconds
    shifts: Floats  # (D, 5): mode, at, period, load, latency
    load: float
    day: float
    memory_limit: float


class State(NamedTuple):
    """What a tick leaves to the next: P = S x SLOTS pods."""

    queue: Floats
    leaked: Floats
    disk: Floats
    active: Ints
    down: Ints
    restarts: Ints
    restart_at: Ints
    retire_at: Ints
    dip_until: Ints  # (S,)
    ring: Floats  # (S, WINDOW, 2): error ratio, latency
    breach: Ints  # (S,)
    faults: Ints  # (F, 7) int64, see _KIND.._FIX
    pace: Floats  # (F,)


class Output(NamedTuple):
    """What T ticks showed."""

    metrics: Floats  # (T, P, 9)
    up: Ints  # (T, P) 0 no such pod, 1 down, 2 up
    died: Ints  # (T, P) 1 killed for memory, 2 restarted on purpose
    own_errors: Floats  # (T, S)
    own_latency: Floats  # (T, S)
    breach: Ints  # (T, S) 1 in breach, 2 just recovered
    fault: Ints  # (T, S) kind + 1 of the active fault
    strength: Floats  # (T, S) of that fault, 0 to 1


class Scratch(NamedTuple):
    """Effects of the faults on each pod at one tick, and what each pod does."""

    capacity: Floats
    cpu: Floats
    errors: Floats
    latency: Floats
    leak: Floats
    fill: Floats
    served: Floats
    pod_errors: Floats
    pod_latency: Floats
    total_errors: Floats  # (S,)
    total_latency: Floats  # (S,)


@njit(cache=True, nogil=True)
def _normality(world: World, tick: int) -> tuple[float, float]:
    """Return the factors by which shifts move load and latency."""
    load, latency = 1.0, 1.0
    for d in range(world.shifts.shape[0]):
        since = tick - world.shifts[d, 1]
        if since < 0:
            continue
        mode, period = world.shifts[d, 0], world.shifts[d, 2]
        part = 1.0
        if mode == 1.0:
            part = min(1.0, since / period)
        elif mode == 2.0:
            part = 1.0 if since % period < period / 2.0 else 0.0
        load *= 1.0 + part * (world.shifts[d, 3] - 1.0)
        latency *= 1.0 + part * (world.shifts[d, 4] - 1.0)
    return load, latency


@njit(cache=True, nogil=True)
def _afflict(
    world: World, s: Scratch, kind: int, at: tuple[int, int], x: float, pace: float
) -> None:
    """Let one fault of strength x act on pod p."""
    tick, p = at
    if kind == _LEAK:
        room = world.memory_limit - world.memory[p // SLOTS]
        s.leak[p] += pace * room / 130.0 * (0.85 + 0.3 * uniform(world.seed, 0, p, 1))
    elif kind == _HOT:
        s.capacity[p] *= 1.0 - 0.68 * x
        s.cpu[p] *= 1.0 - 0.68 * x
    elif kind == _FULL:
        s.fill[p] += pace * 0.007
    elif kind == _DEPLOY:
        s.errors[p] += 0.18 * x
        s.latency[p] += 1.5 * x * world.latency[p // SLOTS]
    elif kind == _CONFIG:
        s.capacity[p] *= 1.0 - 0.68 * x
    elif kind == _NETWORK:
        s.latency[p] += 0.45 * x
        s.errors[p] += 0.02 * x
    elif kind == _OUTAGE:
        s.errors[p] += 0.85 * x * x
        s.latency[p] += 0.5 * x
    else:
        s.errors[p] += 0.13 * x
        s.latency[p] += x * (0.25 + 0.15 * np.sin(tick / 5.0))
        s.cpu[p] *= 1.0 + 1.5 * x


@njit(cache=True, nogil=True)
def _ends(state: State, row: Ints, tick: int) -> bool:
    """Tell whether a fault is over, and write down when it ended."""
    first = row[_SERVICE] * SLOTS
    sick = 0
    for k in range(SLOTS):
        if state.active[first + k] and (row[_SICK] >> k) & 1:
            sick += 1
    if sick > 0 and tick < row[_END] and (row[_FIX] < 0 or tick < row[_FIX]):
        return False
    row[_RESOLVED] = tick
    if row[_KIND] == _FULL:
        state.disk[first : first + SLOTS] = 0.35
    if row[_KIND] == _LEAK and tick >= row[_END]:
        state.leaked[first : first + SLOTS] = 0.0
    return True


@njit(cache=True, nogil=True)
def _effects(world: World, state: State, s: Scratch, out: Output, tick: int, i: int) -> None:
    """Begin, end and apply faults."""
    s.capacity[:], s.cpu[:], s.errors[:], s.latency[:] = 1.0, 1.0, 0.0, 0.0
    s.leak[:], s.fill[:] = 0.0, 0.00002
    ramps = (1.0, 40.0, 1.0, 45.0, 30.0, 45.0, 35.0, 50.0)
    for f in range(state.faults.shape[0]):
        row = state.faults[f]
        if tick < row[_START] or row[_RESOLVED] >= 0:
            continue
        first = row[_SERVICE] * SLOTS
        if tick == row[_START]:
            row[_SICK] = (1 << SLOTS) - 1
        if _ends(state, row, tick):
            continue
        x = min(1.0, (tick - row[_START] + 1) * state.pace[f] / ramps[row[_KIND]])
        out.fault[i, row[_SERVICE]] = row[_KIND] + 1
        out.strength[i, row[_SERVICE]] = x
        for k in range(SLOTS):
            if (row[_SICK] >> k) & 1:
                _afflict(world, s, row[_KIND], (tick, first + k), x, state.pace[f])


@njit(cache=True, nogil=True)
def _lifecycle(state: State, out: Output, tick: int, i: int) -> None:
    """Restart, retire and wake pods."""
    for p in range(state.queue.size):
        if state.active[p] and state.retire_at[p] == tick:
            state.active[p] = 0
        if state.active[p] and state.restart_at[p] == tick:
            state.down[p] = RESTART_TICKS
            state.queue[p], state.leaked[p], state.disk[p] = 0.0, 0.0, 0.3
            state.restarts[p] += 1
            out.died[i, p] = 2
            for f in range(state.faults.shape[0]):
                row = state.faults[f]
                restartable = row[_KIND] in (_LEAK, _FULL, _NETWORK, _OUTAGE)
                if row[_SERVICE] == p // SLOTS and row[_START] <= tick and restartable:
                    row[_SICK] &= ~(1 << (p % SLOTS))
        elif state.down[p] > 0:
            state.down[p] -= 1
        if state.active[p]:
            out.up[i, p] = 1 if state.down[p] > 0 else 2


@njit(cache=True, nogil=True)
def _serve_pod(
    world: World, state: State, s: Scratch, out: Output, at: tuple[int, int, int], arrivals: float
) -> None:
    """Let pod p serve its share of the arrivals."""
    tick, i, p = at
    v, seed = p // SLOTS, world.seed
    share = (world.memory[v] + state.leaked[p]) / world.memory_limit
    pressure = min(1.0, max(0.0, (share - 0.88) / 0.12))
    arriving = arrivals * max(0.2, 1.0 + 0.04 * normal(seed, tick, p, 2))
    able = world.capacity[v] * s.capacity[p] * (1.0 - 0.6 * pressure)
    if tick < state.dip_until[v]:
        able *= 0.75
    waiting = state.queue[p] + arriving
    served = min(waiting, able)
    state.queue[p] = min(waiting - served, 3.0 * world.capacity[v])
    dropped = waiting - served - state.queue[p]
    rho = min(1.0, arriving / able)
    busy = 1.0 + 0.6 * rho**4 / (1.05 - rho)
    latency = world.latency[v] * busy * _normality(world, tick)[1]
    latency = latency * max(0.5, 1.0 + 0.06 * normal(seed, tick, p, 3))
    latency = min(latency + state.queue[p] / able + s.latency[p] + 0.3 * pressure, MAX_LATENCY_S)
    errors = 0.004 + 0.002 * normal(seed, tick, p, 4) + s.errors[p] + 0.05 * pressure
    errors += dropped / max(waiting, 1e-9) + min(0.5, max(0.0, 0.3 * (latency - 1.0)))
    state.disk[p] = min(1.0, state.disk[p] + s.fill[p])
    if state.disk[p] > 0.95:
        errors += 0.35
    elif state.disk[p] > 0.6 and s.fill[p] < 0.001:
        state.disk[p] = 0.3  # the nightly rotation
    state.leaked[p] += s.leak[p]
    s.served[p], s.pod_latency[p] = served, latency
    s.pod_errors[p] = min(1.0, max(0.0, errors))
    out.metrics[i, p, RATE] = arriving
    used = served / (world.capacity[v] * s.cpu[p])
    out.metrics[i, p, CPU] = min(1.0, max(0.0, 0.05 + 0.93 * min(1.0, used)))
    if world.memory[v] + state.leaked[p] >= world.memory_limit:
        out.died[i, p] = 1
        state.down[p] = OOM_TICKS
        state.queue[p], state.leaked[p] = 0.0, 0.0
        state.restarts[p] += 1


@njit(cache=True, nogil=True)
def _flow_down(world: World, state: State, s: Scratch, out: Output, tick: int, i: int) -> None:
    """Serve at every service, callers first, and pass the calls on."""
    count = world.capacity.size
    arrivals = np.zeros(count)
    load = world.load * _normality(world, tick)[0]
    load *= 1.0 + 0.2 * np.sin(2.0 * np.pi * tick / world.day)
    arrivals[0] = load * (1.0 + 0.03 * smooth(world.seed, tick, 0, 5))
    for v in range(count):
        first = v * SLOTS
        up = 0
        for p in range(first, first + SLOTS):
            up += out.up[i, p] == 2
        good, served, errors, latency = 0.0, 0.0, 0.0, 0.0
        for p in range(first, first + SLOTS):
            if out.up[i, p] != 2:
                continue
            _serve_pod(world, state, s, out, (tick, i, p), arrivals[v] / up)
            served += s.served[p]
            good += s.served[p] * (1.0 - s.pod_errors[p])
            errors += s.pod_errors[p] / up
            latency += s.pod_latency[p] / up
        out.own_errors[i, v] = errors if up else 1.0
        out.own_latency[i, v] = latency if up else 1.0
        for w in range(v + 1, count):
            arrivals[w] += good * world.calls[v, w]


@njit(cache=True, nogil=True)
def _flow_up(world: World, s: Scratch, out: Output, i: int) -> None:
    """Add what the callees cost to every caller, callees first."""
    count = world.capacity.size
    for v in range(count - 1, -1, -1):
        good, latency = 1.0 - out.own_errors[i, v], out.own_latency[i, v]
        for w in range(v + 1, count):
            calls = min(1.0, world.calls[v, w])
            good *= 1.0 - calls * s.total_errors[w]
            latency += calls * s.total_latency[w]
        s.total_errors[v] = 1.0 - good
        s.total_latency[v] = min(latency, MAX_LATENCY_S)


@njit(cache=True, nogil=True)
def _measure(world: World, state: State, s: Scratch, out: Output, tick: int, i: int) -> None:
    """Fill in what the agents read off each pod."""
    seed = world.seed
    for p in range(state.queue.size):
        m, v = out.metrics[i, p], p // SLOTS
        m[RESTARTS], m[DISK] = state.restarts[p], state.disk[p]
        if out.up[i, p] != 2:
            m[CPU], m[MEMORY], m[MEMORY_SHARE] = 0.0, 0.0, 0.0
            continue
        odd = out.strength[i, v] * 60.0 * np.sin(tick / 7.0) if out.fault[i, v] == 8 else 0.0
        mib = world.memory[v] + state.leaked[p] + 0.1 * state.queue[p] + odd
        mib = mib * (1.0 + 0.012 * normal(seed, tick, p, 6))
        m[MEMORY], m[MEMORY_SHARE] = mib * MIB, mib / world.memory_limit
        m[CPU] = min(1.0, max(0.01, m[CPU] + 0.02 * normal(seed, tick, p, 7)))
        m[DISK] = min(1.0, m[DISK] + 0.001 * uniform(seed, tick, p, 8))
        m[QUEUE] = np.floor(state.queue[p] + 2.0 * uniform(seed, tick, p, 9))
        below = 1.0 - (1.0 - s.total_errors[v]) / max(1e-6, 1.0 - out.own_errors[i, v])
        m[ERRORS] = 1.0 - (1.0 - s.pod_errors[p]) * (1.0 - min(1.0, max(0.0, below)))
        m[P95] = s.pod_latency[p] + s.total_latency[v] - out.own_latency[i, v]
        m[P95] = min(MAX_LATENCY_S, max(s.pod_latency[p], m[P95]))


@njit(cache=True, nogil=True)
def _judge(world: World, state: State, s: Scratch, out: Output, tick: int, i: int) -> None:
    """Judge every service's objective over the window, as an outside monitor would."""
    for v in range(world.capacity.size):
        state.ring[v, tick % WINDOW, 0] = s.total_errors[v]
        state.ring[v, tick % WINDOW, 1] = s.total_latency[v]
        errors = state.ring[v, :, 0].mean()
        latency = state.ring[v, :, 1].mean()
        ease = 0.8 if state.breach[v] else 1.0
        if errors > ERROR_LIMIT * ease or latency > world.limit[v] * ease:
            state.breach[v] = 1
            out.breach[i, v] = 1
        else:
            out.breach[i, v] = 2 if state.breach[v] else 0
            state.breach[v] = 0


@njit(cache=True, nogil=True)
def simulate(world: World, state: State, s: Scratch, out: Output, tick: int) -> None:
    """Fill ``out`` with the ticks that begin at ``tick`` and leave ``state`` after them."""
    for i in range(out.up.shape[0]):
        now = tick + i
        _effects(world, state, s, out, now, i)
        _lifecycle(state, out, now, i)
        _flow_down(world, state, s, out, now, i)
        _flow_up(world, s, out, i)
        _measure(world, state, s, out, now, i)
        _judge(world, state, s, out, now, i)
