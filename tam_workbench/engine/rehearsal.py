"""Rehearsal: what only an incident calls runs once beside the loop, so that no turn loads it."""

import numpy as np


def rehearse() -> None:
    """Load the kernels of windows, of signing and of recall; they are guests of heavy houses.

    Examples
    --------
    >>> rehearse()
    """
    from tam_workbench.engine.window_kernels import fill, heard, middles
    from tam_workbench.memory import rehearsal

    ints, quiet = np.zeros(1, dtype=np.int64), np.ones((1, 1), dtype=np.bool_)
    heard(ints, ints, ints, quiet, (0, 1, 2))
    values = np.asfortranarray(np.zeros((1, 2), dtype=np.float32)[:, :1])
    fill(np.zeros((1, 1, 1)), ints, ints, np.zeros((2, 2), np.float32, order="F"), ints, 0)
    fill(np.zeros((1, 1, 1)), ints, ints, values, ints, 0)
    middles(ints, np.zeros(1), 1)
    rehearsal.rehearse()
