"""Surprise: how unexpected something was, as its place among what has been seen lately.

The bits -log2 p under a predictive model mean little by themselves; a fixed threshold on them is
never reached on one stream and always on another. So they become a running quantile: by
construction about one in twenty stands above 0.95.
"""

import bisect
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class SurpriseRules:
    """How bits become a quantile."""

    high: float = 0.95
    """Quantile from which something is surprising: about 5 % of a stream."""

    window: int = 2048
    """Values the quantile is taken over; older ones are dropped, so it follows drift."""

    warm_up: int = 50
    """Values before which every quantile is 0.5: too few to say."""

    newness: float = 1.0
    """Pseudo-count of "something never seen" in the model of symbols; above 0."""

    symbols: int = 4096
    """Symbols a context counts; the rarest are dropped beyond."""


class RunningQuantile:
    """The quantile of a value among the last ``window``, exact, in bounded memory.

    Equals share their middle rank, so a constant stream is never surprising.

    Examples
    --------
    >>> seen = RunningQuantile(window=100, warm_up=5)
    >>> for value in range(10):
    ...     seen.update(float(value))
    >>> seen.quantile(9.0), seen.quantile(99.0), seen.quantile(0.0)
    (0.95, 1.0, 0.05)
    """

    def __init__(self, *, window: int = 2048, warm_up: int = 50) -> None:
        self._window, self._warm_up = window, warm_up
        self._sorted: list[float] = []
        self._order: deque[float] = deque()

    def __len__(self) -> int:
        return len(self._order)

    @property
    def is_warm(self) -> bool:
        """Whether enough was seen to say anything."""
        return len(self._order) >= self._warm_up

    def quantile(self, value: float) -> float:
        """Return the share of seen values below ``value``, equals by half; 0.5 until warm."""
        if not self.is_warm:
            return 0.5
        below = bisect.bisect_left(self._sorted, value)
        equal = bisect.bisect_right(self._sorted, value) - below
        return (below + equal / 2.0) / len(self._sorted)

    def update(self, value: float) -> None:
        """Take a value in; one that is not a number is passed over."""
        if math.isnan(value):
            return
        self._order.append(value)
        bisect.insort(self._sorted, value)
        if len(self._order) > self._window:
            self._sorted.pop(bisect.bisect_left(self._sorted, self._order.popleft()))

    def state(self) -> dict[str, Any]:
        """Return plain containers for the checkpoint."""
        return {"values": list(self._order)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `state` described."""
        self._order = deque(state["values"])
        self._sorted = sorted(self._order)


class Surprise:
    """The surprise of symbols (signatures, templates, actions), each in its context (a service).

    p(symbol | context) = (count + a * p(symbol)) / (n + a) with p(symbol) = (total + a / 2^16) /
    (N + a): a context that is new leans on all others.

    Examples
    --------
    >>> surprise = Surprise(SurpriseRules(warm_up=20))
    >>> for tick in range(60):
    ...     surprise.update("web", f"routine-{tick % 5}")
    >>> surprise.quantile("web", "never seen"), surprise.quantile("web", "routine-1") < 0.5
    (1.0, True)
    """

    def __init__(self, rules: SurpriseRules | None = None) -> None:
        self._rules = rules or SurpriseRules()
        self._seen = RunningQuantile(window=self._rules.window, warm_up=self._rules.warm_up)
        self._counts: dict[str, dict[str, int]] = {}
        self._totals: dict[str, int] = {}
        self._sizes: dict[str, int] = {}  # of each context
        self._size = 0

    @property
    def is_warm(self) -> bool:
        """Whether enough was seen to call anything surprising."""
        return self._seen.is_warm

    def bits(self, context: str, symbol: str) -> float:
        """Return -log2 p(symbol | context)."""
        a = self._rules.newness
        totals, counts = self._totals, self._counts.get(context, {})
        at_all = (totals.get(symbol, 0) + a / 65_536) / (self._size + a)
        p = (counts.get(symbol, 0) + a * at_all) / (self._sizes.get(context, 0) + a)
        return -math.log2(min(1.0, p))

    def quantile(self, context: str, symbol: str) -> float:
        """Return how surprising it would be now, in [0, 1]; 0.5 until warm."""
        return self._seen.quantile(self.bits(context, symbol))

    def is_high(self, context: str, symbol: str) -> bool:
        """Return whether it stands in the high bucket."""
        return self.quantile(context, symbol) >= self._rules.high

    def update(self, context: str, symbol: str) -> None:
        """Take it in: it will surprise less."""
        self._seen.update(self.bits(context, symbol))
        grown = self._count(self._counts.setdefault(context, {}), symbol)
        self._sizes[context] = self._sizes.get(context, 0) + grown
        self._size += self._count(self._totals, symbol)

    def state(self) -> dict[str, Any]:
        """Return plain containers for the checkpoint."""
        return {
            "seen": self._seen.state(),
            "counts": {context: dict(counts) for context, counts in self._counts.items()},
            "totals": dict(self._totals),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `state` described."""
        self._seen.restore(state["seen"])
        self._counts = {context: dict(counts) for context, counts in state["counts"].items()}
        self._totals = dict(state["totals"])
        self._sizes = {context: sum(counts.values()) for context, counts in self._counts.items()}
        self._size = sum(self._totals.values())

    def _count(self, counts: dict[str, int], symbol: str) -> int:
        """Count a symbol and return by how much all counts together grew."""
        counts[symbol] = counts.get(symbol, 0) + 1
        if len(counts) <= self._rules.symbols:
            return 1
        return 1 - counts.pop(min(counts, key=lambda name: (counts[name], name)))
