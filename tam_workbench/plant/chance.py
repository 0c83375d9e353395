"""Chance without a state: every draw is a function of seed, tick, place and purpose.

So a run is the same however it is cut into batches. SplitMix64 (Steele, Lea, Flood 2014)
mixes the four numbers into one.
"""

import numpy as np
from numba import njit

_TICK = np.uint64(0x9E3779B97F4A7C15)
_PLACE = np.uint64(0xC2B2AE3D27D4EB4F)
_PURPOSE = np.uint64(0x165667B19E3779F9)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11, _S16 = (np.uint64(n) for n in (30, 27, 31, 11, 16))
_LOW16 = np.uint64(0xFFFF)


@njit(cache=True, nogil=True)
def bits(seed: int, tick: int, place: int, purpose: int) -> np.uint64:
    """Return 64 mixed bits."""
    x = (
        np.uint64(seed)
        + np.uint64(tick) * _TICK
        + np.uint64(place) * _PLACE
        + np.uint64(purpose) * _PURPOSE
    )
    x = (x ^ (x >> _S30)) * _M1
    x = (x ^ (x >> _S27)) * _M2
    return x ^ (x >> _S31)


@njit(cache=True, nogil=True)
def uniform(seed: int, tick: int, place: int, purpose: int) -> float:
    """Return a number in [0, 1)."""
    return float(bits(seed, tick, place, purpose) >> _S11) * 2.0**-53


@njit(cache=True, nogil=True)
def normal(seed: int, tick: int, place: int, purpose: int) -> float:
    """Return a roughly Gaussian number: four uniforms summed, variance 1, within +-3.47."""
    x = bits(seed, tick, place, purpose)
    total = 0.0
    for _ in range(4):
        total += float(x & _LOW16)
        x = x >> _S16
    return (total / 65536.0 - 2.0) * 1.7320508075688772


@njit(cache=True, nogil=True)
def smooth(seed: int, tick: int, place: int, purpose: int) -> float:
    """Return a roughly Gaussian number that wanders over about 20 ticks."""
    step, part = tick // 20, (tick % 20) / 20.0
    here = normal(seed, step, place, purpose)
    return here + part * (normal(seed, step + 1, place, purpose) - here)
