"""Compiled parts of the hot index: sketches of rows, heaps, and exact comparison."""

import math
from collections.abc import Callable
from typing import Final, NamedTuple, cast

import numpy as np
import numpy.typing as npt
from numba import njit, types
from numba.extending import intrinsic

from tam_workbench.memory.hot_gate import Places
from tam_workbench.records import Floats, Ints

Singles = npt.NDArray[np.float32]
Words = npt.NDArray[np.uint64]

LEVELS: Final = 16
"""Steps of a quantised query: four bit planes."""


class Cells(NamedTuple):
    """Rows by cell: a centre, and for every row of it the signs of what is left, and two factors.

    With x the rotated row, c its centre, r = x - c and s = sign(r) / sqrt(D), a row keeps
    ``scale`` f = |r|^2 / (r.s), so that f s stands for r without bias, and ``shift``
    g = r.c - f s.c. Then q.x is about q.c + g + f s.q (after RaBitQ, Gao & Long 2024).
    """

    codes: Words  # (cells, room, D / 64): one bit a coordinate
    factors: Singles  # (cells, room, 2): scale and shift
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


@njit(cache=True, nogil=True)
def encode(s: Cells, c: int, at: int, rotated: Singles) -> None:
    """Write the sketch of a rotated row of length one at a place of a cell."""
    width = rotated.size
    energy, spread, along, along_signs = 0.0, 0.0, 0.0, 0.0
    for w in range(s.codes.shape[2]):
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
        s.codes[c, at, w] = word
    scale = energy / spread if spread > 0.0 else 0.0
    s.factors[c, at, 0] = scale * math.sqrt(width)
    s.factors[c, at, 1] = along - scale * along_signs
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
        for w in range(s.codes.shape[2]):
            s.codes[c, at, w] = s.codes[c, last, w]
        s.factors[c, at, 0], s.factors[c, at, 1] = s.factors[c, last, 0], s.factors[c, last, 1]
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
