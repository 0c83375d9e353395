"""Kept: what a loop has written down of clusters, read without linking anything anew."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tam_workbench.causal import CausalGraph, Deriver, History
from tam_workbench.engine.cluster.names import Names
from tam_workbench.engine.cluster.pages import Row, edges_of, without_cycles
from tam_workbench.engine.cluster.shelf import ClusterShelf
from tam_workbench.engine.cluster.view import ClusterView


def kept_view(shelf: ClusterShelf) -> ClusterView:
    """Return what is kept, as it stood at the last commit of its loop."""
    with without_cycles():
        return _view(shelf)


def _view(shelf: ClusterShelf) -> ClusterView:
    graph, names, history = CausalGraph(), Names(), History()
    about = shelf.about()
    edges: dict[str, list[Row]] = {}
    for _, page in shelf.pages(first=about.get("first_page", 0)):
        for fact in page.facts:
            graph.put_fact(fact)
            names.note(fact)
        graph.drop(page.withdrawn)
        edges.update(page.edges)
    for effect, rows in edges.items():
        if effect in graph.facts:
            causes = edges_of(effect, rows)
            graph.set_causes(effect, {one: causes[one] for one in causes if one in graph.facts})
    history.restore(shelf.history())
    derivers = derivers_of(shelf.objects(), event_ttl_s=3600.0)
    for deriver in derivers.values():
        for known in deriver.objects.every():
            names.add(known.ref)
    newest = about.get("newest")
    return ClusterView(
        graph=graph,
        history=history,
        names=names,
        incidents=shelf.incidents(),
        derivers=derivers,
        newest=datetime.fromisoformat(newest) if newest else None,
    )


def derivers_of(rows: Sequence[Mapping[str, Any]], *, event_ttl_s: float) -> dict[str, Deriver]:
    """Return a deriver a cluster, each with the objects that it knows."""
    by_cluster: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_cluster.setdefault(row["ref"][0], []).append(row)
    found = {}
    for cluster, own in sorted(by_cluster.items()):
        found[cluster] = Deriver(cluster, event_ttl_s=event_ttl_s)
        found[cluster].restore({"cluster": cluster, "objects": own})
    return found
