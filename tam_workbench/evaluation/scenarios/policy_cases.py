"""Incidents of the plant with what every action would have done about them.

The plant answers what no log can: at each incident it is forked, and every action is tried from
the very same state. So the regret of any policy on a stream of incidents is exact, and so is the
true value that off-policy estimates must hit.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tam_workbench.engine import settings, wiring
from tam_workbench.engine.evidence import evidence_of
from tam_workbench.evaluation.scenarios.headless import turns
from tam_workbench.plant import FAULTS, Fault, Plant, PlantSpec
from tam_workbench.policy import PolicyRules, diagnose
from tam_workbench.records import Autonomy, Floats, Incident, Phase

VERBS: Final = ("restart", "scale", "rollback", "clear_disk")
FAULTS_PER_RUN: Final = 16
APART: Final = 260  # ticks from one fault to the next
JUDGED_AFTER: Final = 32  # ticks: the loop's check, with batches of eight
WELL_FOR: Final = 8  # of them, the last ones
_BATCH: Final = 8
_ILL: Final = ("breach", "recovery", "impact")
_RULES: Final = PolicyRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An incident as a policy meets it, and what each of ``VERBS`` would have done (0 or 1)."""

    incident: Incident
    evidence: Mapping[str, float]
    signature: str
    rewards: tuple[float, ...]
    idle: float
    """What doing nothing would have done."""


def site(seed: int) -> PlantSpec:
    """Return a plant that breaks in random ways and places, at even distances.

    >>> len(site(1).faults), site(1).faults == site(1).faults, site(1).faults == site(2).faults
    (16, True, False)
    """
    rng = np.random.default_rng(seed)
    names = PlantSpec().service_names
    faults = tuple(
        Fault(
            kind=FAULTS[int(rng.integers(len(FAULTS)))],
            service=names[int(rng.integers(len(names)))],
            at=200 + APART * number,
            duration=200,
            pace=2.0,
        )
        for number in range(FAULTS_PER_RUN)
    )
    return PlantSpec(faults=faults, jitter=40, ticks=200 + APART * FAULTS_PER_RUN)


def cases(seed: int) -> list[Case]:
    """Return the incidents for which the loop asks leave to act, none of which it gets."""
    spec = site(seed)
    plant = Plant(spec, seed=seed)
    chosen = settings.read(
        source="scenario:calm",
        seed=seed,
        ticks=spec.ticks,
        batch_ticks=_BATCH,
        autonomy=Autonomy.CONFIRM,
        policy="threshold",
        actions=PolicyRules(min_expected=0.0),
        checkpoint_s=1e9,
    )
    parts = wiring.assemble(chosen, plant=plant)
    book = parts.runner.loop.stages.book
    evidence: dict[str, dict[str, float]] = {}
    found: dict[str, Case] = {}
    for turn in turns(parts.runner):
        for incident in book.all():
            if incident.id not in evidence:
                told = evidence_of(turn.observed, incident.service, tick=incident.opened_tick)
                evidence[incident.id] = told
        for incident in book.awaiting(Phase.PROPOSED):
            if incident.id not in found:
                found[incident.id] = _case(incident, evidence[incident.id], plant)
    parts.runner.close()
    return list(found.values())


def cases_of(seeds: Sequence[int], *, processes: int = 2) -> list[list[Case]]:
    """Return the incidents of a run for each seed, two processes at a time."""
    if processes == 1:
        return [cases(seed) for seed in seeds]
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(cases, seeds))


def stream_of(runs: Sequence[Sequence[Case]], *, seed: int, turned: int = 0) -> list[Case]:
    """Return the incidents of as many runs, drawn with replacement, in a random order.

    Each gets an id of its own. ``turned`` moves the outcomes by so many verbs, which makes a
    world with the same incidents where the symptom table is wrong.
    """
    rng = np.random.default_rng(seed)
    drawn = [case for run in rng.integers(0, len(runs), len(runs)) for case in runs[run]]
    ordered = [drawn[at] for at in rng.permutation(len(drawn))]
    return [
        replace(
            case,
            incident=replace(case.incident, id=f"inc-{number}"),
            rewards=case.rewards[-turned:] + case.rewards[:-turned],
        )
        for number, case in enumerate(ordered)
    ]


def rewards(stream: Sequence[Case]) -> Floats:
    """Return what each verb would have done, (N, K)."""
    return np.array([case.rewards for case in stream])


def best_fixed(stream: Sequence[Case]) -> Floats:
    """Return what the best single verb for each symptom, known in hindsight, does, (N,)."""
    table = rewards(stream)
    names = np.array([case.signature for case in stream])
    done = np.empty(len(stream))
    for name in np.unique(names):
        rows = names == name
        done[rows] = table[rows, table[rows].mean(axis=0).argmax()]
    return done


def _case(incident: Incident, evidence: Mapping[str, float], plant: Plant) -> Case:
    signature = diagnose(evidence, actions=VERBS, threshold=_RULES.symptom_deviation).signature
    return Case(
        incident=replace(incident, proposal=None, verdict=None, phase=Phase.OPEN),
        evidence=evidence,
        signature=signature,
        rewards=tuple(_tried(plant, incident.service, verb) for verb in VERBS),
        idle=_tried(plant, incident.service, None),
    )


def _tried(plant: Plant, service: str, verb: str | None) -> float:
    """Return 1.0 when a service is well at the end of the check, in a fork of the plant."""
    fork = Plant(plant.spec, seed=plant.seed)
    fork.restore(plant.state())
    if verb is not None:
        fork.act(verb, service)
    fork.advance(JUDGED_AFTER)
    truth = fork.truth()
    ill = truth.filter((truth["service"] == service) & truth["phase"].is_in(_ILL))["tick"]
    return float(not (ill >= fork.tick - WELL_FOR).any())
