"""Delivering: what of an API's writes reaches a watcher, when, how often and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from operator import attrgetter

import numpy as np

from tam_workbench.evaluation.clusters.clockwork import moment
from tam_workbench.evaluation.clusters.world import World, Write
from tam_workbench.records import Change, ObjectRef, Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How bad the way from the API to the watcher is."""

    latency_s: tuple[float, float] = (0.02, 1.5)  # of each write, in order within its kind
    duplicates: float = 0.02  # part of the observations that come twice
    relists: float = 0.5  # part of the objects that are listed again though nothing was lost
    gaps: int = 0  # times that a kind is not watched for a while
    gap_s: tuple[float, float] = (15.0, 60.0)
    gap_kinds: tuple[str, ...] = ("Pod", "Event", "Deployment", "ConfigMap")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What a watcher got, and the happenings that it was shown."""

    observations: tuple[Observation, ...]
    seen: frozenset[int]


def deliver(world: World, *, since: float, weather: Weather, rng: np.random.Generator) -> Delivered:
    """Return the stream of a watcher that begins at a moment with a list of all objects."""
    wrong_by = float(rng.uniform(-1.0, 1.0)) * max(world.clock.skew_s - 1.0, 0.0) / 2.0
    got: list[Observation] = []
    seen: set[int] = set()
    for kind in sorted({write.ref.kind for write in world.writes}):
        writes = [write for write in world.writes if write.ref.kind == kind]
        stream, shown = _stream(writes, since, weather, rng)
        got += [
            replace(one, observed_at=one.observed_at + timedelta(seconds=wrong_by))
            for one in stream
        ]
        seen |= shown
    got.sort(key=attrgetter("observed_at"))
    return Delivered(observations=tuple(got), seen=frozenset(seen))


def _stream(
    writes: Sequence[Write], since: float, weather: Weather, rng: np.random.Generator
) -> tuple[list[Observation], set[int]]:
    """Return what a watch of one kind brings, and the happenings that it shows."""
    state: dict[str, Write] = {}
    for write in writes:
        if write.at < since:
            _apply(state, write)
    out = [_seen(write, since, Change.ADDED) for write in state.values()]
    shown = {number for write in state.values() for number in write.tells}
    later = [write for write in writes if write.at >= since]
    arrived = since
    for part, cut in _parts(later, _cuts(since, later, weather, rng)):
        before = dict(state)
        for write in part:
            _apply(state, write)
            if cut is None:
                arrived = max(arrived, write.at + float(rng.uniform(*weather.latency_s)))
                told = [_seen(write, arrived, write.change)]
                out += told * (2 if rng.random() < weather.duplicates else 1)
                shown |= set(write.tells)
        if cut is not None:
            arrived = max(arrived, cut[1])
            out += _relisted(before, state, cut, shown)
        elif weather.relists and len(part) > 1:
            known = [write for write in state.values() if rng.random() < weather.relists]
            out += [_seen(write, arrived + 0.5, Change.ADDED) for write in known]
    return out, shown


def _parts(
    later: Sequence[Write], cuts: Sequence[tuple[float, float]]
) -> list[tuple[list[Write], tuple[float, float] | None]]:
    """Return the writes in turns: watched, cut off, watched ..."""
    parts: list[tuple[list[Write], tuple[float, float] | None]] = []
    begin = -1.0
    for cut in cuts:
        parts.append(([one for one in later if begin <= one.at < cut[0]], None))
        parts.append(([one for one in later if cut[0] <= one.at < cut[1]], cut))
        begin = cut[1]
    middle = later[len(later) // 2].at if later else 0.0
    parts.append(([one for one in later if begin <= one.at < middle], None))
    parts.append(([one for one in later if max(begin, middle) <= one.at], None))
    return parts


def _apply(state: dict[str, Write], write: Write) -> None:
    if write.change is Change.DELETED:
        state.pop(write.ref.key, None)
    else:
        state[write.ref.key] = write


def _seen(write: Write, at: float, change: Change) -> Observation:
    return Observation(
        change=change,
        ref=write.ref,
        observed_at=moment(at),
        resource_version=write.version,
        manifest=write.manifest,
    )


def _cuts(
    since: float, later: Sequence[Write], weather: Weather, rng: np.random.Generator
) -> list[tuple[float, float]]:
    if not later or later[0].ref.kind not in weather.gap_kinds:
        return []
    end = max(later[-1].at, since + 31.0)
    starts = np.sort(rng.uniform(since + 30.0, end, size=weather.gaps))
    found: list[tuple[float, float]] = []
    for start in starts:
        if not found or start > found[-1][1]:
            found.append((float(start), float(start + rng.uniform(*weather.gap_s))))
    return found


def _relisted(
    before: dict[str, Write],
    after: dict[str, Write],
    cut: tuple[float, float],
    shown: set[int],
) -> list[Observation]:
    """Return the gap and what a list after it says: new, changed and gone objects."""
    began, ended = moment(cut[0]), moment(cut[1])
    cluster = next(iter((after or before).values())).ref.cluster
    kind = next(iter((after or before).values())).ref.kind
    versions = [
        max(held.values(), key=attrgetter("at")).version for held in (before, after) if held
    ]
    manifest = {
        "reason": "expired",
        "from_version": versions[0],
        "to_version": versions[-1],
        "began_at": began.isoformat(),
        "ended_at": ended.isoformat(),
    }
    ref = ObjectRef(cluster=cluster, kind=kind, name="")
    out = [Observation(change=Change.GAP, ref=ref, observed_at=ended, manifest=manifest)]
    for key, write in after.items():
        if key not in before or before[key].version != write.version:
            change = Change.MODIFIED if key in before else Change.ADDED
            out.append(_seen(write, cut[1], change))
            shown |= set(write.tells)
    gone = [write for key, write in before.items() if key not in after]
    return out + [_seen(write, cut[1], Change.DELETED) for write in gone]
