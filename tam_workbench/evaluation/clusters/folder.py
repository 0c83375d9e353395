"""Folder: the whole path of a watched cluster, from JSON lines to documents on disk, and back.

A line is parsed, sealed and made an observation by the source that replays recordings; the
engine's memory derives, links and keeps; every few thousand observations all of it is committed
to a SQLite file, as a loop's checkpoint does.
"""

import gc
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from time import process_time
from typing import Any, Final

import numpy as np
import psutil

from tam_workbench.engine import plugins
from tam_workbench.engine.cluster import ClusterMemory, ClusterQuestions
from tam_workbench.engine.opened import shelf_at
from tam_workbench.evaluation.clusters.busy import busy, initial
from tam_workbench.evaluation.clusters.clockwork import START
from tam_workbench.ports import Source
from tam_workbench.records import Batch, Observation, TrustScores

PODS: Final = 2000
BATCH: Final = 512
COMMITTED: Final = 10_240
"""Observations between two commits: a checkpoint of five seconds, at 2,000 a second."""
ASKED: Final = 400
"""Questions of each kind."""
_UNSCORED: Final = TrustScores(values={}, reasons={})
_REF: Final = ("cluster", "kind", "namespace", "name", "uid")


@dataclass(slots=True)
class Way:
    """Seconds of the process in each part of the way, and how many observations went it."""

    reading: float = 0.0
    taking: float = 0.0
    committing: float = 0.0
    observations: int = 0

    @property
    def rate(self) -> float:
        """Return observations a second over all parts."""
        return self.observations / (self.reading + self.taking + self.committing)


@dataclass(slots=True)
class Watched:
    """A folder into which a stream went: what its first and its last part cost."""

    memory: ClusterMemory
    first: Way = field(default_factory=Way)
    last: Way = field(default_factory=Way)
    weight_mb: float = 0.0  # resident, when all was taken in


class _Still:
    """A clock that nobody looks at: a replay at full speed."""

    def now(self) -> datetime:
        """Return one moment."""
        return datetime.fromtimestamp(0, UTC)

    def monotonic(self) -> float:
        """Return one moment."""
        return 0.0

    def sleep(self, seconds: float) -> None:
        """Sleep not at all."""


@contextmanager
def unhurried() -> Iterator[None]:
    """Let Python look for cycles rarely, as a process that takes streams in does."""
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def watched(folder: Path, count: int, *, marked: int, pods: int = PODS) -> Watched:
    """Take a stream of so many observations into a folder.

    The first and the last ``marked`` of them come as lines of JSON and are measured; what lies
    between is taken in as it is made.
    """
    made = Watched(ClusterMemory(shelf_at("", folder)))
    _direct(made.memory, initial(pods))
    stream = busy(count, pods=pods)
    marked = min(marked, count // 2)
    _by_lines(made.memory, folder, list(islice(stream, marked)), made.first)
    _direct(made.memory, islice(stream, count - 2 * marked))
    _by_lines(made.memory, folder, list(stream), made.last)
    made.weight_mb = psutil.Process().memory_info().rss / 2**20
    return made


def _direct(memory: ClusterMemory, stream: Iterable[Observation]) -> None:
    waiting, since = iter(stream), 0
    while part := tuple(islice(waiting, BATCH)):
        at = part[-1].observed_at
        batch = Batch(source="busy", sequence=0, offset="", received_at=at, observations=part)
        memory.take(batch, _UNSCORED)
        since += len(part)
        if since >= COMMITTED:
            memory.flush()
            since = 0
    memory.flush()


def _by_lines(memory: ClusterMemory, folder: Path, part: list[Observation], way: Way) -> None:
    file = folder / "part.jsonl"
    with file.open("w", encoding="ascii") as lines:
        lines.writelines(f"{_line(one)}\n" for one in part)
    _replayed(memory, file, way)
    file.unlink()


def _replayed(memory: ClusterMemory, file: Path, way: Way) -> None:
    loaded: Any = plugins.load("sources", "recorded")
    source: Source = loaded(file, clock=_Still(), cluster="busy", batch_rows=BATCH)
    source.open(None)
    while True:
        began = process_time()
        batch = source.read()
        read = process_time()
        if batch is None:
            break
        memory.take(batch, _UNSCORED)
        taken = process_time()
        way.reading += read - began
        way.taking += taken - read
        way.observations += len(batch.observations)
        if way.observations % COMMITTED < len(batch.observations):
            memory.flush()
            way.committing += process_time() - taken
    began = process_time()
    memory.flush()
    way.committing += process_time() - began
    source.close()


def _line(one: Observation) -> str:
    told: dict[str, Any] = {name: getattr(one.ref, name) for name in _REF}
    told["change"] = one.change.value
    told["observed_at"] = one.observed_at.isoformat()
    told["resource_version"] = one.resource_version
    told["manifest"] = one.manifest
    return json.dumps(told, separators=(",", ":"))


def answer_times(
    asked: ClusterQuestions, *, count: int, pods: int = PODS
) -> dict[str, tuple[float, float]]:
    """Return the median and the 95th percentile, in seconds, of each question."""
    rng = np.random.default_rng(7)
    paths = [one.ref.path for one in initial(pods)]

    def when() -> datetime:
        return START + timedelta(seconds=float(rng.uniform(0.0, count * 0.5)))

    def path() -> str:
        return paths[int(rng.integers(pods))]

    return {
        "state-at": _times(lambda: asked.state_at(when(), path())),
        "cause": _times(lambda: asked.cause(path())),
    }


def _times(ask: Callable[[], object]) -> tuple[float, float]:
    times = []
    for _ in range(ASKED):
        began = process_time()
        ask()
        times.append(process_time() - began)
    median, high = np.quantile(times, (0.5, 0.95))
    return float(median), float(high)


def weighed(folder: Path) -> tuple[float, float]:
    """Return the resident megabytes of this process before and after it has read a folder's pods.

    They come as lines, see `written`, by the source that replays recordings, and are committed.
    """
    memory = ClusterMemory(shelf_at("", folder))
    (folder / "none.jsonl").touch()
    _replayed(memory, folder / "none.jsonl", Way())
    bare = psutil.Process().memory_info().rss / 2**20
    _replayed(memory, folder / "pods.jsonl", Way())
    return bare, psutil.Process().memory_info().rss / 2**20


def written(folder: Path, pods: int) -> None:
    """Write down so many pods for `weighed`."""
    with (folder / "pods.jsonl").open("w", encoding="ascii") as lines:
        lines.writelines(f"{_line(one)}\n" for one in initial(pods))


def restored(folder: Path) -> tuple[float, ClusterMemory]:
    """Return the seconds of the process that a loop needs to know a folder again, and it."""
    memory = ClusterMemory(shelf_at("", folder))
    began = process_time()
    memory.restore()
    return process_time() - began, memory
