"""Knowledge: the graph of services, templates, incidents, actions and changes, kept and asked."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Final

import polars as pl

from tam_workbench.ports import Documents, GraphStore
from tam_workbench.records import Edge

_KIND: Final = "edge"
_NOBODY: Final[dict[str, str]] = {}
_TIMES: Final = ("observed_at", "valid_to", "known_from", "known_to")


class Knowledge:
    """Typed edges with two clocks; by default only what is true and known now is told.

    Nodes are named by kind: ``service:checkout``, ``action:restart``, ``template:ID``,
    ``change:…``, ``signature:…``; a memory is its plain id.
    """

    def __init__(self, graph: GraphStore, documents: Documents) -> None:
        self._graph = graph
        self._documents = documents
        kept = [_edge(text) for text in documents.all(_KIND).values()]
        self._known = {_key(edge): edge for edge in kept}
        graph.put(kept)
        self._near: dict[str, dict[str, str]] = {}  # node -> edge -> the other end
        for key, edge in self._known.items():
            self._join(key, edge)
        self._changed: set[str] = set()

    def __len__(self) -> int:
        return len(self._known)

    def tell(self, edges: Iterable[Edge], *, now: datetime) -> None:
        """Add what was learnt; an edge that is known already gains evidence, not a twin."""
        fresh = []
        for edge in edges:
            key = _key(edge)
            old = self._known.get(key)
            told = replace(edge, known_from=edge.known_from or now)
            if old is not None:
                evidence = tuple(dict.fromkeys((*old.evidence, *edge.evidence)))[-32:]
                confidence = max(old.confidence, edge.confidence)
                told = replace(
                    old, evidence=evidence, confidence=confidence, valid_to=edge.valid_to
                )
            if told != old:
                self._known[key] = told
                self._join(key, told)
                self._changed.add(key)
                fresh.append(told)
        self._graph.put(fresh)

    def end(self, edge: Edge, *, now: datetime) -> None:
        """Say that an edge ceased to be true now; what it was stays to be asked for."""
        self.tell([replace(edge, valid_to=now)], now=now)

    def edges(
        self, node: str = "", *, as_of: datetime | None = None, known_at: datetime | None = None
    ) -> list[Edge]:
        """Return the edges of a node (of all), true then and known then."""
        return self._graph.edges(node, as_of=as_of, known_at=known_at)

    def around(
        self,
        node: str,
        *,
        hops: int = 2,
        as_of: datetime | None = None,
        known_at: datetime | None = None,
    ) -> dict[str, int]:
        """Return the neighbourhood of a node by distance, without the node; asks no store."""
        found, frontier = {node: 0}, [node]
        for hop in range(1, hops + 1):
            near: set[str] = set()
            for each in frontier:
                for key, other in self._near.get(each, _NOBODY).items():
                    if other not in found and _holds(self._known[key], as_of, known_at):
                        near.add(other)
            frontier = sorted(near)
            found.update(dict.fromkeys(frontier, hop))
        del found[node]
        return found

    def path(
        self,
        start: str,
        end: str,
        *,
        as_of: datetime | None = None,
        known_at: datetime | None = None,
    ) -> list[str]:
        """Return a shortest path from cause to effect; empty when there is none."""
        return self._graph.path(start, end, as_of=as_of, known_at=known_at)

    def frame(self) -> pl.DataFrame:
        """Return every edge ever told, one a row, for export."""
        rows = [{**asdict(edge), "evidence": list(edge.evidence)} for edge in self._known.values()]
        schema: dict[str, Any] = {
            "cause": pl.String, "effect": pl.String, "relation": pl.String,
            "confidence": pl.Float64, "evidence": pl.List(pl.String),
            **dict.fromkeys(_TIMES, pl.Datetime("us", "UTC")),
        }  # fmt: skip
        return pl.DataFrame(rows, schema=schema).sort("observed_at", "cause", "effect")

    def forget(self, nodes: Sequence[str]) -> None:
        """Drop nodes with their edges, durably, and what other edges rested on them alone.

        An edge with further evidence stays without theirs.
        """
        gone, doomed, torn = set(nodes), list[str](), set(nodes)
        for key, edge in self._known.items():
            if gone & {edge.cause, edge.effect}:
                doomed.append(key)
            elif gone & set(edge.evidence):
                torn |= {edge.cause, edge.effect}
                left = tuple(name for name in edge.evidence if name not in gone)
                self._known[key] = replace(edge, evidence=left)
                self._changed.add(key)
                if not left:
                    doomed.append(key)
        for key in doomed:
            edge = self._known.pop(key)
            for end in {edge.cause, edge.effect}:
                self._near[end].pop(key, None)
                if not self._near[end]:
                    del self._near[end]
        self._changed.difference_update(doomed)
        self._documents.delete(_KIND, doomed)
        self._graph.remove(sorted(torn))  # a graph forgets nodes only: put back what stays
        self._graph.put([e for e in self._known.values() if torn & {e.cause, e.effect}])
        self.flush()

    def _join(self, key: str, edge: Edge) -> None:
        self._near.setdefault(edge.cause, {})[key] = edge.effect
        self._near.setdefault(edge.effect, {})[key] = edge.cause

    def flush(self) -> None:
        """Make what was told durable."""
        if self._changed:
            told = {key: _text(self._known[key]) for key in sorted(self._changed)}
            self._documents.put(_KIND, told)
            self._changed = set()


def _holds(edge: Edge, as_of: datetime | None, known_at: datetime | None) -> bool:
    """Tell whether an edge was true at ``as_of`` and known at ``known_at``; None asks nothing."""
    is_true = as_of is None or (
        edge.observed_at <= as_of and (edge.valid_to is None or as_of < edge.valid_to)
    )
    return is_true and (
        known_at is None
        or (
            (edge.known_from is None or edge.known_from <= known_at)
            and (edge.known_to is None or known_at < edge.known_to)
        )
    )


def _key(edge: Edge) -> str:
    return json.dumps([edge.cause, edge.relation, edge.effect, edge.observed_at.isoformat()])


def _text(edge: Edge) -> str:
    row = asdict(edge)
    return json.dumps({**row, **{n: row[n].isoformat() for n in _TIMES if row[n]}})


def _edge(text: str) -> Edge:
    row = json.loads(text)
    times = {name: datetime.fromisoformat(row[name]) if row[name] else None for name in _TIMES}
    return Edge(**{**row, **times, "evidence": tuple(row["evidence"])})
