"""The state of any object at any past moment, and what changed between two."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tam_workbench.causal.history_chapters import BLOCK, LENGTH, Chapter, packed
from tam_workbench.causal.identity import aware, version_order
from tam_workbench.causal.manifests import differences
from tam_workbench.errors import BadInputError
from tam_workbench.records import Change, ObjectRef, Observation

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_NOISE: Final = frozenset({"metadata.resourceVersion"})

Difference = tuple[str, Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """What became of one object between two moments."""

    ref: ObjectRef
    change: Change  # ADDED, MODIFIED or DELETED
    at: datetime  # of the last version in between
    versions: int  # how many versions were seen in between
    diff: tuple[Difference, ...]  # (path, before, after)


class _Story:
    """All versions of one object, chapter by chapter."""

    __slots__ = ("chapters", "first", "ref")

    def __init__(self, ref: ObjectRef) -> None:
        self.ref = ref
        self.chapters: list[Chapter] = []
        self.first = 0  # number of the first chapter that is still here

    def upto(self, moment: int) -> tuple[int, int] | None:
        """Return (chapter, place) of the last version at or before a moment."""
        for number in range(len(self.chapters) - 1, -1, -1):
            stamps = self.chapters[number].stamps
            if stamps and stamps[0] <= moment:
                return number, bisect_right(stamps, moment) - 1
        return None

    def state(self, moment: int) -> dict[str, Any] | None:
        """Return the object as it stood at a moment, None if it was not there."""
        found = self.upto(moment)
        if found is None or self.chapters[found[0]].flags[found[1]]:
            return None
        return self.chapters[found[0]].read(found[1])

    def count(self, after: int, upto: int) -> int:
        """Return how many versions stand in (after, upto]."""
        return sum(
            bisect_right(one.stamps, upto) - bisect_right(one.stamps, after)
            for one in self.chapters
        )


def _moment(when: datetime) -> int:
    return (aware(when) - _EPOCH) // _MICROSECOND


def _when(moment: int) -> datetime:
    return _EPOCH + moment * _MICROSECOND


class History:
    """Every version of every watched object but events, each chapter begun in full.

    Time is our own clock's, at which a version was seen: what the cluster looked like to a
    watcher. A version that comes late is put where it belongs: by its version number where
    versions are numbers, else by its stamp. Times must be aware.

    Parameters
    ----------
    length
        Versions in a chapter; a longer one is smaller, and dearer to write out anew.

    >>> from datetime import UTC, datetime
    >>> def seen(minute, replicas):
    ...     ref = ObjectRef(cluster="c", kind="Deployment", namespace="shop", name="web", uid="u")
    ...     at = datetime(2026, 3, 1, 12, minute, tzinfo=UTC)
    ...     return Observation(change=Change.MODIFIED, ref=ref, observed_at=at,
    ...         resource_version=str(minute), manifest={"spec": {"replicas": replicas}})
    >>> history = History()
    >>> for one in (seen(1, 2), seen(5, 3), seen(3, 4)):
    ...     history.put(one)
    >>> history.at("shop/Deployment/web", datetime(2026, 3, 1, 12, 4, tzinfo=UTC))
    {'spec': {'replicas': 4}}
    >>> three, six = (datetime(2026, 3, 1, 12, minute, tzinfo=UTC) for minute in (3, 6))
    >>> history.diff("shop/Deployment/web", three, six)
    [('spec.replicas', 4, 3)]
    """

    def __init__(self, *, length: int = LENGTH) -> None:
        self._length = length
        self._stories: dict[str, _Story] = {}
        self._by_path: dict[str, list[str]] = {}  # path -> keys, the oldest first
        self._unsaved: dict[tuple[str, int, int], None] = {}  # key, chapter, block
        self._versions = 0

    def __len__(self) -> int:
        """Return how many versions are kept."""
        return self._versions

    def holds(self, ref: ObjectRef) -> bool:
        """Return whether any version of an object is kept."""
        return ref.key in self._stories

    def put(self, one: Observation) -> None:
        """Keep one version; the same version again changes nothing."""
        if one.change is Change.GAP or one.ref.kind == "Event":
            return
        key = one.ref.key
        story = self._stories.get(key) or self._begun(key, one.ref)
        moment, is_deleted = _moment(one.observed_at), one.change is Change.DELETED
        number, _ = version_order(one.resource_version, one.observed_at)
        chapters = story.chapters
        last = chapters[-1] if chapters else None
        if last is None or (number > last.numbers[-1] and moment >= last.stamps[-1]):
            self._append(story, one, (moment, number, is_deleted))
        else:
            self._insert(story, one, (moment, number, is_deleted))

    def _begun(self, key: str, ref: ObjectRef) -> _Story:
        story = self._stories[key] = _Story(ref)
        self._by_path.setdefault(ref.path, []).append(key)
        return story

    def _append(self, story: _Story, one: Observation, mark: tuple[int, int, bool]) -> None:
        if not story.chapters or len(story.chapters[-1]) >= self._length:
            story.chapters.append(Chapter.begun(one.manifest))
        chapter = story.chapters[-1]
        chapter.put(len(chapter), packed(one.manifest), mark=mark)
        self._note(story, len(story.chapters) - 1, len(chapter) - 1)

    def _note(self, story: _Story, chapter: int, place: int) -> None:
        """Note that all versions of a chapter from a place on are to be written."""
        key, number = story.ref.key, story.first + chapter
        for block in range(place // BLOCK, (len(story.chapters[chapter]) - 1) // BLOCK + 1):
            self._unsaved[key, number, block] = None
        self._versions += 1

    def _insert(self, story: _Story, one: Observation, mark: tuple[int, int, bool]) -> None:
        """Put a late, a repeated or an unnumbered version where it belongs."""
        moment, number, is_deleted = mark
        chapter, place = _place(story, moment, number)
        if _is_known(story, (chapter, place), one, mark=mark):
            return
        before, after = _neighbours(story, chapter, place)
        if after is None:
            moment = max(moment, before or moment)
            self._append(story, one, (moment, number, is_deleted))
            return
        moment = min(max(moment, before or moment), after)
        mark = moment, number, is_deleted
        story.chapters[chapter].put(place, packed(one.manifest), mark=mark)
        self._note(story, chapter, place)

    def at(self, ref: ObjectRef | str, when: datetime) -> dict[str, Any] | None:
        """Return an object as it stood at a moment; None if it was not there.

        ``ref`` is a reference, its key, or a path (namespace/Kind/name) for the object that had
        the name then.
        """
        moment = _moment(when)
        for story in self._named(ref):
            if (found := story.state(moment)) is not None:
                return found
        return None

    def last(self, ref: ObjectRef | str) -> dict[str, Any] | None:
        """Return an object as it was last seen, be it deleted or not."""
        for story in self._named(ref):
            chapter = story.chapters[-1]
            return chapter.read(len(chapter) - 1)
        return None

    def moments(self, ref: ObjectRef | str) -> list[datetime]:
        """Return the moments at which versions of an object were seen, in order."""
        found = {
            moment for one in self._named(ref) for part in one.chapters for moment in part.stamps
        }
        return [_when(moment) for moment in sorted(found)]

    def alive(self, when: datetime, *, namespace: str = "", kind: str = "") -> list[ObjectRef]:
        """Return the objects that were there at a moment, sorted."""
        moment = _moment(when)
        found = []
        for story in self._among(namespace, kind):
            place = story.upto(moment)
            if place is not None and not story.chapters[place[0]].flags[place[1]]:
                found.append(story.ref)
        return sorted(found)

    def diff(self, ref: ObjectRef | str, a: datetime, b: datetime) -> list[Difference]:
        """Return what differs between two moments as (path, before, after).

        An object that came or went in between differs as a whole, at the empty path.
        """
        return _told(self.at(ref, a), self.at(ref, b))

    def between(
        self, a: datetime, b: datetime, namespace: str = "", *, kind: str = ""
    ) -> list[StateChange]:
        """Return what became of each object in (a, b], by time; what ended as it began is left out.

        An object that came and went in between is told as DELETED.
        """
        found, after, upto = [], _moment(a), _moment(b)
        for story in self._among(namespace, kind):
            versions = story.count(after, upto)
            if versions and (change := _became(story, after, upto, versions=versions)):
                found.append(change)
        return sorted(found, key=lambda one: (one.at, one.ref))

    def segments(self) -> dict[str, bytes]:
        """Return the blocks of chapters that changed since this was last asked, by id."""
        found = {}
        for key, number, block in self._unsaved:
            story = self._stories[key]
            ref = story.ref
            names = {
                name: getattr(ref, name) for name in ("cluster", "kind", "name", "namespace", "uid")
            }
            if number >= story.first:
                chapter = story.chapters[number - story.first]
                found[_segment(key, number, block)] = chapter.saved(names, block)
        self._unsaved.clear()
        return found

    def restore(self, segments: Mapping[str, bytes]) -> None:
        """Take back blocks that were given out; to be called on an empty history."""
        blocks: dict[tuple[str, int], list[tuple[int, str]]] = {}
        for name in segments:
            key, _, place = name.rpartition("#")
            chapter, _, block = place.partition(".")
            blocks.setdefault((key, int(chapter)), []).append((int(block or 0), name))
        for (key, number), parts in sorted(blocks.items()):
            if len(parts) != max(parts)[0] + 1:
                message = (
                    f"segment {key}#{number} of the history misses a block: relist the cluster"
                )
                raise BadInputError(message)
            made, names = Chapter.restored([segments[name] for _, name in sorted(parts)])
            story = self._stories.get(key) or self._begun(key, ObjectRef(**names))
            if not story.chapters:
                story.first = number
            story.chapters.append(made)
            self._versions += len(made)

    def forget(self, before: datetime) -> list[str]:
        """Let go of chapters that say nothing about any time after a moment; return their ids."""
        moment, gone = _moment(before), []
        for key, story in list(self._stories.items()):
            while len(story.chapters) > 1 and story.chapters[1].stamps[0] <= moment:
                chapter = story.chapters.pop(0)
                gone += _names(key, story.first, chapter)
                self._versions -= len(chapter)
                story.first += 1
            last = story.chapters[-1]
            if len(story.chapters) == 1 and last.flags[-1] and last.stamps[-1] <= moment:
                gone += _names(key, story.first, last)
                self._drop(key, story)
        return gone

    def _drop(self, key: str, story: _Story) -> None:
        self._versions -= sum(len(one) for one in story.chapters)
        del self._stories[key]
        keys = self._by_path[story.ref.path]
        keys.remove(key)
        if not keys:
            del self._by_path[story.ref.path]
        for mark in [one for one in self._unsaved if one[0] == key]:
            del self._unsaved[mark]

    def _named(self, ref: ObjectRef | str) -> Iterator[_Story]:
        """Yield the stories a reference may mean, the newest first."""
        key = ref if isinstance(ref, str) else ref.key
        if story := self._stories.get(key):
            yield story
            return
        path = ref if isinstance(ref, str) else ref.path
        for one in reversed(self._by_path.get(path, [])):
            story = self._stories[one]
            if isinstance(ref, str) or (not ref.uid and story.ref.cluster == ref.cluster):
                yield story

    def _among(self, namespace: str, kind: str) -> Iterator[_Story]:
        for story in self._stories.values():
            if (not namespace or story.ref.namespace == namespace) and (
                not kind or story.ref.kind == kind
            ):
                yield story


def _segment(key: str, chapter: int, block: int) -> str:
    return f"{key}#{chapter}.{block}" if block else f"{key}#{chapter}"


def _names(key: str, number: int, chapter: Chapter) -> list[str]:
    """Return the ids of all blocks of a chapter."""
    return [_segment(key, number, block) for block in range((len(chapter) - 1) // BLOCK + 1)]


def _place(story: _Story, moment: int, number: int) -> tuple[int, int]:
    """Return (chapter, place) where a version belongs."""
    for chapter in range(len(story.chapters) - 1, -1, -1):
        part = story.chapters[chapter]
        if number and part.numbers[0] and number >= part.numbers[0]:
            return chapter, part.place_of(number)
        if not number and moment >= part.stamps[0]:
            return chapter, bisect_right(part.stamps, moment)
    return 0, 0


def _is_known(
    story: _Story, place: tuple[int, int], one: Observation, *, mark: tuple[int, int, bool]
) -> bool:
    part, (moment, number, is_deleted) = story.chapters[place[0]], mark
    if number:
        return part.holds(number, is_deleted=is_deleted)
    before = place[1] - 1
    if before < 0 or part.stamps[before] != moment:
        return False
    return part.flags[before] == is_deleted and packed(part.read(before)) == packed(one.manifest)


def _neighbours(story: _Story, chapter: int, place: int) -> tuple[int | None, int | None]:
    """Return the stamps before and after a place; after is None at the very end."""
    part = story.chapters[chapter]
    before = part.stamps[place - 1] if place else None
    if before is None and chapter:
        before = story.chapters[chapter - 1].stamps[-1]
    if place < len(part):
        return before, part.stamps[place]
    following = story.chapters[chapter + 1 :]
    return before, following[0].stamps[0] if following else None


def _told(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[Difference]:
    return [one for one in differences(before, after) if one[0] not in _NOISE]


def _became(story: _Story, a: int, b: int, *, versions: int) -> StateChange | None:
    before, after = story.state(a), story.state(b)
    last = story.upto(b)
    diff = _told(before, after)
    if last is None or (before is not None and after is not None and not diff):
        return None
    change = Change.MODIFIED if before is not None else Change.ADDED
    return StateChange(
        ref=story.ref,
        change=change if after is not None else Change.DELETED,
        at=_when(story.chapters[last[0]].stamps[last[1]]),
        versions=versions,
        diff=tuple(diff),
    )
