"""The readable twin of `evidence` and `twins`: claims, votes, and what replicas show."""

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from tam_workbench.trust.arrays import CLAIMS, TWINS
from tam_workbench.trust.evidence import WITNESS
from tam_workbench.trust.rules import TrustRules
from tam_workbench.trust.twins import FADE, ROUND, SLACK, SURPLUS_SHARE

Place = tuple[str, str]


@dataclass
class Doubt:
    """What speaks against a row, each 0 to 1; see `arrays.Doubted`."""

    level: float = 0.0
    support: float = 0.0
    heed: float = 1.0
    against: float = 0.0

    @property
    def silence(self) -> float:
        """Doubt because nobody else saw anything."""
        return self.level * (1.0 - self.support) * self.heed

    @property
    def doubt(self) -> float:
        """The worse of silence and contradiction."""
        return max(self.silence, self.against)


@dataclass
class Twin:
    """The resource that speaks for a channel among the twins of a service."""

    source: str
    resource: str
    turn: int


@dataclass
class Lines:
    """What a channel logs of a service: errors held at their peak, other lines averaged."""

    next_tick: int | None = None
    lately: float = 0.0
    volume: float = 0.0
    noise: float = 1.0
    surplus: float = 0.0


@dataclass
class Hearsay:
    """Who said what of which service, and how far others bear it out."""

    rules: TrustRules
    base: Callable[[str], float]
    claims: dict[str, list[tuple[Place, int, float]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    spoke: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    calls_to: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    memo: dict[tuple[str, str, str], float] = field(default_factory=dict)
    heed: dict[tuple[str, str, str], float] = field(default_factory=dict)
    kinds: dict[Place, set[str]] = field(default_factory=lambda: defaultdict(set))
    home: dict[str, int] = field(default_factory=dict)
    twins: dict[str, list[Twin]] = field(default_factory=lambda: defaultdict(list))
    offs: dict[Place, tuple[int, float, int]] = field(default_factory=dict)
    lines: dict[str, dict[str, Lines]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Lines))
    )

    def testify(self, service: str, tick: int, place: Place, said: float) -> None:
        """Leave a claim of a (channel, signal); nothing is said with no force."""
        claims = self.claims[service]
        if said <= 0.0:
            return
        mine = next((n for n, claim in enumerate(claims) if claim[0] == place), None)
        if mine is not None:
            if said >= claims[mine][2] or claims[mine][1] < tick:
                claims[mine] = (place, tick, said)
        elif len(claims) < CLAIMS:
            claims.append((place, tick, said))
        else:
            oldest = min(range(CLAIMS), key=lambda n: claims[n][1])
            claims[oldest] = (place, tick, said)

    def onlookers(self, service: str, tick: int, source: str, window: int) -> int:
        """Return how many other trusted channels spoke of a service lately."""
        return sum(
            self.base(other) >= WITNESS
            for other, last in self.spoke[service].items()
            if other != source and tick - last <= window
        )

    def support(self, service: str, tick: int, signal: str, source: str) -> float:
        """Return how far others support what a channel tells of a service; once a tick."""
        asked = (service, signal, source)
        if asked not in self.memo:
            self.memo[asked] = self._support(service, tick, signal, source)
        return self.memo[asked]

    def _support(self, service: str, tick: int, signal: str, source: str) -> float:
        rules = self.rules
        window = rules.breach_window if signal == "changes" else rules.window
        votes: dict[str, float] = {}
        own = 0.0
        for (who, kind), when, strength in self.claims[service]:
            said = min(strength / rules.enough, 1.0)
            if tick - when > window:
                continue
            if who != source:
                votes[who] = max(votes.get(who, 0.0), said)
            elif kind != signal:
                own = max(own, said)
        others = max(self.onlookers(service, tick, source, window), len(votes))
        witnesses = others + bool(self.kinds[service, source] - {signal})
        share = witnesses / rules.votes if signal == "metrics" else witnesses
        self.heed[service, signal, source] = min(share, 1.0)
        support = own
        if others:
            support = min(sum(votes.values()) / min(rules.votes, 0.5 * (1.0 + others)), 1.0)
        if others < rules.votes:
            near = self._below(service, tick, source if others else "")
            support = max(support, rules.neighbour * near)
        return support

    def _below(self, service: str, tick: int, source: str) -> float:
        said = [
            min(strength / self.rules.enough, 1.0)
            for called in self.calls_to[service] - {service}
            for (who, kind), when, strength in self.claims[called]
            if who != source and kind != "metrics" and tick - when <= self.rules.window
        ]
        return max(said, default=0.0)

    def enlist(self, resource: str, service: str, source: str, tick: int) -> None:
        """Let a resource speak for its channel, once a round."""
        turn, twins = tick // ROUND, self.twins[service]
        if self.home.get(resource) == turn:
            return
        self.home[resource] = turn
        mine = next((twin for twin in twins if twin.source == source), None)
        if mine is None:
            stale = next((twin for twin in twins if twin.turn < turn - 1), None)
            if stale is not None:
                stale.source, stale.resource, stale.turn = source, resource, turn
            elif len(twins) < TWINS:
                twins.append(Twin(source, resource, turn))
        elif mine.resource == resource or mine.turn < turn:
            mine.resource, mine.turn = resource, turn

    def confirmation(self, service: str, place: Place, source: str, tick: int) -> float:
        """Return how far twins share a metric's deviation, -1 without one."""
        off, best = self.offs[place][1], -1.0
        for twin in self.twins[service]:
            when, theirs, points = self.offs.get((twin.resource, place[1]), (0, 0.0, 0))
            if twin.source == source or self.base(twin.source) < WITNESS:
                continue
            if points >= self.rules.warmup and tick - when <= self.rules.window:
                share = theirs / off if off != 0.0 else 1.0
                best = max(best, min(max(2.0 * share / self.rules.twin_share - 1.0, 0.0), 1.0))
        return best

    def listen(self, voice: Place, errors: int, lines: int, tick: int) -> None:
        """Take in a tick of a channel's lines about a service."""
        heard = self.lines[voice[0]][voice[1]]
        silent = math.inf if heard.next_tick is None else tick - heard.next_tick
        held = heard.lately * math.pow(1.0 - FADE, silent + 1.0)
        heard.lately = max(float(errors), held + FADE * errors)
        if math.isfinite(silent):
            slack = self.rules.surplus_slack * (silent + 1.0)
            heard.surplus = max(heard.surplus - slack, 0.0)
        rate = 1.0 / self.rules.fast_ticks if heard.volume > 0.0 else 1.0
        heard.volume += rate * (lines - heard.volume)
        heard.next_tick = tick + 1

    def excess(self, voice: Place, errors: int) -> tuple[float, float]:
        """Return how far errors exceed what other channels let expect, and that number."""
        own, lately, volume = self.lines[voice[0]][voice[1]], 0.0, 0.0
        assert own.next_tick is not None
        for source, heard in self.lines[voice[0]].items():
            if source == voice[1] or heard.volume <= 0.0 or self.base(source) < WITNESS:
                continue
            assert heard.next_tick is not None
            silent = own.next_tick - heard.next_tick
            if silent <= self.rules.breach_window:
                lately += heard.lately * math.pow(1.0 - FADE, silent)
                volume += heard.volume
        if volume <= 0.0 or own.volume <= 0.0:
            return 0.0, -1.0
        expected = lately * own.volume / volume
        most, rules = SURPLUS_SHARE * expected, self.rules
        own.surplus = min(max(own.surplus + errors - most, 0.0), 2.0 * rules.surplus_loud)
        if not errors:
            return 0.0, expected
        z = (errors - expected) / math.sqrt(own.noise * expected + SLACK)
        storm = (z - rules.quiet_count_z) / (rules.loud_count_z - rules.quiet_count_z)
        summed = (own.surplus - rules.surplus_quiet) / (rules.surplus_loud - rules.surplus_quiet)
        unheard = max(1.0 - most / errors, 0.0)
        lasting = min(max(summed, 0.0), 1.0) * unheard
        return max(min(max(storm, 0.0), 1.0), lasting), expected

    def aloof(self, errors: int, expected: float) -> float:
        """Return how little of a channel's errors others let expect; 0 without others."""
        if not errors or expected < 0.0:
            return 0.0
        shared = 2.0 * expected / (errors * self.rules.twin_share) - 1.0
        return 1.0 - min(max(shared, 0.0), 1.0)

    def learn_noise(self, voice: Place, errors: int, expected: float, belief: float) -> None:
        """Learn how much a channel's errors scatter about what others let expect."""
        if expected >= 0.5:
            heard = self.lines[voice[0]][voice[1]]
            scatter = min((errors - expected) ** 2 / (expected + SLACK), 1.0)
            heard.noise += belief / self.rules.fast_ticks * (scatter - heard.noise)
