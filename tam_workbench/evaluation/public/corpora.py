"""The published corpora as they lie on this machine: rows in order, and truth beside them.

What is in the folder is taken, so other files of the same set are scored without a word of ours.
Truth is for scorers; `Stream.values` is all that a detector sees.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from tam_workbench.engine import datasets
from tam_workbench.errors import BadInputError
from tam_workbench.evaluation.scorers import Segment
from tam_workbench.evaluation.scorers.skab import Flags
from tam_workbench.records import Floats, Ints

SKAB_TRAIN: Final = 400
"""Rows of a SKAB file that are streamed and not scored, as on its leaderboard."""

SKAB_TRUST: Final = 0.1
"""Trust of the rows after those: nobody says that they are quiet, so they teach little."""

_LABEL: Final = "label"
_TRUTHS: Final = ("anomaly", "changepoint")


def _no_rows() -> Ints:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One file: values (n, d) for the detector; all else is for the scorer.

    ``before`` are earlier, unlabelled rows of the same series, where the set has them. Rows from
    ``scored_from`` on are scored, and teach with ``trust_later``: rows before them are known to
    be quiet, later ones are not. Labels and changes are 0/1 a row, times in nanoseconds.
    """

    name: str
    sha256: str
    values: Floats
    before: Floats | None = None
    scored_from: int = 0
    trust_later: float = 1.0
    labels: Ints = field(default_factory=_no_rows)
    changes: Flags = field(default_factory=lambda: np.empty(0, dtype=np.bool_))
    times: Ints = field(default_factory=_no_rows)
    windows: tuple[tuple[int, int], ...] = ()
    segments: tuple[Segment, ...] = ()


def nab() -> Iterator[Stream]:
    """Yield NAB's files that have windows and lie here, in the order of their names."""
    root = datasets.folder("nab")
    told = json.loads(_existing(root / "labels/combined_windows.json").read_bytes())
    for name in sorted(told):
        path = root / "data" / name
        if not path.is_file():
            continue
        frame = pl.read_csv(path, try_parse_dates=True)
        stamps = frame["timestamp"].cast(pl.Datetime("us")).to_numpy()
        yield Stream(
            name=name.removesuffix(".csv"),
            sha256=_sha256(path, extra=json.dumps(told[name])),
            values=frame.select(pl.col("value").cast(pl.Float64)).to_numpy(),
            windows=tuple((_row(stamps, a), _row(stamps, b)) for a, b in told[name]),
        )


def _row(stamps: np.ndarray[tuple[int], np.dtype[np.datetime64]], stamp: str) -> int:
    return int(np.flatnonzero(stamps == np.datetime64(stamp.replace(" ", "T"), "us"))[0])


def smd() -> Iterator[Stream]:
    """Yield the server machines' test parts."""
    return _servers("smd")


def asd() -> Iterator[Stream]:
    """Yield the application servers' test parts."""
    return _servers("asd")


def _servers(name: str) -> Iterator[Stream]:
    root = datasets.folder(name)
    for path in sorted(root.glob("*_test.parquet")):
        server = path.stem.removesuffix("_test")
        frame = pl.read_parquet(path)
        labels = frame[_LABEL].cast(pl.Int64).to_numpy()
        train = root / f"{server}_train.parquet"
        told = root / "interpretation_label" / f"{server}.txt"
        yield Stream(
            name=server,
            sha256=_sha256(*(each for each in (path, train, told) if each.is_file())),
            values=frame.drop(_LABEL).cast(pl.Float64).to_numpy(),
            before=pl.read_parquet(train).cast(pl.Float64).to_numpy() if train.is_file() else None,
            labels=labels,
            segments=_segments(told, labels),
        )


def _segments(path: Path, labels: Ints) -> tuple[Segment, ...]:
    """Read ``first-last:column,column``, columns from 1, cut to rows that are labelled."""
    if not path.is_file():
        return ()
    found = []
    for line in path.read_text("utf-8").split():
        rows, columns = line.split(":")
        first, last = (int(row) for row in rows.split("-"))
        ill = first + np.flatnonzero(labels[first : last + 1])
        if ill.size:
            carrying = frozenset(int(column) - 1 for column in columns.split(","))
            found.append(Segment(first=int(ill[0]), last=int(ill[-1]), columns=carrying))
    return tuple(found)


def skab() -> Iterator[Stream]:
    """Yield the water pump's labelled experiments."""
    root = datasets.folder("skab")
    for path in sorted(root.glob("*/*.csv")):
        frame = pl.read_csv(path, separator=";", try_parse_dates=True)
        if not set(_TRUTHS) <= set(frame.columns):
            continue  # the one run without anomalies has no truth
        yield Stream(
            name=str(path.relative_to(root).with_suffix("")),
            sha256=_sha256(path),
            values=frame.drop("datetime", *_TRUTHS).cast(pl.Float64).to_numpy(),
            scored_from=SKAB_TRAIN,
            trust_later=SKAB_TRUST,
            labels=frame["anomaly"].cast(pl.Int64).to_numpy(),
            changes=frame["changepoint"].to_numpy() == 1,
            times=frame["datetime"].dt.epoch("ns").to_numpy(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """A system's log lines in order, and the true group and template text of each."""

    name: str
    sha256: str
    bodies: pl.Series
    groups: tuple[str, ...]
    texts: tuple[str, ...]


def loghub() -> Iterator[Lines]:
    """Yield the systems' lines without their headers, as every published parser gets them."""
    root = datasets.folder("loghub")
    for path in sorted(root.glob("*/*.truth.parquet")):
        frame = pl.read_parquet(path)
        yield Lines(
            name=path.parent.name,
            sha256=_sha256(path),
            bodies=frame["Content"].cast(pl.String),
            groups=tuple(frame["EventId"].cast(pl.String)),
            texts=tuple(frame["EventTemplate"].cast(pl.String)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """Block sessions in order: template numbers of each, those before the test, labels."""

    sha256: str
    before: tuple[tuple[int, ...], ...]
    sessions: tuple[tuple[int, ...], ...]
    is_anomalous: Flags


def hdfs() -> Sessions:
    """Return the HDFS-100k sessions; those of the train part come before and unlabelled."""
    path = _existing(datasets.folder("hdfs") / "hdfs_100k_sessions.parquet")
    frame = pl.read_parquet(path)
    parts = [frame.filter(pl.col("split") == split) for split in ("train", "test")]
    before, sessions = (tuple(map(tuple, part["template_ids"].to_list())) for part in parts)
    return Sessions(
        sha256=_sha256(path),
        before=before,
        sessions=sessions,
        is_anomalous=parts[1][_LABEL].to_numpy() == 1,
    )


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise BadInputError(f"{path} is missing; set TAM_DATASETS to a whole copy of the data set")
    return path


def _sha256(*paths: Path, extra: str = "") -> str:
    content = b"".join(path.read_bytes() for path in paths)
    return hashlib.sha256(content + extra.encode()).hexdigest()
