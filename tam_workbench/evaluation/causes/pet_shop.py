"""PetShop: five-minute metrics and a call graph of a shop on AWS, latency and availability."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from tam_workbench.causal.ranking import Flow, Onset, flow_clues, flow_evidence, rank
from tam_workbench.errors import BadInputError
from tam_workbench.evaluation.causes.places import folder
from tam_workbench.evaluation.causes.trials import Trial, trivial
from tam_workbench.records import Floats

TICK_S: Final = 300.0
WINDOW_TICKS: Final = 2
"""Ticks that are ranked from the onset on: ten minutes."""

QUIET_TICKS: Final = 200
"""Ticks of the quiet part before which false alarms are not counted: its first 17 hours."""

_HEADS: Final = 3  # rows above the values: service, metric, statistic
_MAD_LIMIT: Final = 5.0  # of the published traversal


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One injected issue: its ticks, and for the scorer the truth; row 2 is the first ill one."""

    name: str
    metric: str  # latency or availability: what the target violates
    target: str
    flow: Flow
    cause: str


def issues() -> tuple[Flow, tuple[tuple[str, str], ...], list[Issue]]:
    """Return the quiet part, who calls whom, and the issues that lie here."""
    roots = sorted(folder("petshop", "petshop").glob("*/noissue/metrics.csv*"))
    if not roots:
        raise BadInputError("data set 'petshop' holds no noissue part; set TAM_DATASETS")
    root = roots[0].parent.parent
    graph = pl.read_csv(root / "graph.csv")
    callers, callees = graph.to_series(0).to_list(), graph.columns[1:]
    linked = graph.select(callees).to_numpy() > 0
    calls = tuple((callers[i], callees[j]) for i, j in np.argwhere(linked).tolist())
    found = []
    for path in sorted(root.glob("t*/issue_*")):
        told: dict[str, Any] = json.loads((path / "target.json").read_bytes())
        found.append(
            Issue(
                name=f"{path.parent.name}/{path.name}",
                metric=told["target"]["metric"],
                target=told["target"]["node"],
                flow=_flow(path / "metrics.csv", tuple(callers)),
                cause=told["root_cause"]["node"],
            )
        )
    return _flow(roots[0], tuple(callers)), calls, found


def _flow(path: Path, services: tuple[str, ...]) -> Flow:
    heads = pl.read_csv(path, has_header=False, n_rows=_HEADS, infer_schema=False)
    frame = pl.read_csv(path, has_header=False, skip_rows=_HEADS + 1, infer_schema=False)
    rows = frame.select(pl.all().cast(pl.Float64, strict=False)).to_numpy()
    place = {column: at for at, column in enumerate(zip(*heads.rows(), strict=True)) if at}

    def values(metric: str, statistic: str) -> Floats:
        nothing = np.full(len(rows), np.nan)
        at = [place.get((service, metric, statistic)) for service in services]
        return np.column_stack([nothing if each is None else rows[:, each] for each in at])

    requests = values("requests", "Sum")
    return Flow(
        services=services,
        requests=requests,
        latency_s=values("latency", "Average"),
        failed=requests * (1.0 - values("availability", "Average") / 100.0),
    )


def _ticks(flow: Flow, first: int, last: int) -> Flow:
    return Flow(
        services=flow.services,
        requests=flow.requests[first:last],
        latency_s=flow.latency_s[first:last],
        failed=flow.failed[first:last],
    )


def trials() -> dict[str, list[Trial]]:
    """Stream the issues, each after the quiet part; return the trials by violated metric."""
    quiet, calls, all_issues = issues()
    found: dict[str, list[Trial]] = {}
    for number, issue in enumerate(all_issues):
        found.setdefault(issue.metric, []).append(_trial(number, issue, quiet, calls))
    return found


def _trial(number: int, issue: Issue, quiet: Flow, calls: tuple[tuple[str, str], ...]) -> Trial:
    onset, delay = Onset(), None
    suspects: tuple[str, ...] = ()
    ticks = len(issue.flow.requests)
    for tick in range(ticks):
        evidence = flow_evidence(quiet, _ticks(issue.flow, tick, tick + 1), calls)
        onset.update(evidence, at=float(tick))
        if onset.is_open:
            delay = (tick - 2) * TICK_S
            break
    if onset.began_at is not None:
        began = int(onset.began_at)
        last = max(began + WINDOW_TICKS, int(onset.alarmed_at or 0) + 1)
        clues = flow_clues(quiet, _ticks(issue.flow, began, last), calls)
        suspects = tuple(suspect.service for suspect in rank(clues))
    peers = trivial(quiet.services, number)
    peers["largest z"] = _largest_z(quiet, issue)
    peers["traversal (told the target)"] = _traversal(quiet, issue, calls)
    told = flow_clues(quiet, _ticks(issue.flow, 2, 2 + WINDOW_TICKS), calls)
    peers["ours, told the time"] = tuple(suspect.service for suspect in rank(told))
    return Trial(
        name=issue.name,
        number=number,
        cause=issue.cause,
        suspects=suspects,
        delay_s=delay,
        peers=peers,
    )


def false_alarms() -> tuple[int, int]:
    """Return how many incidents opened in the quiet part, and in how many ticks of it."""
    quiet, calls, _ = issues()
    onset, alarms = Onset(), 0
    ticks = range(QUIET_TICKS, len(quiet.requests))
    for tick in ticks:
        before = _ticks(quiet, 0, tick)
        onset.update(flow_evidence(before, _ticks(quiet, tick, tick + 1), calls), at=float(tick))
        if onset.is_open:
            alarms += 1
            onset.close()
    return alarms, len(ticks)


def _scores(quiet: Flow, issue: Issue) -> Floats:
    """Return |x - median| / MAD of the violated metric, shape (ticks, services)."""
    of = [
        flow.latency_s if issue.metric == "latency" else flow.failed / flow.requests
        for flow in (quiet, issue.flow)
    ]
    with np.errstate(invalid="ignore", divide="ignore"):
        known = np.isfinite(of[0]).sum(axis=0) >= 10
        past = np.where(known, of[0], 0.0)
        middle = np.nanmedian(past, axis=0)
        spread = 1.4826 * np.nanmedian(np.abs(past - middle), axis=0)
        score = np.abs(of[1] - middle) / np.maximum(spread, 1e-10)
    return np.where(known, np.nan_to_num(score, posinf=0.0), 0.0)


def _largest_z(quiet: Flow, issue: Issue) -> tuple[str, ...]:
    most = _scores(quiet, issue).max(axis=0)
    order = np.argsort(-most, kind="stable")
    return tuple(quiet.services[place] for place in order if most[place] > _MAD_LIMIT)


def _traversal(quiet: Flow, issue: Issue, calls: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Return the published baseline: ill nodes without an ill callee, on an ill path."""
    score = _scores(quiet, issue)
    place = {service: at for at, service in enumerate(quiet.services)}
    ill_rows = [row for row in range(2, len(score)) if score[row, place[issue.target]] > _MAD_LIMIT]
    if not ill_rows:
        return ()
    ill = {
        s: float(score[ill_rows[0], at])
        for s, at in place.items()
        if score[ill_rows[0], at] > _MAD_LIMIT
    }
    callees = {s: [b for a, b in calls if a == s and b in ill] for s in ill}
    sums: dict[str, float] = {}
    for path in _paths([issue.target], callees):
        if not callees[path[-1]]:
            sums[path[-1]] = max(sums.get(path[-1], 0.0), sum(ill[s] for s in path))
    return tuple(sorted(sums, key=lambda s: (-sums[s], s)))


def _paths(path: list[str], callees: dict[str, list[str]]) -> Iterator[list[str]]:
    yield path
    for callee in callees.get(path[-1], []):
        if callee not in path:
            yield from _paths([*path, callee], callees)
