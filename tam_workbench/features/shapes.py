"""Shapes of log lines: lines that differ in their digits only are masked alike.

No mask tells one digit from another, so a line is masked once for all lines of its shape. Only the
mask for octal escapes does: in a line with a backslash digits stay as they are. Of our own
pseudonyms, which are masked as a whole, the letters are taken for digits too.
"""

import re

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from tam_workbench.features.masks import LONGEST
from tam_workbench.records import Bytes, Ints

Marks = npt.NDArray[np.uint64]

_PSEUDONYM = re.compile(rb"(<[A-Z_]+:)[0-9a-f]{10}>")
_ALIKE = bytes.maketrans(b"123456789", b"0" * 9)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_FEW = 500  # below this Polars' start costs more than a Python list


@njit(cache=True, nogil=True)
def _marks(text: Bytes, ends: Ints, room: Bytes, words: Marks) -> Marks:
    """Return a 64-bit hash of each line; ``words`` are the bytes of ``room``, zero throughout."""
    out = np.empty(ends.size, dtype=np.uint64)
    begin = 0
    for i in range(ends.size):
        size = ends[i] - begin
        mark, count = np.uint64(size), (size + 7) // 8
        for j in range(size):
            room[j] = text[begin + j]
        for j in range(size, 8 * count):
            room[j] = 0
        for j in range(count):
            mark = (mark ^ words[j]) * _MIX
            mark ^= mark >> np.uint64(32)
        out[i] = mark
        begin = ends[i]
    return out


@njit(cache=True, nogil=True)
def _group(marks: Marks) -> tuple[Ints, Ints]:
    """Return the first place of each distinct mark, and which of them each mark is."""
    size = 16
    while size < 2 * marks.size:
        size *= 2
    table = np.full(size, -1, dtype=np.int64)
    first = np.empty(marks.size, dtype=np.int64)
    which = np.empty(marks.size, dtype=np.int64)
    count = 0
    for i in range(marks.size):
        at = np.int64(marks[i] & np.uint64(size - 1))
        while table[at] >= 0 and marks[first[table[at]]] != marks[i]:
            at = (at + 1) & (size - 1)
        if table[at] < 0:
            table[at] = count
            first[count] = i
            count += 1
        which[i] = table[at]
    return first[:count].copy(), which


def shapes_of(lines: pl.Series) -> tuple[Marks, Ints, Ints]:
    """Return the distinct shapes in the order they come, where each comes first, and each line's.

    Examples
    --------
    >>> _, first, which = shapes_of(pl.Series(["took 12 ms", "took 93 ms", "gone", "took 1 ms"]))
    >>> first.tolist(), which.tolist()
    ([0, 2, 3], [0, 0, 1, 2])
    """
    text, sizes = _joined(lines)
    ends = np.cumsum(sizes, dtype=np.int64)
    words = np.zeros(int(sizes.max(initial=0)) // 8 + 1, dtype=np.uint64)
    marks = _marks(np.frombuffer(text, dtype=np.uint8), ends, words.view(np.uint8), words)
    first, which = _group(marks)
    return marks[first], first, which


def _joined(lines: pl.Series) -> tuple[bytes, Ints]:
    """Return the shapes behind one another, and how many bytes each has."""
    if lines.len() >= _FEW:
        text, sizes = lines.str.join("").item().encode(), lines.str.len_bytes().to_numpy()
        if b"\\" not in text and sizes.max() <= LONGEST:
            return _alike(text), sizes
    told = [line.encode() for line in lines.to_list()]
    told = [line if b"\\" in line or len(line) > LONGEST else _alike(line) for line in told]
    return b"".join(told), np.array([len(line) for line in told], dtype=np.int64)


def _alike(text: bytes) -> bytes:
    """Return text of the same length whose digits are zeros, also those of pseudonyms."""
    if b"<" in text:
        text = _PSEUDONYM.sub(rb"\g<1>0000000000>", text)
    return text.translate(_ALIKE)
