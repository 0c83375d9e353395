"""The multivariate detector: three eyes on the same rows, and which columns they blame."""

import numpy as np

from tam_workbench.learning.base import State
from tam_workbench.learning.detection.vector_kernel import advance, desk
from tam_workbench.learning.detection.vector_parts import Parts, zeroed
from tam_workbench.records import Floats

_CAUTION = (np.array([1.0, 1.0, 1.0]), np.array([0.2, 0.2, 0.1]))
"""Of the eager mind, that learns every row, and of the wary one, that doubts strange rows."""


class VectorDetector:
    """Scores rows of many columns by how far they lie from the rows before them.

    Columns are standardised by their past. Three distances look at each row: of its smoothed
    levels to the nearest past levels; of its error, as forecast from earlier rows by all columns,
    to the usual errors (Mahalanobis); and of levels and errors together, whitened, to the nearest
    past ones. Each distance is divided by its own geometric mean so far, and the squares of the
    three are averaged.

    Two minds do this side by side, and the score is the mean of theirs: an eager one learns every
    row alike; a wary one learns strange rows less, so that a long anomaly does not become the
    usual at once, and yet it accepts a lasting change in the end.

    Parameters
    ----------
    columns
        Number of columns of every row.
    seed
        Of the lottery that decides which past rows are kept.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(1000, 3)); X[:, 2] += X[:, 0]
    >>> X[900:905, 1] += 8.0
    >>> told = VectorDetector(3).advance(X, np.ones(1000))
    >>> 900 <= int(told.argmax()) < 915
    True
    """

    name = "vector"

    def __init__(self, columns: int, *, seed: int = 0) -> None:
        self._minds = tuple(zeroed(columns, seed=seed) for _ in _CAUTION)
        self._desk = desk(columns)
        self._shares: Floats = np.zeros((0, columns))

    def advance(self, X: Floats, trust: Floats) -> Floats:
        """Score rows (n, d) in [0, 1) by the rows before them, and learn them with their trust."""
        rows, weights = np.ascontiguousarray(X, np.float64), np.asarray(trust, np.float64)
        told, shares = np.zeros((2, len(rows))), np.zeros((2, *rows.shape))
        for caution, mind, score, share in zip(_CAUTION, self._minds, told, shares, strict=True):
            advance(rows, weights, caution, mind, self._desk, score, share)
        self._shares = shares[0]
        return np.asarray(told.mean(axis=0))

    def attributions(self) -> Floats:
        """Return what each column added to the scores of the last rows, (n, d)."""
        return self._shares

    def state(self) -> State:
        """Return all arrays of both minds."""
        kept = enumerate(mind._asdict() for mind in self._minds)
        return {f"{at}.{name}": part.copy() for at, mind in kept for name, part in mind.items()}

    def restore(self, state: State) -> None:
        """Become what `state` described."""
        self._minds = tuple(
            Parts(**{name: state[f"{at}.{name}"].copy() for name in Parts._fields})
            for at in range(len(_CAUTION))
        )
