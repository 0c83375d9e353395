"""The compiled part of `SessionScore`: one pass over sessions laid end to end."""

import math
from typing import Final, NamedTuple

import numpy as np
from numba import njit

from tam_workbench.records import Floats, Ints

SIGNALS: Final = 3
BINS: Final = 24
KINDS: Final = 65_536
RING: Final = 2_000
_EXACT = 8  # counts below have a bin of their own, those above share one per power of two
_WARM = 50
_EVERY = 50
_SESSIONS, _RINGED, _TEMPLATES = range(3)
_COUNTS, _KIND, _ORDER = range(SIGNALS)


class Memory(NamedTuple):
    """What was counted: sessions by bin of each template's count, by kind, and steps."""

    sizes: Floats
    counts: Floats
    kinds: Floats
    steps: Floats
    cost: Floats
    ring: Floats
    limits: Floats


@njit(cache=True, nogil=True)
def bin_of(count: int) -> int:
    """Return the bin of a count of at least 1."""
    if count < _EXACT:
        return count
    return min(_EXACT - 3 + int(math.log2(count)), BINS - 1)


@njit(cache=True, nogil=True)
def _kind(used: Ints, counts: Ints) -> int:
    """Return the place of a mixture in its table, whatever the order of its templates."""
    total = np.uint64(0)
    for k in range(used.shape[0]):
        mixed = np.uint64(used[k] + 1) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= np.uint64(counts[k]) * np.uint64(0xC2B2AE3D27D4EB4F)
        mixed ^= mixed >> np.uint64(29)
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(32)
        total += mixed
    return int((total >> np.uint64(20)) & np.uint64(KINDS - 1))


@njit(cache=True, nogil=True)
def _counted(session: Ints, tally: Ints) -> tuple[Ints, Ints]:
    used = np.empty(session.shape[0], dtype=np.int64)
    n = 0
    for t in session:
        if tally[t] == 0:
            used[n] = t
            n += 1
        tally[t] += 1
    counts = np.empty(n, dtype=np.int64)
    for k in range(n):
        counts[k] = tally[used[k]]
        tally[used[k]] = 0
    return used[:n], counts


@njit(cache=True, nogil=True, error_model="numpy")
def _count_surprise(used: Ints, counts: Ints, absent: Floats, memory: Memory) -> float:
    """Return the sum over templates of -log P(as many), those absent included."""
    sessions = memory.sizes[_SESSIONS]
    total = 0.0
    for t in range(int(memory.sizes[_TEMPLATES])):
        absent[t] = math.log((max(sessions - memory.counts[t].sum(), 0.0) + 0.5) / (sessions + 1.0))
        total -= absent[t]
    for k in range(used.shape[0]):
        t = used[k]
        total += absent[t] if t < memory.sizes[_TEMPLATES] else 0.0
        total -= math.log((memory.counts[t, bin_of(counts[k])] + 0.5) / (sessions + 1.0))
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _step_cost(memory: Memory, here: int, there: int) -> float:
    return -math.log((memory.steps[here, there] + 0.5) / (memory.cost[here, 0] + 1.0))


@njit(cache=True, nogil=True, error_model="numpy")
def _order_surprise(session: Ints, memory: Memory) -> float:
    """Return what the steps cost beyond what steps from these templates usually cost."""
    border = memory.cost.shape[0] - 1
    here, total = border, 0.0
    for k in range(session.shape[0] + 1):
        there = session[k] if k < session.shape[0] else border
        total += _step_cost(memory, here, there)
        total -= memory.cost[here, 1] / max(memory.cost[here, 0], 1.0)
        here = there
    return total / math.sqrt(session.shape[0] + 1.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _learn(session: Ints, used: Ints, counts: Ints, weight: float, memory: Memory) -> None:
    border = memory.cost.shape[0] - 1
    here = border
    for k in range(session.shape[0] + 1):
        there = session[k] if k < session.shape[0] else border
        memory.cost[here, 1] += weight * _step_cost(memory, here, there)
        memory.cost[here, 0] += weight
        memory.steps[here, there] += weight
        here = there
    for k in range(used.shape[0]):
        memory.counts[used[k], bin_of(counts[k])] += weight
        memory.sizes[_TEMPLATES] = max(memory.sizes[_TEMPLATES], used[k] + 1.0)
    memory.kinds[_kind(used, counts)] += weight
    memory.sizes[_SESSIONS] += weight


@njit(cache=True, nogil=True, error_model="numpy")
def _fade(memory: Memory) -> None:
    memory.sizes[_SESSIONS] *= 0.5
    memory.counts[:] *= 0.5
    memory.kinds[:] *= 0.5
    memory.steps[:] *= 0.5
    memory.cost[:] *= 0.5


@njit(cache=True, nogil=True, error_model="numpy")
def _calibrate(rates: Floats, memory: Memory) -> None:
    """Set each limit where an exponential tail through two quantiles leaves its rate."""
    kept = min(int(memory.sizes[_RINGED]), RING)
    for signal in range(SIGNALS):
        usual = np.sort(memory.ring[signal, :kept])
        median, high = usual[kept // 2], usual[int(0.9 * (kept - 1))]
        tail = median + (high - median) / math.log(5.0) * math.log(0.5 / rates[signal])
        memory.limits[signal] = max(tail, 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def score_sessions(
    flat: Ints, ends: Ints, trust: Floats, rates: Floats, half: float, memory: Memory
) -> Floats:
    """Return how strange each session is against its limits, learning each once scored."""
    n = ends.shape[0] - 1
    out = np.zeros(n)
    tally = np.zeros(memory.counts.shape[0], dtype=np.int64)
    absent = np.zeros(memory.counts.shape[0])
    found = np.empty(SIGNALS)
    for i in range(n):
        session = flat[ends[i] : ends[i + 1]]
        used, counts = _counted(session, tally)
        sessions = memory.sizes[_SESSIONS]
        found[_COUNTS] = _count_surprise(used, counts, absent, memory)
        found[_KIND] = -math.log((memory.kinds[_kind(used, counts)] + 0.5) / (sessions + 1.0))
        found[_ORDER] = _order_surprise(session, memory)
        for signal in range(SIGNALS):
            least = -math.log(rates[signal])
            if signal == _ORDER:
                least /= math.sqrt(session.shape[0] + 1.0)
            out[i] = max(out[i], found[signal] / max(memory.limits[signal], least))
        if trust[i] <= 0.0:
            continue
        place = int(memory.sizes[_RINGED]) % RING
        memory.ring[:, place] = found
        memory.sizes[_RINGED] += 1.0
        _learn(session, used, counts, trust[i], memory)
        if memory.sizes[_SESSIONS] >= half:
            _fade(memory)
        if memory.sizes[_RINGED] >= _WARM and memory.sizes[_RINGED] % _EVERY == 0:
            _calibrate(rates, memory)
    return out
