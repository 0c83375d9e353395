"""Drift detectors by name: one compiled, three of River's."""

import math
import pickle
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Protocol, runtime_checkable

import numpy as np
from numba import njit

from tam_workbench.learning.base import State
from tam_workbench.learning.guests import RiverModel
from tam_workbench.records import Floats

_COUNT, _MEAN, _VAR, _UP, _DOWN, _STATISTIC = range(6)
_WARM, _MEMORY = 30.0, 500.0
_CUT_SUM = 5.25  # what one tick adds at most: cut - slack

DetectorFactory = Callable[[int, int], "Detector"]


@runtime_checkable
class Detector(Protocol):
    """Watches one signal; ``detections`` are offsets into the values of the last update."""

    name: str
    detections: tuple[int, ...]

    @property
    def statistic(self) -> float:
        """What was measured last."""

    def update(self, values: Floats) -> None:
        """Take in the values in order."""

    def state(self) -> State:
        """Return everything that `restore` needs."""

    def restore(self, state: State) -> None:
        """Become what `state` described."""


@njit(cache=True, nogil=True, error_model="numpy")
def _page_hinkley(values: Floats, s: Floats, rules: Floats, fired: Floats) -> int:
    slack, threshold, cut, sides = rules[0], rules[1], rules[2], rules[3]
    found = 0
    for i in range(values.shape[0]):
        x = values[i]
        if s[_COUNT] >= _WARM:
            z = (x - s[_MEAN]) / math.sqrt(max(s[_VAR], 1e-12))
            z = min(max(z, -cut), cut)
            s[_UP] = max(0.0, s[_UP] + z - slack)
            s[_DOWN] = max(0.0, s[_DOWN] - z - slack) if sides > 1.5 else 0.0
            if max(s[_UP], s[_DOWN]) > threshold:
                s[:_STATISTIC] = 0.0
                s[_STATISTIC] = z
                fired[found] = i
                found += 1
                continue
            x = s[_MEAN] + z * math.sqrt(max(s[_VAR], 1e-12))
        s[_COUNT] += 1.0
        share = 1.0 / min(s[_COUNT], _MEMORY)
        off = x - s[_MEAN]
        s[_MEAN] += off * share
        s[_VAR] += (off * (x - s[_MEAN]) - s[_VAR]) * share
    return found


class PageHinkley:
    """Page-Hinkley test on a signal standardised by its own running mean and deviation.

    Values are cut at ``cut`` deviations, so one outlier cannot fire; after a detection the test
    starts anew. Page (1954), Biometrika 41, with the two-sided cumulative sums.

    >>> rng = np.random.default_rng(1)
    >>> errors = np.r_[rng.normal(0.02, 0.01, 300), rng.normal(0.17, 0.01, 50)]
    >>> detector = PageHinkley()
    >>> detector.update(errors)
    >>> [302 <= tick <= 305 for tick in detector.detections]
    [True]
    """

    name = "page_hinkley"

    def __init__(
        self,
        *,
        slack: float = 0.75,
        threshold: float = 18.0,
        cut: float = 6.0,
        only_up: bool = False,
    ) -> None:
        self._rules = np.array([slack, threshold, cut, 1.0 if only_up else 2.0])
        self._s = np.zeros(6)
        self.detections: tuple[int, ...] = ()

    @property
    def statistic(self) -> float:
        """The larger cumulative sum, in deviations; after a detection the value that fired."""
        return float(max(self._s[_UP], self._s[_DOWN], abs(self._s[_STATISTIC])))

    def update(self, values: Floats) -> None:
        """Take in the values in order."""
        fired = np.empty(len(values))
        found = _page_hinkley(values, self._s, self._rules, fired)
        self.detections = tuple(int(i) for i in fired[:found]) if found else ()

    def state(self) -> State:
        """Return the running sums."""
        return {"sums": self._s.copy()}

    def restore(self, state: State) -> None:
        """Become what `state` described."""
        self._s = state["sums"].copy()


class RiverDetector:
    """One of River's detectors: updated first, asked afterwards (``update`` returns None)."""

    def __init__(self, name: str, guest: RiverModel) -> None:
        self.name = name
        self._guest = guest
        self.detections: tuple[int, ...] = ()

    @property
    def statistic(self) -> float:
        """What the guest measured: ADWIN's estimate, KSWIN's p-value, else 0."""
        for attribute in ("estimation", "p_value"):
            if hasattr(self._guest, attribute):
                return float(getattr(self._guest, attribute))
        return 0.0

    def update(self, values: Floats) -> None:
        """Take in the values in order."""
        found = []
        for offset, value in enumerate(values.tolist()):
            self._guest.update(value)
            if self._guest.drift_detected:
                found.append(offset)
        self.detections = tuple(found)

    def state(self) -> State:
        """Return the pickled guest as bytes in an array."""
        return {"guest": np.frombuffer(pickle.dumps(self._guest), dtype=np.uint8).copy()}

    def restore(self, state: State) -> None:
        """Become what `state` described; only ever read our own checkpoints."""
        self._guest = pickle.loads(state["guest"].tobytes())  # noqa: S301 - our own checkpoint


class NoDetector:
    """Sees nothing."""

    name = "none"

    def __init__(self) -> None:
        self.detections: tuple[int, ...] = ()

    @property
    def statistic(self) -> float:
        """Nothing."""
        return 0.0

    def update(self, values: Floats) -> None:
        """Ignore the values."""

    def state(self) -> State:
        """Return nothing."""
        return {}

    def restore(self, state: State) -> None:
        """Have nothing to restore."""


def _adwin(seed: int, patience: int) -> Detector:
    del seed, patience
    from river import drift

    return RiverDetector("adwin", drift.ADWIN(clock=1))  # type: ignore[no-untyped-call]


def _kswin(seed: int, patience: int) -> Detector:
    del patience
    from river import drift

    return RiverDetector("kswin", drift.KSWIN(alpha=1e-4, seed=seed))


def _page_hinkley_river(seed: int, patience: int) -> Detector:
    del seed, patience
    from river import drift

    guest = drift.PageHinkley(min_instances=30, delta=0.005, threshold=0.3, mode="up")
    return RiverDetector("page_hinkley_river", guest)


def _compiled(seed: int, patience: int) -> Detector:
    del seed
    return PageHinkley(threshold=_CUT_SUM * (patience + 1.5), only_up=True)


def _none(seed: int, patience: int) -> Detector:
    del seed, patience
    return NoDetector()


DETECTORS: Final[Mapping[str, DetectorFactory]] = MappingProxyType(
    {
        "page_hinkley": _compiled,
        "page_hinkley_river": _page_hinkley_river,
        "adwin": _adwin,
        "kswin": _kswin,
        "none": _none,
    }
)
"""Name -> factory ``(seed, patience) -> Detector``; patience is how many ticks of trouble are
not yet a drift."""
