"""The correlator: facts in, edges, incidents and facts of absence out, as they come."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tam_workbench.causal.calibrating import Example
from tam_workbench.causal.correlator_absence import Absences
from tam_workbench.causal.correlator_incidents import ClusterIncident, Incidents
from tam_workbench.causal.correlator_index import Index, Known
from tam_workbench.causal.correlator_rules import Rules, tables_of
from tam_workbench.causal.correlator_state import fact_of, joined, mapping_of
from tam_workbench.causal.correlator_weighing import candidates_of, contests, edges_into
from tam_workbench.causal.graph import CausalGraph
from tam_workbench.causal.matching import CUT, order_of
from tam_workbench.causal.pattern import Pattern
from tam_workbench.causal.pattern_shelf import patterns as shipped
from tam_workbench.errors import BadInputError
from tam_workbench.records import Edge, Fact

DEFAULTS = Rules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlated:
    """What some facts changed.

    ``edges`` are new, or known with another confidence (they replace by cause and effect);
    ``retracted`` no longer hold; ``derived`` are facts made of absence, ``withdrawn`` the ids of
    those that a late fact refuted; ``dropped`` are the edges of facts that were let go for
    their age: true, but no longer held here.
    """

    edges: tuple[Edge, ...] = ()
    incidents: tuple[ClusterIncident, ...] = ()
    retracted: tuple[Edge, ...] = ()
    derived: tuple[Fact, ...] = ()
    withdrawn: tuple[str, ...] = ()
    dropped: tuple[Edge, ...] = ()


class Correlator:
    """Links causes to effects by patterns, incrementally; late facts are as good as others.

    The graph is a function of the set of facts: told twice, late, in another order or in other
    time zones, they give the same edges. Every edge follows one total order (`order_of`), so
    the graph has no cycle and no effect is before its cause by more than ``rules.skew_s``.

    Parameters
    ----------
    patterns
        What is known to lead to what; the shipped ones if None.
    rules
        Clock skew, thresholds, how much is kept.

    Examples
    --------
    >>> from datetime import UTC, timedelta
    >>> from tam_workbench.records import ObjectRef
    >>> may = datetime(2026, 5, 1, 12, tzinfo=UTC)
    >>> pod = ObjectRef(cluster="c", kind="Pod", namespace="shop", name="web-1", uid="u1")
    >>> node = ObjectRef(cluster="c", kind="Node", name="n1", uid="u2")
    >>> facts = [
    ...     Fact(id="kill", kind="oom_killed", subject=pod, involved={"node": node},
    ...         happened_at=may + timedelta(seconds=20), observed_at=may,
    ...         payload={"container": "app", "restart_count": 0}),
    ...     Fact(id="pressure", kind="node_pressure", subject=node, happened_at=may,
    ...         observed_at=may, payload={"type": "MemoryPressure"})]
    >>> correlator = Correlator()
    >>> [(edge.cause, edge.effect) for edge in correlator.take(facts, now=may).edges]
    [('pressure', 'kill')]
    >>> correlator.take(facts, now=may).edges
    ()
    """

    def __init__(
        self, patterns: Sequence[Pattern] | None = None, *, rules: Rules = DEFAULTS
    ) -> None:
        self.patterns = tuple(shipped() if patterns is None else patterns)
        self.rules = rules
        self.graph = CausalGraph()
        self._tables = tables_of(self.patterns, rules)
        self._index = Index(self._tables.sorts)
        self._incidents = Incidents(quiet_s=rules.quiet_s)
        self._absences = Absences(self._tables, self._index, skew_s=rules.skew_s)
        self._derived: dict[str, frozenset[str]] = {}  # trigger -> ids of facts of absence
        self._newest = 0.0

    @property
    def incidents(self) -> tuple[ClusterIncident, ...]:
        """All incidents, by their beginning."""
        return self._incidents.current()

    def take(self, facts: Iterable[Fact], *, now: datetime) -> Correlated:
        """Take facts in, in any order, and return what they changed."""
        round_ = _Round()
        for fact in facts:
            self._admit(fact, round_)
        return self._close(round_, now)

    def due(self, now: datetime) -> Correlated:
        """Return what the absence timers that ran out by ``now`` say."""
        return self._close(_Round(), now)

    def examples(self) -> Iterator[Example]:
        """Yield every pair that was weighed, with its rivals: what `fit` learns from."""
        for known in self._index.known.values():
            rules = self._tables.rules.get(known.fact.kind, ())
            candidates = candidates_of(known, rules, self._index, self.rules)
            for member, rivals in contests(candidates):
                yield Example(
                    member.cause.fact.id,
                    known.fact.id,
                    member.features,
                    tuple(rival.features for rival in rivals),
                )

    def state(self) -> dict[str, Any]:
        """Return what is known, in JSON's types; edges are found again from it."""
        own = {fact_id for ids in self._derived.values() for fact_id in ids}
        facts = [known.fact for known in self._index.known.values() if known.fact.id not in own]
        return {"facts": [mapping_of(fact) for fact in facts], "newest": self._newest}

    def restore(self, state: Mapping[str, Any], *, now: datetime) -> Correlated:
        """Take back what `state` returned, into an empty correlator."""
        return self.take((fact_of(row) for row in state["facts"]), now=now)

    def _admit(self, fact: Fact, round_: "_Round") -> None:
        held = self._index.known.get(fact.id)
        if held is not None:
            fact = joined(held.fact, fact)
            if fact == held.fact:
                return
            self._remove(held, round_)
        if fact.happened_at.tzinfo is None:
            raise BadInputError(f"fact {fact.id} ({fact.kind}): its time has no zone; give one")
        at = fact.happened_at.timestamp()
        if at < self._newest - self.rules.keep_s:
            return
        self._newest = max(self._newest, at)
        known = Known(fact, at=at, order=order_of(fact, at=at, skew_s=self.rules.skew_s))
        round_.fresh.append(known)
        self._index.add(known)
        self.graph.put_fact(fact)
        self._touch(known, round_)
        if held is None:
            self._incidents.add(known)
        else:
            self._incidents.replace(held, known, self._index.known)

    def _touch(self, known: Known, round_: "_Round") -> None:
        """Note which effects may have other causes now that this fact has come (or gone)."""
        kind, index, at = known.fact.kind, self._index, known.at
        if kind in self._tables.rules:
            round_.effects.add(known.fact.id)
        since = at - self.rules.skew_s - CUT
        for trigger in self._tables.triggers.get(kind, ()):
            for key in known.keys(trigger.own_sort):
                name = trigger.prefix + key
                for effect_kind, reach_s in trigger.kinds:
                    if index.has_since((name, effect_kind), since):
                        for effect in index.between((name, effect_kind), since, at + reach_s):
                            round_.effects.add(effect.fact.id)
        round_.triggers |= self._absences.note(known)

    def _remove(self, known: Known, round_: "_Round") -> None:
        self._index.remove(known.fact.id)
        self._touch(known, round_)
        self._absences.forget(known)
        round_.effects.discard(known.fact.id)
        round_.retracted.extend(self.graph.drop([known.fact.id]))

    def _close(self, round_: "_Round", now: datetime) -> Correlated:
        round_.triggers |= self._absences.run_out(now.timestamp())
        for trigger in sorted(round_.triggers):
            self._settle_absence(trigger, round_)
        for effect_id in round_.effects:
            self._settle_effect(effect_id, round_)
        for known in round_.fresh:
            known.rest()
        self._let_go(round_)
        kept = {(edge.cause, edge.effect) for edge in round_.edges}
        return Correlated(
            edges=tuple(sorted(round_.edges, key=_by_time)),
            incidents=self._incidents.changed(),
            retracted=tuple(e for e in round_.retracted if (e.cause, e.effect) not in kept),
            derived=tuple(round_.derived),
            withdrawn=tuple(round_.withdrawn),
            dropped=tuple(round_.dropped),
        )

    def _settle_absence(self, trigger: str, round_: "_Round") -> None:
        found = self._absences.derive(trigger)
        ids = frozenset(fact.id for fact in found)
        before = self._derived.get(trigger, frozenset())
        self._derived[trigger] = ids
        for gone in sorted(before - ids):
            self._remove(self._index.known[gone], round_)
            round_.withdrawn.append(gone)
        for fact in found:
            if fact.id not in before:
                round_.derived.append(fact)
                self._admit(fact, round_)

    def _settle_effect(self, effect_id: str, round_: "_Round") -> None:
        effect = self._index.known.get(effect_id)
        if effect is None:
            return
        rules = self._tables.rules.get(effect.fact.kind, ())
        found = edges_into(effect, rules, self._index, self.rules)
        before = {edge.cause: edge for edge in self.graph.causes(effect_id)}
        if not found and not before:
            return
        self.graph.set_causes(effect_id, found)
        round_.edges.extend(edge for c, (edge, _) in found.items() if before.get(c) != edge)
        round_.retracted.extend(edge for cause, edge in before.items() if cause not in found)

    def _let_go(self, round_: "_Round") -> None:
        """Let go of what is too old or too much, the oldest first, in a few large steps."""
        known = self._index.known
        horizon = self._newest - self.rules.keep_s
        is_much = len(known) > self.rules.max_facts
        if not is_much and self._oldest_kept(horizon):
            return
        rows = sorted((one.at, fact_id) for fact_id, one in known.items())
        surplus = len(rows) - int(self.rules.max_facts * 0.9) if is_much else 0
        gone = [
            fact_id for number, (at, fact_id) in enumerate(rows) if number < surplus or at < horizon
        ]
        for fact_id in gone:
            self._absences.forget(known[fact_id])
            self._index.remove(fact_id)
            self._derived.pop(fact_id, None)
        round_.dropped.extend(self.graph.drop(gone))
        self._incidents.forget(horizon)
        self._swept = self._newest

    _swept = 0.0

    def _oldest_kept(self, horizon: float) -> bool:
        """Return whether a sweep for age can wait: one in each eighth of what is kept."""
        if not self._swept:
            self._swept = self._newest
        return horizon < self._swept - 0.875 * self.rules.keep_s


class _Round:
    """What one call found so far."""

    __slots__ = (
        "derived",
        "dropped",
        "edges",
        "effects",
        "fresh",
        "retracted",
        "triggers",
        "withdrawn",
    )

    def __init__(self) -> None:
        self.effects: set[str] = set()
        self.fresh: list[Known] = []
        self.triggers: set[str] = set()
        self.edges: list[Edge] = []
        self.retracted: list[Edge] = []
        self.dropped: list[Edge] = []
        self.derived: list[Fact] = []
        self.withdrawn: list[str] = []


def _by_time(edge: Edge) -> tuple[datetime, str, str]:
    return (edge.observed_at, edge.effect, edge.cause)
