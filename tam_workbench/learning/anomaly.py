"""The online anomaly scores, and the older one: how far a row deviates, against the usual."""

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np
from numba import njit

from tam_workbench.errors import SettingsError
from tam_workbench.learning.base import State
from tam_workbench.learning.levels import LevelScore
from tam_workbench.learning.rules import LearningRules
from tam_workbench.records import Floats, Ints, Observations

_WARM, _STEP, _MEMORY = 50.0, 0.005, 2000.0
_TAIL = 0.99
_COUNT, _MEDIAN, _HIGH = range(3)


@njit(cache=True, nogil=True, error_model="numpy")
def _scores(  # noqa: PLR0913, PLR0917 - a kernel takes flat arrays
    X: Floats, trust: Floats, ready: Ints, raw: Ints, scaler: Floats, s: Floats, largest: Floats
) -> Floats:
    n, top = X.shape[0], largest.shape[0]
    out = np.empty(n)
    for i in range(n):
        largest[:] = 0.0
        share = trust[i] / min(s[_COUNT] + 1.0, _MEMORY)
        for k in range(ready.shape[0] + raw.shape[0]):
            if k < ready.shape[0]:
                z = abs(X[i, ready[k]])
            else:
                j = k - ready.shape[0]
                off = X[i, raw[j]] - scaler[0, j]
                z = min(abs(off) / math.sqrt(max(scaler[1, j], 1e-6)), 50.0)
                if trust[i] > 0.0:
                    scaler[0, j] += off * share
                    spread = off * (X[i, raw[j]] - scaler[0, j])
                    scaler[1, j] += (spread - scaler[1, j]) * share
            if z > largest[0]:
                _insert(largest, z)
        u = math.log1p(largest.sum() / top)
        excess = max(0.0, u - s[_MEDIAN]) / max(s[_HIGH] - s[_MEDIAN], 0.1)
        out[i] = 1.0 - 2.0 ** (-excess * excess) if s[_COUNT] >= _WARM else 0.0
        if trust[i] > 0.0:
            _calibrate(s, u, trust[i])
    return out


@njit(cache=True, nogil=True)
def _insert(largest: Floats, z: float) -> None:
    largest[0] = z
    for m in range(largest.shape[0] - 1):
        if largest[m] > largest[m + 1]:
            largest[m], largest[m + 1] = largest[m + 1], largest[m]


@njit(cache=True, nogil=True, error_model="numpy")
def _calibrate(s: Floats, u: float, trust: float) -> None:
    s[_COUNT] += 1.0
    step = max(_STEP, 1.0 / s[_COUNT]) * trust
    s[_MEDIAN] += step * (0.5 - (1.0 if u <= s[_MEDIAN] else 0.0))
    s[_HIGH] += step * (_TAIL - (1.0 if u <= s[_HIGH] else 0.0))
    s[_HIGH] = max(s[_HIGH], s[_MEDIAN])


class AnomalyScore:
    """Mean of the largest deviations of a row, squashed by the quantiles seen so far.

    Columns that end in ``.deviation`` are taken as they are; those of logs and spans (or all, when
    there is no deviation) are standardised here. A row at the 99th percentile scores 0.5, an
    ordinary one about 0, and the first 50 rows score 0 because nothing is known yet. Rows of no
    trust are scored and teach nothing.
    """

    def __init__(self, feature_names: Sequence[str], *, top: int) -> None:
        self._ready, self._raw = _columns(feature_names)
        self._scaler = np.zeros((2, self._raw.size))
        self._s = np.zeros(3)
        self._top = max(1, min(top, len(feature_names)))

    def rename(self, feature_names: Sequence[str]) -> None:
        """Watch also the columns that only now have a name."""
        ready, raw = _columns(feature_names)
        scaler = np.zeros((2, raw.size))
        kept = {int(column): at for at, column in enumerate(self._raw)}
        for at, column in enumerate(raw):
            if int(column) in kept:
                scaler[:, at] = self._scaler[:, kept[int(column)]]
        self._ready, self._raw, self._scaler = ready, raw, scaler

    def advance(self, obs: Observations) -> Floats:
        """Score each row in [0, 1] by what came before it, then learn it with its trust."""
        kept = (self._ready, self._raw, self._scaler, self._s, np.empty(self._top))
        return _scores(obs.values, obs.trust, *kept)

    def state(self) -> State:
        """Return scaler and quantiles."""
        return {"scaler": self._scaler.copy(), "quantiles": self._s.copy()}

    def restore(self, state: State) -> None:
        """Become what `state` described."""
        self._scaler, self._s = state["scaler"].copy(), state["quantiles"].copy()


def _columns(feature_names: Sequence[str]) -> tuple[Ints, Ints]:
    """Return the columns taken as they are and those that are standardised here."""
    ready = [i for i, name in enumerate(feature_names) if name.endswith(".deviation")]
    raw = [
        i
        for i, name in enumerate(feature_names)
        if name and (not ready or name.startswith(("log", "span", "trace"))) and i not in set(ready)
    ]
    return np.array(ready, np.int64), np.array(raw, np.int64)


def _levels(feature_names: Sequence[str], rules: LearningRules) -> LevelScore:
    del rules
    return LevelScore(feature_names)


def _deviations(feature_names: Sequence[str], rules: LearningRules) -> AnomalyScore:
    return AnomalyScore(feature_names, top=rules.anomaly_top)


ANOMALY_SCORES: Final[
    Mapping[str, Callable[[Sequence[str], LearningRules], AnomalyScore | LevelScore]]
] = MappingProxyType({"levels": _levels, "deviations": _deviations})
"""Name -> factory ``(feature_names, rules)``."""


def make_anomaly(
    feature_names: Sequence[str], *, rules: LearningRules
) -> AnomalyScore | LevelScore:
    """Return the score that the rules name."""
    try:
        build = ANOMALY_SCORES[rules.anomaly]
    except KeyError:
        known = ", ".join(sorted(ANOMALY_SCORES))
        message = f"anomaly score {rules.anomaly!r} is unknown; choose from: {known}"
        raise SettingsError(message) from None
    return build(feature_names, rules)
