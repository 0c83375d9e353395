"""The boards of metric anomalies: NAB, SMD, ASD and SKAB, and how each is summed up.

A measure is a sum over files of what was gained over a sum of what was possible, so that every
board gets its interval over files by the same bootstrap.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from tam_workbench.evaluation.public import corpora
from tam_workbench.evaluation.public.corpora import Stream
from tam_workbench.evaluation.public.lines import Parts
from tam_workbench.evaluation.public.streaming import Result, Told
from tam_workbench.evaluation.scorers import (
    Changes,
    NabFile,
    acf_window,
    attribution,
    change_gains,
    changes_of,
    nab_scores,
    vus_pr,
)
from tam_workbench.learning.detection import CHANGE_RULE, AlarmRule, alarms, switches
from tam_workbench.records import Floats

MOST_FALSE: Final = 0.1355
"""False alarm rate up to which F1 counts on SKAB: that of the best published detector."""

MOST_FALSE_CHANGES: Final = 4.0
"""False changepoints a file up to which the changepoint score counts on SKAB: as many as its
published Isolation Forest told (135 in 34 files)."""

QUIET_FROM: Final = 250
"""Row of a SKAB run from which a detector has settled; from here to row 400 is its quiet past."""

_THRESHOLDS: Final = 200

Runs = Sequence[tuple[Stream, Result]]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricBoard:
    """A board: its files, its own detector of ours, its measures and the goals of the house."""

    name: str
    default: str
    streams: Callable[[], Iterator[Stream]]
    judge: Callable[[Stream, Told], dict[str, float]]
    sum_up: Callable[[Runs], dict[str, Parts]]
    goals: Mapping[str, float]


def _nothing(stream: Stream, told: Told) -> dict[str, float]:
    del stream, told
    return {}


def _nab(runs: Runs) -> dict[str, Parts]:
    """Return the three profiles, each by the best threshold and by one tuned on other files."""
    files = [NabFile(scores=run.scores, windows=stream.windows) for stream, run in runs]
    found: dict[str, Parts] = {}
    told = nab_scores(files)
    for name, score in told.items():
        found[name] = score.gained, score.possible
    for name, score in told.items():
        found[f"{name}, held out"] = score.held_out_gained, score.possible
    return found


def _servers_judge(stream: Stream, told: Told) -> dict[str, float]:
    window = acf_window(stream.values[:, 0])
    return {
        "vus_pr": vus_pr(told.scores, stream.labels, window=window),
        **attribution(told.attributions, stream.segments),
    }


def _means(runs: Runs) -> dict[str, Parts]:
    """Return the mean over files of every measure; a file without one does not count."""
    names = list(dict.fromkeys(name for _, run in runs for name in run.measures))
    found: dict[str, Parts] = {}
    for name in names:
        values = np.array([run.measures.get(name, float("nan")) for _, run in runs])
        found[name] = np.nan_to_num(values), (~np.isnan(values)).astype(np.float64)
    return found


def _skab(runs: Runs) -> dict[str, Parts]:
    """Return F1 at a bounded false alarm rate, and changepoints; best and held-out thresholds."""
    return {**_alarm_board(runs), **_rows_board(runs), **_changes_board(runs)}


def _alarm_board(runs: Runs) -> dict[str, Parts]:
    """Return F1, FAR and changepoints by alarms that a run's own quiet past sets the bar for."""
    counts, gains = [], []
    for stream, run in runs:
        quiet = run.scores[QUIET_FROM : stream.scored_from]
        told = run.scores[stream.scored_from :]
        is_ill = stream.labels[stream.scored_from :] == 1
        alarm = alarms(quiet, told, AlarmRule()) > 0.0
        hits, false = np.count_nonzero(alarm & is_ill), np.count_nonzero(alarm & ~is_ill)
        counts.append((hits, false, np.count_nonzero(is_ill), np.count_nonzero(~is_ill)))
        switched = switches(alarms(quiet, told, CHANGE_RULE)) > 0.0
        part = slice(stream.scored_from, None)
        changes = Changes(times=stream.times[part], true=stream.changes[part], told=switched)
        gains.append(change_gains(changes))
    tp, fp, ill, well = np.array(counts, dtype=np.float64).T
    gained, possible, _ = np.array(gains, dtype=np.float64).T
    return {
        "f1, own bar": (2.0 * tp, tp + fp + ill),
        "far, own bar": (100.0 * fp, well),
        "changepoint, own bar": (100.0 * gained, possible),
    }


def _rows_board(runs: Runs) -> dict[str, Parts]:
    scored = [(run.scores[s.scored_from :], s.labels[s.scored_from :] == 1) for s, run in runs]
    thresholds = np.concatenate(
        [[np.inf], np.unique(np.concatenate([scores for scores, _ in scored]))[::-1]]
    )
    hits = np.stack([_above(scores[ill], thresholds) for scores, ill in scored])
    false = np.stack([_above(scores[~ill], thresholds) for scores, ill in scored])
    ill = np.array([float(np.count_nonzero(true)) for _, true in scored])
    well = np.array([float(np.count_nonzero(~true)) for _, true in scored])
    all_hits, all_false = hits.sum(axis=0), false.sum(axis=0)
    best = _best_f1(all_hits, all_false, ill.sum(), well.sum())
    places = [
        _best_f1(all_hits - hits[f], all_false - false[f], ill.sum() - ill[f], well.sum() - well[f])
        for f in range(len(runs))
    ]
    each = np.arange(len(runs))
    found: dict[str, Parts] = {}
    for label, at in (("", np.full(len(runs), best)), (", held out", np.array(places))):
        tp, fp = hits[each, at], false[each, at]
        found[f"f1{label}"] = 2.0 * tp, tp + fp + ill
        found[f"far{label}"] = 100.0 * fp, well
        found[f"mar{label}"] = 100.0 * (ill - tp), ill
    return found


def _above(scores: Floats, thresholds: Floats) -> Floats:
    falling = -np.sort(-scores)
    return np.searchsorted(-falling, -thresholds, side="right").astype(np.float64)


def _best_f1(hits: Floats, false: Floats, ill: float, well: float) -> int:
    f1 = 2.0 * hits / np.maximum(hits + false + ill, 1.0)
    return int(np.argmax(np.where(false <= MOST_FALSE * well, f1, -1.0)))


def _changes_board(runs: Runs) -> dict[str, Parts]:
    """Return the changepoint score with few false alarms, held out, and with any number.

    A third of the rows lie in a window and a false alarm costs little, so that alarms at random
    score 65 (30 seeds) when their number is free and 28 [0, 67] within the bound: a figure of
    this board means nothing without the line of chance beside it.
    """
    told = np.concatenate([run.scores[s.scored_from :] for s, run in runs])
    shares = np.geomspace(1.0 / max(told.size, 2), 1.0, _THRESHOLDS)
    thresholds = np.concatenate([[np.inf], np.unique(np.quantile(told, 1.0 - shares))[::-1]])
    gains = np.array([[_change_gain(s, run, t) for t in thresholds] for s, run in runs])
    gained, possible, false = gains[:, :, 0], gains[:, 0, 1], gains[:, :, 2]
    files, each = len(runs), np.arange(len(runs))
    bounded = np.where(false.sum(axis=0) <= MOST_FALSE_CHANGES * files, gained.sum(axis=0), -np.inf)
    few = int(np.argmax(bounded))
    others = false.sum(axis=0) - false <= MOST_FALSE_CHANGES * (files - 1)
    blind = np.argmax(np.where(others, gained.sum(axis=0) - gained, -np.inf), axis=1)
    ones = np.ones(files)
    return {
        "changepoint": (100.0 * gained[:, few], possible),
        "changepoint, held out": (100.0 * gained[each, blind], possible),
        "changepoint, any alarms": (
            100.0 * gained[:, int(np.argmax(gained.sum(axis=0)))],
            possible,
        ),
        "false changes a file": (false[:, few], ones),
        "false changes a file, held out": (false[each, blind], ones),
    }


def _change_gain(stream: Stream, run: Result, threshold: float) -> tuple[float, float, int]:
    part = slice(stream.scored_from, None)
    told = changes_of(run.scores[part] >= threshold)
    return change_gains(Changes(times=stream.times[part], true=stream.changes[part], told=told))


METRIC_BOARDS: Final[Mapping[str, MetricBoard]] = MappingProxyType(
    {
        board.name: board
        for board in (
            MetricBoard(
                name="nab",
                default="series",
                streams=corpora.nab,
                judge=_nothing,
                sum_up=_nab,
                goals={"standard": 74.9, "low_fp": 65.2, "low_fn": 80.4},
            ),
            MetricBoard(
                name="smd",
                default="vector",
                streams=corpora.smd,
                judge=_servers_judge,
                sum_up=_means,
                goals={"vus_pr": 0.55, "hit@3": 0.8},
            ),
            MetricBoard(
                name="asd",
                default="vector",
                streams=corpora.asd,
                judge=_servers_judge,
                sum_up=_means,
                goals={"vus_pr": 0.68, "hit@3": 0.8},
            ),
            MetricBoard(
                name="skab",
                default="vector",
                streams=corpora.skab,
                judge=_nothing,
                sum_up=_skab,
                goals={"f1, own bar": 0.78, "changepoint, own bar": 32.42},
            ),
        )
    }
)
