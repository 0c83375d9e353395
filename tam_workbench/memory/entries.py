"""Memory entries: made, merged, and marked with what came of an action."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from tam_workbench.memory.ranking import RankRules, is_duplicate
from tam_workbench.records import Hit, MemoryEntry, Tier

TIER_OF: Final[Mapping[str, Tier]] = MappingProxyType(
    {"incident": Tier.EPISODIC, "template": Tier.SEMANTIC, "note": Tier.WORKING}
)
"""The tier where an entry of a kind begins; other kinds begin as episodic."""

_REMEMBERED: Final = 32
"""Occurrences an entry remembers by key, so that seeing one again after a crash counts once."""


Tally = dict[str, tuple[int, int]]
"""How often an action helped and how often it was tried, by action."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One occurrence: where, when, how far believed, and which one it was.

    ``occurrence`` (an incident's id) makes `merge` count it once however often it is stored.
    """

    service: str
    at: datetime
    trust: float
    occurrence: str = ""


def content_key(kind: str, text: str, service: str) -> str:
    """Return the id of this content: SHA-256 over its canonical JSON, 32 hex digits.

    Examples
    --------
    >>> content_key("note", "disk full", "db") == content_key("note", "disk full", "db")
    True
    >>> content_key("note", "a", "b") == content_key("note", "", "ab")
    False
    """
    canonical = json.dumps([kind, text, service], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


def make_entry(
    kind: str, text: str, *, vector: Sequence[float] | npt.NDArray[np.float32], sighting: Sighting
) -> MemoryEntry:
    """Return a new entry whose id is the key of its content.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> seen = Sighting(service="db", at=datetime(2024, 1, 1, tzinfo=UTC), trust=0.9)
    >>> entry = make_entry("incident", "disk full", vector=[1.0, 0.0], sighting=seen)
    >>> entry.tier.value, entry.count, entry.id == content_key("incident", "disk full", "db")
    ('episodic', 1, True)
    """
    return MemoryEntry(
        id=content_key(kind, text, sighting.service),
        kind=kind,
        text=text,
        vector=tuple(np.asarray(vector, np.float32).tolist()),
        tier=TIER_OF.get(kind, Tier.EPISODIC),
        service=sighting.service,
        created_at=sighting.at,
        trust=sighting.trust,
        attributes={"occurrences": json.dumps([sighting.occurrence])}
        if sighting.occurrence
        else {},
    )


def merge(entry: MemoryEntry, old: MemoryEntry) -> MemoryEntry:
    """Return ``old`` with the sightings and outcomes of ``entry`` added: same id, higher count.

    Text, vector and ``created_at`` (first seen) stay; trust becomes the mean over sightings;
    ``attributes["last_seen"]`` moves on. An occurrence that is already counted is not counted
    again, nor is an outcome of it, but what is new about it (a second action) is added.
    """
    before, now = occurrences(old), occurrences(entry)
    is_known = bool(now) and set(now) <= set(before)
    merged = old if is_known else _sighted(entry, old)
    credited, told = _credited(old), _credited(entry)
    fresh = {key: value for key, value in told.items() if key not in credited}
    tally = _added(outcomes(old), _tallied(fresh))
    if not is_known:  # outcomes that carry no key come with the sighting
        tally = _added(tally, _added(outcomes(entry), _tallied(told), sign=-1))
    if tally == outcomes(old):
        return merged
    return _with_tally(merged, tally, credited={**credited, **fresh}, latest=entry.action)


def absorb(entry: MemoryEntry, hits: Sequence[Hit], rules: RankRules) -> MemoryEntry:
    """Return what to store: ``entry``, or the entry among ``hits`` that it is, merged in.

    That is the one of its kind and service which counted the same occurrence already (then
    nothing changes), else the one of the same id, else the nearest near-duplicate. Pass the hits
    of ``kind`` and ``service`` together with what `Store.get` finds under ``entry.id``.
    """
    now = set(occurrences(entry))
    alike = [hit.entry for hit in hits if _same_scope(entry, hit.entry)]
    twins = [old for old in alike if now and now <= set(occurrences(old))]
    twins += [old for old in alike if old.id == entry.id]
    twins += [hit.entry for hit in hits if is_duplicate(entry, hit, rules)]
    return merge(entry, twins[0]) if twins else entry


def with_outcome(entry: MemoryEntry, action: str, *, helped: bool) -> MemoryEntry:
    """Return ``entry`` knowing that ``action`` was done and whether it verifiably helped.

    ``entry.action`` becomes the best action so far (posterior mean under a uniform prior, the
    latest among equals) and ``entry.helped`` whether it helped at least half the time. One
    result of one action counts once per occurrence.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> seen = Sighting(service="db", at=datetime(2024, 1, 1, tzinfo=UTC), trust=0.9)
    >>> entry = make_entry("incident", "disk full", vector=[1.0], sighting=seen)
    >>> entry = with_outcome(entry, "restart", helped=False)
    >>> entry = with_outcome(entry, "scale", helped=True)
    >>> entry.action, entry.helped, outcomes(entry)
    ('scale', True, {'restart': (0, 1), 'scale': (1, 1)})
    """
    credited = _credited(entry)
    latest = occurrences(entry)[-1:]
    key = json.dumps([*latest, action, helped])
    if latest and key in credited:
        return entry
    tally = _added(outcomes(entry), {action: (int(helped), 1)})
    if latest:
        credited[key] = (action, helped)
    return _with_tally(entry, tally, credited=credited, latest=action)


def outcomes(entry: MemoryEntry) -> Tally:
    """Return by action how often it helped and how often it was tried."""
    tally = json.loads(entry.attributes.get("outcomes", "{}"))
    if not tally and entry.action and entry.helped is not None:
        return {entry.action: (int(entry.helped), 1)}
    return {action: (helped, tried) for action, (helped, tried) in sorted(tally.items())}


def last_seen(entry: MemoryEntry) -> datetime:
    """Return when it was last sighted."""
    stamp = entry.attributes.get("last_seen")
    return datetime.fromisoformat(stamp) if stamp else entry.created_at


def _same_scope(one: MemoryEntry, other: MemoryEntry) -> bool:
    return (one.kind, one.service) == (other.kind, other.service)


def occurrences(entry: MemoryEntry) -> list[str]:
    """Return the keys of the sightings that an entry has counted, the last ones."""
    return list(json.loads(entry.attributes.get("occurrences", "[]")))


def _sighted(entry: MemoryEntry, old: MemoryEntry) -> MemoryEntry:
    before, now = occurrences(old), occurrences(entry)
    attributes = {**entry.attributes, **old.attributes}
    attributes["last_seen"] = max(last_seen(entry), last_seen(old)).isoformat()
    if before or now:
        kept = [key for key in before if key not in now] + now
        attributes["occurrences"] = json.dumps(kept[-_REMEMBERED:])
    count = old.count + entry.count
    trust = (old.trust * old.count + entry.trust * entry.count) / count
    return replace(old, count=count, trust=trust, attributes=attributes)


def _credited(entry: MemoryEntry) -> dict[str, tuple[str, bool]]:
    """Return the outcomes that carry a key: (action, helped) by occurrence, action and result."""
    kept = json.loads(entry.attributes.get("credited", "{}"))
    return {key: (action, helped) for key, (action, helped) in kept.items()}


def _tallied(credited: Mapping[str, tuple[str, bool]]) -> Tally:
    tally: Tally = {}
    for action, helped in credited.values():
        tally = _added(tally, {action: (int(helped), 1)})
    return tally


def _added(one: Tally, other: Tally, *, sign: int = 1) -> Tally:
    """Return the sum (``sign`` 1) or what is left above zero (``sign`` -1) of two tallies."""
    total = dict(one)
    for action, (helped, tried) in other.items():
        before = total.get(action, (0, 0))
        total[action] = (max(0, before[0] + sign * helped), max(0, before[1] + sign * tried))
    return {action: counts for action, counts in sorted(total.items()) if counts[1]}


def _with_tally(
    entry: MemoryEntry, tally: Tally, *, credited: Mapping[str, tuple[str, bool]], latest: str
) -> MemoryEntry:
    best = max(sorted(tally), key=lambda action: (_mean(*tally[action]), action == latest))
    helped, tried = tally[best]
    attributes = {**entry.attributes, "outcomes": json.dumps(tally)}
    if credited:
        attributes["credited"] = json.dumps(dict(list(credited.items())[-_REMEMBERED:]))
    return replace(entry, action=best, helped=2 * helped >= tried, attributes=attributes)


def _mean(helped: int, tried: int) -> float:
    """Mean of Beta(1 + helped, 1 + tried - helped)."""
    return (helped + 1) / (tried + 2)
