"""A policy's decisions, read back from the ledger of the loop that made them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from tam_workbench.engine import settings, wiring
from tam_workbench.engine.runner import Runner
from tam_workbench.evaluation.scenarios.policy_cases import VERBS, site
from tam_workbench.plant import Plant
from tam_workbench.policy import Logged, numbers_in
from tam_workbench.records import AuditEntry, Autonomy

Context = tuple[Mapping[str, float], str]
"""Evidence and signature."""

_Row = tuple[int, float, float, Context]
_BATCH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """First proposals of incidents that were carried out and judged, as the ledger tells them."""

    log: Logged
    contexts: tuple[Context, ...]


def loops(policy: str, seeds: Sequence[int], *, processes: int = 2) -> Decisions | None:
    """Return the decisions of a loop for each seed, together; None when no ledger tells odds."""
    tasks = [(policy, seed) for seed in seeds]
    if processes == 1:
        return _decided(row for task in tasks for row in _acted(task))
    with ProcessPoolExecutor(processes) as pool:
        return _decided([row for rows in pool.map(_acted, tasks) for row in rows])


def decisions(entries: Iterable[AuditEntry]) -> Decisions | None:
    """Return what a ledger tells of the policy's first attempts, None when it tells no odds.

    Only what was carried out and judged counts, so the estimates speak of incidents in which the
    gate let the policy act.
    """
    return _decided(_rows(entries))


def _acted(task: tuple[str, int]) -> list[_Row]:
    """Run a loop that acts on the plant, and read its ledger."""
    policy, seed = task
    spec = site(seed)
    chosen = settings.read(
        source="scenario:calm",
        seed=seed,
        ticks=spec.ticks,
        batch_ticks=_BATCH,
        autonomy=Autonomy.ACT,
        policy=policy,
        checkpoint_s=1e9,
    )
    runner = wiring.assemble(chosen, plant=Plant(spec, seed=seed)).runner
    runner.run()
    rows = list(_rows(_entries(runner)))
    runner.close()
    return rows


def _entries(runner: Runner) -> Iterator[AuditEntry]:
    last = 0
    while page := runner.journal.entries(after=last):
        yield from page
        last = page[-1].number


def _rows(entries: Iterable[AuditEntry]) -> Iterator[_Row]:
    evidence: dict[str, dict[str, float]] = {}
    proposed: dict[str, dict[str, Any]] = {}
    acting: set[str] = set()
    for entry in entries:
        body = json.loads(entry.body)
        if entry.kind == "incident" and "evidence" in body:
            evidence[body["id"]] = _parsed(body["evidence"])
        elif entry.kind == "proposal":
            proposed.setdefault(body["incident"], body)
        elif entry.kind == "acting":
            acting.add(body["key"])
        elif entry.kind == "incident" and body.get("helped") is not None:
            first = proposed.get(body["id"], {})
            if first.get("key") in acting:
                acting.remove(first["key"])
                yield from _row(first, body["helped"], evidence.get(body["id"], {}))


def _row(first: Mapping[str, Any], helped: object, evidence: Mapping[str, float]) -> Iterator[_Row]:
    arguments = first.get("arguments", {})
    odds = numbers_in(arguments.get("odds", ""))
    verb = first["action"]
    if verb in VERBS and verb in odds:
        context = (evidence, arguments["signature"])
        yield VERBS.index(verb), odds[verb], float(bool(helped)), context


def _parsed(lines: Sequence[str]) -> dict[str, float]:
    """Return evidence from the words of the ledger, such as ``cpu.deviation +9.0``."""
    pairs = (line.rpartition(" ") for line in lines)
    return {name: float(value) for name, _, value in pairs}


def _decided(rows: Iterable[_Row]) -> Decisions | None:
    found = list(rows)
    if not found:
        return None
    action, propensity, reward, contexts = zip(*found, strict=True)
    log = Logged(action=np.array(action), propensity=np.array(propensity), reward=np.array(reward))
    return Decisions(log=log, contexts=contexts)
