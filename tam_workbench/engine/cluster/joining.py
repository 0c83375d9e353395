"""Joining: what a cluster knows about the loop's own incidents, and about storms of errors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import polars as pl

from tam_workbench.causal import support
from tam_workbench.causal.correlator_incidents import TROUBLE
from tam_workbench.engine.cluster.view import ClusterView
from tam_workbench.records import TRUST_REASONS, Batch, Cause, Edge, Fact, Incident, TrustScores

BEFORE: Final = timedelta(minutes=15)
AFTER: Final = timedelta(minutes=10)
KINDS: Final = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicaSet", "Service")
ERROR: Final = 17
MOST_FACTS: Final = 500
UNCORROBORATED: Final = np.uint8(1 << TRUST_REASONS.index("uncorroborated"))


@dataclass(frozen=True, slots=True, kw_only=True)
class StormRules:
    """When errors that nothing else in the cluster bears out are doubted."""

    least_errors: int = 20
    """ERROR lines of a service in one batch below which nothing is a storm."""

    least_support: float = 0.3
    """Support by pods, nodes, configs, rollouts and metrics from which a storm is believed."""

    factor: float = 0.3
    """What the trust of a storm's lines is multiplied by, so that they no longer speak of the
    cluster themselves; 1 switches it off."""


def causes_of(view: ClusterView, service: str, at: datetime) -> list[Cause]:
    """Return what led to the trouble of a service around a time, the likeliest root first."""
    found: dict[str, Cause] = {}
    for fact in _lately(view, service, at - BEFORE, at + AFTER):
        if fact.kind in TROUBLE:
            for cause in view.graph.trace(fact.id, k=1):
                known = found.get(cause.fact.id)
                if known is None or known.confidence < cause.confidence:
                    found[cause.fact.id] = cause
    return sorted(found.values(), key=lambda one: (-one.confidence, one.fact.id))


def joined(incident: Incident, view: ClusterView) -> tuple[Incident, Edge] | None:
    """Return an incident with its root cause named, and the edge for memory; None without news."""
    causes = causes_of(view, incident.service, incident.opened_at)
    if not causes:
        return None
    best = causes[0]
    told = root_text(best)
    if incident.explanation.startswith(told):
        return None
    before = incident.explanation.rpartition("root cause: ")[2].partition(" | ")
    rest = before[2] if "root cause: " in incident.explanation else incident.explanation
    evidence = [line for line in incident.evidence if not line.startswith("cluster.")]
    line = f"cluster.{best.fact.kind} {best.fact.subject.path} {best.confidence:+.2f}"
    edge = Edge(
        cause=f"change:{best.fact.kind} {best.fact.subject.path}",
        effect=f"service:{incident.service}",
        relation="caused",
        confidence=best.confidence,
        evidence=(incident.id, best.fact.id),
        observed_at=best.fact.happened_at,
    )
    text = f"{told} | {rest}" if rest else told
    return replace(incident, explanation=text, evidence=(*evidence, line)), edge


def root_text(cause: Cause) -> str:
    """Return a root cause in words: what, of what, when, how sure and by which pattern."""
    fact = cause.fact
    when = f"{fact.happened_at:%Y-%m-%d %H:%M:%S}"
    sure = f"{cause.confidence:.2f} by {cause.pattern}"
    return f"root cause: {fact.kind} of {fact.subject.path} at {when} ({sure})"


def weighed(batch: Batch, scores: TrustScores, view: ClusterView, rules: StormRules) -> TrustScores:
    """Return the trust of a batch, less of it for storms of errors that nothing bears out.

    Only services that the cluster is seen to run are judged; of others it knows nothing.
    """
    storms = [name for name in _storms(batch, rules) if _is_run(view, name)]
    doubted = [name for name in storms if _support(batch, view, name) < rules.least_support]
    if not doubted:
        return scores
    logs = batch.logs
    is_doubted = (logs["service"].cast(pl.String).is_in(doubted)) & (
        logs["severity_number"].fill_null(0) >= ERROR
    )
    mask = is_doubted.fill_null(value=False).to_numpy()
    values = np.where(mask, scores.values["logs"] * rules.factor, scores.values["logs"])
    reasons = np.where(mask, scores.reasons["logs"] | UNCORROBORATED, scores.reasons["logs"])
    return TrustScores(
        values={**scores.values, "logs": values},
        reasons={**scores.reasons, "logs": reasons.astype(np.uint8)},
    )


def _storms(batch: Batch, rules: StormRules) -> list[str]:
    logs = batch.logs
    if rules.factor >= 1.0 or logs.height < rules.least_errors:
        return []
    errors = logs.filter(pl.col("severity_number") >= ERROR)
    counts = errors.group_by(pl.col("service").cast(pl.String)).len()
    found = counts.filter(pl.col("len") >= rules.least_errors)["service"].drop_nulls()
    return sorted(found.to_list())


def _is_run(view: ClusterView, service: str) -> bool:
    return any(True for _ in view.names.named(service, KINDS))


def _support(batch: Batch, view: ClusterView, service: str) -> float:
    stamps = batch.logs["time"].drop_nulls()
    if stamps.is_empty():
        return 1.0
    began, ended = stamps.min(), stamps.max()
    assert isinstance(began, datetime)
    assert isinstance(ended, datetime)
    window = (began - BEFORE, ended + AFTER)
    facts = _lately(view, service, *window)
    return support(facts, service=service, window=window)


def _lately(view: ClusterView, service: str, began: datetime, ended: datetime) -> Sequence[Fact]:
    """Return the facts of a service within a stretch; of very many the last that came."""
    return [fact for fact in _told(view, service) if began <= fact.happened_at <= ended]


def _told(view: ClusterView, service: str) -> Iterator[Fact]:
    for ref in view.names.named(service, KINDS):
        for fact_id in dict.fromkeys(view.names.facts(ref)[-MOST_FACTS:]):
            if (fact := view.graph.facts.get(fact_id)) is not None:
                yield fact
