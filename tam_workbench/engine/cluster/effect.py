"""Effect: whether trouble went on after something was done about it, and how that is seen."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from tam_workbench.causal import ClusterIncident
from tam_workbench.causal.correlator_incidents import TROUBLE
from tam_workbench.engine.cluster.asking import same_workload
from tam_workbench.engine.cluster.undertaking import Undertaking
from tam_workbench.engine.cluster.view import ClusterView
from tam_workbench.records import Fact

GRACE: Final = timedelta(seconds=60)
"""What happens so soon after an act is not held against it: pods are stopped and begun."""

SKEW: Final = timedelta(seconds=5)

OURS: Final = frozenset({"rolled_out", "scaled"})
"""What an act of ours looks like in the cluster."""


def is_about(under: Undertaking, incident: ClusterIncident) -> bool:
    """Return whether an act is about an incident, whatever that was called by then."""
    if under.workload is None:
        return under.proposal.incident == incident.id
    begun = incident.first_at - SKEW
    return same_workload(under.workload, incident.workload) and begun <= under.proposal.proposed_at


def goes_on(under: Undertaking, view: ClusterView) -> str:
    """Return how the same trouble, or a new one that the act made, is seen; empty if it ended."""
    if under.acted_at is None or under.workload is None:
        return ""
    known = view.graph.facts
    told = [known[one] for one in view.names.facts(under.workload) if one in known]
    settled = under.acted_at + GRACE
    for fact in told:
        if fact.kind == under.kind and fact.happened_at > settled:
            return f"{_words(fact)} again after the act"
    for fact in _stale(told, view, under.acted_at) if under.kind == "config_stale" else ():
        return f"{fact.subject.path} still runs with the old values"
    for fact in told:
        if fact.kind in TROUBLE and fact.happened_at > settled:
            roots = view.graph.trace(fact.id, k=1)
            if roots and _is_ours(roots[0].fact, under.acted_at):
                return f"{_words(fact)} because of the act"
    return ""


def _is_ours(fact: Fact, acted_at: datetime) -> bool:
    return fact.kind in OURS and acted_at - SKEW <= fact.happened_at <= acted_at + GRACE


def _stale(told: list[Fact], view: ClusterView, acted_at: datetime) -> Iterator[Fact]:
    """Yield the facts of stale pods that live on and did not begin again."""
    begun = {
        fact.subject.key
        for fact in told
        if fact.kind == "container_started" and fact.happened_at >= acted_at - SKEW
    }
    for fact in told:
        deriver = view.derivers.get(fact.subject.cluster)
        if fact.kind != "config_stale" or fact.subject.key in begun or deriver is None:
            continue
        known = deriver.objects.known(fact.subject)
        if known is not None and not known.is_gone:
            yield fact


def _words(fact: Fact) -> str:
    return f"{fact.kind} of {fact.subject.path} at {fact.happened_at:%Y-%m-%d %H:%M:%S}"
