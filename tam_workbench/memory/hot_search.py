"""Compiled search of the hot index: bit sketches say which rows are worth an exact look."""

import math
from typing import Final, NamedTuple

import numpy as np
from numba import njit

from tam_workbench.memory.hot_gate import Gate, passes
from tam_workbench.memory.hot_kernels import (
    LEVELS,
    Cells,
    Exact,
    Knobs,
    Singles,
    Sketched,
    Waiting,
    popcount,
    rise,
    similarity,
    sink,
)
from tam_workbench.memory.prefetch import prefetch
from tam_workbench.records import Ints


class Admission(NamedTuple):
    """Which rows a search may see: the gate, and where they sit if few pass, else nothing."""

    gate: Gate
    begin: Ints  # (cells + 1,): where the places of each cell begin
    places: Ints  # of the rows that pass, cell by cell


class Aim(NamedTuple):
    """What a row of a cell must reach: q.c, how many errors a sketch may err, and the least."""

    near: float
    doubt: float
    least: float


class Mapped(NamedTuple):
    """The cells, and the addresses at which their sketches and factors begin."""

    cells: Cells
    codes: int
    factors: int


AHEAD: Final = 6
"""Rows between the one that is read and the one that memory is asked for."""

BLOCK: Final = 32
EAGER: Final = 4
"""Rows that are compared after each cell, so that the k-th best is known early."""


@njit(cache=True, nogil=True, fastmath=True)
def rank_cells(s: Cells, q: Sketched, number: int, reach: float) -> tuple[Singles, Ints, Singles]:
    """Return a heap of cells, most promising first, its names, and q.c by cell.

    A cell promises q.c + reach |r| |q - c|; the keys are negative promises.
    """
    keys, names = np.empty(number, np.float32), np.arange(number)
    near = np.empty(number, np.float32)
    for c in range(number):
        dot = np.float32(0.0)
        for j in range(q.rotated.size):
            dot += s.centre[c, j] * q.rotated[j]
        near[c] = dot
        gap = max(1.0 - 2.0 * dot + s.square[c], 0.0)
        keys[c] = -(dot + reach * math.sqrt(s.energy[c] * gap))
    for at in range(number // 2 - 1, -1, -1):
        sink(keys, names, at, number)
    return keys, names, near


@njit(cache=True, nogil=True)
def scales(s: Cells, c: int, q: Sketched, near: float, doubt: float) -> tuple[float, float]:
    """Return what a wrong bit takes from a row's bound in a cell, and the most that it can be.

    The estimate's standard error is f sqrt(0.36 / (D - 1) |q - c|^2 + step^2 / 9.7): 0.36 is
    1 - 0.8^2, with 0.8 the mean cosine of r and its signs, and step^2 / 9.7 what quantising
    the query adds.
    """
    width = 64 * s.codes.shape[2]
    gap = max(1.0 - 2.0 * near + s.square[c], 0.0)
    error = math.sqrt(0.36 / (width - 1) * gap + q.step * q.step / 9.7)
    unit = np.float32(q.step / math.sqrt(width))
    return float(unit), float(np.float32((LEVELS - 1) / 2 * width * unit + doubt * error))


@njit(cache=True, nogil=True)
def bits_wrong(s: Cells, c: int, i: int, q: Sketched) -> int:
    """Return how many bits of a row differ from the query's planes, each plane twice the last."""
    wrong = 0
    for w in range(s.codes.shape[2]):
        code = s.codes[c, i, w]
        wrong += (
            popcount(code ^ q.planes[0, w])
            + (popcount(code ^ q.planes[1, w]) << 1)
            + (popcount(code ^ q.planes[2, w]) << 2)
            + (popcount(code ^ q.planes[3, w]) << 3)
        )
    return wrong


@njit(cache=True, nogil=True, fastmath=True)
def bound(s: Cells, c: int, q: Sketched, near: float, doubt: float, out: Singles) -> None:
    """Write for each row of a cell the similarity that it hardly exceeds.

    ``doubt`` errors are added to the estimate; see `scales`.
    """
    unit, most = scales(s, c, q, near, doubt)
    base, mark, top = np.float32(near), np.float32(unit), np.float32(most)
    for i in range(s.size[c]):
        wrong = np.float32(bits_wrong(s, c, i, q))
        out[i] = base + s.factors[c, i, 1] + s.factors[c, i, 0] * (top - mark * wrong)


@njit(cache=True, nogil=True)
def gather(s: Cells, c: int, gate: Gate, bounds: Singles, least: float, wait: Waiting) -> None:
    """Let the rows of a cell wait that pass and may beat ``least``.

    ``wait`` is a heap of negative bounds, and of rows; ``wait.size`` its length so far.
    """
    size = wait.size[0]
    for start in range(0, s.size[c], BLOCK):
        stop = min(start + BLOCK, s.size[c])
        most = np.float32(-np.inf)
        for i in range(start, stop):
            most = max(most, bounds[i])
        if most < least:
            continue
        for i in range(start, stop):
            if bounds[i] >= least and passes(gate, s.rows[c, i]):
                wait.keys[size], wait.rows[size] = -bounds[i], s.rows[c, i]
                rise(wait.keys, wait.rows, size)
                size += 1
    wait.size[0] = size


@njit(cache=True, nogil=True)
def ask_for(at: Mapped, place: int) -> None:
    """Ask memory for what `sift` reads of the row at a place, counted over all cells."""
    prefetch(at.codes + 8 * at.cells.codes.shape[2] * place)
    prefetch(at.factors + 8 * place)


@njit(cache=True, nogil=True)
def sift(at: Mapped, c: int, q: Sketched, aim: Aim, places: Ints, wait: Waiting) -> None:
    """Let the rows at some places of a cell wait that may beat the least.

    As `bound` and `gather`, for filters that few rows pass: the others are not looked at.
    """
    s = at.cells
    unit, most = scales(s, c, q, aim.near, aim.doubt)
    count, begin = places.size, c * s.rows.shape[1]
    size = wait.size[0]
    for n in range(count):
        if n + AHEAD < count:
            ask_for(at, begin + places[n + AHEAD])
        i = places[n]
        over = most - unit * bits_wrong(s, c, i, q)
        bounded = aim.near + s.factors[c, i, 1] + s.factors[c, i, 0] * over
        if bounded >= aim.least:
            wait.keys[size], wait.rows[size] = -bounded, s.rows[c, i]
            rise(wait.keys, wait.rows, size)
            size += 1
    wait.size[0] = size


@njit(cache=True, nogil=True)
def seated(rows: Ints, seat: tuple[Ints, Ints], number: int) -> tuple[Ints, Ints]:
    """Return the places of rows cell by cell, and before them where each of the cells begins."""
    begin, places = np.zeros(number + 1, np.int64), np.empty(rows.size, np.int64)
    for row in rows:
        begin[seat[0][row] + 1] += 1
    for c in range(number):
        begin[c + 1] += begin[c]
    at = begin[:-1].copy()
    for row in rows:
        c = seat[0][row]
        places[at[c]] = seat[1][row]
        at[c] += 1
    return begin, places


@njit(cache=True, nogil=True)
def compare(x: Exact, query: Singles, wait: Waiting, best: Waiting, most: int) -> int:
    """Compare up to ``most`` waiting rows exactly, best bound first; return how many were.

    ``best`` is a heap of the k most similar so far, least first.
    """
    k, left = best.keys.size, wait.size[0]
    done = 0
    while left and done < most:
        if best.size[0] == k and -wait.keys[0] < best.keys[0]:
            left = 0  # nobody who waits may beat the k-th
            break
        row = wait.rows[0]
        left -= 1
        wait.keys[0], wait.rows[0] = wait.keys[left], wait.rows[left]
        sink(wait.keys, wait.rows, 0, left)
        near, have = similarity(x, row, query), best.size[0]
        done += 1
        if have < k:
            best.keys[have], best.rows[have] = near, row
            rise(best.keys, best.rows, have)
            best.size[0] = have + 1
        elif near > best.keys[0]:
            best.keys[0], best.rows[0] = near, row
            sink(best.keys, best.rows, 0, k)
    wait.size[0] = left
    return done


@njit(cache=True, nogil=True)
def search(
    s: Cells, number: int, x: Exact, may: Admission, q: Sketched, knobs: Knobs
) -> tuple[Ints, Ints]:
    """Return the k most similar rows that pass, unsorted, and the work done.

    Cells are looked at in order of promise until none promises more than the k-th best so far;
    of a cell's rows only those that may beat it wait to be compared exactly, a few after each
    cell, the rest at the end. The work is (cells, sketches, exact comparisons).
    """
    keys, names, near = rank_cells(s, q, number, knobs.reach)
    best = Waiting(
        np.empty(knobs.k, np.float32), np.empty(knobs.k, np.int64), np.zeros(1, np.int64)
    )
    total = may.places.size if may.begin.size else s.size[:number].sum()
    wait = Waiting(np.empty(total, np.float32), np.empty(total, np.int64), np.zeros(1, np.int64))
    mapped = Mapped(s, s.codes.ctypes.data, s.factors.ctypes.data)
    bounds, work = np.empty(s.rows.shape[1], np.float32), np.zeros(3, np.int64)
    for left in range(number, 0, -1):
        c = names[0]
        least = float(best.keys[0]) if best.size[0] == knobs.k else -np.inf
        if -keys[0] < least:
            break
        keys[0], names[0] = keys[left - 1], names[left - 1]
        sink(keys, names, 0, left - 1)
        work[0] += 1
        if may.begin.size:
            begin = may.begin[names[0]]
            for at in range(begin, min(begin + AHEAD, may.begin[names[0] + 1])):
                ask_for(mapped, names[0] * s.rows.shape[1] + may.places[at])
            places = may.places[may.begin[c] : may.begin[c + 1]]
            sift(mapped, c, q, Aim(float(near[c]), knobs.doubt, least), places, wait)
            work[1] += places.size
        else:
            bound(s, c, q, near[c], knobs.doubt, bounds)
            gather(s, c, may.gate, bounds, least, wait)
            work[1] += s.size[c]
        work[2] += compare(x, q.query, wait, best, EAGER + knobs.k - best.size[0])
    work[2] += compare(x, q.query, wait, best, total)
    return best.rows[: best.size[0]], work
