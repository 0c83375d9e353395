"""Suspects: clues of all kinds put together, one list of services with reasons."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tam_workbench.causal.ranking.delays import call_delays, own_delays
from tam_workbench.causal.ranking.flows import Flow, own_excess
from tam_workbench.causal.ranking.sequences import first_breaks
from tam_workbench.causal.ranking.surprise import surprise
from tam_workbench.causal.ranking.visits import Visits
from tam_workbench.errors import BadInputError
from tam_workbench.records import Floats

LEAST_NATS: Final = 1.0
"""Clues weaker than this say nothing: chance gives as much every third time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clue:
    """Something that speaks against a service, in nats, and in words."""

    service: str
    kind: str  # sequence | own_time | answers | calls | metric | latency | failures
    nats: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A service that may be the cause, the stronger the more nats, and what speaks against it."""

    service: str
    score: float
    why: tuple[str, ...]


def rank(evidence: Iterable[Clue], *, most: int | None = None) -> list[Suspect]:
    """Return the services by how much speaks against them, the likeliest cause first.

    Of each kind the strongest clue counts, and kinds add: they look at the same trouble with
    different eyes. Services against which nothing speaks are left out; ties stand in the order
    of the names.

    Parameters
    ----------
    evidence
        From `trace_clues`, `metric_clues`, `flow_clues`, or one's own.
    most
        How many suspects to return, all by default.

    Examples
    --------
    >>> clues = [
    ...     Clue(service="web", kind="answers", nats=4.0, why="answers 9x as slow"),
    ...     Clue(service="cart", kind="metric", nats=6.0, why="cpu 80 spreads up"),
    ...     Clue(service="web", kind="metric", nats=1.5, why="cpu 3 spreads up"),
    ... ]
    >>> [(suspect.service, suspect.score) for suspect in rank(clues)]
    [('cart', 6.0), ('web', 5.5)]
    """
    best: dict[tuple[str, str], Clue] = {}
    for clue in evidence:
        if not np.isfinite(clue.nats):
            raise BadInputError(f"a clue of {clue.service!r} has {clue.nats} nats")
        key = (clue.service, clue.kind)
        if clue.nats >= LEAST_NATS and (key not in best or clue.nats > best[key].nats):
            best[key] = clue
    of: dict[str, list[Clue]] = {}
    for clue in sorted(best.values(), key=lambda clue: (-clue.nats, clue.kind)):
        of.setdefault(clue.service, []).append(clue)
    suspects = [
        Suspect(
            service=service,
            score=float(sum(clue.nats for clue in clues)),
            why=tuple(clue.why for clue in clues),
        )
        for service, clues in of.items()
    ]
    suspects.sort(key=lambda suspect: (-suspect.score, suspect.service))
    return suspects[:most]


def trace_clues(before: Visits, after: Visits, *, words: Callable[[str], str] = str) -> list[Clue]:
    """Return what traces and their log lines say: broken sequences, own time, slow calls.

    ``words`` gives the words of a step, for those that are numbers of log templates.
    """
    found = [
        Clue(
            service=row["blamed"],
            kind="sequence",
            nats=row["nats"],
            why=_broken(row, words),
        )
        for row in first_breaks(before, after).iter_rows(named=True)
    ]
    together: dict[str, Clue] = {}
    for clue in found:
        old = together.get(clue.service)
        nats = clue.nats + (old.nats if old else 0.0)
        together[clue.service] = Clue(
            service=clue.service, kind="sequence", nats=nats, why=old.why if old else clue.why
        )
    told = list(together.values())
    for row in own_delays(before, after).iter_rows(named=True):
        why = f"spends {row['grew']:.1f}x its own time on {row['entry']}"
        told.append(Clue(service=row["service"], kind="own_time", nats=row["nats"], why=why))
    for role, kind, text in (("callee", "answers", "from"), ("caller", "calls", "to")):
        other = {"callee": "caller", "caller": "callee"}[role]
        for row in call_delays(before, after, role=role).iter_rows(named=True):
            why = f"calls {text} {row[other]} wait {row['grew']:.1f}x as long beyond the answer"
            told.append(Clue(service=row["service"], kind=kind, nats=row["nats"], why=why))
    return told


def _broken(row: Mapping[str, object], words: Callable[[str], str]) -> str:
    step, before = (words(str(row[key])) for key in ("step", "before"))
    shares = f"{row['share_after']:.0%} instead of {row['share_before']:.0%}"
    return f"{row['service']} {row['entry']}: {step[:80]!r} follows {before[:80]!r} in {shares}"


def metric_clues(before: Floats, after: Floats, columns: Sequence[tuple[str, str]]) -> list[Clue]:
    """Return how surprising each service's metrics are, one clue a service.

    The best of k metrics is expected to be the better the larger k is, so log k nats are taken
    off (Bonferroni).

    Parameters
    ----------
    before, after
        Values, shape (n, d) and (m, d); NaN where there is none.
    columns
        (service, metric) of each column; metrics of one name are judged together.
    """
    if before.shape[1] != len(columns) or after.shape[1] != len(columns):
        raise BadInputError(f"{len(columns)} columns are named, {before.shape[1]} are there")
    _, pools = np.unique([metric for _, metric in columns], return_inverse=True)
    nats = surprise(before, after, pools.astype(np.int64))
    best: dict[str, int] = {}
    count: dict[str, int] = {}
    for place, (service, _) in enumerate(columns):
        count[service] = count.get(service, 0) + 1
        if service not in best or nats[place] > nats[best[service]]:
            best[service] = place
    found = []
    for service, place in best.items():
        now, then = (_middle(values[:, place]) for values in (after, before))
        found.append(
            Clue(
                service=service,
                kind="metric",
                nats=max(float(nats[place]) - float(np.log(count[service])), 0.0),
                why=f"{columns[place][1]} went from {then:.4g} to {now:.4g}",
            )
        )
    return found


def _middle(values: Floats) -> float:
    there = values[np.isfinite(values)]
    return float(np.median(there)) if there.size else float("nan")


def flow_clues(before: Flow, after: Flow, calls: Sequence[tuple[str, str]]) -> list[Clue]:
    """Return whose excess of busy time and of failures no callee explains.

    The nats count by the share that a service has in all such excess, so that a rarely called
    service with an odd minute does not outweigh the one that costs everybody's time.
    """
    found = []
    for kind, unit in (("latency", "s busy"), ("failures", "failed")):
        excess = own_excess(before, after, calls, of=kind)
        for place, service in enumerate(before.services):
            share = float(excess.share[place])
            why = f"{excess.amount[place]:.3g} {unit} a tick of its own, {share:.0%} of all"
            nats = float(excess.nats[place]) * share
            found.append(Clue(service=service, kind=kind, nats=nats, why=why))
    return found


def flow_evidence(before: Flow, after: Flow, calls: Sequence[tuple[str, str]]) -> dict[str, float]:
    """Return how surprising each service's own excess is, whatever its share, for `Onset`."""
    both = [own_excess(before, after, calls, of=kind).nats for kind in ("latency", "failures")]
    most = np.maximum(*both)
    return {service: float(most[place]) for place, service in enumerate(before.services)}


def strongest(clues: Iterable[Clue]) -> dict[str, float]:
    """Return the evidence against each service of one tick, as `Onset` takes it."""
    return {suspect.service: suspect.score for suspect in rank(clues)}
