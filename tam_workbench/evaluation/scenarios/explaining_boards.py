"""Whose first suspects are the metrics that experts named? On the server machines' boards."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from math import comb
from types import MappingProxyType
from typing import Final

import numpy as np

from tam_workbench import explain
from tam_workbench.errors import BadInputError
from tam_workbench.evaluation.figures import Figure, interval
from tam_workbench.evaluation.public import corpora
from tam_workbench.evaluation.public.corpora import Stream
from tam_workbench.evaluation.scorers import Segment, attribution
from tam_workbench.learning import LearningRules
from tam_workbench.learning.detection.registry import DETECTORS
from tam_workbench.learning.logistic import Logistic
from tam_workbench.records import Floats

BOARDS: Final[Mapping[str, Callable[[], Iterator[Stream]]]] = MappingProxyType(
    {"smd": corpora.smd, "asd": corpora.asd}
)
_BLOCK: Final = 64
_LATE: Final = 64  # rows after which the learner hears a label
_FIRST: Final = 3
_GOAL: Final = 0.8
_TRIES: Final[Mapping[str, int | None]] = MappingProxyType(
    {"hit@1": 1, "hit@3": 3, "hitrate": None}
)


def hit_rows(detectors: tuple[str, ...] = ("vector", "ewma", "last_value")) -> list[Figure]:
    """Return hits at one and three and the hit rate on each board that is on this machine.

    Means over files, with 95 % intervals over files, beside what chance would hit.
    """
    rows: list[Figure] = []
    for board, read in BOARDS.items():
        try:
            streams = list(read())
        except BadInputError:
            continue
        blamed: dict[str, Callable[[Stream], Floats]] = {
            f"detector {name}": lambda stream, name=name: _detected(stream, name)  # type: ignore[misc]
            for name in detectors
        }
        blamed["online learner's SHAP, labels late"] = learner_shap
        for name, told in blamed.items():
            rows += _board_rows(f"{board}, {name}", streams, told)
    return rows


def _board_rows(name: str, streams: list[Stream], told: Callable[[Stream], Floats]) -> list[Figure]:
    shares = [told(stream) for stream in streams]
    whole = [attribution(a, s.segments) for a, s in zip(shares, streams, strict=True)]
    first = [attribution(a, _begun(s)) for a, s in zip(shares, streams, strict=True)]
    rows = [_row(f"{measure} on {name}", whole, measure, streams) for measure in _TRIES]
    return [*rows, _row(f"hit@3 on {name}, first {_FIRST} rows", first, "hit@3", streams)]


def _begun(stream: Stream) -> list[Segment]:
    """Return the anomalies' first rows: what whoever is woken by them sees."""
    return [replace(s, last=min(s.first + _FIRST - 1, s.last)) for s in stream.segments]


def _chance(streams: list[Stream], tries: int | None) -> float:
    """Return what a random order hits: one of so many tries, or as many as there are culprits."""
    width = streams[0].values.shape[1]
    culprits = [[len(segment.columns) for segment in stream.segments] for stream in streams]
    hits = [
        [1.0 - comb(width - m, tries) / comb(width, tries) if tries else m / width for m in file]
        for file in culprits
    ]
    return float(np.mean([np.mean(file) for file in hits if file]))


def _row(name: str, found: list[dict[str, float]], measure: str, streams: list[Stream]) -> Figure:
    values = np.array([one[measure] for one in found])
    mean, low, high = interval(values[~np.isnan(values)])
    is_goal = name.startswith("hit@3") and "detector vector" in name
    return Figure(
        name=name,
        value=mean,
        unit=f"[{low:.3f}, {high:.3f}]",
        peer=f"chance {_chance(streams, _TRIES[measure]):.3f}",
        goal="> 0.8" if is_goal else "",
        holds=mean > _GOAL if is_goal else None,
    )


def _detected(stream: Stream, name: str) -> Floats:
    detector = DETECTORS[name](stream.values.shape[1], 0)
    if stream.before is not None:
        detector.advance(stream.before, np.ones(len(stream.before)))
    detector.advance(stream.values, np.ones(len(stream.values)))
    return detector.attributions()


def learner_shap(stream: Stream) -> Floats:
    """Return the sizes of exact SHAP of a logistic learner that hears each label late, (n, d).

    Unlike the detectors it is told which rows were ill, after the fact.
    """
    values, labels = stream.values, stream.labels.astype(np.float64)
    learner = Logistic(values.shape[1], rules=LearningRules())
    shares = np.zeros(values.shape)
    taught = 0
    for start in range(0, len(values), _BLOCK):
        due = max(start - _LATE, 0)
        if due > taught:
            learner.learn(values[taught:due], labels[taught:due], w=np.ones(due - taught))
            taught = due
        model = learner.linear()
        phi, _ = explain.linear_shap(
            model.weights,
            model.intercept,
            mean=model.mean,
            scale=model.scale,
            X=values[start : start + _BLOCK],
            clip=model.clip,
        )
        shares[start : start + _BLOCK] = np.abs(phi)
    return shares
