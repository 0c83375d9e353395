"""Precision, recall and F1 of flagged sessions."""

import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]


def precision_recall_f1(true: Flags, told: Flags) -> dict[str, float]:
    """Return precision, recall and F1; all 0 where nothing right was told.

    >>> precision_recall_f1(np.array([True, True, False]), np.array([True, False, False]))
    {'precision': 1.0, 'recall': 0.5, 'f1': 0.667}
    """
    hits = int(np.count_nonzero(true & told))
    said, there = int(np.count_nonzero(told)), int(np.count_nonzero(true))
    return {
        "precision": hits / max(said, 1),
        "recall": hits / max(there, 1),
        "f1": 2.0 * hits / max(said + there, 1),
    }
