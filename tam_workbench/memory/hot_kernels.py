"""Compiled search of the hot index: bit sketches say which rows are worth an exact look."""

import math
from collections.abc import Callable
from typing import Final, NamedTuple, cast

import numpy as np
import numpy.typing as npt
from numba import njit, types
from numba.extending import intrinsic

from tam_workbench.memory.hot_gate import Gate, Places, passes
from tam_workbench.records import Floats, Ints

Singles = npt.NDArray[np.float32]
Words = npt.NDArray[np.uint64]

LEVELS: Final = 16
"""Steps of a quantised query: four bit planes."""


BLOCK: Final = 32
EAGER: Final = 4
"""Rows that are compared after each cell, so that the k-th best is known early."""


class Cells(NamedTuple):
    """Rows by cell: a centre, and for every row of it the signs of what is left, and two factors.

    With x the rotated row, c its centre, r = x - c and s = sign(r) / sqrt(D), a row keeps
    ``scale`` f = |r|^2 / (r.s), so that f s stands for r without bias, and ``shift``
    g = r.c - f s.c. Then q.x is about q.c + g + f s.q (after RaBitQ, Gao & Long 2024).
    """

    codes: Words  # (cells, D / 64, room): one bit a coordinate, word by word
    scale: Singles  # (cells, room)
    shift: Singles  # (cells, room)
    rows: Places  # (cells, room)
    size: Ints  # (cells,)
    centre: Singles  # (cells, D), in rotated space
    square: Singles  # (cells,): |c|^2
    energy: Singles  # (cells,): mean of |r|^2


class Sketched(NamedTuple):
    """A query of length one, and in rotated space, whole and as ``LEVELS`` steps of ``step``."""

    query: Singles  # (dimension,)
    rotated: Singles  # (D,)
    planes: Words  # (4, D / 64)
    step: float


class Waiting(NamedTuple):
    """A heap of rows by key, least first."""

    keys: Singles
    rows: Ints
    size: Ints  # one number


class Knobs(NamedTuple):
    """How many, how far cells are believed to reach, and how many errors a sketch may err."""

    k: int
    reach: float
    doubt: float


class Exact(NamedTuple):
    """The rows as they were given, and the reciprocals of their norms."""

    vectors: Singles  # (rows, dimension)
    inverse: Singles  # (rows,)


def _one_word(_typing: object, _word: object) -> object:
    signature = types.int64(types.uint64)
    return signature, lambda _context, builder, _signature, args: builder.ctpop(args[0])


popcount = cast("Callable[[np.uint64], int]", intrinsic(_one_word))
"""The number of bits set in a 64-bit word, by the processor's own instruction."""


@njit(cache=True, nogil=True, fastmath=True)
def similarity(x: Exact, row: int, query: Singles) -> float:
    """Return the cosine of a row and a query of length one, in single precision."""
    total = np.float32(0.0)
    for j in range(query.size):
        total += x.vectors[row, j] * query[j]
    return float(total * x.inverse[row])


@njit(cache=True, nogil=True)
def similarities(x: Exact, rows: Ints, query: Singles) -> Singles:
    """Return the cosine of each of ``rows`` and a query of length one."""
    out = np.empty(rows.size, np.float32)
    for n in range(rows.size):
        out[n] = similarity(x, rows[n], query)
    return out


@njit(cache=True, nogil=True)
def cosines(x: Exact, rows: Ints, query: Singles) -> Floats:
    """Return the cosine of each of ``rows`` and a query, in double precision."""
    out = np.empty(rows.size, np.float64)
    own = 0.0
    for j in range(query.size):
        own += np.float64(query[j]) * query[j]
    for n in range(rows.size):
        dot, square = 0.0, 0.0
        for j in range(query.size):
            value = np.float64(x.vectors[rows[n], j])
            dot += value * query[j]
            square += value * value
        out[n] = dot / math.sqrt(square * own)
    return out


@njit(cache=True, nogil=True)
def sink(keys: Singles, names: Ints, at: int, size: int) -> None:
    """Let the key at ``at`` of a heap (least first) sink to its place, its name with it."""
    key, name = keys[at], names[at]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and keys[child + 1] < keys[child]:
            child += 1
        if keys[child] >= key:
            break
        keys[at], names[at] = keys[child], names[child]
        at = child
    keys[at], names[at] = key, name


@njit(cache=True, nogil=True)
def rise(keys: Singles, names: Ints, at: int) -> None:
    """Let the key at ``at`` of a heap (least first) rise to its place, its name with it."""
    key, name = keys[at], names[at]
    while at > 0 and keys[(at - 1) // 2] > key:
        keys[at], names[at] = keys[(at - 1) // 2], names[(at - 1) // 2]
        at = (at - 1) // 2
    keys[at], names[at] = key, name


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


@njit(cache=True, nogil=True, fastmath=True)
def bound(s: Cells, c: int, q: Sketched, near: float, doubt: float, out: Singles) -> None:
    """Write for each row of a cell the similarity that it hardly exceeds.

    The estimate's standard error is f sqrt(0.36 / (D - 1) |q - c|^2 + step^2 / 9.7): 0.36 is
    1 - 0.8^2, with 0.8 the mean cosine of r and its signs, and step^2 / 9.7 what quantising
    the query adds; ``doubt`` errors are added to the estimate.
    """
    width, size = 64 * s.codes.shape[1], s.size[c]
    wrong = np.zeros(size, np.int64)
    for w in range(s.codes.shape[1]):
        p0, p1, p2, p3 = q.planes[0, w], q.planes[1, w], q.planes[2, w], q.planes[3, w]
        for i in range(size):
            code = s.codes[c, w, i]
            wrong[i] += (
                popcount(code ^ p0)
                + (popcount(code ^ p1) << 1)
                + (popcount(code ^ p2) << 2)
                + (popcount(code ^ p3) << 3)
            )
    gap = max(1.0 - 2.0 * near + s.square[c], 0.0)
    error = math.sqrt(0.36 / (width - 1) * gap + q.step * q.step / 9.7)
    unit = np.float32(q.step / math.sqrt(width))
    most = np.float32((LEVELS - 1) / 2 * width * unit + doubt * error)
    base = np.float32(near)
    for i in range(size):
        out[i] = base + s.shift[c, i] + s.scale[c, i] * (most - unit * np.float32(wrong[i]))


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
    s: Cells, number: int, x: Exact, gate: Gate, q: Sketched, knobs: Knobs
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
    total = s.size[:number].sum()
    wait = Waiting(np.empty(total, np.float32), np.empty(total, np.int64), np.zeros(1, np.int64))
    bounds, work = np.empty(s.rows.shape[1], np.float32), np.zeros(3, np.int64)
    for left in range(number, 0, -1):
        c = names[0]
        least = float(best.keys[0]) if best.size[0] == knobs.k else -np.inf
        if -keys[0] < least:
            break
        keys[0], names[0] = keys[left - 1], names[left - 1]
        sink(keys, names, 0, left - 1)
        bound(s, c, q, near[c], knobs.doubt, bounds)
        gather(s, c, gate, bounds, least, wait)
        work[0] += 1
        work[1] += s.size[c]
        work[2] += compare(x, q.query, wait, best, EAGER + knobs.k - best.size[0])
    work[2] += compare(x, q.query, wait, best, total)
    return best.rows[: best.size[0]], work


@njit(cache=True, nogil=True)
def encode(s: Cells, c: int, at: int, rotated: Singles) -> None:
    """Write the sketch of a rotated row of length one at a place of a cell."""
    width = rotated.size
    energy, spread, along, along_signs = 0.0, 0.0, 0.0, 0.0
    for w in range(s.codes.shape[1]):
        word = np.uint64(0)
        for bit in range(64):
            j = 64 * w + bit
            rest = rotated[j] - s.centre[c, j]
            energy += rest * rest
            along += rest * s.centre[c, j]
            if rest > 0.0:
                word |= np.uint64(1) << np.uint64(bit)
                spread += rest
                along_signs += s.centre[c, j]
            else:
                spread -= rest
                along_signs -= s.centre[c, j]
        s.codes[c, w, at] = word
    scale = energy / spread if spread > 0.0 else 0.0
    s.scale[c, at] = scale * math.sqrt(width)
    s.shift[c, at] = along - scale * along_signs
    s.energy[c] += (energy - s.energy[c]) / (at + 1)


@njit(cache=True, nogil=True)
def append(s: Cells, seat: tuple[Ints, Ints], rotated: Singles, rows: Ints, cells: Ints) -> int:
    """Put rows into their cells, until one is full; return how many are in.

    ``seat`` keeps the cell and the place of every row.
    """
    for n in range(rows.size):
        c = cells[n]
        at = s.size[c]
        if at == s.rows.shape[1]:
            return n
        encode(s, c, at, rotated[n])
        s.rows[c, at] = rows[n]
        s.size[c] = at + 1
        seat[0][rows[n]], seat[1][rows[n]] = c, at
    return rows.size


@njit(cache=True, nogil=True)
def take_out(s: Cells, seat: tuple[Ints, Ints], rows: Ints) -> None:
    """Take rows out of their cells; the last of a cell moves to the place that is free."""
    for n in range(rows.size):
        c, at = seat[0][rows[n]], seat[1][rows[n]]
        if c < 0:
            continue
        last = s.size[c] - 1
        for w in range(s.codes.shape[1]):
            s.codes[c, w, at] = s.codes[c, w, last]
        s.scale[c, at], s.shift[c, at] = s.scale[c, last], s.shift[c, last]
        s.rows[c, at] = s.rows[c, last]
        seat[1][s.rows[c, at]] = at
        s.size[c] = last
        seat[0][rows[n]] = -1


@njit(cache=True, nogil=True)
def quantise(rotated: Singles, planes: Words) -> float:
    """Fill the bit planes of a rotated query and return the step between two levels.

    A coordinate q is level u with q about step (u - 7.5). The step is 0.335 standard
    deviations, the best for sixteen levels of a normal (Max 1960), or less if all fit in.
    """
    energy, most = 0.0, 0.0
    for j in range(rotated.size):
        energy += rotated[j] * rotated[j]
        most = max(most, abs(rotated[j]))
    step = min(0.335 * math.sqrt(energy / rotated.size), most / 7.5)
    per = 1.0 / step
    for w in range(planes.shape[1]):
        p0, p1, p2, p3 = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
        for bit in range(64):
            level = np.uint64(min(max(rotated[64 * w + bit] * per + 8.0, 0.0), LEVELS - 1.0))
            at = np.uint64(bit)
            p0 |= (level & np.uint64(1)) << at
            p1 |= (level >> np.uint64(1) & np.uint64(1)) << at
            p2 |= (level >> np.uint64(2) & np.uint64(1)) << at
            p3 |= (level >> np.uint64(3)) << at
        planes[0, w], planes[1, w], planes[2, w], planes[3, w] = p0, p1, p2, p3
    return step


@njit(cache=True, nogil=True)
def turn(vectors: Singles, signs: Singles, order: Ints) -> Singles:
    """Return vectors, filled up with zeros, turned at random: the same turn for all.

    Three rounds of random signs, Hadamard transforms of 64 coordinates each, and a shuffle of
    all coordinates; that costs a hundredth of a full random matrix and serves as well.
    """
    rounds, width = signs.shape
    out = np.zeros((len(vectors), width), np.float32)
    work = np.empty(width, np.float32)
    for n in range(len(vectors)):
        out[n, : vectors.shape[1]] = vectors[n]
        for r in range(rounds):
            for j in range(width):
                work[j] = out[n, order[r, j]] * signs[r, j]
            half = 1
            while half < 64:
                for start in range(0, width, 2 * half):
                    for j in range(start, start + half):
                        one, other = work[j], work[j + half]
                        work[j], work[j + half] = one + other, one - other
                half *= 2
            for j in range(width):
                out[n, j] = work[j] * np.float32(0.125)
    return out
