"""The detector for single series: it asks whether anything like this was there before."""

import math

import numpy as np

from tam_workbench.learning.base import State
from tam_workbench.learning.detection.series_alerts import ALERT, tell
from tam_workbench.learning.detection.series_eyes import EYES, RING, Columns, Limits, look
from tam_workbench.learning.detection.series_kernels import BINS
from tam_workbench.learning.detection.series_rules import SeriesRules
from tam_workbench.records import Floats


class SeriesDetector:
    """Watches each column for itself and tells the first row of what was never there before.

    Six eyes look at a column: at the value, at the logarithm of its size, at its deviation from
    an adaptive level, at its running mean, at its running spread, and at how long it has stayed
    on one side of its long mean. Each keeps the places where it has been, coarsely, and judges
    the distance to the nearest one by its rarity, its effect and its isolation (`strangeness`).
    A soft maximum joins the eyes; the largest column speaks for the row; what follows is silent
    until it is stranger than the fading echo of what was told (`tell`). Time per value and memory
    per column are bounded; neither clock nor season is assumed.

    >>> rng = np.random.default_rng(0)
    >>> rows = np.sin(np.arange(600.0) / 9.0)[:, None] + 0.1 * rng.normal(size=(600, 1))
    >>> rows[500] += 4.0
    >>> scores = SeriesDetector(1).advance(rows, np.ones(600))
    >>> int(scores.argmax()), bool(scores[500] > 0.9)
    (500, True)
    """

    name = "series"

    def __init__(self, columns: int, *, rules: SeriesRules | None = None, seed: int = 0) -> None:
        del seed  # nothing here is drawn by chance
        rules = rules or SeriesRules()
        self._limits = Limits(
            learn=np.array([rules.memory_rows, rules.tail_rows, rules.grain]),
            mean=rules.mean_rows,
            spread=rules.spread_rows,
            adapt=rules.adapt_rows,
            warm=rules.warmup_rows,
        )
        fade, forget = _fade(rules.rest_rows), _fade(rules.fatigue_rows)
        self._dials = np.array([fade, rules.rise, rules.fatigue, forget])
        slots = math.ceil(2.0 / rules.grain) + 2
        self._columns = _nothing(columns, slots)
        self._alerts = np.zeros(2)
        self._last: Floats = np.zeros((0, columns))

    def advance(self, X: Floats, trust: Floats) -> Floats:
        """Score the rows in order by those before them, then learn each with its trust.

        Returns
        -------
        Floats, shape (n,)
            ``1 / (1 + 10^(2.5 - strangeness))``: 0.5 at an alert, 0.003 for echoes.
        """
        rows = np.ascontiguousarray(X, dtype=np.float64)
        weights = np.ascontiguousarray(trust, dtype=np.float64)
        self._last = look(rows, weights, self._columns, self._limits)
        largest = self._last.max(axis=1, initial=0.0)
        told = tell(largest, weights, self._alerts, self._dials)
        return 1.0 / (1.0 + 10.0 ** (ALERT - told))

    def attributions(self) -> Floats:
        """Return the strangeness of each value of the last rows, echoes included: (n, d)."""
        return self._last

    def state(self) -> State:
        """Return the arrays of all columns and of the alerts."""
        parts = {name: part.copy() for name, part in self._columns._asdict().items()}
        return {**parts, "alerts": self._alerts.copy()}

    def restore(self, state: State) -> None:
        """Become what ``state`` described."""
        self._columns = Columns(**{name: state[name].copy() for name in Columns._fields})
        self._alerts = state["alerts"].copy()


def _fade(rows: float) -> float:
    """Return the factor a row by which something falls to 1/e in ``rows`` rows."""
    return math.exp(-1.0 / rows) if rows > 0.0 else 0.0


def _nothing(columns: int, slots: int) -> Columns:
    """Return the state of columns that have said nothing yet."""
    return Columns(
        at=np.zeros((columns, EYES, slots)),
        seen=np.zeros((columns, EYES, slots), np.int64),
        bins=np.zeros((columns, EYES, BINS)),
        tree=np.zeros((columns, EYES, BINS + 1)),
        tally=np.tile(np.array([0.0, np.nan]), (columns, EYES, 1)),
        used=np.zeros((columns, EYES, 1), np.int64),
        ring=np.zeros((columns, RING)),
        past=np.zeros((columns, 4)),
        stay=np.zeros((columns, 2), np.int64),
        ticks=np.zeros(columns, np.int64),
    )
