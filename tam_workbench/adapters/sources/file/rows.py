"""Rows: which lines of a block can be read at all, and why the others cannot."""

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from tam_workbench.adapters.following import Lines
from tam_workbench.adapters.sources.file.slices import EXCERPT, LINE, no_rejects, rejects_of

__all__ = ["line_numbers", "readable", "texts"]

_JUNK: Final = np.zeros(256, bool)
_JUNK[[*range(9), *range(14, 27), *range(28, 32)]] = (
    True  # control bytes, but not tab, newline, ESC
)

_TOO_LONG: Final = "is longer than a line may be"
_BINARY: Final = "is binary, not text"
_NOT_UTF8: Final = "is not UTF-8 text"


def line_numbers(lines: Lines) -> npt.NDArray[np.int64]:
    """Return the number of every line, counted from 1 as editors do."""
    return np.arange(lines.first_row, lines.first_row + lines.count, dtype=np.int64)


def readable(lines: Lines, *, channel: str) -> tuple[npt.NDArray[np.bool_], pl.DataFrame]:
    """Return which lines are text (blank ones are not rows at all), and rejects for the rest."""
    bad: dict[int, str] = dict.fromkeys(lines.oversized, _TOO_LONG)
    raw = np.frombuffer(lines.data, np.uint8)
    junk = np.flatnonzero(_JUNK[raw])
    if junk.size:
        at = np.unique(np.searchsorted(lines.ends, junk))
        bad = dict.fromkeys(at[at < lines.count].tolist(), _BINARY) | bad
    if raw.size and raw.max() > 127 and not _is_utf8(lines.data):
        wrong = [i for i in range(lines.count) if not _is_utf8(lines.line(i))]
        bad = dict.fromkeys(wrong, _NOT_UTF8) | bad
    keep = lines.ends - lines.starts > 0
    keep &= ~((lines.ends - lines.starts == 1) & (_first_bytes(raw, lines) == 13))
    if not bad:
        return keep, no_rejects()
    indices = sorted(bad)
    keep[indices] = False
    numbers = lines.first_row + np.array(indices, dtype=np.int64)
    rejects = rejects_of(
        {
            "source": [channel] * len(indices),
            "signal": ["unknown"] * len(indices),
            "row": numbers,
            LINE: numbers,
            "field": ["line"] * len(indices),
            "reason": [f"line {bad[i]}" for i in indices],
            "excerpt": [_excerpt(lines.line(i)) for i in indices],
        }
    )
    return keep, rejects


def texts(lines: Lines, keep: npt.NDArray[np.bool_]) -> list[str]:
    """Return the kept lines as text."""
    if keep.all():
        return lines.data.decode("utf-8", "replace").removesuffix("\n").split("\n")
    return [lines.line(int(i)).decode("utf-8", "replace") for i in np.flatnonzero(keep)]


def _first_bytes(raw: npt.NDArray[np.uint8], lines: Lines) -> npt.NDArray[np.uint8]:
    if not raw.size:
        return np.zeros(lines.count, np.uint8)
    return raw[np.minimum(lines.starts, raw.size - 1)]


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _excerpt(data: bytes) -> str:
    text = data[:EXCERPT].decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
