"""VUS-PR: the volume under precision-recall as labels are widened by tolerances up to a window.

Written from J. Paparrizos et al., "Volume Under the Surface: A New Accuracy Evaluation Measure
for Time-Series Anomaly Detection", VLDB 2022, with the 250 thresholds and the window rule of
TSB-AD (NeurIPS 2024).
"""

from typing import Final

import numpy as np

from tam_workbench.records import Floats, Ints

_THRESHOLDS: Final = 250
_ROWS: Final = 20_000
_LAGS: Final = 400
_SHORTEST, _LONGEST, _OTHERWISE = 3, 300, 125


def acf_window(x: Floats) -> int:
    """Return the lag of the highest local peak of the autocorrelation, 125 if none in 3 to 300.

    TSB-AD asks the first column only, and its first 20,000 rows.

    >>> acf_window(np.sin(np.arange(2000) * 2 * np.pi / 48))
    48
    """
    off = x[:_ROWS] - x[:_ROWS].mean()
    size = 1 << int(np.ceil(np.log2(2 * off.size + 1)))
    spectrum = np.fft.rfft(off, size)
    acf = np.fft.irfft(spectrum * np.conj(spectrum), size)[: _LAGS + 1]
    if acf[0] == 0.0:
        return _OTHERWISE
    acf = acf[_SHORTEST:] / acf[0]
    peaks = 1 + np.flatnonzero((acf[1:-1] > acf[:-2]) & (acf[1:-1] > acf[2:]))
    if not peaks.size:
        return _OTHERWISE
    place = int(peaks[np.argsort(acf[peaks])[-1]])
    return place + _SHORTEST if _SHORTEST <= place <= _LONGEST else _OTHERWISE


def segments(labels: Ints) -> Ints:
    """Return the first and last row of each run of ones, shape (k, 2).

    >>> segments(np.array([0, 1, 1, 0, 1])).tolist()
    [[1, 2], [4, 4]]
    """
    edge = np.diff(np.concatenate([[0], np.asarray(labels, dtype=np.int64), [0]]))
    return np.stack([np.flatnonzero(edge == 1), np.flatnonzero(edge == -1) - 1], axis=1)


def vus_pr(scores: Floats, labels: Ints, *, window: int) -> float:
    """Return VUS-PR of scores against 0/1 labels, tolerances 0 to ``window`` rows.

    Examples
    --------
    A perfect score is not quite 1: the widened labels ask for what it does not tell.

    >>> labels = np.eye(1, 300, 150, dtype=int)[0] + np.eye(1, 300, 151, dtype=int)[0]
    >>> vus_pr(labels.astype(float), labels, window=0)
    1.0
    """
    runs = segments(labels)
    if not runs.size:
        return float("nan")
    rows, ones = scores.size, int(runs[:, 1].sum() - runs[:, 0].sum() + len(runs))
    falling = -np.sort(-scores)
    thresholds = falling[np.linspace(0, rows - 1, _THRESHOLDS).astype(int)]
    told = np.searchsorted(-falling, -thresholds, side="right")
    first = np.searchsorted(-thresholds, -scores, side="left")  # threshold that takes a row in
    core = _reached(first[np.asarray(labels) == 1], None)
    areas = np.empty(window + 1)
    for width in range(window + 1):
        at, weight = _margin(labels, runs, width)
        near = _reached(first[at], weight)
        found = core + near
        recall = np.minimum(found / (ones + near / 2.0), 1.0) * _existence(first, runs, width)
        areas[width] = np.dot(np.diff(recall, prepend=0.0), found / told)
    return float(areas.mean())


def _reached(first: Ints, weight: Floats | None) -> Floats:
    """Return the weight of the rows taken in by each threshold."""
    count = np.bincount(first, weights=weight, minlength=_THRESHOLDS + 1)
    return np.cumsum(count)[:_THRESHOLDS].astype(np.float64)


def _margin(labels: Ints, runs: Ints, width: int) -> tuple[Ints, Floats]:
    """Return the rows within half of ``width`` around the runs, and their weights."""
    half, rows = width // 2, len(labels)
    if not half:
        return np.empty(0, dtype=np.int64), np.empty(0)
    away = np.arange(1, half + 1)
    weight = np.sqrt(1.0 - away / width)
    at = np.concatenate([runs[:, 1:] + away, runs[:, :1] - away], axis=None)
    both = np.tile(weight, 2 * len(runs))
    valid = (at >= 0) & (at < rows)
    at, both = at[valid], both[valid]
    outside = np.asarray(labels)[at] != 1
    places, inverse = np.unique(at[outside], return_inverse=True)
    return places, np.minimum(np.bincount(inverse, weights=both[outside]), 1.0)


def _existence(first: Ints, runs: Ints, width: int) -> Floats:
    """Return the share of widened, merged runs that each threshold touches."""
    half, rows = width // 2, len(first)
    apart = runs[:-1, 1] + half < runs[1:, 0] - half
    begins = np.concatenate([[max(runs[0, 0] - half, 0)], runs[1:, 0][apart] - half])
    ends = np.concatenate([runs[:-1, 1][apart] + half, [min(runs[-1, 1] + half, rows - 1)]])
    touched = np.array([first[a : b + 1].min() for a, b in zip(begins, ends, strict=True)])
    return _reached(touched, None) / len(begins)
