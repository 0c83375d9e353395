"""Labelled: a whole cluster by a seed, with faults, red herrings, its stream and its truth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np

from tam_workbench.evaluation.clusters import configs, services
from tam_workbench.evaluation.clusters.clockwork import Clockwork
from tam_workbench.evaluation.clusters.controllers import deploy, reconcile
from tam_workbench.evaluation.clusters.delivering import Weather, deliver
from tam_workbench.evaluation.clusters.herrings import DECOYS, HERRINGS, Herring
from tam_workbench.evaluation.clusters.nodes import join
from tam_workbench.evaluation.clusters.parts import Template, Workload
from tam_workbench.evaluation.clusters.shelf import FAULTS, reads_of, suits
from tam_workbench.evaluation.clusters.truth import Question, Truth, ancestors
from tam_workbench.evaluation.clusters.world import World
from tam_workbench.records import Fact, Observation

WATCHED_FROM_S: Final = 900.0
SPAN_S: Final = 3600.0
DECOYED: Final = 0.5
"""Part of the faults that have room for it which a harmless change of their victim precedes."""
APPS: Final = (
    "gateway",
    "cart",
    "orders",
    "search",
    "prices",
    "store",
    "mail",
    "stock",
    "ledger",
)
STATEFUL: Final = frozenset({"store", "ledger"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """What a watcher saw of a cluster, what telemetry said, and what was true."""

    name: str
    observations: tuple[Observation, ...]
    telemetry: tuple[Fact, ...]
    truth: Truth
    told: dict[str, int]  # telemetry fact id -> happening, -1 for a lie
    faults: tuple[str, ...]


def labelled(
    seed: int,
    *,
    faults: Sequence[str] | None = None,
    herrings: int = 6,
    skew_s: float = 5.0,
    weather: Weather | None = None,
) -> Labelled:
    """Return a simulated cluster over an hour with four faults by chance, or with those named."""
    rng = np.random.default_rng([seed, 5])
    world = build(f"sim-{seed}", rng, skew_s=skew_s)
    chosen = list(faults) if faults is not None else _drawn(rng, 4)
    world.clock.run(WATCHED_FROM_S)
    roots: list[tuple[str, int]] = []
    victims, others = _victims(world, rng, chosen)
    gap = SPAN_S / (len(chosen) + 1)
    for index, name in enumerate(chosen):
        at = gap * index + float(rng.uniform(60.0, gap * 0.7))
        world.clock.later(at, _befall(world, name, victims[index], roots))
        if herrings and rng.random() < DECOYED and at > gap * index + 200.0:
            decoy = DECOYS[int(rng.integers(len(DECOYS)))]
            early = float(rng.uniform(150.0, 190.0))
            world.clock.later(at - early, _mislead(world, decoy, victims[index]))
    for index in range(herrings):
        herring = HERRINGS[int(rng.integers(len(HERRINGS)))]
        at = float(rng.uniform(30.0, SPAN_S * 0.9))
        world.clock.later(at, _mislead(world, herring, others[index % len(others)]))
    world.clock.run(WATCHED_FROM_S + SPAN_S)
    return closed(world, roots, weather=weather or Weather(), rng=rng)


def _drawn(rng: np.random.Generator, count: int) -> list[str]:
    names = sorted(FAULTS)
    return [names[int(index)] for index in rng.permutation(len(names))[:count]]


def _victims(
    world: World, rng: np.random.Generator, faults: Sequence[str]
) -> tuple[list[Workload], list[Workload]]:
    """Return whom each fault befalls, and all that are left (all there are, if none is)."""
    apps = list(world.workloads.values())
    order = [apps[int(index)] for index in rng.permutation(len(apps))]
    left, victims = list(order), []
    for name in faults:
        found = next((app for app in [*left, *order] if suits(name, app)), order[0])
        victims.append(found)
        left = [app for app in left if app is not found]
    return victims, left or order


def _befall(
    world: World, name: str, victim: Workload, roots: list[tuple[str, int]]
) -> Callable[[], None]:
    def deed() -> None:
        roots.append((name, FAULTS[name][0](world, victim)))

    return deed


def _mislead(world: World, herring: Herring, victim: Workload) -> Callable[[], None]:
    return lambda: herring(world, victim)


def build(
    name: str,
    rng: np.random.Generator,
    *,
    skew_s: float = 5.0,
    apps: Sequence[str] = APPS,
    nodes: int = 5,
) -> World:
    """Return a quiet cluster: nodes, services that call the next ones, and their configs."""
    world = World(name=name, rng=rng, clock=Clockwork(rng, skew_s=skew_s))
    world.reconcile = lambda workload: reconcile(world, workload)
    for number in range(nodes):
        join(world, f"node-{number + 1}")
    for space in ("shop", "back"):
        configs.make(world, "Secret", space, "registry", {".dockerconfigjson": "x"})
    for index, app in enumerate(apps):
        space = _space(index)
        configs.make(world, "ConfigMap", space, f"{app}-env", {"mode": "a", "level": "info"})
        configs.make(world, "ConfigMap", space, f"{app}-files", {"app.conf": "x", "b.conf": "y"})
        configs.make(world, "Secret", space, f"{app}-db", {"password": "old"})
        reach = 3 if rng.random() < 0.8 and len(apps) > 3 else 2
        peers = [index + step for step in range(1, reach) if index + step < len(apps)]
        made = deploy(
            world,
            "StatefulSet" if app in STATEFUL else "Deployment",
            space,
            app,
            template=Template(
                image=f"registry.local/{app}:1.{index}.0",
                reads=reads_of(app, index),
                ready_s=float(rng.uniform(2.0, 6.0)),
            ),
            replicas=int(rng.integers(1, 4)),
            calls=tuple(apps[peer] for peer in peers if _space(peer) == space),
        )
        services.expose(world, made)
    return world


def _space(index: int) -> str:
    return "shop" if index < 6 else "back"


def closed(
    world: World,
    roots: Sequence[tuple[str, int]],
    *,
    weather: Weather,
    rng: np.random.Generator,
) -> Labelled:
    """Return the stream and the truth of a world that has run its time."""
    got = deliver(world, since=WATCHED_FROM_S, weather=weather, rng=rng)
    told = {fact.id: number for fact, number in world.facts}
    seen = got.seen | {number for number in (*told.values(), *world.absences) if number >= 0}
    truth = Truth(happenings=tuple(world.book.happenings), questions=(), seen=frozenset(seen))
    return Labelled(
        name=world.name,
        observations=got.observations,
        telemetry=tuple(fact for fact, _ in sorted(world.facts, key=_when)),
        truth=replace(truth, questions=(*questions(truth, roots), *_nothing(world, truth))),
        told=told,
        faults=tuple(name for name, _ in roots),
    )


def _when(told: tuple[Fact, int]) -> datetime:
    return told[0].observed_at


def _nothing(world: World, truth: Truth) -> list[Question]:
    """Return the questions to which there is no answer."""
    return [
        Question(about="nothing", asks=number, roots=())
        for number in world.unexplained
        if number in truth.seen
    ]


def questions(truth: Truth, roots: Sequence[tuple[str, int]]) -> list[Question]:
    """Return what may be asked: of each fault, its first and its last effect of each kind."""
    found = []
    above = ancestors(truth, with_preconditions=False)
    for name, root in roots:
        for kind in FAULTS[name][1]:
            effects = [
                one.number
                for one in truth.happenings
                if kind in one.kinds and one.is_key and root in above[one.number]
            ]
            effects = [number for number in effects if number in truth.seen]
            for effect in dict.fromkeys(effects[:1] + effects[-1:]):
                sources = [n for n in above[effect] if not truth.happenings[n].because]
                found.append(Question(about=name, asks=effect, roots=tuple(sorted(sources))))
    return found
