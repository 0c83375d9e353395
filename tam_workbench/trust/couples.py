"""The readable twin of `parting`: metrics and their peers in other channels."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tam_workbench.trust.evidence import WITNESS
from tam_workbench.trust.hearsay import Place, Twin
from tam_workbench.trust.parting import (
    LEAN_SLACK,
    LEANING,
    MOST,
    SWAYING,
    TIDE_MOST,
    TIDE_RATE,
)
from tam_workbench.trust.rules import TrustRules
from tam_workbench.trust.twins import ROUND


@dataclass
class Baseline:
    """Recent and long-term mean and variance of a value, hard to move by a spike."""

    points: int = 0
    recent: list[float] = field(default_factory=lambda: [0.0, 0.0])
    lasting: list[float] = field(default_factory=lambda: [0.0, 0.0])


@dataclass
class Couple:
    """A metric, how far it strays, and what is known of it and its peer."""

    tick: int = 0
    value: float = 0.0
    off: float = 0.0
    far: float = 0.0
    sway: float = 0.0
    peer: str | None = None
    pairs: int = 0
    own: float = 0.0
    his: float = 0.0
    spread: float = 0.0
    above: float = 0.0
    below: float = 0.0
    guilt: float = 0.0
    parted: float = 0.0

    @property
    def summed(self) -> float:
        """The larger of both sums."""
        return max(self.above, self.below)


@dataclass
class Couples:
    """Every metric beside its peer, the tide of each name, and the leaning of each channel."""

    rules: TrustRules
    base: Callable[[str], float]
    series: dict[Place, Baseline]
    twins: Mapping[str, list[Twin]]
    couples: dict[Place, Couple] = field(default_factory=lambda: defaultdict(Couple))
    tide: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    turned: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    straying: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    lean: dict[str, list[float]] = field(default_factory=lambda: defaultdict(lambda: [0.0, 0.0]))

    def observe(self, place: Place, value: float, tick: int) -> float:
        """Take in a value before its baseline does; return how far the metric had parted."""
        seen, usual = self.couples[place], self.series[place]
        seen.tick, seen.value, seen.off = tick, value, value - usual.lasting[0]
        if usual.points >= self.rules.warmup:
            seen.far = seen.off / (abs(usual.lasting[0]) + math.sqrt(seen.spread) + 1e-9)
            seen.sway += SWAYING * (seen.far - seen.sway)
            if seen.summed < 0.5 * self.rules.part_quiet and not self._is_disturbed(place):
                stray = seen.sway - self.tide[place[1]]
                self.straying[place[1]].append(min(max(stray, -TIDE_MOST), TIDE_MOST))
        return seen.parted

    def turn_tide(self, tick: int) -> None:
        """Let the tide follow the values of a tick."""
        for name, strays in self.straying.items():
            self.tide[name] += TIDE_RATE * sum(strays) / len(strays)
            self.turned[name] = tick
        self.straying.clear()

    def part(self, place: Place, service: str, source: str, weight: float) -> float:
        """Return how surely a metric has left its peer, and learn what is usual for the two."""
        seen, rules = self.couples[place], self.rules
        peer = self._peer(place, service, source)
        if peer is None:
            seen.parted = 0.0
            return 0.0
        his = self.couples[peer, place[1]]
        if seen.peer != peer:
            seen.peer, seen.pairs, seen.guilt = peer, 0, 0.5
            seen.own = seen.his = seen.spread = seen.above = seen.below = 0.0
        if seen.tick - his.tick > 1:
            seen.parted = self._slowly(seen, source)
            return seen.parted
        ratio = min(max(seen.own / seen.his, 0.1), 10.0) if seen.his != 0.0 else 1.0
        off, sudden = seen.value - ratio * his.value, 0.0
        disturbed = self._is_disturbed((peer, place[1]))
        if seen.pairs >= rules.part_points and not disturbed:
            z = off / self._spread(seen)
            sudden = self._sum_up(seen, his, z, name=place[1], source=source)
        seen.parted = max(self._slowly(seen, source), sudden)
        if sudden > 0.0 or seen.summed >= rules.part_quiet:
            weight *= rules.credulity
        seen.pairs += 1
        rate = max(1.0 / rules.slow_ticks, 1.0 / seen.pairs) * weight
        self._get_used(seen, his.value, off, rate * (rules.patience if disturbed else 1.0))
        return seen.parted

    def _peer(self, place: Place, service: str, source: str) -> str | None:
        resource, name = place
        tick, known = self.couples[place].tick, self.couples[place].peer
        if known is not None and self._is_fresh((known, name), tick, ROUND):
            return known
        for twin in self.twins[service]:
            if twin.source == source or twin.resource == resource:
                continue
            is_fresh = self._is_fresh((twin.resource, name), tick, self.rules.window)
            if is_fresh and self.base(twin.source) >= WITNESS:
                return twin.resource
        return None

    def _is_fresh(self, place: Place, tick: int, most: int) -> bool:
        if place not in self.couples or self.series[place].points < self.rules.warmup:
            return False
        return tick - self.couples[place].tick <= most

    def _is_disturbed(self, place: Place) -> bool:
        mean, var = self.series[place].lasting
        usual = math.sqrt(var) + 0.01 * abs(mean) + 1e-6
        return abs(self.couples[place].off) > self.rules.quiet_z * usual

    def _leaning(self, source: str) -> float:
        shares, count = self.lean[source]
        return shares / (count + LEAN_SLACK)

    def _share(self, source: str, mine: float, theirs: float) -> float:
        share = abs(mine) / (abs(mine) + abs(theirs) + 1e-12)
        self.lean[source][0] += share - 0.5
        self.lean[source][1] += 1.0
        return share

    def _slowly(self, seen: Couple, source: str) -> float:
        guilt = _ramp(seen.guilt + LEANING * self._leaning(source), 0.4, 0.6)
        return _ramp(seen.summed, self.rules.part_quiet, self.rules.part_loud) * guilt

    def _sum_up(self, seen: Couple, his: Couple, z: float, *, name: str, source: str) -> float:
        rules, tide = self.rules, self.tide[name]
        is_known = seen.tick - self.turned[name] <= ROUND
        if abs(z) <= rules.part_loud_z:
            step, most = min(max(z, -MOST), MOST), 2.0 * rules.part_quiet
            seen.above = min(max(seen.above + step - rules.part_slack, 0.0), most)
            seen.below = min(max(seen.below - step - rules.part_slack, 0.0), most)
        if is_known and seen.summed > 0.5 * rules.part_quiet:
            share = self._share(source, seen.sway - tide, his.sway - tide)
            seen.guilt += SWAYING * (share - seen.guilt)
        if abs(z) <= rules.part_quiet_z:
            return 0.0
        share = self._share(source, seen.far - tide, his.far - tide) if is_known else 0.5
        guilt = _ramp(share + LEANING * self._leaning(source), 0.4, 0.6)
        return guilt * _ramp(abs(z), rules.part_quiet_z, rules.part_loud_z)

    def _spread(self, seen: Couple) -> float:
        return math.sqrt(seen.spread) + self.rules.part_floor * abs(seen.own) + 1e-9

    def _get_used(self, seen: Couple, y: float, off: float, rate: float) -> None:
        seen.own += rate * (seen.value - seen.own)
        seen.his += rate * (y - seen.his)
        shrink = 1.0
        if seen.pairs > self.rules.warmup:
            bound, shrink = 2.5 * self._spread(seen), 0.9776
            off = min(max(off, -bound), bound)
        seen.spread += rate * (off * off / shrink - seen.spread)

    def forget(self, source: str, share: float) -> None:
        """Let what pairs said of a channel fade by a tick."""
        self.lean[source] = [count * share for count in self.lean[source]]


def _ramp(x: float, low: float, high: float) -> float:
    return min(max((x - low) / (high - low), 0.0), 1.0)
