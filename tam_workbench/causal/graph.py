"""The causal graph: facts, and the typed edges between them."""

from collections.abc import Iterable, Mapping

from tam_workbench.causal.tracing import affected, trace
from tam_workbench.records import Cause, Edge, Fact


class CausalGraph:
    """Facts by id with the edges into and out of each.

    An edge is a reason, or only a precondition (``is_reason`` when it is put): a trace follows
    reasons.
    """

    def __init__(self) -> None:
        self._facts: dict[str, Fact] = {}
        self._causes: dict[str, dict[str, Edge]] = {}
        self._effects: dict[str, set[str]] = {}
        self._preconditions: set[tuple[str, str]] = set()

    @property
    def facts(self) -> Mapping[str, Fact]:
        """Facts by id."""
        return self._facts

    @property
    def edges(self) -> tuple[Edge, ...]:
        """All edges, by effect and cause."""
        return tuple(
            self._causes[effect][cause]
            for effect in sorted(self._causes)
            for cause in sorted(self._causes[effect])
        )

    def causes(self, fact_id: str) -> tuple[Edge, ...]:
        """Return the edges into a fact, the surest first."""
        found = self._causes.get(fact_id, {}).values()
        return tuple(sorted(found, key=lambda edge: (-edge.confidence, edge.cause)))

    def reasons(self, fact_id: str) -> tuple[Edge, ...]:
        """Return the edges into a fact that say why, not only what had to be; surest first."""
        return tuple(
            edge
            for edge in self.causes(fact_id)
            if (edge.cause, fact_id) not in self._preconditions
        )

    def effects(self, fact_id: str) -> tuple[Edge, ...]:
        """Return the edges out of a fact, the earliest effect first."""
        found = [self._causes[effect][fact_id] for effect in self._effects.get(fact_id, ())]
        return tuple(sorted(found, key=lambda edge: (edge.observed_at, edge.effect)))

    def trace(self, fact_id: str, *, depth: int = 16, k: int = 5) -> list[Cause]:
        """Return what caused a fact, the likeliest root cause first; see `causal.trace`."""
        return trace(self, fact_id, depth=depth, k=k)

    def affected(self, fact_id: str, *, depth: int = 8) -> list[Fact]:
        """Return all that a fact led to, nearest first; see `causal.affected`."""
        return affected(self, fact_id, depth=depth)

    def put_fact(self, fact: Fact) -> None:
        """Add a fact, or replace it by its id."""
        self._facts[fact.id] = fact

    def set_causes(self, effect: str, found: Mapping[str, tuple[Edge, bool]]) -> None:
        """Replace all edges into a fact; each with whether it is a reason."""
        self._clear_causes(effect)
        for cause, (edge, is_reason) in found.items():
            self._causes.setdefault(effect, {})[cause] = edge
            self._effects.setdefault(cause, set()).add(effect)
            if not is_reason:
                self._preconditions.add((cause, effect))

    def drop(self, fact_ids: Iterable[str]) -> list[Edge]:
        """Forget facts with all their edges, and return those edges."""
        gone: list[Edge] = []
        for fact_id in fact_ids:
            self._facts.pop(fact_id, None)
            gone.extend(self._causes.get(fact_id, {}).values())
            self._clear_causes(fact_id)
            for effect in self._effects.pop(fact_id, ()):
                gone.append(self._causes[effect].pop(fact_id))
                self._preconditions.discard((fact_id, effect))
                if not self._causes[effect]:
                    del self._causes[effect]
        return gone

    def _clear_causes(self, effect: str) -> None:
        for cause in self._causes.pop(effect, ()):
            self._preconditions.discard((cause, effect))
            others = self._effects.get(cause)
            if others is not None:
                others.discard(effect)
                if not others:
                    del self._effects[cause]
