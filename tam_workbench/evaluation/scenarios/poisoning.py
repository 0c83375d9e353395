"""An update poisoned on purpose: the labels are turned round, and the gate is asked.

The whole loop runs; only the labeller is replaced by one that, from some tick on, tells the
opposite of what the world said. Nothing else knows about it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from tam_workbench import audit
from tam_workbench.engine import settings, wiring
from tam_workbench.engine.labels import Labeller
from tam_workbench.engine.runner import Runner
from tam_workbench.evaluation.scenarios.headless import turns
from tam_workbench.learning import LearningRules
from tam_workbench.plant import START, Fault, Plant, PlantSpec, scenario
from tam_workbench.records import (
    AuditEntry,
    Autonomy,
    Batch,
    Floats,
    Labels,
    TrustScores,
    UpdateDecision,
    UpdateVerdict,
)

BATCH_TICKS: Final = 4
COMMIT_EVERY: Final = 32
"""Ticks between two judgements here: a short run shall show many of them."""
"""Far fewer than lie between two judgements, so that each verdict has a turn of its own."""

_ZERO: Final = int(START.timestamp())


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What the gate said, and the live weights right before and after every refusal.

    ``live_before`` and ``live_after`` have shape (refusals, features + 1), intercept last.
    """

    verdicts: tuple[UpdateVerdict, ...]
    poisoned_from: int
    live_before: Floats
    live_after: Floats
    ledger_holds: bool
    refusals_in_ledger: int

    @property
    def poisoned(self) -> tuple[UpdateVerdict, ...]:
        """The verdicts on updates that were taught flipped labels."""
        return tuple(v for v in self.verdicts if v.tick - _ZERO > self.poisoned_from)


class FlippingLabeller(Labeller):
    """Tells the truth until a tick, and from then on the opposite: ill is well, well is ill."""

    def __init__(self, *, tick_s: float, min_trust: float, flip_from: int) -> None:
        super().__init__((), tick_s=tick_s, min_trust=min_trust)
        self._flip_from = flip_from + _ZERO

    def labels(self, batch: Batch, scores: TrustScores) -> Labels:
        """Return the pairs in breach, or after ``flip_from`` all others."""
        said = super().labels(batch, scores)
        true = set(zip(said.services, said.ticks.tolist(), strict=True))
        told = {pair for pair in true if pair[1] < self._flip_from}
        told |= {pair for pair in _spoken_of(batch, since=self._flip_from) if pair not in true}
        pairs = sorted(told, key=lambda pair: (pair[1], pair[0]))
        return Labels(
            services=tuple(service for service, _ in pairs),
            ticks=np.array([tick for _, tick in pairs], dtype=np.int64),
            known_until=said.known_until,
        )


def poisoned_update(*, seed: int, ticks: int) -> Story:
    """Run the loop, turn the labels round for its last fifth, and tell what the gate did."""
    flip_from = ticks * 4 // 5
    chosen = settings.read(
        source="scenario:calm",
        seed=seed,
        ticks=ticks,
        batch_ticks=BATCH_TICKS,
        autonomy=Autonomy.OBSERVE,
        checkpoint_s=1e9,
        learning=LearningRules(commit_every=COMMIT_EVERY),
    )
    runner = wiring.assemble(chosen, plant=Plant(_schedule(ticks), seed=seed)).runner
    labeller = FlippingLabeller(
        tick_s=runner.source.tick_s, min_trust=chosen.min_label_trust, flip_from=flip_from
    )
    runner.loop.stages = replace(runner.loop.stages, labeller=labeller)
    verdicts, pairs = _judged(runner)
    refusals = [
        pair
        for verdict, pair in zip(verdicts, pairs, strict=True)
        if verdict.decision is UpdateDecision.REFUSE
    ]
    entries = list(_entries(runner))
    runner.close()
    before, after = (np.array([pair[side] for pair in refusals]) for side in (0, 1))
    return Story(
        verdicts=tuple(verdicts),
        poisoned_from=flip_from,
        live_before=before,
        live_after=after,
        ledger_holds=audit.verify(entries).holds,
        refusals_in_ledger=sum(_is_refusal(entry) for entry in entries),
    )


def _schedule(ticks: int) -> PlantSpec:
    """Two faults of which the model can learn before the labels are turned round."""
    faults = tuple(
        Fault(kind=kind, service=service, at=int(share * ticks), duration=ticks // 10, pace=2.0)
        for kind, service, share in (
            ("cpu_saturation", "inventory", 0.1),
            ("bad_deploy", "payment", 0.3),
            ("cpu_saturation", "cart", 0.5),
        )
    )
    return replace(scenario("faults"), faults=faults, jitter=0, ticks=ticks)


def _judged(runner: Runner) -> tuple[list[UpdateVerdict], list[tuple[Floats, Floats]]]:
    """Run to the end; return each verdict with the live weights before and after its turn."""
    verdicts: list[UpdateVerdict] = []
    pairs: list[tuple[Floats, Floats]] = []
    before, cursor = np.empty(0), 0
    for _ in turns(runner):
        after = _live(runner)
        told, cursor = runner.bus.read("update", after=cursor)
        fresh = [item for item in told if isinstance(item, UpdateVerdict)]
        verdicts += fresh
        pairs += [(before, after)] * len(fresh)
        before = after
    return verdicts, pairs


def _live(runner: Runner) -> Floats:
    linear = runner.loop.stages.learning.linear()
    assert linear is not None, "the default learner is linear"
    return np.append(linear.weights, linear.intercept)


def _spoken_of(batch: Batch, *, since: int) -> set[tuple[str, int]]:
    seconds = batch.metrics.select(
        service=pl.col("service").cast(pl.String), tick=pl.col("time").dt.epoch("s")
    )
    pairs = seconds.filter(pl.col("tick") >= since).unique()
    return set(zip(pairs["service"], pairs["tick"], strict=True))


def _entries(runner: Runner) -> Iterator[AuditEntry]:
    last = 0
    while page := runner.journal.entries(after=last):
        yield from page
        last = page[-1].number


def _is_refusal(entry: AuditEntry) -> bool:
    return entry.kind == "update" and json.loads(entry.body)["decision"] == "refuse"
