"""A metric board's table: ours, what was asked for, trivial detectors, peers, published figures."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Final

import numpy as np

from tam_workbench.engine import plugins
from tam_workbench.errors import BadInputError, SettingsError
from tam_workbench.evaluation.public.batch_peers import BATCH_PEERS
from tam_workbench.evaluation.public.corpora import Stream
from tam_workbench.evaluation.public.lines import (
    Asked,
    Line,
    Who,
    lines_of,
    published_lines,
    together,
)
from tam_workbench.evaluation.public.metric_boards import METRIC_BOARDS, MetricBoard
from tam_workbench.evaluation.public.streaming import (
    Contestant,
    Result,
    code_of,
    feed,
    keep,
    kept,
    origin,
)
from tam_workbench.learning.detection.checks import DetectorFactory, check_anomaly_detector
from tam_workbench.learning.detection.registry import DETECTORS, TRIVIAL

PEERS: Final = ("river_hst",)


def detector_named(name: str) -> DetectorFactory:
    """Return a detector's factory: ours, or one found by entry point that keeps its promises."""
    if name in DETECTORS:
        return DETECTORS[name]
    if name not in plugins.names("detectors"):
        known = ", ".join([*DETECTORS, *plugins.names("detectors")])
        raise SettingsError(f"no detector is named {name!r}; there are: {known}")
    found = plugins.load("detectors", name)
    if not callable(found):
        raise SettingsError(f"detector {name!r} is no factory (columns, seed) -> AnomalyDetector")
    check_anomaly_detector(found)
    return found


def metric_lines(name: str, asked: Asked) -> list[Line]:
    """Run the detectors of a metric board and return its whole table.

    Raises
    ------
    BadInputError
        When the data set is not on this machine.
    """
    board = METRIC_BOARDS[name]
    streams = list(board.streams())
    if not streams:
        raise BadInputError(f"data set {name!r} holds no labelled file; set TAM_DATASETS")
    found: list[Line] = []
    for detector, kind in _line_up(board, asked):
        runs = _all_seeds(board, detector, streams, asked)
        by_seed = [board.sum_up(list(zip(streams, run, strict=True))) for run in runs]
        found += lines_of(_who(kind, streams, runs), by_seed, board.goals)
    return [*found, *published_lines(board.name, [stream.name for stream in streams])]


def _line_up(board: MetricBoard, asked: Asked) -> Iterator[tuple[str, str]]:
    if not asked.detectors and board.default in DETECTORS:
        yield board.default, "ours"
    for name in asked.detectors:
        yield name, "ours" if name == board.default else "asked"
    batch = BATCH_PEERS if asked.protocol.is_batch else ()
    rest = [*batch, *(PEERS if asked.has_peers else ()), *TRIVIAL]
    for name in rest:
        if name not in asked.detectors:
            yield name, "trivial" if name in TRIVIAL else "peer"


def _all_seeds(
    board: MetricBoard, detector: str, streams: Sequence[Stream], asked: Asked
) -> list[list[Result]]:
    """Return results by seed and file; a detector that ignores its seed is run once."""
    factory = _factory(detector)
    first = [_one(board, detector, factory, s, 0, asked) for s in streams]
    runs = [first]
    for seed in range(1, asked.seeds):
        opening = _one(board, detector, factory, streams[0], seed, asked)
        if opening.scores.tobytes() == first[0].scores.tobytes():
            break
        rest = [_one(board, detector, factory, s, seed, asked) for s in streams[1:]]
        runs.append([opening, *rest])
    return runs


def _factory(name: str) -> Callable[[int, int], Contestant]:
    if name in BATCH_PEERS:
        return lambda _, seed: BATCH_PEERS[name](seed)
    return detector_named(name)


def _one(
    board: MetricBoard, name: str, factory: Callable[[int, int], Contestant], stream: Stream,
    seed: int, asked: Asked,
) -> Result:  # fmt: skip
    detector = factory(stream.values.shape[1], seed)
    from_where = origin(
        board.name,
        name,
        (stream.name, stream.sha256),
        seed=seed,
        settings={**asdict(asked.protocol), "trust_later": stream.trust_later},
        code=code_of(detector),
    )
    label = f"{board.name} {name} {stream.name} seed {seed}"
    old = kept(asked.out, from_where)
    if old is not None:
        return old
    told = feed(detector, stream, asked.protocol)
    result = Result(
        origin=from_where,
        scores=told.scores,
        measures=board.judge(stream, told),
        cpu_s=told.cpu_s,
    )
    keep(asked.out, result)
    asked.tell(f"{label}: {len(told.scores):,} rows in {told.cpu_s:.1f} s")
    return result


def _who(kind: str, streams: Sequence[Stream], runs: Sequence[Sequence[Result]]) -> Who:
    from_where = runs[0][0].origin
    rows = sum(len(result.scores) for result in runs[0])
    spent = float(np.mean([sum(result.cpu_s for result in run) for run in runs]))
    return Who(
        board=from_where.board,
        detector=from_where.detector,
        kind=kind,
        mode="batch" if from_where.settings["is_batch"] else "streaming",
        files=len(streams),
        version=from_where.version,
        settings=from_where.settings,
        data_sha256=together([stream.sha256 for stream in streams]),
        note=f"{rows / max(spent, 1e-9):,.0f} rows/s of CPU",
    )
