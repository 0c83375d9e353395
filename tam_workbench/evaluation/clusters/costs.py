"""Costs: how fast a stream is taken in, how fast it answers, and what it weighs.

Times are of the process, not of the wall, and only of the calls that are measured: making the
stream is left out. The seed's ingest of the same kills is measured in the same run.
"""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Final

from tam_workbench.causal import Correlator, Deriver, History
from tam_workbench.engine.cluster import ClusterMemory, ClusterQuestions
from tam_workbench.engine.opened import shelf_at
from tam_workbench.evaluation.clusters.busy import busy, initial
from tam_workbench.evaluation.clusters.folder import (
    Way,
    answer_times,
    restored,
    unhurried,
    watched,
    written,
)
from tam_workbench.evaluation.clusters.reference import SeedMemory, collected
from tam_workbench.evaluation.figures import Figure
from tam_workbench.records import Batch, Observation, TrustScores

BATCH: Final = 500
SMALL: Final = 20_000
LARGE: Final = 200_000
SEED_RATE: Final = 1_900
"""Events a second that the seed's own code took in, at 20,000 events."""
Line = tuple[str, float, str, str, str, bool | None]

_PARTS: Final = (
    ("facts correlated", "facts/s"),
    ("observations derived", "1/s"),
    ("observations kept", "1/s"),
    ("whole ingest", "1/s"),
)
_WEIGHED: Final = """
import pathlib, sys
from tam_workbench.evaluation.clusters.folder import weighed
print(*weighed(pathlib.Path(sys.argv[1])))
"""


@dataclass(slots=True)
class Spent:
    """Seconds of the process spent in each part, and what went in and came out."""

    deriving: float = 0.0
    correlating: float = 0.0
    keeping: float = 0.0
    observations: int = 0
    facts: int = 0

    @property
    def seconds(self) -> float:
        """Return all of it."""
        return self.deriving + self.correlating + self.keeping


@dataclass(slots=True)
class Collector:
    """What the engine holds of a cluster."""

    deriver: Deriver
    correlator: Correlator
    history: History

    def take(self, batch: list[Observation], spent: Spent) -> None:
        """Take a batch in and add what it cost."""
        began = process_time()
        facts = self.deriver.take(batch)
        derived = process_time()
        self.correlator.take(facts, now=batch[-1].observed_at)
        correlated = process_time()
        for one in batch:
            self.history.put(one)
        spent.deriving += derived - began
        spent.correlating += correlated - derived
        spent.keeping += process_time() - correlated
        spent.observations += len(batch)
        spent.facts += len(facts)


def new_collector() -> Collector:
    """Return an empty one."""
    return Collector(Deriver("busy"), Correlator(), History())


def collector_of(pods: int) -> Collector:
    """Return a collector that was told of so many running pods."""
    made = new_collector()
    for batch in _batches(initial(pods)):
        made.take(batch, Spent())
    return made


def _batches(stream: Iterable[Observation]) -> Iterator[list[Observation]]:
    waiting = iter(stream)
    while batch := list(islice(waiting, BATCH)):
        yield batch


def ingested(count: int, *, pods: int = 2000) -> tuple[Collector, Spent, Spent]:
    """Take in a stream; return the collector, what all of it cost, and its last 20,000."""
    collector, spent, late = collector_of(pods), Spent(), Spent()
    for batch in _batches(busy(count, pods=pods)):
        is_late = spent.observations + late.observations >= count - SMALL
        collector.take(batch, late if is_late else spent)
    return collector, spent, late


def seed_rate(count: int = SMALL, *, pods: int = 200) -> float:
    """Return the events per second that the seed's ingest takes in, of so many."""
    rows = list(islice(collected(busy(count, pods=pods)), count))
    memory = SeedMemory()
    began = process_time()
    memory.ingest(rows)
    return len(rows) / (process_time() - began)


def weight(pods: int = 5_000) -> tuple[float, float]:
    """Return the resident megabytes of a collector before it has seen a pod, and of so many.

    A collector is a source, the engine's memory and its shelf, in a process of their own.
    """
    with TemporaryDirectory() as place:
        written(Path(place), pods)
        answer = subprocess.run(  # noqa: S603 - our own interpreter on our own words
            [sys.executable, "-c", _WEIGHED, place], capture_output=True, text=True, check=True
        )
    bare, full = (float(word) for word in answer.stdout.split())
    return bare, full


def linked_rate(count: int = SMALL, *, pods: int = 200) -> float:
    """Return the facts per second that are linked and committed to a file, of a stream's.

    This is what the seed's ingest does with its events: it is handed what its collector made,
    makes edges and writes both down.
    """
    deriver = Deriver("busy")
    stream = _batches(chain(initial(pods), busy(count, pods=pods)))
    batches = [(deriver.take(batch), batch[-1].observed_at) for batch in stream]
    with TemporaryDirectory() as place:
        memory = ClusterMemory(shelf_at("", Path(place)))
        _begin(memory, initial(1)[0])
        facts = sum(len(told) for told, _ in batches)
        began = process_time()
        for number, (told, at) in enumerate(batches, start=1):
            memory.learn(told, now=at)
            if number % 20 == 0:
                memory.flush()
        memory.flush()
        spent = process_time() - began
        memory.close()
    return facts / spent


def _begin(memory: ClusterMemory, one: Observation) -> None:
    at = one.observed_at
    batch = Batch(source="busy", sequence=0, offset="", received_at=at, observations=(one,))
    memory.take(batch, TrustScores(values={}, reasons={}))


def cost_figures(*, small: int = SMALL, large: int = LARGE, pods: int = 5_000) -> list[Figure]:
    """Return what ingest, answers and memory cost, early in a stream and late.

    The seed takes in events that its collector made, as the correlator takes in facts: these two
    are compared. The seed's own code was measured at 1,900 events a second at 20,000 events, and
    fell with every event (research on the seeds, section 2.4); its logic as rewritten here, which
    does not, is beside it. The whole path is the longer one: it begins with a line of JSON.
    """
    with unhurried():
        lines = [*_part_lines(small, large), *_path_lines(small, large)]
    bare, held = weight(pods)
    beside = f"{bare:.0f} before the first"
    lines.append((f"RSS at {pods:,} pods", held, "MB", beside, "< 150", held < 150.0))
    return [
        Figure(name=name, value=value, unit=unit, peer=beside, goal=goal, holds=holds)
        for name, value, unit, beside, goal, holds in lines
    ]


def _part_lines(small: int, large: int) -> list[Line]:
    """Return what each stage costs, with nothing written down."""
    peer = f"seed 001 {SEED_RATE:,} (rewritten {seed_rate(small):,.0f})"
    kept = linked_rate(small)
    _, first, rest = ingested(small)
    _, _, late = ingested(large)
    near, far = _rates([first, rest]), _rates([late])
    lines: list[Line] = []
    for place, (name, unit) in enumerate(_PARTS):
        goal = f">= {10 * SEED_RATE:,}" if place == 0 else ""
        holds = near[place] >= 10 * SEED_RATE if place == 0 else None
        told = peer if place == 0 else ""
        lines.append((f"{name} at {small:,}", near[place], unit, told, goal, holds))
        is_flat = far[place] >= 0.9 * near[place]
        at_first = f"{near[place]:,.0f} at first"
        lines.append((f"{name} at {large:,}", far[place], unit, at_first, "no slower", is_flat))
    lines.insert(2, (f"facts linked and committed at {small:,}", kept, "facts/s", peer, "", None))
    return lines


def _path_lines(small: int, large: int) -> list[Line]:
    """Return what the whole path costs, from a line to a commit, and what is asked of it then."""
    with TemporaryDirectory() as place:
        folder = Path(place)
        made = watched(folder, large, marked=small)
        near, far = made.first, made.last
        answers = answer_times(ClusterQuestions(made.memory.view), count=large)
        made.memory.flush()
        made.memory.close()
        held = sum(one.stat().st_size for one in folder.iterdir())
        weight_mb = made.weight_mb
        del made
        again, _ = restored(folder)
    lines: list[Line] = [
        (f"line to commit at {small:,}", near.rate, "1/s", _told(near), "", None),
        (f"line to commit at {large:,}", far.rate, "1/s", _told(far), "no slower",
         far.rate >= 0.9 * near.rate),
    ]  # fmt: skip
    for name, goal_ms in (("state-at", 20), ("cause", 50)):
        median, high = answers[name]
        beside = f"median {median * 1e3:.2f} ms"
        holds = high * 1e3 < goal_ms
        lines.append((f"{name} p95", high * 1e3, "ms", beside, f"< {goal_ms}", holds))
    lines += [
        (f"file after {large:,}", held / large, "bytes/observation", "", "", None),
        (f"known again after {large:,}", again, "s", "", "", None),
        (f"RSS after {large:,}", weight_mb, "MB", "", "", None),
    ]
    return lines


def _told(way: Way) -> str:
    parts = (("read", way.reading), ("take", way.taking), ("commit", way.committing))
    spent = [f"{name} {1e6 * seconds / way.observations:.0f}" for name, seconds in parts]
    return f"µs: {', '.join(spent)}"


def _rates(parts: list[Spent]) -> tuple[float, float, float, float]:
    """Return facts correlated, observations derived, kept, and all of it, a second."""
    seen = sum(one.observations for one in parts)
    facts = sum(one.facts for one in parts)
    return (
        facts / sum(one.correlating for one in parts),
        seen / sum(one.deriving for one in parts),
        seen / sum(one.keeping for one in parts),
        seen / sum(one.seconds for one in parts),
    )
