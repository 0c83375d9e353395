"""Onset: when an incident began, found in the stream of evidence as it comes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class OnsetRules:
    """When evidence makes an incident; the same for every stream."""

    allowance: float = 4.0
    """Nats per tick that a healthy service may show. Evidence of -log p has a mean of 1 nat; the
    rest is for baselines that are young. More waits longer, less alarms sooner."""

    alarm: float = 5.0
    """Nats beyond the allowance, summed over ticks, that open an incident."""


class Onset:
    """Page's cumulative sum over the evidence of each service (Page 1954).

    Each service's sum grows by its evidence less an allowance and never falls below 0. When a sum
    passes the alarm, an incident is open, and it began when that sum last left 0.

    Examples
    --------
    >>> onset = Onset(OnsetRules(allowance=3.0, alarm=6.0))
    >>> for tick, nats in enumerate([1.0, 2.0, 8.0, 9.0]):
    ...     onset.update({"cart": nats, "web": 1.0}, at=float(tick))
    >>> onset.is_open, onset.began_at, onset.alarmed_at, onset.service
    (True, 2.0, 3.0, 'cart')
    """

    def __init__(self, rules: OnsetRules | None = None) -> None:
        self.rules = rules or OnsetRules()
        self._sums: dict[str, float] = {}
        self._left: dict[str, float] = {}
        self.began_at: float | None = None
        self.alarmed_at: float | None = None
        self.service: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether an incident is under way."""
        return self.alarmed_at is not None

    def update(self, nats: Mapping[str, float], *, at: float) -> None:
        """Take the evidence of one tick; services not named are as quiet as can be."""
        for service in {*self._sums, *nats}:
            told = max(self._sums.get(service, 0.0), 0.0)
            total = told + nats.get(service, 0.0) - self.rules.allowance
            if total <= 0.0:
                self._sums.pop(service, None)
                self._left.pop(service, None)
                continue
            self._left.setdefault(service, at)
            self._sums[service] = total
        if not self.is_open and self._sums:
            most = max(sorted(self._sums), key=self._sums.__getitem__)
            if self._sums[most] > self.rules.alarm:
                self.alarmed_at, self.service = at, most
                self.began_at = self._left[most]

    @property
    def suspected_since(self) -> float | None:
        """When the oldest sum above 0 left it; ticks before may teach what is usual."""
        return min(self._left.values(), default=None)

    def close(self) -> None:
        """End the incident, and start all sums at 0."""
        self._sums.clear()
        self._left.clear()
        self.began_at = self.alarmed_at = self.service = None

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs, in plain containers."""
        return {
            "sums": dict(self._sums),
            "left": dict(self._left),
            "open": [self.began_at, self.alarmed_at, self.service],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self._sums, self._left = dict(state["sums"]), dict(state["left"])
        self.began_at, self.alarmed_at, self.service = state["open"]
