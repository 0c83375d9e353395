"""Following: whole lines out of a file, with their exact byte positions, across rotation.

Shared by the sources that read text. Knows bytes and lines, not what a line means.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

from tam_workbench.errors import BadInputError

__all__ = ["START", "Cursor", "LineFile", "Lines"]

_CHUNK: Final = 1 << 20
_KEPT: Final = 200  # bytes of an oversized line that are kept for the excerpt


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where reading goes on: byte ``position`` in the file ``inode``, after ``row`` lines."""

    inode: int = 0
    position: int = 0
    row: int = 0


START: Final = Cursor()
"""The beginning of a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Whole lines: line i is ``data[starts[i]:ends[i]]`` and row ``first_row + i``."""

    data: bytes
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]  # byte offset in the file after each line
    oversized: Sequence[int]  # lines that were too long; only their first bytes are in data
    inode: int
    first_row: int

    @property
    def count(self) -> int:
        """How many lines."""
        return len(self.ends)

    def line(self, index: int) -> bytes:
        """Return one line without its newline."""
        return self.data[self.starts[index] : self.ends[index]]

    def after(self, count: int) -> Cursor:
        """Return the cursor after the first ``count`` lines (at least one)."""
        position = int(self.positions[count - 1])
        return Cursor(inode=self.inode, position=position, row=self.first_row + count - 1)


class LineFile:
    """Reads a file line by line, or follows it while it grows, is truncated or rotated.

    Parameters
    ----------
    path
        The file. With ``follow`` it may not exist yet.
    follow
        Keep an unfinished last line until its newline comes, and go on with the new file when
        the old one was rotated away or truncated. A rotated file is first read to its end.
    max_line_bytes
        A longer line is cut to its first 200 bytes and marked; memory stays bounded.
    """

    def __init__(self, path: Path, *, follow: bool = False, max_line_bytes: int = 1 << 20) -> None:
        self.path = path
        self.follow = follow
        self.ended = False
        self._max_line_bytes = max_line_bytes
        self._handle: BinaryIO | None = None
        self._row = 0
        self._reset(inode=0, base=0)

    def _reset(self, *, inode: int, base: int) -> None:
        self._inode = inode
        self._data = b""
        self._base = base  # file offset of _data[0]
        self._ends: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self._next = 0  # index into _ends of the next line
        self._start = 0  # where it begins in _data
        self._dropped: dict[int, int] = {}  # line index -> bytes left out of _data
        self._dropping: int | None = None  # the line index being dropped, until its newline

    def open(self, cursor: Cursor = START) -> None:
        """Start at the beginning, or go on after ``cursor``."""
        self.close()
        self.ended = False
        self._row = cursor.row
        path, position = self.path, cursor.position
        if self.follow and cursor.inode:
            found = _by_inode(self.path, cursor.inode)
            path, position = (found, position) if found else (self.path, 0)
        if self.follow and not path.exists():
            return
        self._open(path, position)

    def _open(self, path: Path, position: int) -> None:
        try:
            handle = path.open("rb")
        except OSError as error:
            what = error.strerror or "it"
            raise BadInputError(
                f"cannot read {path}: {what}; check path and permissions"
            ) from error
        size = _size(handle)
        if position > size:
            if not self.follow:
                handle.close()
                message = f"{path} has {size} bytes, but reading stopped at {position}"
                raise BadInputError(f"{message}; it was replaced: start anew without the offset")
            position = 0
        handle.seek(position)
        self._handle = handle
        self._reset(inode=_inode(handle), base=position)

    @property
    def cursor(self) -> Cursor:
        """Where the next line begins."""
        position = self._base + self._start
        position += sum(n for line, n in self._dropped.items() if line < self._next)
        return Cursor(inode=self._inode, position=position, row=self._row)

    def read(self, rows: int) -> Lines:
        """Return up to ``rows`` lines; none when there is nothing yet, ``ended`` at the end."""
        while True:
            self._fill(rows)
            count = min(rows, len(self._ends) - self._next)
            if count or not self._go_on():
                return self._take(count)

    def _take(self, count: int) -> Lines:
        first, last = self._next, self._next + count
        ends = self._ends[first:last]
        starts = np.empty_like(ends)
        starts[:1] = self._start
        starts[1:] = ends[:-1] + 1
        positions = self._base + np.minimum(ends + 1, len(self._data))
        for line, dropped in self._dropped.items():
            positions[max(line - first, 0) :] += dropped
        begin = self._start
        if count:
            self._start = min(int(ends[-1]) + 1, len(self._data))
            self._next = last
            self._row += count
        lengths = ends - starts
        oversized = set(np.flatnonzero(lengths > self._max_line_bytes).tolist())
        oversized |= {line - first for line in self._dropped if first <= line < last}
        return Lines(
            data=self._data[begin : self._start],
            starts=starts - begin,
            ends=ends - begin,
            positions=positions,
            oversized=sorted(oversized),
            inode=self._inode,
            first_row=self._row - count + 1,
        )

    def _fill(self, rows: int) -> None:
        while self._handle is not None and len(self._ends) - self._next < rows:
            chunk = self._handle.read(_CHUNK)
            if not chunk:
                if not self.follow:
                    self._finish()
                return
            self._append(chunk)

    def _append(self, chunk: bytes) -> None:
        if self._dropping is not None:
            found = chunk.find(b"\n")
            dropped = len(chunk) if found < 0 else found
            self._dropped[self._dropping] += dropped
            chunk = chunk[dropped:]
            if not chunk:
                return
            self._dropping = None
        self._compact()
        self._data += chunk
        newlines = np.frombuffer(self._data, np.uint8) == 10
        self._ends = np.flatnonzero(newlines).astype(np.int64)
        tail = int(self._ends[-1]) + 1 if len(self._ends) else 0
        if len(self._data) - tail > self._max_line_bytes:
            self._dropping = len(self._ends)
            self._dropped[self._dropping] = len(self._data) - tail - _KEPT
            self._data = self._data[: tail + _KEPT]

    def _compact(self) -> None:
        gone = sum(n for line, n in self._dropped.items() if line < self._next)
        self._base += self._start + gone
        self._data = self._data[self._start :]
        kept = {line - self._next: n for line, n in self._dropped.items() if line >= self._next}
        self._dropped = kept
        self._next = self._start = 0

    def _go_on(self) -> bool:
        """Finish the file, or move to the one that took its place; say whether to read again."""
        if not self.follow:
            self.ended = not self._finish()
            return not self.ended
        if self._handle is None:
            if self.path.exists():
                self._open(self.path, 0)
            return self._handle is not None
        there = self.path.exists()
        rotated = there and self.path.stat().st_ino != self._inode
        truncated = _size(self._handle) < self._handle.tell()
        if not rotated and not truncated:
            return False
        if rotated and self._handle.read(1):  # written to between our read and the rotation
            self._handle.seek(-1, 1)
            return True
        if self._finish():
            return True
        self._handle.close()
        self._open(self.path, 0)
        return True

    def _finish(self) -> bool:
        """Take an unfinished last line as a line; False when there is none."""
        known = len(self._ends) and self._ends[-1] == len(self._data)
        if self._start >= len(self._data) or known:
            return False
        self._ends = np.append(self._ends, len(self._data))
        self._dropping = None
        return True

    def close(self) -> None:
        """Let go of the file; may be called twice."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None


def _size(handle: BinaryIO) -> int:
    here = handle.tell()
    size = handle.seek(0, 2)
    handle.seek(here)
    return size


def _inode(handle: BinaryIO) -> int:
    return os.fstat(handle.fileno()).st_ino


def _by_inode(path: Path, inode: int) -> Path | None:
    """Return the file, or the rotated sibling (``x.log.1``), that has this inode."""
    siblings = sorted(path.parent.glob(f"{path.name}*")) if path.parent.is_dir() else []
    for candidate in (path, *siblings):
        if candidate.exists() and candidate.stat().st_ino == inode:
            return candidate
    return None
