"""Following: what one list and watch say, told once each, and what was missed in between.

Pure: it is handed pages and events and knows no connection, no thread and no clock.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tam_workbench.adapters.observing import seen, stamp
from tam_workbench.records import Change, ObjectRef, Observation

__all__ = ["Cursor", "Following", "Lost"]

_RECENT: Final = 4096
_BROKE_OFF: Final = "a list broke off"
_CHANGES: Final = frozenset(["ADDED", "MODIFIED", "DELETED"])
_Seal = Callable[[Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A stretch that was not seen: since when, from which version on, and why."""

    since: str
    version: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where watching goes on; without a version a list comes first."""

    version: str = ""
    at: str = ""  # when we last knew that we missed nothing, ISO
    lost: Lost | None = None  # still to be told

    def told(self) -> list[Any]:
        """Return it in JSON's types."""
        lost = [self.lost.since, self.lost.version, self.lost.reason] if self.lost else []
        return [self.version, self.at, *lost]

    @classmethod
    def read(cls, told: Sequence[str]) -> "Cursor":
        """Return the cursor that `told` wrote down.

        >>> lost = Lost(since="", version="7", reason="expired")
        >>> Cursor.read(Cursor(lost=lost).told()).lost == lost
        True
        """
        version, at, *lost = (str(text) for text in told)
        if not lost:
            return cls(version=version, at=at)
        since, old, reason = lost
        return cls(version=version, at=at, lost=Lost(since=since, version=old, reason=reason))


class Following:
    """The objects of one kind in one namespace of one cluster, as far as they were told.

    Parameters
    ----------
    about
        Cluster, kind and namespace, for the gaps.
    seal
        Takes what is secret out of an object.
    cursor
        Where to go on.
    known
        What was told before, with its versions; None when nobody remembers.
    """

    def __init__(
        self,
        about: ObjectRef,
        *,
        seal: _Seal,
        cursor: Cursor,
        known: Iterable[tuple[ObjectRef, str]] | None = None,
    ) -> None:
        self.about = about
        self.cursor = cursor
        self.api_version = "v1"  # of the objects in a list, which do not say it themselves
        self._lost = cursor.lost
        self._unfinished: Lost | None = None  # what is lost should this list break off
        self._seal = seal
        self._known = {ref.key: (version, ref) for ref, version in known or ()}
        self._recent: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._gone: OrderedDict[str, None] = OrderedDict()
        self._listed: set[str] = set()
        self._is_blind = known is None  # nothing is known of what there was before

    def lose(self, reason: str, *, now: datetime) -> None:
        """Take note that history is gone from the cursor on: a list must come next."""
        lost = self._lost or self._unfinished
        if lost is None and self.cursor.version:
            since = self.cursor.at or now.isoformat()
            lost = Lost(since=since, version=self.cursor.version, reason=reason)
        self._lost, self._unfinished = lost, None
        self.cursor = Cursor(lost=lost)

    def begin(self) -> None:
        """Expect the first page of a list; what a list that broke off told may have changed."""
        self._lost, self._unfinished = self._lost or self._unfinished, None
        self.cursor = Cursor(lost=self._lost)
        self._listed.clear()

    def prime(self, items: Sequence[Mapping[str, Any]], *, now: datetime) -> list[Observation]:
        """Take note of objects as they stood at the cursor; they have been told before."""
        found = [self._seen(item, Change.ADDED, now) for item in items]
        for one in found if self._is_blind else ():
            self._known[one.ref.key] = (one.resource_version, one.ref)
        return found

    def primed(self) -> None:
        """Take note that all was told of how everything stood at the cursor."""
        self._is_blind = False

    def page(
        self, items: Sequence[Mapping[str, Any]], version: str, *, now: datetime
    ) -> list[Observation]:
        """Return what a page of a list, as all stood at ``version``, tells anew."""
        told = []
        if self._unfinished is None:
            new = Lost(since=now.isoformat(), version=version, reason=_BROKE_OFF)
            self._unfinished = self._lost or new
            self.cursor = Cursor(lost=self._unfinished)
        for item in items:
            found = self._seen(item, Change.ADDED, now)
            key = found.ref.key
            self._listed.add(key)
            change = Change.MODIFIED if key in self._known else Change.ADDED
            told += self._told(found, change)
        return told

    def end(self, version: str, *, now: datetime) -> list[Observation]:
        """Return what a complete list tells: who is no longer there, and the gap before it."""
        told = [
            Observation(change=Change.DELETED, ref=ref, observed_at=now)
            for key, (_, ref) in list(self._known.items())
            if key not in self._listed
        ]
        for one in told:
            self._drop(one.ref.key)
        if self._lost is not None:
            told.append(self._gap(self._lost, version, now))
        self._lost = self._unfinished = None
        self._listed.clear()
        self._is_blind = False
        self.cursor = Cursor(version=version, at=now.isoformat())
        return told

    def event(self, change: str, item: Mapping[str, Any], *, now: datetime) -> list[Observation]:
        """Return what one event of a watch tells: one observation, or none."""
        version = str((item.get("metadata") or {}).get("resourceVersion") or "")
        self.cursor = Cursor(version=version or self.cursor.version, at=now.isoformat())
        if change not in _CHANGES:  # a bookmark: nothing but how far we are
            return []
        found = self._seen(item, Change(change), now)
        return self._told(found, found.change)

    def blocked(self, reason: str, *, now: datetime) -> Observation:
        """Return the gap of somebody who may not look."""
        lost = Lost(since=now.isoformat(), version=self.cursor.version, reason=reason)
        return self._gap(lost, "", now)

    def _told(self, found: Observation, change: Change) -> list[Observation]:
        key, version = found.ref.key, found.resource_version
        fingerprint = (key, version if change is not Change.DELETED else f"-{version}")
        if version and (fingerprint in self._recent or self._is_known(key, version, change)):
            return []
        _remember(self._recent, fingerprint)
        if change is Change.DELETED:
            if key in self._gone:  # a list said so before the watch did
                return []
            self._drop(key)
        elif key not in self._gone:
            self._known[key] = (version, found.ref)
        if change is found.change:
            return [found]
        return [
            Observation(
                change=change,
                ref=found.ref,
                observed_at=found.observed_at,
                resource_version=version,
                manifest=found.manifest,
            )
        ]

    def _is_known(self, key: str, version: str, change: Change) -> bool:
        return change is not Change.DELETED and self._known.get(key, ("",))[0] == version

    def _drop(self, key: str) -> None:
        self._known.pop(key, None)
        _remember(self._gone, key)

    def _gap(self, lost: Lost, version: str, now: datetime) -> Observation:
        told: dict[str, Any] = {
            "reason": lost.reason,
            "from_version": lost.version,
            "to_version": version,
            "began_at": (stamp(lost.since) or now).isoformat(),
            "ended_at": now.isoformat(),
        }
        if self._is_blind:  # who went meanwhile can only be told by who is still there
            told["present"] = sorted(self._known)
        return Observation(
            change=Change.GAP,
            ref=self.about,
            observed_at=now,
            resource_version=version,
            manifest=told,
        )

    def _seen(self, item: Mapping[str, Any], change: Change, now: datetime) -> Observation:
        whole = {"apiVersion": self.api_version, "kind": self.about.kind, **item}
        sealed = self._seal(whole)
        return seen(sealed, change, cluster=self.about.cluster, observed_at=now)


def _remember(kept: OrderedDict[Any, None], key: object) -> None:
    kept[key] = None
    if len(kept) > _RECENT:
        kept.popitem(last=False)
