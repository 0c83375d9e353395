"""Scenarios: small clusters in which one thing goes wrong at a known moment, to be replayed.

Each has its edges and its answers written down by hand, in kinds of facts; the physics must agree
(a test checks it), and whoever replays it should. ``dump`` writes one as JSON lines.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from tam_workbench.evaluation.clusters import lines
from tam_workbench.evaluation.clusters.delivering import Weather
from tam_workbench.evaluation.clusters.labelled import WATCHED_FROM_S, Labelled, build, closed
from tam_workbench.evaluation.clusters.world import World
from tam_workbench.records import Fact

SPAN_S: Final = 900.0
APPS: Final = ("web", "api", "store")
"""web calls api, api calls store (a StatefulSet)."""
FACTS_FILE: Final = "{name}.expected.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One thing that goes wrong, what it must lead to, and what must be answered."""

    name: str
    title: str
    begin: Callable[[World], None]  # what happens, from 60 s after the watch began
    edges: tuple[tuple[str, str], ...]  # kinds of cause and effect that must be linked
    answers: tuple[tuple[str, str], ...]  # kind of effect, kind of its root
    silent: tuple[str, ...] = ()  # kinds of which none may get a cause
    seed: int = 1


def played(scenario: Scenario) -> Labelled:
    """Return the stream and the truth of a scenario."""
    rng = np.random.default_rng([scenario.seed, 17])
    world = build(scenario.name, rng, skew_s=1.0, apps=APPS, nodes=2)
    world.clock.run(WATCHED_FROM_S)
    world.clock.later(60.0, lambda: scenario.begin(world))
    world.clock.run(WATCHED_FROM_S + SPAN_S)
    return closed(world, (), weather=Weather(duplicates=0.0, relists=0.0), rng=rng)


def dump(scenario: Scenario, folder: Path) -> Path:
    """Write a scenario as JSON lines, and what is expected of it beside; return the lines' path."""
    one = played(scenario)
    path = folder / f"{scenario.name}.jsonl"
    lines.write(path, one.observations)
    expected = {
        "title": scenario.title,
        "edges": [list(edge) for edge in scenario.edges],
        "answers": [list(answer) for answer in scenario.answers],
        "silent": list(scenario.silent),
        "telemetry": [_told(fact) for fact in one.telemetry],  # what is in no watch stream
    }
    beside = folder / FACTS_FILE.format(name=scenario.name)
    beside.write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")
    return path


def _told(fact: Fact) -> dict[str, object]:
    target = fact.involved.get("target")
    return {
        "kind": fact.kind,
        "service": fact.subject.name,
        "target": target.name if target else "",
        "happened_at": fact.happened_at.isoformat(),
    }
