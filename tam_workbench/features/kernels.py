"""Compiled observing: rows are gathered by observation, then observations filled in order."""

import math

import numpy as np
from numba import njit

from tam_workbench.features.arrays import Calls, Lines, Memory, Points, Seats, Shape, Shifts
from tam_workbench.features.compiled import borrowing
from tam_workbench.records import Bytes, Floats, Ints

ERROR = 17
ODD = 2 | 4 | 8 | 16  # schema, stale, replayed, anomalous


@njit(cache=True, nogil=True)
def count_ticks(time: Ints, tick_us: int, first_open: int) -> Ints:
    """Return the tick of each row; what comes too late counts in the first open one."""
    ticks = np.empty(time.size, dtype=np.int64)
    for i in range(time.size):
        ticks[i] = max(time[i] // tick_us, first_open)
    return ticks


@njit(cache=True, nogil=True)
def mark(ticks: Ints, resource: Ints, frame: Ints, present: Bytes) -> Ints:
    """Return the place (tick, resource) of each row and mark it as present.

    ``frame`` = (lowest tick, number of resources).
    """
    places = np.empty(ticks.size, dtype=np.int64)
    for i in range(ticks.size):
        places[i] = (ticks[i] - frame[0]) * frame[1] + resource[i]
        present[places[i]] = 1
    return places


@njit(cache=True, nogil=True)
def meet(m: Memory, ticks: Ints, service: Ints) -> None:
    """Remember when each service was first heard of."""
    for i in range(ticks.size):
        if m.since[service[i]] < 0 or ticks[i] < m.since[service[i]]:
            m.since[service[i]] = ticks[i]


@njit(cache=True, nogil=True)
def seat(places: Ints, numbers: Ints) -> Ints:
    """Return the observation of each row."""
    out = np.empty(places.size, dtype=np.int64)
    for i in range(places.size):
        out[i] = numbers[places[i]]
    return out


@njit(cache=True, nogil=True)
def by_seat(seats: Ints, number: int) -> tuple[Ints, Ints]:
    """Return the rows in order of their observation, and where each observation's begin."""
    begin = np.zeros(number + 1, dtype=np.int64)
    for i in range(seats.size):
        begin[seats[i] + 1] += 1
    for n in range(number):
        begin[n + 1] += begin[n]
    at = begin[:-1].copy()
    order = np.empty(seats.size, dtype=np.int64)
    for i in range(seats.size):
        order[at[seats[i]]] = i
        at[seats[i]] += 1
    return order, begin


@borrowing(inline="always")
def _credit(s: Seats, n: int, kind: int, trust: float, reasons: int, floor: float) -> bool:
    """Add a row's trust to its observation's account; return whether it is believed."""
    s.belief[n, kind, 4] += trust
    s.belief[n, kind, 5] += 1.0
    if trust < floor:
        return False
    s.belief[n, kind, 2] += trust
    s.belief[n, kind, 3] += 1.0
    if reasons & ODD:
        s.belief[n, kind, 0] += trust
        s.belief[n, kind, 1] += 1.0
    return True


@borrowing()
def gather_points(s: Seats, rows: Points, k: Shape) -> int:
    """Average the believed points of each metric by trust; return how many had no column."""
    left_out = 0
    for i in range(rows.seat.size):
        n, slot, trust = rows.seat[i], rows.slot[i], rows.trust[i]
        is_believed = _credit(s, n, 0, trust, rows.reasons[i], k.floor)
        if slot < 0:
            left_out += 1
        elif is_believed and trust > 0.0 and math.isfinite(rows.value[i]):
            s.weight[n, slot] += trust
            share = trust / s.weight[n, slot]
            s.values[n, 3 * slot] += share * (rows.value[i] - s.values[n, 3 * slot])
    return left_out


@borrowing()
def gather_lines(
    m: Memory, s: Seats, rows: Lines, turns: tuple[Ints, Ints], last: Ints, k: Shape
) -> None:
    """Count believed lines by trust: all, errors, by bucket; templates and how new they are.

    ``turns`` is what `by_seat` says of the rows; ``last`` is -1 for every template.
    """
    order, begin = turns
    at = 3 * k.metrics
    for n in range(s.tick.size):
        for j in range(begin[n], begin[n + 1]):
            i = order[j]
            trust, template = rows.trust[i], rows.template[i]
            if not _credit(s, n, 1, trust, rows.reasons[i], k.floor) or template < 0:
                continue
            s.values[n, at] += trust
            if rows.severity[i] >= ERROR:
                s.values[n, at + 1] += trust
            s.values[n, at + 4 + rows.bucket[template]] += trust
            if last[template] != n:
                last[template] = n
                s.values[n, at + 2] += 1.0
            service, tick = rows.service[i], s.tick[n]
            if m.first[service, template] == 0:
                m.first[service, template] = tick + 1
            first = m.first[service, template] - 1
            if tick - first < k.novel_ticks and first >= m.since[service] + k.novel_ticks:
                s.values[n, at + 3] += trust


@borrowing(inline="always")
def _quantile(ranked: Floats, size: int, q: float) -> float:
    """Return the q-quantile of the first ``size`` sorted values, linear between neighbours."""
    place = q * (size - 1)
    low = int(place)
    high = min(low + 1, size - 1)
    return float(ranked[low] + (place - low) * (ranked[high] - ranked[low]))


@borrowing(inline="always")
def _insert(ranked: Floats, size: int, x: float) -> None:
    """Insert x into the first ``size`` sorted values."""
    j = size
    while j > 0 and ranked[j - 1] > x:
        ranked[j] = ranked[j - 1]
        j -= 1
    ranked[j] = x


@njit(cache=True, nogil=True)
def gather_calls(m: Memory, s: Seats, rows: Calls, k: Shape) -> None:
    """Work out rate, error ratio, p50 and p95 of believed spans."""
    order, begin = by_seat(rows.seat, s.tick.size)
    at = 3 * k.metrics + 4 + k.buckets
    durations = np.empty(rows.seat.size + 1)
    for n in range(s.tick.size):
        weight, failed, size = 0.0, 0.0, 0
        for j in range(begin[n], begin[n + 1]):
            i = order[j]
            trust = rows.trust[i]
            if not _credit(s, n, 2, trust, rows.reasons[i], k.floor):
                continue
            if trust > 0.0 and math.isfinite(rows.duration[i]):
                weight += trust
                failed += trust * rows.error[i]
                durations[size] = rows.duration[i]
                size += 1
        slowness = m.slowness[s.resource[n]]
        if size:
            _sort(durations, size)
            slowness[0] = _quantile(durations, size, 0.5)
            slowness[1] = _quantile(durations, size, 0.95)
            s.values[n, at] = weight / k.tick_s
            s.values[n, at + 1] = failed / weight
        s.values[n, at + 2] = slowness[0]
        s.values[n, at + 3] = slowness[1]


@njit(cache=True, nogil=True)
def _sort(values: Floats, size: int) -> None:
    if size > 48:
        values[:size].sort()
        return
    for j in range(1, size):
        _insert(values, j, values[j])


@borrowing()
def _deviate(ranked: Floats, size: int, x: float, k: Shape) -> float:
    """Return (x - median) / (IQR / 1.349 + slack), clipped; 0 with too few values."""
    if size < k.min_window:
        return 0.0
    median = _quantile(ranked, size, 0.5)
    spread = (_quantile(ranked, size, 0.75) - _quantile(ranked, size, 0.25)) / 1.349
    z = (x - median) / (spread + 1e-3 * abs(median) + 1e-9)
    return min(max(z, -k.clip), k.clip)


@borrowing()
def _push(m: Memory, r: int, slot: int, x: float, k: Shape) -> None:
    """Put x into the window of a metric, in place of the oldest value when it is full."""
    place = m.seen[r, slot, 0] % k.window
    size = m.seen[r, slot, 1]
    ranked = m.ranked[r, slot]
    if size == k.window:
        old = m.ring[r, slot, place]
        low, high = 0, size
        while low < high:
            middle = (low + high) // 2
            if ranked[middle] < old:
                low = middle + 1
            else:
                high = middle
        for j in range(low, size - 1):
            ranked[j] = ranked[j + 1]
        size -= 1
    _insert(ranked, size, x)
    m.ring[r, slot, place] = x
    m.seen[r, slot, 0] += 1
    m.seen[r, slot, 1] = size + 1


@borrowing()
def fill_metrics(m: Memory, s: Seats, k: Shape, used: int) -> None:
    """Turn gathered means into value, delta and deviation; carry on what is missing."""
    for n in range(s.tick.size):
        r = s.resource[n]
        for slot in range(used):
            at, last = 3 * slot, m.last[r, slot]
            if s.weight[n, slot] == 0.0:
                s.values[n, at] = last[0]
                s.values[n, at + 2] = last[1]
                continue
            x = s.values[n, at]
            if m.seen[r, slot, 0] > 0:
                s.values[n, at + 1] = x - last[0]
            last[1] = _deviate(m.ranked[r, slot], m.seen[r, slot, 1], x, k)
            last[0] = x
            s.values[n, at + 2] = last[1]
            if m.seen[r, slot, 1] < k.window or s.tick[n] % k.stride == 0:
                _push(m, r, slot, x, k)


@borrowing()
def _fade(m: Memory, service: int, tick: int, k: Shape) -> None:
    if tick > m.changed[service]:
        kept = math.pow(k.fade, tick - m.changed[service])
        m.change[service, 0] *= kept
        m.change[service, 1] *= kept
        m.changed[service] = tick


@borrowing()
def fill_changes(m: Memory, s: Seats, rows: Shifts, k: Shape) -> None:
    """Write how recently each service was changed: 1 at once, fading."""
    at, j = s.values.shape[1] - 2, 0
    for n in range(s.tick.size):
        while j < rows.tick.size and rows.tick[j] <= s.tick[n]:
            _fade(m, rows.service[j], rows.tick[j], k)
            m.change[rows.service[j], rows.kind[j]] = 1.0
            j += 1
        service = s.service[n]
        if m.change[service, 0] + m.change[service, 1] > 0.0:
            _fade(m, service, s.tick[n], k)
            s.values[n, at] = m.change[service, 0]
            s.values[n, at + 1] = m.change[service, 1]
    while j < rows.tick.size:
        _fade(m, rows.service[j], rows.tick[j], k)
        m.change[rows.service[j], rows.kind[j]] = 1.0
        j += 1


@borrowing()
def fill_trust(s: Seats) -> None:
    """Write the least trusted signal: of each signal its odd believed rows, else all believed.

    A signal of which nothing is believed counts with the mean of all its rows, because the
    observation then misses one of its senses.
    """
    for n in range(s.tick.size):
        lowest = 1.0
        for kind in range(3):
            for part in (0, 2, 4):
                if s.belief[n, kind, part + 1] > 0.0:
                    mean = s.belief[n, kind, part] / s.belief[n, kind, part + 1]
                    lowest = min(lowest, mean)
                    break
        s.trust[n] = lowest
