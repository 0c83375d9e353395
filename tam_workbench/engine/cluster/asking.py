"""Asking: what caused this, seen before, state at a time, what changed, what is affected."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from tam_workbench import causal
from tam_workbench.causal import ClusterIncident, StateChange
from tam_workbench.causal.correlator_incidents import KILLS, TROUBLE
from tam_workbench.engine.cluster.view import ClusterView
from tam_workbench.errors import BadInputError
from tam_workbench.records import Cause, Expiring, Fact, Hit, ObjectRef, Where

if TYPE_CHECKING:
    from tam_workbench.engine.remembering import Memory


def like(memory: "Memory", *, k: int = 5) -> "Recall":
    """Return how to ask a memory for what is like a text."""

    def recall(text: str, service: str) -> Sequence[Hit]:
        found = memory.recall(text, k=k, where=Where(services=(service,)))
        return found.hits

    return recall


Recall = Callable[[str, str], Sequence[Hit]]
"""Returns memories like a text, of a service."""


SHOWN: Final = 8
"""Digits of an id that are enough to name it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caused:
    """Why something happened: the effect that was asked for, and its causes, the root first."""

    effect: Fact
    causes: tuple[Cause, ...]
    facts: tuple[Fact, ...]  # along the way of the first cause, the cause first


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenBefore:
    """The same trouble of a workload over time, and what helped."""

    workload: ObjectRef
    incidents: tuple[ClusterIncident, ...]  # the oldest first
    times: int  # how often it happened in them, all together
    first_at: datetime | None
    last_at: datetime | None
    gaps_s: tuple[float, ...]  # from the end of each to the beginning of the next
    elsewhere: tuple[ClusterIncident, ...]  # of other workloads, with the same kinds
    memories: tuple[Hit, ...]  # what was done about the like of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """One object that something led to, with the facts that say so."""

    object: ObjectRef
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSummary:
    """How much is known of a cluster."""

    cluster: str
    objects: dict[str, int]  # living ones, by kind
    facts: dict[str, int]  # by kind
    edges: int
    incidents: int
    gaps: int
    versions: int
    first_at: datetime | None
    last_at: datetime | None


class ClusterQuestions:
    """Answers questions about clusters; changes nothing.

    An object is named by its uid, ``Kind/name`` or ``namespace/Kind/name``; a fact by its id.
    """

    def __init__(self, view: ClusterView, *, recall: Recall | None = None) -> None:
        self._view = view
        self._recall = recall

    @property
    def newest(self) -> datetime | None:
        """Up to when the stream was seen; None when nothing was."""
        return self._view.newest

    @property
    def is_of_many(self) -> bool:
        """Whether more than one cluster is known, so that a path alone says too little."""
        return len(self._view.derivers) > 1

    def cause(self, what: str, *, at: datetime | None = None, k: int = 5) -> Caused:
        """Return what caused the last trouble of an object (by a time), or a fact."""
        effect = self._effect(what, at)
        causes = self._view.graph.trace(effect.id, k=k)
        way = causes[0].path if causes else (effect.id,)
        facts = tuple(self._view.graph.facts[one] for one in way if one in self._view.graph.facts)
        return Caused(effect=effect, causes=tuple(causes), facts=facts)

    def seen_before(self, what: str) -> SeenBefore:
        """Return how often the last trouble of an object came before, when, and what helped."""
        ref, kinds = self._trouble_of(what)
        same: list[ClusterIncident] = []
        others: list[ClusterIncident] = []
        for incident in self._view.incidents.values():
            if kinds & set(incident.counts):
                is_same = same_workload(incident.workload, ref)
                (same if is_same else others).append(incident)
        same.sort(key=_begun)
        others.sort(key=_begun)
        text = f"{ref.name} {' '.join(sorted(kinds))}".replace("_", " ")
        return SeenBefore(
            workload=ref,
            incidents=tuple(same),
            times=sum(one.counts.get(kind, 0) for kind in kinds for one in same),
            first_at=same[0].first_at if same else None,
            last_at=max((one.last_at for one in same), default=None),
            gaps_s=tuple((b.first_at - a.last_at).total_seconds() for a, b in pairwise(same)),
            elsewhere=tuple(others[-20:]),
            memories=tuple(self._recall(text, ref.name)) if self._recall else (),
        )

    def state_at(self, when: datetime, what: str) -> dict[str, Any] | None:
        """Return an object as it stood at a moment; None if it was not there."""
        return self._view.history.at(self._object(what), when)

    def state_diff(self, what: str, a: datetime, b: datetime) -> list[tuple[str, Any, Any]]:
        """Return what differs in an object between two moments: (path, before, after)."""
        return self._view.history.diff(self._object(what), a, b)

    def changed(
        self, a: datetime, b: datetime, *, namespace: str = "", kind: str = ""
    ) -> list[StateChange]:
        """Return what became of each object between two moments, by time."""
        return self._view.history.between(a, b, namespace, kind=kind)

    def affected(self, what: str) -> list[Affected]:
        """Return the objects that a fact, or the facts of an object, led to."""
        graph = self._view.graph
        begun = [what] if what in graph.facts else self._begun(self._object(what))
        own = {graph.facts[one].subject.key for one in begun}
        found: dict[str, dict[str, Fact]] = {}
        for start in begun:
            for fact in graph.affected(start):
                if fact.subject.key not in own:
                    found.setdefault(fact.subject.key, {})[fact.id] = fact
        return [
            Affected(object=next(iter(facts.values())).subject, facts=tuple(facts.values()))
            for facts in found.values()
        ]

    def summary(self) -> list[ClusterSummary]:
        """Return how much is known of each cluster."""
        return [self._summary(cluster) for cluster in sorted(self._view.derivers)]

    def expiring(self, *, now: datetime | None = None) -> list[Expiring]:
        """Return the evidence that the clusters are about to forget, the soonest first."""
        moment = now or self._view.newest
        if moment is None:
            return []
        by_cluster: dict[str, list[Fact]] = {}
        for fact in self._view.graph.facts.values():
            by_cluster.setdefault(fact.subject.cluster, []).append(fact)
        found: list[Expiring] = []
        for cluster, facts in sorted(by_cluster.items()):
            if deriver := self._view.derivers.get(cluster):
                found += causal.expiring(facts, deriver.objects, now=moment)
        return found

    def incidents(self) -> list[ClusterIncident]:
        """Return all incidents of clusters, the newest first."""
        return sorted(self._view.incidents.values(), key=_begun, reverse=True)

    def _object(self, what: str) -> ObjectRef:
        return self._view.names.find(what)

    def _begun(self, ref: ObjectRef) -> list[str]:
        """Return the facts of an object itself; where there are none, those that speak of it."""
        told = self._facts_of(ref)
        facts = self._view.graph.facts
        return [one for one in told if facts[one].subject.key == ref.key] or told

    def _facts_of(self, ref: ObjectRef) -> list[str]:
        graph = self._view.graph
        return [one for one in dict.fromkeys(self._view.names.facts(ref)) if one in graph.facts]

    def _effect(self, what: str, at: datetime | None) -> Fact:
        graph = self._view.graph
        if what in graph.facts:
            return graph.facts[what]
        ref = self._object(what)
        told = [graph.facts[one] for one in self._facts_of(ref)]
        told = [fact for fact in told if at is None or fact.happened_at <= at]
        if not told:
            raise BadInputError(f"nothing is known to have happened to {ref.path}")
        return max(told, key=lambda fact: (_weight(fact), bool(graph.reasons(fact.id)), _at(fact)))

    def _trouble_of(self, what: str) -> tuple[ObjectRef, set[str]]:
        """Return the workload that is meant, and the kinds of its last incident."""
        if incident := self._incident(what):
            kinds = set(incident.counts)
            return incident.workload, kinds & set(KILLS) or kinds
        effect = self._effect(what, None)
        ref = effect.involved.get("workload") or effect.involved.get("service") or effect.subject
        mine = [
            one
            for one in self._view.incidents.values()
            if same_workload(one.workload, ref) and effect.kind in one.counts
        ]
        kinds = set(max(mine, key=_begun).counts) if mine else {effect.kind}
        return ref, kinds & set(KILLS) or kinds

    def _incident(self, what: str) -> ClusterIncident | None:
        """Return the incident of an id, or of so much of one as tables show."""
        known = self._view.incidents
        if what in known or len(what) < SHOWN:
            return known.get(what)
        begun = [
            one for key, one in known.items() if key.removeprefix("incident-").startswith(what)
        ]
        return begun[0] if len(begun) == 1 else None

    def _summary(self, cluster: str) -> ClusterSummary:
        view = self._view
        facts = [fact for fact in view.graph.facts.values() if fact.subject.cluster == cluster]
        alive = (one for one in view.derivers[cluster].objects.every() if not one.is_gone)
        mine = [one for one in view.incidents.values() if one.workload.cluster == cluster]
        kinds = Counter(fact.kind for fact in facts)
        return ClusterSummary(
            cluster=cluster,
            objects=dict(sorted(Counter(one.ref.kind for one in alive).items())),
            facts=dict(sorted(kinds.items())),
            edges=sum(len(view.graph.causes(fact.id)) for fact in facts),
            incidents=len(mine),
            gaps=kinds["gap"],
            versions=len(view.history),
            first_at=min((fact.happened_at for fact in facts), default=None),
            last_at=max((fact.happened_at for fact in facts), default=None),
        )


def ways(caused: Caused) -> Iterator[str]:
    """Yield the first way from the cause to the effect, a line a fact.

    The lines name what happened, to whom and when, so that they stand without any table.
    """
    for fact in caused.facts:
        yield f"{fact.happened_at:%Y-%m-%d %H:%M:%S} {fact.kind} {fact.subject.path}"


def _weight(fact: Fact) -> int:
    """Return how much a fact is what people ask about: trouble before plain news."""
    is_clean = fact.kind in KILLS and fact.payload.get("exit_code") == 0
    return 0 if is_clean else int(fact.kind in TROUBLE)


def _at(fact: Fact) -> tuple[datetime, str]:
    return fact.happened_at, fact.id


def _begun(incident: ClusterIncident) -> tuple[datetime, str]:
    return incident.first_at, incident.id


def same_workload(one: ObjectRef, other: ObjectRef) -> bool:
    """Tell whether it is the same workload, be it made anew under the same name."""
    return one.key == other.key or (one.cluster == other.cluster and one.path == other.path)
