"""From what a watcher saw to facts: what happened, once, with its evidence."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Final

from tam_workbench.causal.deriving_configs import config_facts
from tam_workbench.causal.deriving_drafts import Draft, Seen
from tam_workbench.causal.deriving_events import telling
from tam_workbench.causal.deriving_evidence import around, involved
from tam_workbench.causal.deriving_nodes import node_facts
from tam_workbench.causal.deriving_objects import Consumer, Known, Objects
from tam_workbench.causal.deriving_pods import pod_facts
from tam_workbench.causal.deriving_reasons import read
from tam_workbench.causal.deriving_state import restored, state_of
from tam_workbench.causal.deriving_workloads import endpoint_facts, scaler_facts, workload_facts
from tam_workbench.causal.identity import (
    aware,
    content_key,
    mapping,
    owner_of,
    version_order,
)
from tam_workbench.errors import BadInputError
from tam_workbench.records import Change, Fact, ObjectRef, Observation

_QUIET: Final = timedelta(minutes=10)
_MOST_SERIES: Final = 32
_ORDINARY: Final = frozenset({"pod_created", "pod_ready", "pod_deleted", "container_started"})
_OWNED: Final = frozenset({"Pod", "ReplicaSet", "StatefulSet", "Job"})
_NOTHING_BARE: Final[dict[str, None]] = {}
_READERS: Final[Mapping[str, Callable[[Seen], Iterator[Draft]]]] = {
    "Pod": pod_facts,
    "Node": node_facts,
    "ConfigMap": config_facts,
    "Secret": config_facts,
    "Deployment": workload_facts,
    "ReplicaSet": workload_facts,
    "StatefulSet": workload_facts,
    "DaemonSet": workload_facts,
    "Job": workload_facts,
    "HorizontalPodAutoscaler": scaler_facts,
    "Endpoints": endpoint_facts,
    "EndpointSlice": endpoint_facts,
}


class Deriver:
    """Turn observations of one cluster into facts, by what was known of each object before.

    A fact is told once, however often the objects and events repeat it; its ``id`` is a content
    key of who and what. What an event told of an object that had not been seen, and a preemption
    that did not name the preemptor, are told once more, in full and under the same ``id``.
    Observations may come late, twice and in any order.

    Parameters
    ----------
    cluster
        Name of the cluster; all references carry it.
    event_ttl_s
        Seconds that the API server keeps an event; its default is an hour.
    most_gone
        How many deleted objects are remembered, so that late tellings of them give no new facts;
        each costs about 4 kB.

    >>> from datetime import UTC, datetime
    >>> ref = ObjectRef(cluster="c", kind="Pod", namespace="shop", name="web-1", uid="u1")
    >>> ended = {"exitCode": 1, "reason": "OOMKilled", "finishedAt": "2026-03-01T12:00:10Z"}
    >>> status = {"name": "web", "restartCount": 1, "lastState": {"terminated": ended}}
    >>> seen = Observation(change=Change.MODIFIED, ref=ref, resource_version="7",
    ...     observed_at=datetime(2026, 3, 1, 12, 0, 12, tzinfo=UTC),
    ...     manifest={"kind": "Pod", "status": {"containerStatuses": [status]}})
    >>> deriver = Deriver("c")
    >>> [(fact.kind, fact.payload["exit_code"]) for fact in deriver.take([seen])]
    [('oom_killed', 1)]
    >>> deriver.take([seen])
    []
    """

    def __init__(
        self, cluster: str, *, event_ttl_s: float = 3600.0, most_gone: int = 5_000
    ) -> None:
        self._cluster = cluster
        self._event_ttl = timedelta(seconds=event_ttl_s)
        self._objects = Objects(most_gone=most_gone)

    @property
    def objects(self) -> Objects:
        """Return the latest slim state by `ObjectRef.key`."""
        return self._objects

    def workload(self, ref: ObjectRef) -> ObjectRef | None:
        """Return the topmost owner of an object, as far as it is known."""
        return self._objects.workload(ref)

    def consumers(self, ref: ObjectRef) -> tuple[Consumer, ...]:
        """Return the living pods that use a ConfigMap or a Secret, and how."""
        return self._objects.consumers(ref)

    def take(self, observations: Sequence[Observation]) -> list[Fact]:
        """Return the facts that are new with these observations."""
        met = [(one, self._met(one)) for one in observations]  # owners and names first
        objects = [self._state(one, known) for one, known in met if known is not None]
        others = [self._other(one) for one, known in met if known is None]  # know their objects
        return list(chain.from_iterable((*objects, *others)))

    def _met(self, one: Observation) -> Known | None:
        """Note that an object exists and who owns it, so that order within a batch is nothing."""
        ref = one.ref
        if one.change is Change.GAP or ref.kind not in _READERS:
            return None
        known = self._objects.known(ref)
        if known is None or known.owner is None or one.change is Change.ADDED:
            owner = owner_of(one.manifest, cluster=ref.cluster, namespace=ref.namespace)
            known = self._objects.meet(ref, owner)
        return known

    def state(self) -> dict[str, Any]:
        """Return all that is remembered, as JSON's types."""
        return {"cluster": self._cluster, "objects": state_of(self._objects)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave; to be called before the first observation.

        Raises
        ------
        BadInputError
            If it is the state of another cluster, or none at all.
        """
        if state.get("cluster") != self._cluster:
            message = f"state is of cluster {state.get('cluster')!r}, this deriver is of "
            raise BadInputError(f"{message}{self._cluster!r}: give it its own state")
        restored(self._objects, state.get("objects"))

    def _other(self, one: Observation) -> Iterator[Fact]:
        if one.change is Change.GAP:
            return self._gap(one)
        # an event that goes is one that ran out of time
        is_event = one.ref.kind == "Event" and one.change is not Change.DELETED
        return self._event(one) if is_event else iter(())

    def _state(self, one: Observation, known: Known) -> Iterator[Fact]:
        rank, moment = version_order(one.resource_version, one.observed_at)
        is_gone = one.change is Change.DELETED
        if not is_gone and rank == known.order[0] and (rank or moment == known.order[1]):
            return
        is_latest = (rank, moment) >= known.order and (is_gone or not known.is_gone)
        if is_latest:
            known.order = rank, moment
        if not known.shape and not known.is_gone:
            self._objects.keep(known)
        seen = self._seen(known, one, is_latest=is_latest)
        yield from self._finished(seen, _READERS[one.ref.kind](seen))
        if is_gone and not known.is_gone:
            self._objects.part(known)

    def _seen(self, known: Known, one: Observation, *, is_latest: bool) -> Seen:
        return Seen(
            known=known,
            objects=self._objects,
            manifest=one.manifest,
            metadata=mapping(one.manifest.get("metadata")),
            spec=mapping(one.manifest.get("spec")),
            status=mapping(one.manifest.get("status")),
            change=one.change,
            at=aware(one.observed_at),
            version=one.resource_version,
            is_latest=is_latest,
        )

    def _finished(self, seen: Seen, drafts: Iterable[Draft]) -> Iterator[Fact]:
        roles: Mapping[str, ObjectRef] | None = None
        common: dict[str, Any] = {}
        base = ""
        known = seen.known
        bare: dict[str, None] = known.notes.get("bare", _NOTHING_BARE)
        for draft in drafts:
            key = (draft.kind, *draft.parts)
            if not known.tell(key) and not _is_fuller(known, key, draft, bare):
                continue
            if draft.told_by == "event":
                _note_lacks(known, key, draft)
            if roles is None:
                roles, base = involved(self._objects, known), _base(known.ref)
                if known.ref.kind == "Pod":
                    common["configs"] = around(self._objects, known).configs
                    common["pod_created_at"] = known.shape.get("created_at", "")
            yield Fact(
                id=content_key(base, draft.kind, *draft.parts),
                kind=draft.kind,
                subject=draft.subject or known.ref,
                happened_at=draft.at or seen.at,
                observed_at=seen.at,
                involved={**roles, **draft.involved} if draft.involved else roles,
                payload={**common, **draft.payload},
                told_by=draft.told_by,
                expires_at=draft.expires_at,
                expires_with=draft.expires_with or _expires_with(known.ref, draft.kind),
            )

    def _event(self, one: Observation) -> Iterator[Fact]:
        told = telling(one.manifest, cluster=one.ref.cluster)
        if not told.about.name:
            return
        known = self._objects.mention(told.about)
        seen = self._seen(known, one, is_latest=False)
        draft = read(told, seen)
        if draft is None:
            return
        last = told.last_at or seen.at
        horizon = draft._replace(expires_with="event_ttl", expires_at=last + self._event_ttl)
        yield from self._finished(seen, [horizon, *_again(seen, horizon, last)])

    def _gap(self, one: Observation) -> Iterator[Fact]:
        told = one.manifest
        known = self._objects.meet(one.ref, None)
        seen = self._seen(known, one, is_latest=False)
        names = ("from_version", "to_version", "began_at")
        parts = tuple(str(told.get(name, "")) for name in names)
        yield from self._finished(seen, [Draft("gap", parts, None, dict(told), told_by="gap")])


def _base(ref: ObjectRef) -> str:
    """Return what an object's facts are keyed by; a node by its name, as its events tell it."""
    return f"{ref.cluster}/{ref.path}" if ref.kind == "Node" else ref.key


def _note_lacks(known: Known, key: tuple[str, ...], draft: Draft) -> None:
    """Note what an event's telling lacks: its object has not been seen yet."""
    if not known.shape and known.ref.kind in _OWNED:
        bare: dict[str, None] = known.notes.setdefault("bare", {})
        if len(bare) < _MOST_SERIES:
            bare["|".join(key)] = None
    if "preemptor" in draft.involved:
        known.tell((*key, "by"))


def _is_fuller(known: Known, key: tuple[str, ...], draft: Draft, bare: dict[str, None]) -> bool:
    """Return whether a fact that is told already is now told with what it lacked; once.

    What an event told of an object unseen is told in full by the object itself; the same event
    told again adds nothing.
    """
    if bare and draft.told_by != "event" and "|".join(key) in bare:
        del bare["|".join(key)]
        return True
    return "preemptor" in draft.involved and known.tell((*key, "by"))


def _again(seen: Seen, draft: Draft, last: datetime) -> Iterator[Draft]:
    """Yield a further fact where a series of events goes on after it had been quiet for long."""
    if draft.told_by != "event" or draft.at is None or draft.at.isoformat() not in draft.parts:
        return  # not a series, or one that its object tells better
    series: dict[str, str] = seen.known.notes.setdefault("series", {})
    name = "|".join((draft.kind, *draft.parts))
    told = series.get(name)
    if told is None or last > datetime.fromisoformat(told):
        series[name] = last.isoformat()
        if len(series) > _MOST_SERIES:
            del series[next(iter(series))]
        if told is not None and last - datetime.fromisoformat(told) > _QUIET:
            yield draft._replace(parts=(*draft.parts, last.isoformat()), at=last)


def _expires_with(ref: ObjectRef, kind: str) -> str:
    """Return what makes the cluster forget a fact; an ordinary life is no evidence to save."""
    return "pod_deletion" if ref.kind == "Pod" and kind not in _ORDINARY else ""
