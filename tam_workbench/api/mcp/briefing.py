"""Briefing: everything that is known about one trouble, gathered from what may be asked."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from tam_workbench import causal
from tam_workbench.causal import ClusterIncident
from tam_workbench.engine.cluster import Caused, ClusterQuestions, SeenBefore
from tam_workbench.errors import BadInputError
from tam_workbench.guidance import Brief, Difference, Episode
from tam_workbench.records import Expiring, Fact, Hit, ObjectRef

BEFORE: Final = timedelta(seconds=60)
"""How long before the root cause an object is looked at, to see what changed in it."""

AROUND: Final = timedelta(minutes=15)
"""How far from the trouble a gap of the watcher still matters."""

_EPISODES: Final = 8
_MEMORIES: Final = 5
_PATHS: Final = 12
_SOON: Final = 6


def brief_of(
    asked: ClusterQuestions, what: str, *, at: datetime | None = None, k: int = 5
) -> Brief:
    """Return what is known about the last trouble of an object, or about a fact.

    Parameters
    ----------
    asked
        What may be asked of clusters.
    what
        A fact's id, a uid, ``Kind/name`` or ``namespace/Kind/name``.
    at
        The last trouble before this time.
    k
        How many candidates for its cause.
    """
    found = asked.cause(what, at=at, k=k)
    way = found.facts or (found.effect,)
    seen = _seen(asked, what)
    mine = _incident_of(seen, found.effect) if seen else None
    return Brief(
        effect=found.effect,
        way=way,
        causes=found.causes,
        edges=tuple(getattr(found, "edges", ())),
        evidence=_further(asked, mine, way),
        episodes=tuple(_episodes(seen, mine)) if seen else (),
        memories=_memories(seen),
        differences=tuple(_differences(asked, found)),
        expiring=_expiring(asked, found),
        gaps=_gaps(asked, found),
        titles={pattern.id: pattern.title for pattern in causal.patterns()},
        as_of=asked.newest,
    )


def _seen(asked: ClusterQuestions, what: str) -> SeenBefore | None:
    try:
        return asked.seen_before(what)
    except BadInputError:
        return None


def _memories(seen: SeenBefore | None) -> tuple[Hit, ...]:
    """Return what was done about the like of it first; it is what people look for."""
    hits = seen.memories if seen else ()
    return tuple(sorted(hits, key=lambda hit: not hit.entry.action)[:_MEMORIES])


def _incident_of(seen: SeenBefore, effect: Fact) -> ClusterIncident | None:
    for one in reversed(seen.incidents):
        if one.first_at <= effect.happened_at <= one.last_at:
            return one
    return None


def _episodes(seen: SeenBefore, mine: ClusterIncident | None) -> Iterator[Episode]:
    own = list(reversed(seen.incidents))
    others = list(reversed(seen.elsewhere))
    for one in [*own[:_EPISODES], *others[: max(_EPISODES - len(own), 2)]]:
        yield Episode(
            id=one.id,
            workload=one.workload,
            first_at=one.first_at,
            last_at=one.last_at,
            counts=one.counts,
            is_this=mine is not None and one.id == mine.id,
        )


def _further(
    asked: ClusterQuestions, mine: ClusterIncident | None, way: Iterable[Fact]
) -> tuple[Fact, ...]:
    """Return further facts of the same incident, the latest first."""
    told = {fact.id for fact in way}
    found = [_fact(asked, one) for one in (mine.facts if mine else ()) if one not in told]
    known = [fact for fact in found if fact is not None]
    return tuple(sorted(known, key=lambda fact: (fact.happened_at, fact.id), reverse=True))


def _fact(asked: ClusterQuestions, fact_id: str) -> Fact | None:
    try:
        return asked.cause(fact_id, k=1).effect
    except BadInputError:
        return None


def _differences(asked: ClusterQuestions, found: Caused) -> Iterator[Difference]:
    """Yield what changed in the objects along the way, from before the root to the effect."""
    first = found.facts[0] if found.facts else found.effect
    since = min(first.happened_at, first.observed_at) - BEFORE
    until = max(found.effect.happened_at, found.effect.observed_at)
    for ref in _objects(found):
        if ref.kind in {"Service", "Node"} and not ref.uid:
            continue
        try:
            told = asked.state_diff(ref.uid or ref.path, since, until)
        except BadInputError:
            continue
        changed = [row for row in told if not row[0].startswith("status") and row[0]]
        for path, before, after in changed[:_PATHS]:
            yield Difference(
                object=ref, since=since, until=until, path=path, before=before, after=after
            )


def _objects(found: Caused) -> list[ObjectRef]:
    """Return the objects of the way, the root's first, and the workload of the effect."""
    refs = [fact.subject for fact in found.facts or (found.effect,)]
    workload = found.effect.involved.get("workload")
    refs += [workload] if workload else []
    return list({ref.key: ref for ref in refs}.values())


def _expiring(asked: ClusterQuestions, found: Caused) -> tuple[Expiring, ...]:
    """Return what is about to be forgotten of this trouble, and what was lost of it."""
    way = {fact.id for fact in found.facts} | {found.effect.id}
    key = found.effect.subject.key
    told = [one for one in asked.expiring() if one.fact in way or one.subject.key == key]
    lost = [one for one in told if not one.is_saved]
    soon = [one for one in told if one.is_saved and not one.is_gone]
    own = [one for one in soon if one.fact in way]
    others = [one for one in soon if one.fact not in way and one.expires_with != "pod_deletion"]
    return (*own, *others[:_SOON], *lost[:_SOON])


def _gaps(asked: ClusterQuestions, found: Caused) -> tuple[Fact, ...]:
    """Return the gaps around the trouble, of its cluster."""
    first = found.facts[0] if found.facts else found.effect
    since, until = first.happened_at - AROUND, found.effect.happened_at + AROUND
    cluster = found.effect.subject.cluster
    hidden = [one for one in asked.expiring() if not one.is_saved and one.expires_with == "gap"]
    facts = [_fact(asked, one.fact) for one in hidden if one.subject.cluster == cluster]
    return tuple(fact for fact in facts if fact and since <= fact.happened_at <= until)
