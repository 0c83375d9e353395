"""The last step of `SeriesDetector`: tell what is news, keep silent about its echo."""

import math

import numpy as np
from numba import njit

from tam_workbench.records import Floats

ALERT = 2.5
"""Strangeness that counts as an alert, told as a score of 0.5."""
_ECHO, _TOLD = range(2)


@njit(cache=True, nogil=True)
def tell(strange: Floats, trust: Floats, memory: Floats, dials: Floats) -> Floats:
    """Return the strangeness (n,) of rows that are news, 0 for what is but an echo.

    ``dials`` are fade, rise, fatigue and its fade. News exceeds ``rise`` times the echo: the
    largest strangeness so far, fading a little every row. Of news, ``fatigue * log10(1 + alerts
    told lately)`` is taken away, so who cries often must cry louder. ``memory`` holds echo and
    alerts.
    """
    fade, rise, fatigue, forget = dials[0], dials[1], dials[2], dials[3]
    out = np.zeros(strange.shape[0])
    for i in range(strange.shape[0]):
        echo, lately = memory[_ECHO] * fade, memory[_TOLD] * forget
        if strange[i] > rise * echo:
            out[i] = max(strange[i] - fatigue * math.log10(1.0 + lately), 0.0)
            lately += 1.0 / (1.0 + 100.0 ** (ALERT - out[i]))
        if trust[i] > 0.0:
            memory[_ECHO], memory[_TOLD] = max(echo, strange[i]), lately
    return out
