"""Small pasts of clusters for these tests, played once each."""

from functools import cache

from tam_workbench.adapters.documents.sql import SqlDocuments
from tam_workbench.engine.cluster import ClusterMemory, ClusterShelf
from tam_workbench.evaluation.clusters import scenarios
from tam_workbench.evaluation.clusters.scenario_shelf import SCENARIOS
from tam_workbench.records import Batch


@cache
def past(name):
    (one,) = [each for each in SCENARIOS if each.name == name]
    return scenarios.played(one).observations


def batches(observations, *, size=40):
    for at in range(0, len(observations), size):
        part = tuple(observations[at : at + size])
        seen = max(one.observed_at for one in part)
        yield Batch(
            source="t", sequence=at, offset=str(at), received_at=seen, observations=part
        )  # fmt: skip


def memory_at(path):
    return ClusterMemory(ClusterShelf(lambda: SqlDocuments(path)))


def told(memory):
    """Return all that a memory knows, comparable."""
    view = memory.view
    moments = {ref: view.history.moments(ref) for ref in view.history.alive(view.newest)}
    return dict(view.graph.facts), view.graph.edges, dict(view.incidents), moments
