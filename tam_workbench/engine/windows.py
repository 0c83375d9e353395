"""Windows: what a stretch of telemetry says of a service, beside its own quiet past."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from tam_workbench.engine.kernels import group
from tam_workbench.engine.pieces import ChangeRow, LogRows, SpanRows
from tam_workbench.engine.window_kernels import Flags, fill, heard, middles
from tam_workbench.features.masks import LONGEST, mask
from tam_workbench.memory.blocks import Calls, Change, Lines, Series
from tam_workbench.records import Ints

_WARNING: Final = 13  # severity from which lines of callees count
_SHAPES: Final = 32_768  # shapes whose masked line is remembered
_ALIKE: Final = bytes.maketrans(b"123456789", b"0" * 9)
_BETWEEN: Final = "\0"
_MANY: Final = 2**31  # more than there are codes of names


@dataclass(frozen=True, slots=True)
class Table:
    """Metric values of one batch: (N, M) by row, with the tick and the resource of each."""

    ticks: Ints
    resources: Ints
    values: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Ticks [past, start) that are compared with [start, end), of several services at once.

    ``quiet`` (S, past ticks) says by service which of the former count.
    """

    services: tuple[str, ...]
    past: int
    start: int
    end: int
    quiet: Flags

    @property
    def span(self) -> tuple[int, int, int]:
        """The three borders."""
        return self.past, self.start, self.end


class MaskedLines:
    """Masks lines, each shape once: telemetry repeats few, and an incident's are asked often.

    Lines that differ in their digits only have one shape, as `features.shapes` has it; where a
    line holds a backslash or is cut for its length, every line is its own.
    """

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}  # by shape
        self._number_of: dict[str, int] = {}
        self.texts: list[str] = []

    def number(self, bodies: Sequence[str | None]) -> Ints:
        """Return for each line the place of its masked text in ``texts``."""
        shapes, known = _shapes(bodies), self._numbers
        if len(known) > _SHAPES:
            known.clear()
            self._number_of.clear()
            self.texts = []
        new = {shape: body or "" for shape, body in zip(shapes, bodies, strict=True)
               if shape not in known}  # fmt: skip
        if new:
            masked = mask(pl.Series(list(new.values()), dtype=pl.String)).to_list()
            for shape, text in zip(new, masked, strict=True):
                known[shape] = number = self._number_of.setdefault(text, len(self.texts))
                if number == len(self.texts):
                    self.texts.append(text)
        return np.array([known[shape] for shape in shapes], dtype=np.int64)


def _shapes(bodies: Sequence[str | None]) -> list[bytes]:
    """Return each line with zeros for its digits, or all as they are where that may mislead."""
    lines = [body or "" for body in bodies]
    text = _BETWEEN.join(lines)
    shapes = text.encode("utf-8", "surrogatepass").translate(_ALIKE).split(_BETWEEN.encode())
    if "\\" in text or len(shapes) != len(lines) or max(map(len, lines), default=0) > LONGEST:
        return [line.encode("utf-8", "surrogatepass") for line in lines]
    return shapes


def metrics_of(
    tables: Iterable[Table], names: Sequence[str], owners: Sequence[str], stretch: Stretch
) -> dict[str, dict[str, Series]]:
    """Return by service the series of the metrics that its resources report in the window.

    ``owners`` names the service of each resource.
    """
    of = [[r for r, name in enumerate(owners) if name == s] for s in stretch.services]
    seat = np.full(len(owners), -1, dtype=np.int64)
    seated = [resource for resources in of for resource in resources]
    seat[seated] = np.arange(len(seated))
    cube = np.full((len(names), len(seated), stretch.end - stretch.past), np.nan)
    for table in tables:
        fill(cube, table.ticks, table.resources, table.values, seat, stretch.past)
    split, found, begin = stretch.start - stretch.past, {}, 0
    is_told = np.isfinite(cube[:, :, split:]).any(axis=2)
    for place, (service, resources) in enumerate(zip(stretch.services, of, strict=True)):
        mine = slice(begin, begin + len(resources))
        begin = mine.stop
        if not stretch.quiet[place].all():
            cube[:, mine, :split][:, :, ~stretch.quiet[place]] = np.nan
        found[service] = {
            name: Series(before=cube[m, mine, :split], now=cube[m, mine, split:])
            for m, name in enumerate(names)
            if is_told[m, mine].any()
        }
    return found


def templates_of(
    pieces: Iterable[LogRows], codes: Ints, stretch: Stretch, *, lines: MaskedLines
) -> dict[str, dict[str, Lines]]:
    """Return by service how often each masked line came, in its window and in its quiet past.

    Of services other than the first only warnings count. ``codes`` are those of the services,
    as rows hold them.
    """
    found: dict[str, dict[str, Lines]] = {name: {} for name in stretch.services}
    owners, is_now, severity = [], [], []
    bodies: list[str | None] = []
    for piece in pieces:
        rows, owner = heard(piece.ticks, piece.services, codes, stretch.quiet, stretch.span)
        told = (owner == 0) | (piece.severity[rows] >= _WARNING)
        rows = rows[told]
        if rows.size:
            owners.append(owner[told])
            is_now.append(piece.ticks[rows] >= stretch.start)
            severity.append(piece.severity[rows])
            bodies += piece.bodies[rows].to_list()
    if not bodies:
        return found
    numbers = lines.number(bodies)
    late, height = np.concatenate(is_now), np.concatenate(severity)
    first, which = group(np.concatenate(owners) * _MANY + numbers)
    counts = np.bincount(2 * which + late, minlength=2 * first.size).reshape(-1, 2)
    worst = np.zeros(first.size, dtype=np.uint8)
    np.maximum.at(worst, which, height)
    of, number = np.concatenate(owners)[first].tolist(), numbers[first].tolist()
    said = sorted(
        (owner, lines.texts[n], at) for at, (owner, n) in enumerate(zip(of, number, strict=True))
    )
    ticks = stretch.end - stretch.start
    past = [max(1, int(flags.sum())) for flags in stretch.quiet]
    for owner, text, at in said:
        found[stretch.services[owner]][text] = Lines(
            before=int(counts[at, 0]) / past[owner],
            now=int(counts[at, 1]) / ticks,
            severity=int(worst[at]),
        )
    return found


def spans_of(pieces: Iterable[SpanRows], codes: Ints, stretch: Stretch) -> dict[str, Calls]:
    """Return each operation: how much of it fails and how slow it is, now and before.

    All services are compared with the quiet past of the first. A span that failed is an origin
    when no span that its service caused in that trace failed.
    """
    quiet = np.broadcast_to(stretch.quiet[:1], stretch.quiet.shape).copy()
    names, is_now, failed, seconds = [], [], [], []
    said: dict[int, str] = {}
    taken: list[tuple[SpanRows, Ints]] = []
    for piece in pieces:
        rows, _ = heard(piece.ticks, piece.services, codes, quiet, stretch.span)
        if rows.size:
            taken.append((piece, rows))
            names.append(piece.names[rows])
            is_now.append(piece.ticks[rows] >= stretch.start)
            failed.append(piece.failed[rows])
            seconds.append(piece.seconds[rows])
    if not taken:
        return {}
    first, which = group(np.concatenate(names))
    late, wrong = np.concatenate(is_now), np.concatenate(failed)
    origin = wrong.copy()
    origin[wrong] = _are_origins(taken)
    key = 2 * which + late
    groups = 2 * first.size
    count, bad, begun = (
        np.bincount(key, weights=weights, minlength=groups).reshape(-1, 2)
        for weights in (None, wrong, origin)
    )
    middle = middles(key, np.concatenate(seconds), groups).reshape(-1, 2)
    shares = np.maximum(count, 1)
    ends = np.cumsum([rows.size for _, rows in taken])
    for at, row in enumerate(first.tolist()):
        place = int(np.searchsorted(ends, row, side="right"))
        piece, rows = taken[place]
        said[at] = str(piece.called[int(rows[row - (ends[place - 1] if place else 0)])])
    return {
        said[at]: Calls(
            count=int(count[at, 1]),
            failed_before=float(bad[at, 0] / shares[at, 0]),
            failed=float(bad[at, 1] / shares[at, 1]),
            origin=float(begun[at, 1] / shares[at, 1]),
            seconds_before=float(np.nan_to_num(middle[at, 0])),
            seconds=float(np.nan_to_num(middle[at, 1])),
        )
        for at in sorted(said, key=said.__getitem__)
    }


def _are_origins(taken: Iterable[tuple[SpanRows, Ints]]) -> Flags:
    """Return for the spans that failed, in order, whether nothing they caused did."""
    number: dict[str | None, int] = {None: -1}
    traces, services, parents = [], [], []
    for piece, rows in taken:
        wrong = rows[piece.failed[rows]]
        names = piece.traces[wrong].to_list()
        traces += [number.setdefault(name, len(number)) for name in names]
        services.append(piece.services[wrong])
        parents.append(piece.parents[wrong])
    trace = np.array(traces, dtype=np.int64)
    caused = trace * _MANY + np.concatenate(parents)
    caused = caused[(trace >= 0) & (np.concatenate(parents) > 0)]
    return ~np.isin(trace * _MANY + np.concatenate(services), caused)


def changes_of(
    rows: Iterable[ChangeRow], stretch: Stretch, *, oldest: int, tick_s: float
) -> list[Change]:
    """Return the changes since ``oldest`` that fell into the window or the first's quiet past."""
    services, quiet = set(stretch.services), stretch.quiet[0]
    return [
        Change(
            kind=row.kind,
            detail=row.detail,
            age_s=(stretch.end - row.tick) * tick_s,
            role="own" if row.service == stretch.services[0] else "callee",
        )
        for row in rows
        if max(oldest, stretch.past) <= row.tick < stretch.end
        and row.service in services
        and (row.tick >= stretch.start or quiet[row.tick - stretch.past])
    ]
