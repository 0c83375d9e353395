"""Drift: the signals that are watched, and the boost that follows a detection."""

from collections.abc import Mapping

import numpy as np
from numba import njit

from tam_workbench.errors import SettingsError
from tam_workbench.learning.base import State
from tam_workbench.learning.drift import DETECTORS, Detector, DetectorFactory
from tam_workbench.learning.kernels import log_loss
from tam_workbench.learning.rules import LearningRules
from tam_workbench.records import Floats, Ints

_MEMORY, _WARM, _CUT = 5000.0, 30.0, 4.0
_PATIENCE = 6
Sighting = tuple[int, str, float]
"""(tick, detector and signal, statistic)."""


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def _shift_signal(  # noqa: PLR0913, PLR0917 - a kernel takes flat arrays
    X: Floats, trust: Floats, starts: Ints, bar: float, scaler: Floats, count: Floats, out: Floats
) -> int:
    """Mean |standardised value| per tick over rows above the bar, nan where there is none.

    Returns the number of ticks that are not nan.
    """
    width, heard = X.shape[1], 0
    for k in range(starts.shape[0] - 1):
        total, rows = 0.0, 0.0
        for i in range(starts[k], starts[k + 1]):
            if trust[i] < bar or not trust[i] > 0.0:
                continue
            count[0] += 1.0
            share = 1.0 / min(count[0], _MEMORY)
            away = 0.0
            for j in range(width):
                off = X[i, j] - scaler[0, j]
                spread = scaler[1, j]
                z = abs(off) / np.sqrt(spread) if spread > 0.0 else 0.0
                away += min(z, _CUT)
                centre = scaler[0, j] + off * share
                scaler[0, j] = centre
                scaler[1, j] = spread + (off * (X[i, j] - centre) - spread) * share
            if count[0] > _WARM:
                total += away / width
                rows += 1.0
        out[k] = total / rows if rows > 0.0 else np.nan
        heard += rows > 0.0
    return heard


@njit(cache=True, nogil=True, error_model="numpy")
def _loss_signal(y: Floats, p: Floats, trust: Floats, ends: Ints, bar: float, out: Floats) -> int:
    """Mean log-loss per tick over rows above the bar, nan where there is none.

    Returns the number of ticks that are not nan.
    """
    base, heard = ends[0], 0
    for k in range(ends.shape[0] - 1):
        total, rows = 0.0, 0.0
        for i in range(ends[k] - base, ends[k + 1] - base):
            if trust[i] >= bar and trust[i] > 0.0:
                total += log_loss(y[i], p[i])
                rows += 1.0
        out[k] = total / rows if rows > 0.0 else np.nan
        heard += rows > 0.0
    return heard


class DriftWatch:
    """Two detectors: on the live model's loss as labels come in, and on how far features moved."""

    def __init__(
        self,
        features: int,
        *,
        rules: LearningRules,
        seed: int,
        detectors: Mapping[str, DetectorFactory] = DETECTORS,
    ) -> None:
        if rules.detector not in detectors:
            known = ", ".join(sorted(detectors))
            message = f"detector {rules.detector!r} is unknown; choose from: {known}"
            raise SettingsError(message)
        self._rules = rules
        make = detectors[rules.detector]
        self._loss, self._shift = make(seed, rules.horizon), make(seed, _PATIENCE)
        self._scaler, self._count = np.zeros((2, features)), np.zeros(1)
        self._last: int | None = None
        self._moved: int | None = None
        self._lost: int | None = None

    @property
    def is_on(self) -> bool:
        """Whether any detector watches."""
        return self._loss.name != "none"

    def shifts(self, X: Floats, trust: Floats, *, starts: Ints, ticks: Ints) -> list[Sighting]:
        """Watch the features of whole ticks; rows of tick k are ``starts[k]:starts[k + 1]``."""
        if not self.is_on:
            return []
        signal = np.empty(len(ticks))
        bar = self._rules.drift_trust
        heard = _shift_signal(X, trust, starts, bar, self._scaler, self._count, signal)
        return _sight(self._shift, signal, ticks, "features", heard=heard)

    def losses(
        self, y: Floats, p: Floats, trust: Floats, *, ends: Ints, ticks: Ints
    ) -> list[Sighting]:
        """Watch the loss of rows whose labels came in at each tick."""
        if not self.is_on:
            return []
        signal = np.empty(len(ticks))
        heard = _loss_signal(y, p, trust, ends, self._rules.drift_trust, signal)
        return _sight(self._loss, signal, ticks, "loss", heard=heard)

    def mark(self) -> State:
        """Return where the watch over the loss stands, for `rewind`."""
        return self._loss.state()

    def rewind(self, mark: State) -> None:
        """Forget the losses seen since ``mark``: what was said of them is said anew."""
        self._loss.restore(mark)

    def note(self, tick: int, detector: str) -> bool:
        """Start the boost at ``tick``; say whether loss and features now speak of one drift.

        A loss that jumps while the features stay put may as well be labels turned round on
        purpose: nothing else saw the world change.
        """
        self._last = tick
        if detector.endswith(":loss"):
            self._lost = tick
        else:
            self._moved = tick
        return self._is_near(self._lost, tick) and self._is_near(self._moved, tick)

    def _is_near(self, seen: int | None, tick: int) -> bool:
        return seen is not None and tick - seen <= self._rules.boost_ticks

    def boost(self, ticks: Ints) -> Floats | None:
        """Return the factor on the learning rate per tick, None where it is 1 throughout."""
        rules = self._rules
        if rules.boost == 1.0 or self._last is None or ticks[0] - self._last >= rules.boost_ticks:
            return None
        left = 1.0 - (ticks - self._last) / rules.boost_ticks
        return 1.0 + (rules.boost - 1.0) * np.clip(left, 0.0, 1.0)

    def is_recent(self, tick: int) -> bool:
        """Whether the features moved within ``boost_ticks`` before ``tick``; the loss may lie."""
        return self._is_near(self._moved, tick)

    def state(self) -> State:
        """Return detectors, scaler and the last drift."""
        return {
            "loss": self._loss.state(),
            "shift": self._shift.state(),
            "scaler": self._scaler.copy(),
            "count": self._count.copy(),
            "last": self._last,
            "moved": self._moved,
            "lost": self._lost,
        }

    def restore(self, state: State) -> None:
        """Become what `state` described."""
        self._loss.restore(state["loss"])
        self._shift.restore(state["shift"])
        self._scaler, self._count = state["scaler"].copy(), state["count"].copy()
        self._last, self._moved, self._lost = state["last"], state["moved"], state["lost"]


def _sight(
    detector: Detector, signal: Floats, ticks: Ints, name: str, *, heard: int
) -> list[Sighting]:
    if not heard:
        return []
    if heard < len(signal):
        told = ~np.isnan(signal)
        signal, ticks = signal[told], ticks[told]
    detector.update(signal)
    label = f"{detector.name}:{name}"
    return [(int(ticks[at]), label, detector.statistic) for at in detector.detections]
