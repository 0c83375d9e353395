"""Facts: subject, predicate, object, true of the world for a time and known to us for a time.

A fact that is corrected is never edited away. The row that was believed is closed in system
time (``known_to``), and what is believed instead is written beside it; so "what was true then"
and "what did we think then" both keep their answers. Facts meet only in their own scope.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from tam_workbench.errors import BadInputError
from tam_workbench.memory.entries import (
    Sighting,
    content_key,
    make_entry,
    merge,
    occurrences,
)
from tam_workbench.records import MemoryEntry, Tier

_ALWAYS = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is said: ``subject predicate object``, true in [since, until); None is open."""

    subject: str
    predicate: str
    object: str
    since: datetime
    until: datetime | None = None


def make_fact(
    claim: Claim, *, vector: Sequence[float] | npt.NDArray[np.float32], sighting: Sighting
) -> MemoryEntry:
    """Return the entry of a claim that became known at ``sighting.at``.

    Examples
    --------
    >>> may = datetime(2024, 5, 1, tzinfo=UTC)
    >>> seen = Sighting(service="db", at=may, trust=1.0)
    >>> fact = make_fact(Claim(subject="db", predicate="limit", object="80", since=may),
    ...     vector=[1.0], sighting=seen)
    >>> fact.text, scope(fact), holds(fact, as_of=may, known_at=may)
    ('db limit 80', ('db', 'db', 'limit'), True)
    """
    if claim.until is not None and claim.until <= claim.since:
        raise BadInputError(f"fact about {claim.subject!r} ends before it begins: {claim.until}")
    text = f"{claim.subject} {claim.predicate} {claim.object}"
    entry = make_entry("fact", text, vector=vector, sighting=sighting)
    said = {"subject": claim.subject, "predicate": claim.predicate, "object": claim.object}
    entry = replace(
        entry, tier=Tier.SEMANTIC, known_from=sighting.at, attributes={**entry.attributes, **said}
    )
    return _over(entry, claim.since, claim.until, known_from=sighting.at)


def scope(fact: MemoryEntry) -> tuple[str, str, str]:
    """Return what a fact is about: service, subject, predicate. Others are none of its business."""
    return fact.service, fact.attributes["subject"], fact.attributes["predicate"]


def holds(fact: MemoryEntry, *, as_of: datetime, known_at: datetime) -> bool:
    """Return whether a fact was true at ``as_of``, as far as was known at ``known_at``."""
    begin, end = _span(fact)
    known_from, known_to = fact.known_from or fact.created_at, fact.known_to or _ALWAYS
    return begin <= as_of < end and known_from <= known_at < known_to


def superseded(old: MemoryEntry, new: MemoryEntry, now: datetime) -> tuple[MemoryEntry, ...]:
    """Return the rows to store because ``new`` says otherwise than ``old``; () if it does not.

    The first is ``old`` itself, no longer believed from ``now`` on; the rest are the parts of its
    time that ``new`` says nothing about, believed from ``now`` on. Another scope, the same
    object, disjoint times, or an ``old`` that was retired before: ().
    """
    is_other = scope(old) != scope(new) or _object(old) == _object(new)
    if is_other or old.known_to is not None or not _overlaps(old, new):
        return ()
    (begin, end), (start, stop) = _span(old), _span(new)
    parts = []
    if begin < start:
        parts.append(_over(old, begin, start, known_from=now))
    if stop < end:
        parts.append(_over(old, stop, old.valid_to, known_from=now))
    return (replace(old, known_to=now), *parts)


def told(new: MemoryEntry, known: Sequence[MemoryEntry], now: datetime) -> tuple[MemoryEntry, ...]:
    """Return the rows to store when ``new`` is learnt, given what is ``known`` of its scope.

    What is learnt last counts, in its own time. A fact without an end that began before
    another one is taken to have lasted until that one. Saying again what is believed already
    adds no row, only a sighting; so a re-run changes nothing.

    Parameters
    ----------
    new
        From `make_fact`.
    known
        Facts from the store; of other scopes or retired they are passed over.
    now
        System time, not before any ``known_from`` among ``known``.
    """
    alive = [fact for fact in known if fact.known_to is None and scope(fact) == scope(new)]
    others = [fact for fact in alive if _object(fact) != _object(new)]
    if any(_is_retold(new, fact) for fact in alive):
        return ()
    new = _until_the_next(new, others, now)
    for same in alive:
        if _object(same) == _object(new) and _covers(same, new):
            counted = same if _is_counted(new, known) else merge(new, same)
            return () if counted == same else (counted,)
    rows: list[MemoryEntry] = []
    for same in alive:
        if _object(same) == _object(new) and _touches(same, new):
            new = _united(same, new, now)
            rows.append(replace(same, known_to=now))
    for other in others:
        rows.extend(superseded(other, new, now))
    return (*rows, _over(new, _span(new)[0], new.valid_to, known_from=now))


def current(facts: Sequence[MemoryEntry], *, now: datetime) -> tuple[MemoryEntry, ...]:
    """Return the facts that are true now as far as we know now."""
    return tuple(fact for fact in facts if holds(fact, as_of=now, known_at=now))


def _until_the_next(new: MemoryEntry, others: Sequence[MemoryEntry], now: datetime) -> MemoryEntry:
    """Return an open-ended claim as it lasted: until the first that began after it."""
    later = [_span(fact)[0] for fact in others if _span(fact)[0] > _span(new)[0]]
    if new.valid_to is not None or not later:
        return new
    return _over(new, _span(new)[0], min(later), known_from=now)


def _is_retold(new: MemoryEntry, same: MemoryEntry) -> bool:
    """Tell whether ``same`` counted the sightings of an open-ended claim, and holds at its start.

    How long such a claim lasts was settled when it was first told: it is no longer, only because
    what had ended it is believed no more.
    """
    own = set(occurrences(new))
    if new.valid_to is not None or not own or not own <= set(occurrences(same)):
        return False
    begin, end = _span(same)
    return _object(new) == _object(same) and begin <= _span(new)[0] < end


def _is_counted(new: MemoryEntry, known: Sequence[MemoryEntry]) -> bool:
    """Tell whether a row that is believed no more has counted these sightings already."""
    own = set(occurrences(new))
    retired = [fact for fact in known if fact.known_to is not None and scope(fact) == scope(new)]
    same = [fact for fact in retired if _object(fact) == _object(new)]
    return bool(own) and any(own <= set(occurrences(fact)) for fact in same)


def _object(fact: MemoryEntry) -> str:
    return fact.attributes["object"]


def _span(fact: MemoryEntry) -> tuple[datetime, datetime]:
    return fact.valid_from or fact.created_at, fact.valid_to or _ALWAYS


def _overlaps(one: MemoryEntry, other: MemoryEntry) -> bool:
    return max(_span(one)[0], _span(other)[0]) < min(_span(one)[1], _span(other)[1])


def _touches(one: MemoryEntry, other: MemoryEntry) -> bool:
    return max(_span(one)[0], _span(other)[0]) <= min(_span(one)[1], _span(other)[1])


def _covers(outer: MemoryEntry, inner: MemoryEntry) -> bool:
    return _span(outer)[0] <= _span(inner)[0] and _span(inner)[1] <= _span(outer)[1]


def _over(
    fact: MemoryEntry, since: datetime, until: datetime | None, *, known_from: datetime
) -> MemoryEntry:
    """Return ``fact`` as believed from ``known_from`` on to hold in [since, until)."""
    ends = until.isoformat() if until else ""
    key = json.dumps([fact.text, since.isoformat(), ends, known_from.isoformat()])
    return replace(
        fact,
        id=content_key("fact", key, fact.service),
        valid_from=since,
        valid_to=until,
        known_from=known_from,
        known_to=None,
    )


def _united(old: MemoryEntry, new: MemoryEntry, now: datetime) -> MemoryEntry:
    begin = min(_span(old)[0], _span(new)[0])
    end = max(_span(old)[1], _span(new)[1])
    return _over(merge(new, old), begin, None if end == _ALWAYS else end, known_from=now)
