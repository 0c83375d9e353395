"""The boards of logs: LogHub's grouping accuracy, and anomalous HDFS block sessions."""

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

import tam_workbench
from tam_workbench.errors import BadInputError, SettingsError
from tam_workbench.evaluation.public import corpora, session_peers
from tam_workbench.evaluation.public.corpora import Lines, Sessions
from tam_workbench.evaluation.public.lines import (
    Asked,
    Line,
    Parts,
    Who,
    lines_of,
    published_lines,
    together,
)
from tam_workbench.evaluation.public.log_peers import GROUPERS, Grouper
from tam_workbench.evaluation.public.streaming import Result, code_of, keep, kept, origin
from tam_workbench.evaluation.scorers import grouping
from tam_workbench.evaluation.scorers.skab import Flags
from tam_workbench.records import Floats

BATCH_LINES: Final = 1000
PACEMAKERS: Final = ("drain3", "drain3_masks")
LOGHUB_GOALS: Final[Mapping[str, float]] = MappingProxyType(
    {"ga": 0.95, "speed / drain3_masks": 1.0}
)
HDFS_GOALS: Final[Mapping[str, float]] = MappingProxyType({"f1": 0.90})


def loghub_lines(asked: Asked) -> list[Line]:
    """Group every system's lines as they come, by one configuration for all."""
    systems = list(corpora.loghub())
    if not systems:
        raise BadInputError("data set 'loghub' holds no *.truth.parquet; set TAM_DATASETS")
    by_name = {
        name: [_grouped(name, system, asked) for system in systems]
        for name in _chosen(asked, list(GROUPERS))
    }
    found: list[Line] = []
    for name, results in by_name.items():
        who = Who(
            board="loghub",
            detector=name,
            kind=GROUPERS[name][0],
            mode="streaming",
            files=len(systems),
            version=tam_workbench.__version__,
            settings=results[0].origin.settings,
            data_sha256=together([system.sha256 for system in systems]),
            note=f"{_rate(results):,.0f} lines/s of CPU",
        )
        parts = {**_means(results), **_pace(by_name, results)}
        found += lines_of(who, [parts], LOGHUB_GOALS)
    return [*found, *published_lines("loghub", [system.name for system in systems])]


def _chosen(asked: Asked, names: list[str]) -> list[str]:
    for name in asked.detectors:
        if name not in names:
            raise SettingsError(f"no peer {name!r} on this board; there are: {', '.join(names)}")
    return list(asked.detectors) or names


def _rate(results: list[Result]) -> float:
    return sum(len(r.scores) for r in results) / max(sum(r.cpu_s for r in results), 1e-9)


def _means(results: list[Result]) -> dict[str, Parts]:
    ones = np.ones(len(results))
    return {
        measure: (np.array([result.measures[measure] for result in results]), ones)
        for measure in results[0].measures
    }


def _pace(by_name: Mapping[str, list[Result]], results: list[Result]) -> dict[str, Parts]:
    """Return how many times as fast as drain3 the lines were grouped, by CPU time."""
    own = np.array([result.cpu_s for result in results])
    return {
        f"speed / {name}": (np.array([result.cpu_s for result in by_name[name]]), own)
        for name in PACEMAKERS
        if name in by_name
    }


def _grouped(name: str, system: Lines, asked: Asked) -> Result:
    grouper = GROUPERS[name][1]()
    from_where = origin(
        "loghub",
        name,
        (system.name, system.sha256),
        seed=0,
        settings={"batch_lines": BATCH_LINES},
        code=code_of(getattr(grouper, "_table", grouper)),
    )
    old = kept(asked.out, from_where)
    if old is not None:
        return old
    GROUPERS[name][1]().number(system.bodies.head(1))  # imports and first compilations
    begun = time.process_time()
    parts = [
        grouper.number(system.bodies.slice(at, BATCH_LINES))
        for at in range(0, system.bodies.len(), BATCH_LINES)
    ]
    spent = time.process_time() - begun
    arrived = np.concatenate(parts).astype(np.float64)
    result = Result(
        origin=from_where, scores=arrived, measures=_judged(grouper, system, arrived), cpu_s=spent
    )
    keep(asked.out, result)
    asked.tell(f"loghub {name} {system.name}: {arrived.size:,} lines in {spent:.2f} s")
    return result


def _judged(grouper: Grouper, system: Lines, arrived: Floats) -> dict[str, float]:
    """Score the groups as they stand at the end, and as they were told on arrival."""
    on_arrival = arrived.astype(np.int64)
    groups = grouper.resolve(on_arrival).tolist()
    texts = {group: grouper.text(group) for group in set(groups)}
    told = [texts[group] for group in groups]
    found = grouping(system.groups, groups, true_text=system.texts, told_text=told)
    return {**found, "ga, on arrival": grouping(system.groups, on_arrival.tolist())["ga"]}


def hdfs_lines(asked: Asked) -> list[Line]:
    """Flag anomalous block sessions; thresholds come from the sessions before, unlabelled."""
    sessions = corpora.hdfs()
    found: list[Line] = []
    peers = session_peers.peers()
    for name in _chosen(asked, list(peers)):
        kind, make = peers[name]
        runs = [_flagged(sessions, make(seed)) for seed in range(asked.seeds)]
        who = Who(
            board="hdfs",
            detector=name,
            kind=kind,
            mode="streaming",
            files=1,
            version=tam_workbench.__version__,
            settings={"streams": "train part unlabelled, then test part"},
            data_sha256=sessions.sha256,
            note="intervals over sessions",
        )
        found += lines_of(who, runs, HDFS_GOALS)
        asked.tell(f"hdfs {name}: {len(sessions.sessions):,} sessions")
    if asked.has_peers:
        found += _labels_known(sessions)
    return [*found, *published_lines("hdfs", [])]


def _labels_known(sessions: Sessions) -> list[Line]:
    """Return the line of a classifier that was told the labels, to see what can be reached."""
    told = session_peers.with_labels(sessions.sessions, sessions.is_anomalous)
    who = Who(
        board="hdfs",
        detector="labels_known",
        kind="oracle",
        mode="batch",
        files=1,
        version=tam_workbench.__version__,
        settings={"forest": "200 trees, 5 folds", "threshold": "best on these sessions"},
        data_sha256=sessions.sha256,
        note="told the labels",
    )
    return lines_of(who, [_parts(told, sessions.is_anomalous)], HDFS_GOALS)


def _flagged(sessions: Sessions, detector: session_peers.SessionDetector) -> dict[str, Parts]:
    detector.advance(sessions.before)
    return _parts(detector.advance(sessions.sessions), sessions.is_anomalous)


def _parts(told: Flags, true: Flags) -> dict[str, Parts]:
    hits = (told & true).astype(np.float64)
    said, there = told.astype(np.float64), true.astype(np.float64)
    return {
        "f1": (2.0 * hits, said + there),
        "precision": (hits, said),
        "recall": (hits, there),
    }
