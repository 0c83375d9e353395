"""The compiled part of `Tide`: one pass over the rows, tick by tick."""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from tam_workbench.records import Floats, Ints

Flags = npt.NDArray[np.bool_]

BAR, LEAST, AGREED, TROUBLE = range(4)
SINCE_MOVE, SINCE_TROUBLE, ACTIVE = range(3)
WARM: Final = 60
"""Rows of a resource after which its own noise is known."""

_RESOURCES, _SERVICES = 6, 3
_MEMORY, _SLOW, _SMOOTH = 6, 500, 32.0
_SHARE, _SLOW_SHARE = 1.0 / 6.0, 1.0 / 500.0
_CUT, _TAME = 6.0, 5.0
_GAUSS = 1.2533141373155001  # deviation of a normal variable over its mean absolute value
_SETTLED, _QUIET = 4.0, 10.0


class Levels(NamedTuple):
    """What is kept of every resource (R) and column (F), and the clock (3,)."""

    seen: Ints
    mean: Floats  # of the rows before the last one
    before: Floats  # the last row
    scale: Floats  # mean distance of two ticks' mean from the mean before them
    base: Floats
    drawn: Floats
    offset: Floats
    clock: Floats  # ticks since a move, since trouble; 1 while anything is taken off


class Columns(NamedTuple):
    """Columns that are watched, their deviations, and those that speak of trouble."""

    watched: Ints
    deviations: Ints
    troubles: Ints


class Rows(NamedTuple):
    """A batch: values (N, F), and for each row trust, resource, service and breach."""

    values: Floats
    trust: Floats
    resources: Ints
    services: Ints
    is_breached: Flags


@njit(cache=True, nogil=True, error_model="numpy")
def _away(x: float, r: int, c: int, levels: Levels) -> float:
    """Return how far the last two ticks lie from those before, in usual distances."""
    if levels.seen[r, c] < WARM or not levels.scale[r, c] > 0.0:
        return 0.0
    off = 0.5 * (x + levels.before[r, c]) - levels.mean[r, c]
    z = off / (_GAUSS * levels.scale[r, c])
    return float(min(max(z, -_CUT), _CUT))


@njit(cache=True, nogil=True)
def _is_wide(rows: Rows, first: int, end: int, bar: float) -> bool:
    """Tell whether enough believed resources of enough services are heard."""
    heard, services = 0, np.full(_SERVICES, -1)
    for i in range(first, end):
        if rows.trust[i] < bar:
            continue
        heard += 1
        for k in range(_SERVICES):
            if services[k] == rows.services[i] or services[k] == -1:
                services[k] = rows.services[i]
                break
    return heard >= _RESOURCES and services[-1] >= 0


@njit(cache=True, nogil=True, error_model="numpy")
def _moved(rows: Rows, span: tuple[int, int], c: int, levels: Levels, rules: Floats) -> float:
    """Return the mean move of a column, 0 when not nearly all moved the same way."""
    spare = (1.0 - rules[AGREED]) * (span[1] - span[0])
    total, heard, not_up, not_down = 0.0, 0, 0, 0
    for i in range(span[0], span[1]):
        if rows.trust[i] >= rules[BAR]:
            z = _away(rows.values[i, c], rows.resources[i], c, levels)
            total += z
            heard += 1
            not_up += z <= 1.0
            not_down += z >= -1.0
            if not_up > spare and not_down > spare:
                return 0.0
    if heard == 0 or min(not_up, not_down) > (1.0 - rules[AGREED]) * heard:
        return 0.0
    return abs(total) / heard


@njit(cache=True, nogil=True, error_model="numpy")
def _shared(
    rows: Rows, span: tuple[int, int], columns: Columns, levels: Levels, rules: Floats
) -> float:
    """Return the mean move of the column that moved second most among those moving alike."""
    most, next_most = 0.0, 0.0
    for c in columns.watched:
        moved = _moved(rows, span, c, levels, rules)
        if moved > most:
            most, next_most = moved, most
        elif moved > next_most:
            next_most = moved
    return next_most


@njit(cache=True, nogil=True, error_model="numpy")
def _is_troubled(
    rows: Rows, span: tuple[int, int], columns: Columns, levels: Levels, rules: Floats
) -> bool:
    for i in range(span[0], span[1]):
        for c in columns.troubles:
            if _away(rows.values[i, c], rows.resources[i], c, levels) > rules[TROUBLE]:
                return True
    return False


@njit(cache=True, nogil=True)
def _begin(x: float, r: int, c: int, levels: Levels) -> None:
    """Take off what moved at once, but never beyond the usual, which is 0 for a deviation."""
    if levels.seen[r, c] < WARM:
        return
    base = levels.mean[r, c] - levels.offset[r, c]
    base = min(max(base, 0.0), x) if x > 0.0 else max(min(base, 0.0), x)
    levels.base[r, c] = base
    levels.drawn[r, c] = levels.offset[r, c] = x - base


@njit(cache=True, nogil=True)
def _ease(x: float, r: int, c: int, levels: Levels) -> None:
    """Average the first ticks; later only let the offset fall as its column comes back."""
    since, away = levels.clock[SINCE_MOVE], x - levels.base[r, c]
    if since < _SETTLED:
        levels.drawn[r, c] += (away - levels.drawn[r, c]) / (since + 1.0)
        levels.offset[r, c] = levels.drawn[r, c]
        return
    levels.drawn[r, c] += (away - levels.drawn[r, c]) / _SMOOTH
    drawn, offset = levels.drawn[r, c], levels.offset[r, c]
    if offset > 0.0:
        levels.offset[r, c] = max(0.0, min(offset, drawn))
    else:
        levels.offset[r, c] = min(0.0, max(offset, drawn))


@njit(cache=True, nogil=True, error_model="numpy")
def _learn(x: float, r: int, c: int, levels: Levels, is_first: bool) -> None:
    """Let the mean take in the value before, and keep this one; ``is_first`` on a new level."""
    seen = levels.seen[r, c] + 1
    levels.seen[r, c] = seen
    if seen == 1 or is_first:
        levels.mean[r, c] = x
    else:
        share = _SHARE if seen >= _MEMORY else 1.0 / seen
        levels.mean[r, c] += (levels.before[r, c] - levels.mean[r, c]) * share
    levels.before[r, c] = x


@njit(cache=True, nogil=True, error_model="numpy")
def _measure(x: float, r: int, c: int, levels: Levels) -> None:
    """Let the usual distance take in a value that is learnt afterwards."""
    seen = levels.seen[r, c]
    if seen > 0:
        off = abs(0.5 * (x + levels.before[r, c]) - levels.mean[r, c])
        if seen >= WARM:
            off = min(off, _TAME * levels.scale[r, c] + 1e-12)
        share = _SLOW_SHARE if seen >= _SLOW else 1.0 / (seen + 1.0)
        levels.scale[r, c] += (off - levels.scale[r, c]) * share


@njit(cache=True, nogil=True)
def _take(
    rows: Rows, span: tuple[int, int], columns: Columns, levels: Levels, taken: Floats
) -> None:
    """Begin or ease the offsets of a tick's rows and write them down."""
    has_moved, is_active = levels.clock[SINCE_MOVE] == 0.0, False
    for i in range(span[0], span[1]):
        r = rows.resources[i]
        for j in range(columns.deviations.shape[0]):
            c = columns.deviations[j]
            if has_moved:
                _begin(rows.values[i, c], r, c, levels)
            elif levels.offset[r, c] != 0.0:
                _ease(rows.values[i, c], r, c, levels)
            taken[i, j] = levels.offset[r, c]
            if taken[i, j] != 0.0:
                is_active = True
    levels.clock[ACTIVE] = 1.0 if is_active else 0.0


@njit(cache=True, nogil=True)
def _remember(
    rows: Rows, span: tuple[int, int], columns: Columns, levels: Levels, rules: Floats
) -> None:
    """Learn a tick's believed rows; right after a move their level is the new one."""
    has_moved = levels.clock[SINCE_MOVE] == 0.0
    for i in range(span[0], span[1]):
        if rows.trust[i] < rules[BAR]:
            continue
        r = rows.resources[i]
        for c in columns.watched:
            _measure(rows.values[i, c], r, c, levels)
            _learn(rows.values[i, c], r, c, levels, has_moved)
        for c in columns.deviations:
            _learn(rows.values[i, c], r, c, levels, has_moved)
        for c in columns.troubles:
            _measure(rows.values[i, c], r, c, levels)
            _learn(rows.values[i, c], r, c, levels, has_moved)


@njit(cache=True, nogil=True, error_model="numpy")
def ride(  # noqa: PLR0913, PLR0917 - a kernel takes flat arrays
    rows: Rows,
    starts: Ints,
    columns: Columns,
    levels: Levels,
    rules: Floats,
    taken: Floats,
    moves: Floats,
) -> int:
    """Watch every tick, write what is to be taken off, and (tick's place, size) of moves.

    ``taken`` (N, J), zeros at first, is for the J columns of deviations; returns how many moves
    there were.
    """
    found, clock = 0, levels.clock
    for k in range(starts.shape[0] - 1):
        span = (starts[k], starts[k + 1])
        clock[SINCE_MOVE] += 1.0
        clock[SINCE_TROUBLE] += 1.0
        for i in range(span[0], span[1]):
            if rows.is_breached[i]:
                clock[SINCE_TROUBLE] = 0.0
        if clock[SINCE_MOVE] >= _SETTLED and clock[SINCE_TROUBLE] > _QUIET:
            size = _shared(rows, span, columns, levels, rules)
            if size >= rules[LEAST] and _is_wide(rows, span[0], span[1], rules[BAR]):
                if _is_troubled(rows, span, columns, levels, rules):
                    clock[SINCE_TROUBLE] = 0.0
                else:
                    clock[SINCE_MOVE] = 0.0
                    moves[found, 0], moves[found, 1] = k, size
                    found += 1
        if clock[SINCE_MOVE] == 0.0 or clock[ACTIVE] > 0.0:
            _take(rows, span, columns, levels, taken)
        _remember(rows, span, columns, levels, rules)
    return found
