"""What a search of hot memory may see: compiled filters over columns of codes and times."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from tam_workbench.records import Bytes, Floats, Ints

Places = npt.NDArray[np.int32]


class Gate(NamedTuple):
    """The columns, and what is asked of them; the arrays are borrowed, not copied.

    A row passes if it is alive, each of its codes that is asked about is allowed, each time
    asked about lies in [low, high], and its trust is high enough.
    """

    codes: Places  # (columns, rows)
    times: Ints  # (columns, rows), microseconds
    trust: Floats  # (rows,)
    alive: Bytes  # (rows,)
    asks: Ints  # code columns that are asked about
    begin: Ints  # where the table of each begins in ``allowed``
    allowed: Bytes
    spans: Ints  # time columns that are asked about
    low: Ints
    high: Ints
    min_trust: float


@njit(cache=True, nogil=True)
def passes(gate: Gate, row: int) -> bool:
    """Tell whether a search may see a row."""
    if not gate.alive[row]:
        return False
    for n in range(gate.asks.size):
        if not gate.allowed[gate.begin[n] + gate.codes[gate.asks[n], row]]:
            return False
    for n in range(gate.spans.size):
        time = gate.times[gate.spans[n], row]
        if time < gate.low[n] or time > gate.high[n]:
            return False
    return gate.min_trust <= 0.0 or gate.trust[row] >= gate.min_trust


@njit(cache=True, nogil=True)
def passing(gate: Gate, size: int) -> Ints:
    """Return the rows below ``size`` that a search may see, in order."""
    rows, count, asks = np.empty(size, np.int64), 0, gate.asks.size
    if asks:
        count = _first(rows, gate.alive, gate.codes[gate.asks[0]], gate.allowed[gate.begin[0] :])
    else:
        for row in range(size):
            rows[count] = row
            count += gate.alive[row] != 0
    for n in range(1, asks):
        count = _allowed(rows[:count], gate.codes[gate.asks[n]], gate.allowed[gate.begin[n] :])
    for n in range(gate.spans.size):
        count = _between(rows[:count], gate.times[gate.spans[n]], gate.low[n], gate.high[n])
    if gate.min_trust > 0.0:
        count = _between(rows[:count], gate.trust, gate.min_trust, np.inf)
    return rows[:count].copy()


@njit(cache=True, nogil=True)
def _first(rows: Ints, alive: Bytes, codes: Places, allowed: Bytes) -> int:
    """Write the rows that are alive and allowed; return how many they are."""
    count = 0
    for row in range(rows.size):
        rows[count] = row
        count += (alive[row] != 0) & (allowed[codes[row]] != 0)
    return count


@njit(cache=True, nogil=True)
def _allowed(rows: Ints, codes: Places, allowed: Bytes) -> int:
    """Move the rows that are allowed to the front; return how many they are."""
    count = 0
    for row in rows:
        rows[count] = row
        count += allowed[codes[row]] != 0
    return count


@njit(cache=True, nogil=True)
def _between(rows: Ints, values: Ints | Floats, low: float, high: float) -> int:
    count = 0
    for row in rows:
        rows[count] = row
        count += low <= values[row] <= high
    return count


@njit(cache=True, nogil=True)
def share(gate: Gate, size: int, looks: int) -> float:
    """Return about which share of the rows a search may see, from ``looks`` of them."""
    seen = 0
    for look in range(looks):
        seen += passes(gate, (look * 2654435761) % size)
    return seen / looks


def open_gate(size: int) -> Gate:
    """Return a gate that every row below ``size`` passes."""
    return unasked(np.ones(size, np.uint8))


def unasked(alive: Bytes) -> Gate:
    """Return a gate that every row passes that is alive."""
    none = np.empty(0, np.int64)
    return Gate(
        codes=np.empty((0, 0), np.int32),
        times=np.empty((0, 0), np.int64),
        trust=np.empty(0),
        alive=alive,
        asks=none,
        begin=none,
        allowed=np.empty(0, np.uint8),
        spans=none,
        low=none,
        high=none,
        min_trust=0.0,
    )
