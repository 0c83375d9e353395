"""Associations: what was seen together, kept as a bounded, fading graph (Hebb, 1949).

Each edge holds a latent z; its weight is read out as wmax * tanh(z / wmax). Learning adds to z,
so a signal of zero changes nothing, and what was learnt can be unlearnt. Fading is computed
from timestamps when read: reading a hundred times fades as much as reading once.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tam_workbench.errors import BadInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationRules:
    """How associations are learnt, fade and spread."""

    eta: float = 0.1
    """Step of learning: z grows by eta * signal * (1 + surprise). 0 switches learning off."""

    wmax: float = 1.0
    """Bound of a weight."""

    clip: float = 3.0
    """Bound of |z| in units of wmax, so that a sure association can still be unlearnt."""

    fade_per_s: float = 1e-6
    """Rate lambda of z * exp(-lambda * idle); 1e-6 halves in 8 days. 0 never fades."""

    grace_s: float = 86_400.0
    """Idle seconds (24 h) before an association begins to fade."""

    most: int = 50
    """Edges of a node; the weakest goes first."""

    steps: int = 2
    """Hops that recall spreads over."""

    damping: float = 0.5
    """Share of its activation that a node hands on at each hop."""

    least: float = 0.01
    """Activation under which a node is not reported or followed."""


class Associations:
    """An undirected graph of names with signed, fading weights.

    Examples
    --------
    >>> from datetime import UTC, timedelta
    >>> start = datetime(2024, 1, 1, tzinfo=UTC)
    >>> graph = Associations()
    >>> for _ in range(5):
    ...     graph.learn("oom", "deploy", signal=1.0, surprise=0.5, now=start)
    >>> round(graph.weight("deploy", "oom", now=start), 3)
    0.635
    >>> round(graph.weight("oom", "deploy", now=start + timedelta(days=9)), 3)
    0.359
    >>> graph.learn("oom", "disk", signal=-1.0, now=start)
    >>> graph.weight("oom", "disk", now=start) < 0
    True
    """

    def __init__(self, rules: AssociationRules | None = None) -> None:
        self._rules = rules or AssociationRules()
        self._edges: dict[str, dict[str, tuple[float, datetime]]] = {}
        self._is_frozen = False

    def __len__(self) -> int:
        return sum(len(edges) for edges in self._edges.values()) // 2

    @property
    def is_frozen(self) -> bool:
        """Whether learning is switched off, for a score that can be repeated."""
        return self._is_frozen

    def freeze(self) -> None:
        """Learn nothing more until `thaw`."""
        self._is_frozen = True

    def thaw(self) -> None:
        """Learn again."""
        self._is_frozen = False

    def learn(
        self, one: str, other: str, *, signal: float, now: datetime, surprise: float = 0.0
    ) -> None:
        """Strengthen (``signal`` above 0) or contradict (below) the tie of two names.

        Parameters
        ----------
        signal
            How strongly they went together, about -1 to 1; 0 changes nothing, no timestamp either.
        now
            World time; an older one than the last is taken as the last.
        surprise
            Quantile in [0, 1]: what was unexpected is learnt up to twice as fast.
        """
        if not math.isfinite(signal) or not 0.0 <= surprise <= 1.0:
            raise BadInputError(
                f"association {one!r} - {other!r}: signal {signal} must be finite and "
                f"surprise {surprise} within 0 to 1"
            )
        if self._is_frozen or signal == 0.0 or one == other:
            return
        rules = self._rules
        kept = self._edges.get(one, {}).get(other)
        at = now if kept is None else max(now, kept[1])
        z = self._latent(one, other, at) + rules.eta * signal * (1.0 + surprise)
        bound = rules.clip * rules.wmax
        row = (min(bound, max(-bound, z)), at)
        self._edges.setdefault(one, {})[other] = row
        self._edges.setdefault(other, {})[one] = row
        for name in (one, other):
            self._thin(name, at)

    def weight(self, one: str, other: str, *, now: datetime) -> float:
        """Return the tie in (-wmax, wmax), 0 where there is none."""
        return self._rules.wmax * math.tanh(self._latent(one, other, now) / self._rules.wmax)

    def neighbours(self, name: str, *, now: datetime) -> dict[str, float]:
        """Return the ties of a name, strongest first; inhibitory ones are below zero."""
        weights = {other: self.weight(name, other, now=now) for other in self._edges.get(name, {})}
        return dict(sorted(weights.items(), key=lambda item: (-abs(item[1]), item[0])))

    def spread(self, seeds: Mapping[str, float], *, now: datetime) -> dict[str, float]:
        """Return what the seeds bring to mind: activation in [-1, 1], strongest first.

        ``steps`` hops of a_j += damping * a_i * w_ij / max(wmax, norm of i's weights): the norm
        keeps hubs from bringing everything to mind, and many faint ties from hiding a strong
        one, as the root of the degree would. Inhibited names are below zero and hand on nothing.
        """
        total = dict(seeds)
        wave = dict(seeds)
        for _ in range(self._rules.steps):
            wave = self._next_wave(wave, now)
            for name, activation in wave.items():
                total[name] = min(1.0, max(-1.0, total.get(name, 0.0) + activation))
        felt = {name: value for name, value in total.items() if abs(value) >= self._rules.least}
        return dict(sorted(felt.items(), key=lambda item: (-item[1], item[0])))

    def forget(self, name: str) -> None:
        """Drop a name with all its ties."""
        for other in self._edges.pop(name, {}):
            self._edges[other].pop(name, None)

    def state(self) -> dict[str, Any]:
        """Return plain containers for the checkpoint."""
        return {
            "frozen": self._is_frozen,
            "edges": [
                [one, other, z, at.isoformat()]
                for one, edges in sorted(self._edges.items())
                for other, (z, at) in edges.items()
                if one < other
            ],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `state` described."""
        self._is_frozen = bool(state["frozen"])
        self._edges = {}
        for one, other, z, stamp in state["edges"]:
            row = (float(z), datetime.fromisoformat(stamp))
            self._edges.setdefault(one, {})[other] = row
            self._edges.setdefault(other, {})[one] = row

    def _latent(self, one: str, other: str, now: datetime) -> float:
        z, at = self._edges.get(one, {}).get(other, (0.0, now))
        idle_s = max(0.0, (now - at).total_seconds() - self._rules.grace_s)
        return z * math.exp(-self._rules.fade_per_s * idle_s)

    def _thin(self, name: str, now: datetime) -> None:
        edges = self._edges[name]
        while len(edges) > self._rules.most:
            weakest = min(edges, key=lambda o: (abs(self._latent(name, o, now)), edges[o][1], o))
            edges.pop(weakest)
            self._edges[weakest].pop(name, None)

    def _next_wave(self, wave: Mapping[str, float], now: datetime) -> dict[str, float]:
        reached: dict[str, float] = {}
        for name, activation in wave.items():
            if activation < self._rules.least:
                continue
            ties = self.neighbours(name, now=now)
            norm = math.sqrt(sum(weight * weight for weight in ties.values()))
            share = self._rules.damping * activation / max(self._rules.wmax, norm)
            for other, weight in ties.items():
                reached[other] = reached.get(other, 0.0) + share * weight
        return reached
