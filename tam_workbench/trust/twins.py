"""Compiled comparison with the same quantity in another channel: twins.

A replica of a resource that another channel reports is the twin of its metrics; the errors that
other channels log of a service are the twin of a channel's own. What really moves a service moves
its twins in kind and amount; who forges through one channel cannot move them.
"""

import math

from tam_workbench.records import Floats
from tam_workbench.trust.arrays import TWINS, Memory, Scale, Scratch
from tam_workbench.trust.compiled import borrowing

LAST, OFF = 5, 6  # places in a series: tick of the last point, its distance from the lasting mean
NEXT_TICK, LATELY, VOLUME, NOISE, SURPLUS = 2, 4, 5, 6, 7  # places in usual

ROUND = 64
"""Ticks between two looks at which resource speaks for a channel."""

SLACK = 0.25
FADE = 0.25

SURPLUS_SHARE = 1.5
"""Errors for each that others let expect, which are not surplus."""


@borrowing()
def enlist(m: Memory, resource: int, service: int, source: int, tick: int) -> None:
    """Let a resource speak for its channel among the twins of a service, if none does."""
    m.home[resource] = tick // ROUND
    place = -1
    for n in range(TWINS):
        held = m.twins[service, n, 0]
        if held == source:
            place = n
            break
        if place < 0 and (held < 0 or m.twins[service, n, 2] < tick // ROUND - 1):
            place = n
    if place < 0:
        return
    twin = m.twins[service, place]
    if twin[0] != source or twin[1] == resource or twin[2] < tick // ROUND:
        twin[0], twin[1], twin[2] = source, resource, tick // ROUND


@borrowing()
def confirmation(m: Memory, w: Scratch, at: tuple[int, int, int, int, int], k: Scale) -> float:
    """Return how far twins share a metric's deviation, -1 without a twin that spoke lately.

    ``at`` = (service, resource, metric, source, tick).
    """
    service, resource, name, source, tick = at
    off, best = m.series[resource, name, OFF], -1.0
    for n in range(TWINS):
        other = m.twins[service, n, 0]
        if other < 0 or other == source or w.base[other] < 0.5:
            continue
        twin = m.series[m.twins[service, n, 1], name]
        if twin[0] < k.warmup or tick - twin[LAST] > k.window:
            continue
        share = twin[OFF] / off if off != 0.0 else 1.0
        best = max(best, min(max(2.0 * share / k.twin_share - 1.0, 0.0), 1.0))
    return best


@borrowing()
def listen(usual: Floats, errors: float, lines: float, silent: float, k: Scale) -> None:
    """Take in a tick of a channel's lines: errors held at their peak, other lines averaged."""
    held = usual[LATELY] * math.pow(1.0 - FADE, silent + 1.0)
    usual[LATELY] = max(errors, held + FADE * errors)
    usual[SURPLUS] = max(usual[SURPLUS] - k.surplus_slack * (silent + 1.0), 0.0)
    rate = k.fast if usual[VOLUME] > 0.0 else 1.0
    usual[VOLUME] += rate * (lines - usual[VOLUME])
    if usual[NOISE] == 0.0:
        usual[NOISE] = 1.0


@borrowing()
def excess(
    m: Memory, w: Scratch, service: int, source: int, errors: float, k: Scale
) -> tuple[float, float]:
    """Return how far errors exceed those of other channels (0 to 1), and the expected number.

    That number is -1 where no other channel logs of the service.
    """
    own = m.usual[service, source]
    lately, volume = 0.0, 0.0
    for other in range(m.usual.shape[1]):
        seen = m.usual[service, other]
        if other == source or seen[VOLUME] <= 0.0 or w.base[other] < 0.5:
            continue
        silent = own[NEXT_TICK] - seen[NEXT_TICK]
        if silent <= k.breach_window:
            lately += seen[LATELY] * math.pow(1.0 - FADE, silent)
            volume += seen[VOLUME]
    if volume <= 0.0 or own[VOLUME] <= 0.0:
        return 0.0, -1.0
    expected = lately * own[VOLUME] / volume
    most = SURPLUS_SHARE * expected
    own[SURPLUS] = min(max(own[SURPLUS] + errors - most, 0.0), 2.0 * k.surplus_loud)
    if errors <= 0.0:
        return 0.0, expected
    z = (errors - expected) / math.sqrt(own[NOISE] * expected + SLACK)
    storm = min(max((z - k.quiet_count_z) / (k.loud_count_z - k.quiet_count_z), 0.0), 1.0)
    sum_ = (own[SURPLUS] - k.surplus_quiet) / (k.surplus_loud - k.surplus_quiet)
    unheard = min(max(1.0 - most / errors, 0.0), 1.0)
    return max(storm, min(max(sum_, 0.0), 1.0) * unheard), expected


@borrowing()
def aloof(errors: float, expected: float, k: Scale) -> float:
    """Return how little of a channel's errors others let expect, 0 to 1; 0 without others."""
    if errors <= 0.0 or expected < 0.0:
        return 0.0
    return 1.0 - min(max(2.0 * expected / (errors * k.twin_share) - 1.0, 0.0), 1.0)


@borrowing()
def learn_noise(usual: Floats, errors: float, expected: float, belief: float, k: Scale) -> None:
    """Learn how much a channel's errors scatter about what others let expect; Poisson at most."""
    if expected >= 0.5:
        off = errors - expected
        scatter = min(off * off / (expected + SLACK), 1.0)
        usual[NOISE] += k.fast * belief * (scatter - usual[NOISE])
