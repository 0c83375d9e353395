"""Costs: how fast a stream is taken in, how fast it answers, and what it weighs.

Times are of the process, not of the wall, and only of the calls that are measured: making the
stream is left out. The seed's ingest of the same kills is measured in the same run.
"""

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from time import process_time
from typing import Final

import numpy as np

from tam_workbench.causal import Correlator, Deriver, History
from tam_workbench.evaluation.clusters.busy import busy, initial
from tam_workbench.evaluation.clusters.clockwork import START
from tam_workbench.evaluation.clusters.reference import SeedMemory, collected
from tam_workbench.evaluation.figures import Figure
from tam_workbench.records import Observation

BATCH: Final = 500
ASKED: Final = 400
"""Questions of each kind."""
SMALL: Final = 20_000
LARGE: Final = 1_000_000
SEED_RATE: Final = 1_900
"""Events a second that the seed's own code took in, at 20,000 events."""
_PARTS: Final = (
    ("facts correlated", "facts/s"),
    ("observations derived", "1/s"),
    ("observations kept", "1/s"),
    ("whole ingest", "1/s"),
)
_WEIGHED: Final = """
import psutil
from tam_workbench.evaluation.clusters.costs import collector_of
collector_of({pods})
print(psutil.Process().memory_info().rss)
"""


@dataclass(slots=True)
class Spent:
    """Seconds of the process spent in each part, and what went in and came out."""

    deriving: float = 0.0
    correlating: float = 0.0
    keeping: float = 0.0
    observations: int = 0
    facts: int = 0
    kills: list[str] = field(default_factory=list)

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
        spent.kills.extend(fact.id for fact in facts if fact.kind == "crash_looping")


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


def weight(pods: int = 5_000) -> float:
    """Return the resident megabytes of a process that holds so many pods."""
    answer = subprocess.run(  # noqa: S603 - our own interpreter on our own words
        [sys.executable, "-c", _WEIGHED.format(pods=pods)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(answer.stdout) / 2**20


def answer_times(
    collector: Collector, spent: Spent, *, count: int, pods: int = 2000
) -> tuple[float, float]:
    """Return the 95th percentiles, in seconds, of state-at and of cause."""
    rng = np.random.default_rng(7)
    refs = [one.ref for one in initial(pods)]
    whens = rng.uniform(0.0, count * 0.5, ASKED)
    chosen = rng.integers(pods, size=ASKED)

    def state(index: int) -> object:
        when = START + timedelta(seconds=float(whens[index]))
        return collector.history.at(refs[int(chosen[index])], when)

    kills = rng.choice(len(spent.kills), ASKED)

    def cause(index: int) -> object:
        return collector.correlator.graph.trace(spent.kills[int(kills[index])])

    return _p95(state), _p95(cause)


def _p95(ask: Callable[[int], object]) -> float:
    times = []
    for index in range(ASKED):
        began = process_time()
        ask(index)
        times.append(process_time() - began)
    return float(np.quantile(times, 0.95))


def cost_figures(*, small: int = SMALL, large: int = LARGE, pods: int = 5_000) -> list[Figure]:
    """Return what ingest, answers and memory cost, at 20,000 and at a million observations.

    The seed takes in events that its collector made, as the correlator takes in facts: these two
    are compared. The seed's own code was measured at 1,900 events a second at 20,000 events
    (research on the seeds, section 2.4); its logic as rewritten here is beside it.
    """
    rewritten = seed_rate(small)
    _, first, rest = ingested(small)
    collector, spent, late = ingested(large)
    kept = Spent(kills=spent.kills + late.kills)
    state_s, cause_s = answer_times(collector, kept, count=large)
    peer = f"seed 001 {SEED_RATE:,} (rewritten {rewritten:,.0f})"
    near, far = _rates([first, rest]), _rates([late])
    lines = []
    for place, (name, unit) in enumerate(_PARTS):
        goal = f">= {10 * SEED_RATE:,}" if place == 0 else ""
        holds = near[place] >= 10 * SEED_RATE if place == 0 else None
        lines.append((f"{name} at {small:,}", near[place], unit, peer, goal, holds))
        is_flat = far[place] >= 0.9 * near[place]
        at_first = f"{near[place]:,.0f} at first"
        lines.append((f"{name} at {large:,}", far[place], unit, at_first, "no slower", is_flat))
    held = weight(pods)
    lines += [
        ("state-at p95", state_s * 1e3, "ms", "", "< 20", state_s < 0.020),
        ("cause p95", cause_s * 1e3, "ms", "", "< 50", cause_s < 0.050),
        (f"RSS at {pods:,} pods", held, "MB", "", "< 150", held < 150.0),
    ]
    return [
        Figure(name=name, value=value, unit=unit, peer=beside, goal=goal, holds=holds)
        for name, value, unit, beside, goal, holds in lines
    ]


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
