"""Cluster memory: from what a watcher saw to facts, edges, incidents and history, kept."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Protocol

import polars as pl

from tam_workbench.causal import (
    ClusterIncident,
    Correlated,
    Correlator,
    Deriver,
    Habits,
    History,
    Objects,
    facts_of_telemetry,
)
from tam_workbench.causal.deriving_events import telling
from tam_workbench.causal.deriving_state import rows_of
from tam_workbench.engine.cluster.joining import weighed
from tam_workbench.engine.cluster.kept import derivers_of
from tam_workbench.engine.cluster.names import Names
from tam_workbench.engine.cluster.pages import Page, Row, edge_rows, without_cycles
from tam_workbench.engine.cluster.rules import ClusterRules
from tam_workbench.engine.cluster.shelf import ClusterShelf
from tam_workbench.engine.cluster.view import ClusterView
from tam_workbench.records import Batch, Change, Edge, Fact, ObjectRef, Observation, TrustScores

BELIEVED = 0.35
"""Trust of a row from which it may speak of a cluster; as an incident's must be."""

A_DAY = timedelta(days=1)

AT_ONCE = 512
"""Objects whose states are written at once."""

ROOM = 20_000
"""Names of forgotten facts that are let be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What one batch added."""

    facts: tuple[Fact, ...] = ()
    correlated: Correlated = field(default_factory=Correlated)


NOTHING = Learnt()


def _both(first: Learnt, then: Learnt) -> Learnt:
    """Return what two steps added."""
    told = {
        one.name: getattr(first.correlated, one.name) + getattr(then.correlated, one.name)
        for one in fields(Correlated)
    }
    return Learnt(facts=first.facts + then.facts, correlated=Correlated(**told))


class Tell(Protocol):
    """Takes edges for the knowledge graph of memory."""

    def __call__(self, edges: Sequence[Edge], *, now: datetime) -> None:
        """Take edges."""


def _nobody(edges: Sequence[Edge], *, now: datetime) -> None:
    """Tell nobody."""


class ClusterMemory:
    """All that is known of the clusters that a source watches; the loop alone writes to it.

    The same observations again add nothing, whatever the order, also after a restart.

    Parameters
    ----------
    shelf
        Where it is kept.
    rules
        How much is kept, and how it is linked.
    """

    def __init__(self, shelf: ClusterShelf, *, rules: ClusterRules | None = None) -> None:
        self.rules = rules or ClusterRules()
        self._shelf = shelf
        self._correlator = Correlator(rules=self.rules.correlator)
        self._derivers: dict[str, Deriver] = {}
        self._history = History()
        self._habits = Habits()
        self._names = Names()
        self._incidents: dict[str, ClusterIncident] = {}
        self._newest: datetime | None = None
        self._last: datetime | None = None  # that anything was seen
        self._forgot: datetime | None = None  # when old states were let go
        self._unsaved = _Unsaved()
        self._pages: deque[tuple[int, datetime]] = deque()  # number, its newest fact
        self.tell: Tell = _nobody
        """Tells the knowledge graph of memory what caused trouble; wired later."""

    @property
    def is_watching(self) -> bool:
        """Whether anything of any cluster was ever seen."""
        return bool(self._derivers)

    @property
    def view(self) -> ClusterView:
        """All that is known, to be asked."""
        return ClusterView(
            graph=self._correlator.graph,
            history=self._history,
            names=self._names,
            incidents=self._incidents,
            derivers=self._derivers,
            newest=self._newest,
        )

    def take(self, batch: Batch, scores: TrustScores) -> Learnt:
        """Take in what a batch says of clusters: its observations, then its telemetry.

        Of telemetry only what is believed speaks, after the observations had their say on it.
        """
        if not batch.observations and not self.is_watching:
            return NOTHING
        now = self._moment(batch.received_at)
        learnt = self.learn(self._derived(batch.observations), now=now)
        if not batch.rows_scored:
            return learnt
        believed = _believed(batch, self.weigh(batch, scores))
        return _both(learnt, self.learn(self._heard(believed, now), now=now))

    def learn(self, facts: Sequence[Fact], *, now: datetime) -> Learnt:
        """Link facts to what is known, and see which absences are over by now."""
        known = self._correlator.graph.facts
        before = {fact.id: known.get(fact.id) for fact in facts}
        correlated = self._correlator.take(facts, now=now)
        fresh = [known[one] for one, held in before.items() if known.get(one, held) is not held]
        self._note([*fresh, *correlated.derived], correlated)
        if self._names.noted > 4 * len(known) + ROOM:
            self._names.prune(known, self._history.holds)
        return Learnt(facts=tuple(fresh), correlated=correlated)

    def weigh(self, batch: Batch, scores: TrustScores) -> TrustScores:
        """Return the trust of a batch, with the cluster's word on its storms of errors."""
        if not self.is_watching or not batch.logs.height:
            return scores
        return weighed(batch, scores, self.view, self.rules.storms)

    def due(self, now: datetime) -> Learnt:
        """See which absences are over, when nothing comes."""
        return self.learn((), now=self._moment(now)) if self.is_watching else NOTHING

    def settle(self, quiet_s: float) -> Learnt:
        """Take it that nothing came for so many seconds after the last that came."""
        if self._newest is None or self._last is None:
            return NOTHING
        return self.due(self._last + timedelta(seconds=quiet_s))

    def known(self, about: ObjectRef) -> list[tuple[ObjectRef, str]]:
        """Return the living objects of a cluster, kind and namespace, with their versions."""
        if self._newest is None:
            return []
        alive = self._history.alive(self._newest, namespace=about.namespace, kind=about.kind)
        return [
            (ref, _version(self._history.last(ref)))
            for ref in alive
            if ref.cluster == about.cluster
        ]

    def flush(self) -> None:
        """Make everything durable, facts first: what is cut off is derived again."""
        unsaved, self._unsaved = self._unsaved, _Unsaved()
        if not self.is_watching or not self._shelf.is_kept:
            return
        self._put_page(unsaved)
        self._shelf.put_incidents(unsaved.incidents)
        self._shelf.put_history(self._history.segments())
        for cluster, keys in unsaved.objects.items():
            objects, waiting = self._derivers[cluster].objects, iter(keys)
            while part := list(islice(waiting, AT_ONCE)):
                self._shelf.put_objects(rows_of(objects, part))
        self._shelf.put_about(self._about())
        self._forget_history()

    def _put_page(self, unsaved: "_Unsaved") -> None:
        graph = self._correlator.graph
        told = [graph.facts[one] for one in unsaved.facts if one in graph.facts]
        edges = {one: edge_rows(one, graph) for one in unsaved.effects if one in graph.facts}
        withdrawn = [one for one in unsaved.withdrawn if one not in graph.facts]
        number = self._shelf.next_page
        self._shelf.put_page(Page(facts=told, withdrawn=withdrawn, edges=edges))
        if told:
            self._pages.append((number, max(fact.happened_at for fact in told)))

    def _about(self) -> dict[str, Any]:
        """Return what is known of the whole; pages whose facts are all let go are left aside."""
        if self._newest:
            horizon = self._newest - timedelta(seconds=1.25 * self.rules.correlator.keep_s)
            while len(self._pages) > 1 and self._pages[0][1] < horizon:
                self._pages.popleft()
        return {
            "newest": self._newest.isoformat() if self._newest else None,
            "last": self._last.isoformat() if self._last else None,
            "habits": self._habits.state(),
            "first_page": self._pages[0][0] if self._pages else 0,
        }

    def restore(self) -> None:
        """Know again what was kept; edges are found anew from the facts."""
        about = self._shelf.about()
        if not about:
            return
        self._newest = datetime.fromisoformat(about["newest"]) if about["newest"] else None
        self._last = datetime.fromisoformat(about["last"]) if about["last"] else None
        self._habits.restore(about["habits"])
        self._history.restore(self._shelf.history())
        rows = self._shelf.objects()
        self._derivers.update(derivers_of(rows, event_ttl_s=self.rules.event_ttl_s))
        self._incidents = self._shelf.incidents()
        with without_cycles():
            self._recall(about.get("first_page", 0))

    def close(self) -> None:
        """Let go of the documents."""
        self._shelf.close()

    def _recall(self, first_page: int) -> None:
        now = self._newest or datetime.fromtimestamp(0, UTC)
        written: dict[str, list[Row]] = {}
        for number, page in self._shelf.pages(first=first_page):
            self._note_edges(self._correlated(page, now))
            written.update(page.edges)
            if page.facts:
                self._pages.append((number, max(fact.happened_at for fact in page.facts)))
        for fact in self._correlator.graph.facts.values():
            self._names.note(fact)
        for cluster in self._derivers.values():
            for known in cluster.objects.every():
                self._names.add(known.ref)
        graph = self._correlator.graph
        self._unsaved.effects = {
            effect: None
            for effect in self._unsaved.effects
            if written.get(effect, []) != edge_rows(effect, graph)
        }

    def _correlated(self, page: Page, now: datetime) -> Correlated:
        """Link a page's facts; those of absence are found anew."""
        found = self._correlator.take((f for f in page.facts if f.told_by != "absence"), now=now)
        self._note_incidents(found)
        return found

    def _moment(self, told: datetime) -> datetime:
        """Return the time of the stream, which never goes back."""
        self._newest = max(self._newest, told) if self._newest else told
        return self._newest

    def _deriver(self, cluster: str) -> Deriver:
        found = self._derivers.get(cluster)
        if found is None:
            found = Deriver(cluster, event_ttl_s=self.rules.event_ttl_s)
            self._derivers[cluster] = found
        return found

    def _derived(self, observations: Sequence[Observation]) -> list[Fact]:
        facts: list[Fact] = []
        for cluster, seen in _by(observations).items():
            deriver = self._deriver(cluster)
            facts += deriver.take(seen)
            keys = self._unsaved.objects.setdefault(cluster, {})
            for one in seen:
                keys[_touched(one, deriver.objects)] = None
                self._last = max(self._last or one.observed_at, one.observed_at)
                self._history.put(one)
                if one.change is not Change.GAP and one.ref.kind != "Event":
                    self._names.add(one.ref)
        return facts

    def _heard(self, frames: Mapping[str, pl.DataFrame], now: datetime) -> list[Fact]:
        """Return what telemetry says, told of the first cluster (a loop has one source)."""
        cluster = next(iter(self._derivers))
        objects = self._derivers[cluster].objects
        return facts_of_telemetry(
            frames, self._habits, cluster=cluster, observed_at=now, objects=objects
        )

    def _note(self, facts: Iterable[Fact], correlated: Correlated) -> None:
        unsaved = self._unsaved
        for fact in facts:
            if fact.id not in unsaved.facts:
                unsaved.facts[fact.id] = None
                self._names.note(fact)
        unsaved.withdrawn.extend(correlated.withdrawn)
        self._note_edges(correlated)
        self._note_incidents(correlated)

    def _note_incidents(self, correlated: Correlated) -> None:
        for incident in correlated.incidents:
            for gone in incident.supersedes:
                self._incidents.pop(gone, None)
                self._unsaved.incidents[gone] = None
            known = replace(incident, supersedes=()) if incident.supersedes else incident
            if self._incidents.get(incident.id) != known:
                self._incidents[incident.id] = self._unsaved.incidents[incident.id] = known

    def _note_edges(self, correlated: Correlated) -> None:
        for edge in (*correlated.edges, *correlated.retracted):
            self._unsaved.effects[edge.effect] = None

    def _forget_history(self) -> None:
        """Let go, once a day of the stream, of states that are too old to be asked for."""
        if self._newest is None or (self._forgot and self._newest < self._forgot + A_DAY):
            return
        self._forgot = self._newest
        before = self._newest - timedelta(seconds=self.rules.keep_history_s)
        self._shelf.drop_history(self._history.forget(before))


class _Unsaved:
    """What changed since the last flush, by id."""

    __slots__ = ("effects", "facts", "incidents", "objects", "withdrawn")

    def __init__(self) -> None:
        self.facts: dict[str, None] = {}
        self.withdrawn: list[str] = []
        self.effects: dict[str, None] = {}
        self.incidents: dict[str, ClusterIncident | None] = {}
        self.objects: dict[str, dict[str, None]] = {}  # cluster -> keys


def _version(manifest: Mapping[str, Any] | None) -> str:
    told = (manifest or {}).get("metadata") or {}
    return str(told.get("resourceVersion") or "")


def _by(observations: Sequence[Observation]) -> dict[str, list[Observation]]:
    found: dict[str, list[Observation]] = {}
    for one in observations:
        found.setdefault(one.ref.cluster, []).append(one)
    return found


def _touched(one: Observation, objects: Objects) -> str:
    """Return the key of the object whose state an observation may have changed."""
    if one.ref.kind != "Event" or one.change is Change.GAP:
        return one.ref.key
    return objects.resolve(telling(one.manifest, cluster=one.ref.cluster).about).key


def _believed(batch: Batch, scores: TrustScores) -> dict[str, pl.DataFrame]:
    """Return the rows of a batch that are trusted enough to speak."""
    return {
        signal: frame.filter(pl.Series(scores.values[signal] >= BELIEVED))
        for signal in ("metrics", "logs", "spans")
        if (frame := getattr(batch, signal)).height
    }
