"""A fact before it has its key: what the derivers of each kind hand in."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from tam_workbench.causal.deriving_objects import Known, Objects
from tam_workbench.causal.identity import content_key, mapping, stamp, version_order
from tam_workbench.records import Change, ObjectRef

_NOBODY: Final[Mapping[str, ObjectRef]] = MappingProxyType({})
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_MOST_VERSIONS: Final = 32
_MOST_FLIPS: Final = 8
_LATE: Final = timedelta(minutes=5)  # an older write than this is not the one that was seen now
_SKEW: Final = timedelta(seconds=5)


class Draft(NamedTuple):
    """One thing that happened; ``parts`` make it one, together with the kind and the subject."""

    kind: str
    parts: tuple[str, ...]
    at: datetime | None  # None: the cluster gave no stamp, so our own clock must do
    payload: Mapping[str, Any] = _NOTHING
    involved: Mapping[str, ObjectRef] = _NOBODY
    told_by: str = "status"
    subject: ObjectRef | None = None  # None: the object that was seen
    expires_with: str = ""
    expires_at: datetime | None = None


class Seen(NamedTuple):
    """One state of one object as it came in, with what was known before it."""

    known: Known
    objects: Objects
    manifest: Mapping[str, Any]
    metadata: Mapping[str, Any]
    spec: Mapping[str, Any]
    status: Mapping[str, Any]
    change: Change
    at: datetime  # by our own clock
    version: str  # the resource version, opaque
    is_latest: bool  # no newer state of the same object has been seen

    @property
    def created_at(self) -> datetime | None:
        """Return when the API server took the object in."""
        return stamp(self.metadata.get("creationTimestamp"))

    def is_new(self, kind: str, *parts: str) -> bool:
        """Return whether the object has not yet given such a fact, or not in full."""
        key = (kind, *parts)
        return key not in self.known.told or "|".join(key) in self.known.notes.get("bare", ())


def flips(seen: Seen, name: str, at: str, status: str) -> list[tuple[str, str]]:
    """Note one transition of a condition; return those now known to have turned from another.

    A condition carries the stamp of its last transition only, so the one before it is known when
    it was seen. Transitions may come late and in any order: the one after a late one turns too.
    Stamps are as `stamped` writes them, in UTC, so that they sort as they lie in time.
    """
    known: list[str] = seen.known.notes.setdefault(name, [])
    entry = f"{at} {status}"
    if known and (known[-1] == entry or entry in known):
        return []
    known.append(entry)
    known.sort()
    del known[:-_MOST_FLIPS]
    if entry not in known:
        return []
    place = known.index(entry)
    turned = []
    for one in (place, place + 1):
        if 0 < one < len(known):
            when, _, now = known[one].partition(" ")
            if now != known[one - 1].partition(" ")[2]:
                turned.append((when, now))
    return turned


class Turn(NamedTuple):
    """A step from one version of a wanted state to the next that was seen."""

    version: str
    before: Any
    after: Any
    at: datetime  # when the later one was seen


def versions(
    seen: Seen, wanted: Mapping[str, Any], *, slot: str = "", number: str = ""
) -> list[Turn]:
    """Note one version of what is wanted; return the steps that it makes known.

    Versions may come late: then there is a step to it from the one before, and a step from it
    to the one after. A late one that wants the same as the one after it swaps names with it, for
    that step is told already. The last 32 are kept, and what is older than they is let be.

    Parameters
    ----------
    seen
        The state that came in.
    wanted
        The part of it that is compared, of JSON's types.
    slot
        Which of the object's parts it is, where several are compared.
    number
        What numbers the versions; the resource version where there is none.
    """
    kept: list[list[Any]] = seen.known.notes.setdefault(f"versions{slot}", [])
    name = number or seen.version or content_key(repr(sorted(wanted.items())))
    if any(one[2] == name for one in kept):
        return []
    rank, moment = version_order(number or seen.version, seen.at)
    if len(kept) == _MOST_VERSIONS and (rank, moment) < (kept[0][0], kept[0][1]):
        return []  # older than all that are kept: told long ago, or too late
    entry = [rank, moment, name, seen.objects.shared(dict(wanted))]
    kept.append(entry)
    kept.sort(key=lambda one: (one[0], one[1]))
    place = kept.index(entry)
    if place + 1 < len(kept) and kept[place + 1][3] == wanted:
        entry[2], kept[place + 1][2] = kept[place + 1][2], entry[2]
    steps = [
        Turn(kept[one][2], kept[one - 1][3], kept[one][3], _moment(kept[one][1], seen.at))
        for one in (place, place + 1)
        if 0 < one < len(kept) and kept[one - 1][3] != kept[one][3]
    ]
    del kept[:-_MOST_VERSIONS]
    return steps


def _moment(moment: float, at: datetime) -> datetime:
    return at if moment == at.timestamp() else datetime.fromtimestamp(moment, tz=UTC)


def written_at(seen: Seen, turn: Turn) -> datetime:
    """Return when a step was written: by the API server's own clock where it says so."""
    written = stamp(mapping(seen.metadata.get("lastWrite")).get("time"))
    return (plausible(written, turn.at) or turn.at) if turn.at == seen.at else turn.at


def plausible(told: datetime | None, at: datetime) -> datetime | None:
    """Return a stamp if it can be that of what was seen at a moment: not old, nor ahead."""
    return told if told is not None and at - _LATE < told <= at + _SKEW else None
