"""Rehearsal: every kernel of judging runs once on next to nothing, so that no turn loads one."""

import numpy as np

from tam_workbench.learning import history, library
from tam_workbench.learning.history import ProbeRows
from tam_workbench.learning.kernels import examine, log_loss


def rehearse() -> None:
    """Load the kernels that only a judgement calls; it takes a tenth of a second.

    Examples
    --------
    >>> rehearse()
    """
    one, two, table = np.zeros(2), np.ones(2), np.zeros((2, 2))
    ints = np.zeros(2, dtype=np.int64)
    rows = ProbeRows(table, one, 1, 1)
    examine(rows, one, two, one, np.zeros(2), np.ones(3), np.empty(2))
    log_loss(0.0, 0.5)
    library.mean_log_loss(one, np.full(2, 0.5))
    history.admit(table.copy(), np.zeros((2, 1, 2)), ints.copy(), ints)
