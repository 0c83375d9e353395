"""What a board's table holds: lines with intervals, goals and all they depend on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from math import isnan
from pathlib import Path
from typing import Any, Final

import numpy as np

import tam_workbench
from tam_workbench.evaluation.figures import ratio_interval
from tam_workbench.evaluation.public import published
from tam_workbench.evaluation.public.streaming import Protocol
from tam_workbench.records import Floats

Tell = Callable[[str], None]
STREAMING: Final = Protocol()

Parts = tuple[Floats, Floats]
"""What each file gained and what it could have gained."""


def _is_nan(value: float | None) -> bool:
    return value is not None and isnan(value)


def _silent(message: str) -> None:
    del message


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What to run: detectors beside the usual ones, seeds, protocol, and where results lie."""

    detectors: tuple[str, ...] = ()
    seeds: int = 1
    protocol: Protocol = STREAMING
    out: Path = Path(".tam/eval")
    tell: Tell = _silent
    has_peers: bool = True  # the slow ones; trivial detectors always run


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One measure of one detector on one board, with its 95 % interval and where it comes from."""

    board: str
    detector: str
    kind: str  # ours, asked, trivial, peer, oracle or published
    mode: str  # streaming or batch
    measure: str
    value: float
    low: float | None
    high: float | None
    goal: float | None = None
    holds: bool | None = None
    files: int = 0
    seeds: int = 0
    version: str = ""
    settings: Mapping[str, Any] | None = None
    data_sha256: str = ""
    note: str = ""

    def row(self) -> dict[str, object]:
        """Return the line as the command line prints it; what was not measured is None."""
        told = asdict(self)
        unknown = {name: None for name in ("value", "low", "high") if _is_nan(told[name])}
        return {**told, **unknown}


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Whose lines they are, and over what: files, seeds, protocol, data."""

    board: str
    detector: str
    kind: str
    mode: str
    files: int
    version: str
    settings: Mapping[str, Any]
    data_sha256: str
    note: str = ""


def lines_of(
    who: Who, by_seed: Sequence[Mapping[str, Parts]], goals: Mapping[str, float]
) -> list[Line]:
    """Return one line a measure, with its interval over files and seeds."""
    found = []
    for measure in by_seed[0]:
        gained = np.stack([parts[measure][0] for parts in by_seed])
        possible = np.stack([parts[measure][1] for parts in by_seed])
        value, low, high = ratio_interval(gained, possible)
        goal = goals.get(measure)
        found.append(
            Line(
                board=who.board,
                detector=who.detector,
                kind=who.kind,
                mode=who.mode,
                measure=measure,
                value=value,
                low=low,
                high=high,
                goal=goal,
                holds=value > goal if goal is not None and who.kind == "ours" else None,
                files=who.files,
                seeds=len(by_seed),
                version=who.version,
                settings=who.settings,
                data_sha256=who.data_sha256,
                note=who.note,
            )
        )
    return found


def together(checksums: Sequence[str]) -> str:
    """Return one checksum of several files in order."""
    return sha256("".join(checksums).encode()).hexdigest()


def published_lines(board: str, files: Sequence[str]) -> list[Line]:
    """Return what others published on a board, as lines without an interval."""
    return [
        Line(
            board=board,
            detector=f"{peer.name} (published)",
            kind="published",
            mode=peer.mode,
            measure=measure,
            value=value,
            low=None,
            high=None,
            version=tam_workbench.__version__,
            note=peer.note,
        )
        for peer in published.peers(board, files)
        for measure, value in peer.measures.items()
    ]
