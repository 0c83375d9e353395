"""Compiled watch over twins that part: a metric that leaves its like in another channel.

What sets in slowly stays below every threshold of a single value, and what lasts becomes usual.
So a metric is also compared with the same metric of a fixed peer that another channel reports:
their ratio and the spread about it are learnt, and what exceeds it is summed up (the cumulative
sum of Page, Biometrika 41, 1954). While the sum is high the pair hardly learns, so that patience
does not make a lie usual.

A distance has two ends. It is laid to the end that strayed further from its own long-term mean,
after what the tide moves (all metrics of the name, such as the load of the day) is taken off; in
doubt, to the channel of which more pairs say so. Where all others of the name have parted too, or
there are none, the tide is unknown and both ends are doubted by half.
"""

import math

from tam_workbench.records import Floats
from tam_workbench.trust.arrays import TWINS, Memory, Scale, Scratch
from tam_workbench.trust.compiled import borrowing
from tam_workbench.trust.twins import LAST, OFF, ROUND

Place = tuple[int, int, int, int, int]
"""Service, resource, metric, source, tick."""

VALUE, PEER, PAIRS, OWN, HIS, SPREAD, ABOVE, BELOW = 7, 8, 9, 10, 11, 12, 13, 14
FAR, SWAY, GUILT, PARTED = 15, 16, 17, 18
"""Places in a series: last value; number of the peer + 1; points compared; means of both; variance
of the distance; its sums above and below; how far the value is from its long-term mean, now and
lately; share of the distance that was its own; what `part` said last."""

SWAYING = 1.0 / 32.0
"""Rate at which ``SWAY`` and ``GUILT`` follow."""

MOST = 3.0
"""Deviations of one tick that the sums count at most."""

LEANING, LEAN_SLACK = 3.0, 100.0
"""Weight of what other pairs say of a channel, and how many it takes until they count by half."""

TIDE_MOST, TIDE_RATE = 0.02, 0.1
"""How far one value counts towards the tide, as a share of its mean, and how fast it follows."""


@borrowing()
def _ramp(x: float, low: float, high: float) -> float:
    return min(max((x - low) / (high - low), 0.0), 1.0)


@borrowing()
def is_disturbed(series: Floats, k: Scale) -> bool:
    """Tell whether a value is far from its long-term mean; real trouble moves twins too."""
    usual = math.sqrt(series[4]) + 0.01 * abs(series[3]) + 1e-6
    return bool(abs(series[OFF]) > k.quiet_z * usual)


@borrowing()
def sway(w: Scratch, series: Floats, name: int, tide: float, k: Scale) -> None:
    """Follow how far a value strays from its long-term mean; calm ones move the tide."""
    series[FAR] = series[OFF] / (abs(series[3]) + math.sqrt(series[SPREAD]) + 1e-9)
    series[SWAY] += SWAYING * (series[FAR] - series[SWAY])
    if max(series[ABOVE], series[BELOW]) < 0.5 * k.part_quiet and not is_disturbed(series, k):
        w.straying[name, 0] += min(max(series[SWAY] - tide, -TIDE_MOST), TIDE_MOST)
        w.straying[name, 1] += 1.0


@borrowing()
def turn_tide(m: Memory, w: Scratch, tick: int) -> None:
    """Let the tide follow the values of a tick."""
    for name in range(m.tide.shape[0]):
        if w.straying[name, 1] > 0.0:
            m.tide[name, 0] += TIDE_RATE * w.straying[name, 0] / w.straying[name, 1]
            m.tide[name, 1] = tick
            w.straying[name, 0] = 0.0
            w.straying[name, 1] = 0.0


@borrowing()
def _peer(m: Memory, w: Scratch, at: Place, k: Scale) -> int:
    """Return the resource to compare with: the one known, or a fresh twin; -1 without."""
    service, resource, name, source, tick = at
    known = int(m.series[resource, name, PEER]) - 1
    if (
        known >= 0
        and m.series[known, name, 0] >= k.warmup
        and tick - m.series[known, name, LAST] <= ROUND
    ):
        return known
    for n in range(TWINS):
        other, twin = m.twins[service, n, 0], m.twins[service, n, 1]
        if other >= 0 and other != source and twin != resource and w.base[other] >= 0.5:
            his = m.series[twin, name]
            if his[0] >= k.warmup and tick - his[LAST] <= k.window:
                return int(twin)
    return -1


@borrowing()
def _lean(m: Memory, source: int) -> float:
    """Return how far the pairs of a channel lay their distance to it, -0.5 to 0.5."""
    return float(m.lean[source, 0] / (m.lean[source, 1] + LEAN_SLACK))


@borrowing()
def _share(m: Memory, source: int, mine: float, theirs: float) -> float:
    """Return one end's share of a distance, and count it for the channel."""
    share = abs(mine) / (abs(mine) + abs(theirs) + 1e-12)
    m.lean[source, 0] += share - 0.5
    m.lean[source, 1] += 1.0
    return share


@borrowing()
def _slowly(seen: Floats, lean: float, k: Scale) -> float:
    summed = max(seen[ABOVE], seen[BELOW])
    guilt = _ramp(seen[GUILT] + LEANING * lean, 0.4, 0.6)
    return float(_ramp(summed, k.part_quiet, k.part_loud) * guilt)


@borrowing()
def _sum_up(m: Memory, at: Place, seen: Floats, his: Floats, z: float, k: Scale) -> float:
    """Add a distance of ``z`` spreads to the sums; return how surely it is a sudden parting."""
    tide, source = m.tide[at[2], 0], at[3]
    is_known = at[4] - m.tide[at[2], 1] <= ROUND
    if abs(z) <= k.part_loud_z:  # what is sudden speaks for itself, and is over at once
        step = min(max(z, -MOST), MOST)
        most = 2.0 * k.part_quiet
        seen[ABOVE] = min(max(seen[ABOVE] + step - k.part_slack, 0.0), most)
        seen[BELOW] = min(max(seen[BELOW] - step - k.part_slack, 0.0), most)
    if is_known and max(seen[ABOVE], seen[BELOW]) > 0.5 * k.part_quiet:
        share = _share(m, source, seen[SWAY] - tide, his[SWAY] - tide)
        seen[GUILT] += SWAYING * (share - seen[GUILT])
    if abs(z) <= k.part_quiet_z:
        return 0.0
    share = _share(m, source, seen[FAR] - tide, his[FAR] - tide) if is_known else 0.5
    guilt = _ramp(share + LEANING * _lean(m, source), 0.4, 0.6)
    return guilt * _ramp(abs(z), k.part_quiet_z, k.part_loud_z)


@borrowing()
def _get_used(seen: Floats, y: float, off: float, rate: float, k: Scale) -> None:
    """Learn the means of both ends and the spread of their distance ``off``."""
    seen[OWN] += rate * (seen[VALUE] - seen[OWN])
    seen[HIS] += rate * (y - seen[HIS])
    shrink = 1.0
    if seen[PAIRS] > k.warmup:  # as in `likelihood.weigh`
        bound, shrink = 2.5 * _spread(seen, k), 0.9776
        off = min(max(off, -bound), bound)
    seen[SPREAD] += rate * (off * off / shrink - seen[SPREAD])


@borrowing()
def _spread(seen: Floats, k: Scale) -> float:
    return float(math.sqrt(seen[SPREAD]) + k.part_floor * abs(seen[OWN]) + 1e-9)


@borrowing()
def part(m: Memory, w: Scratch, at: Place, weight: float, k: Scale) -> float:
    """Return how surely a metric has left its peer, 0 to 1, and learn what is usual for the two.

    ``weight`` slows learning, as in `likelihood.weigh`.
    """
    seen, peer = m.series[at[1], at[2]], _peer(m, w, at, k)
    if peer < 0:
        seen[PARTED] = 0.0
        return 0.0
    his = m.series[peer, at[2]]
    if seen[PEER] != peer + 1.0:
        seen[PAIRS:FAR] = 0.0
        seen[PEER], seen[GUILT] = peer + 1.0, 0.5
    if at[4] - his[LAST] > 1:
        seen[PARTED] = _slowly(seen, _lean(m, at[3]), k)
        return float(seen[PARTED])
    scale = min(max(seen[OWN] / seen[HIS], 0.1), 10.0) if seen[HIS] != 0.0 else 1.0
    off, sudden, disturbed = seen[VALUE] - scale * his[VALUE], 0.0, is_disturbed(his, k)
    if seen[PAIRS] >= k.part_points and not disturbed:
        sudden = _sum_up(m, at, seen, his, off / _spread(seen, k), k)
    seen[PARTED] = max(_slowly(seen, _lean(m, at[3]), k), sudden)
    if sudden > 0.0 or max(seen[ABOVE], seen[BELOW]) >= k.part_quiet:
        weight *= k.credulity
    seen[PAIRS] += 1.0
    rate = max(k.slow, 1.0 / seen[PAIRS]) * weight * (k.patience if disturbed else 1.0)
    _get_used(seen, his[VALUE], off, rate, k)
    return float(seen[PARTED])
