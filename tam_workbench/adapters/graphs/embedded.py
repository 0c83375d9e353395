"""The graph in this process: a networkx multigraph; gone when the process ends."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from tam_workbench.adapters.walking import (
    Step,
    checked,
    distances,
    holds,
    in_order,
    shortest,
)
from tam_workbench.errors import MissingExtraError, PermanentError
from tam_workbench.records import Edge

if TYPE_CHECKING:
    import networkx as nx  # type: ignore[import-untyped,unused-ignore]  # ships no types


class EmbeddedGraph:
    """Keeps edges in a directed multigraph; who keeps them over a restart hands them in again.

    Parameters
    ----------
    edges
        What is known from before.

    Examples
    --------
    >>> from datetime import UTC
    >>> may = datetime(2024, 5, 1, tzinfo=UTC)
    >>> graph = EmbeddedGraph([Edge(cause="db", effect="cart", relation="slows", confidence=0.9,
    ...     evidence=("trace 7",), observed_at=may)])
    >>> graph.path("db", "cart"), graph.around("cart", hops=1)
    (['db', 'cart'], {'db': 1})
    """

    name = "embedded"

    def __init__(self, edges: Iterable[Edge] = ()) -> None:
        self._graph = _empty()
        self._lock = threading.Lock()
        self._is_open = True
        self.put(list(edges))

    def put(self, edges: Sequence[Edge]) -> None:
        """Insert, or replace by (cause, effect, relation, observed_at)."""
        fresh = checked(edges)
        with self._lock:
            self._check_open()
            for edge in fresh:
                key = (edge.relation, edge.observed_at)
                self._graph.add_edge(edge.cause, edge.effect, key=key, edge=edge)

    def edges(
        self, node: str = "", *, as_of: datetime | None = None, known_at: datetime | None = None
    ) -> list[Edge]:
        """Return the edges (of ``node``), true at ``as_of`` and known at ``known_at``, by time."""
        with self._lock:
            self._check_open()
            found = self._of(node) if node else (row[2] for row in self._graph.edges(data="edge"))
            return in_order(edge for edge in found if holds(edge, as_of=as_of, known_at=known_at))

    def around(
        self,
        node: str,
        *,
        hops: int,
        as_of: datetime | None = None,
        known_at: datetime | None = None,
    ) -> dict[str, int]:
        """Return the nodes within ``hops`` edges, either way, by distance; without ``node``."""
        step = self._step(as_of, known_at, is_directed=False)
        with self._lock:
            self._check_open()
            return distances(node, hops=hops, step=step)

    def path(
        self,
        start: str,
        end: str,
        *,
        as_of: datetime | None = None,
        known_at: datetime | None = None,
    ) -> list[str]:
        """Return a shortest path along the direction of the edges; empty when there is none."""
        step = self._step(as_of, known_at, is_directed=True)
        with self._lock:
            self._check_open()
            return shortest(start, end, step=step) if start in self._graph else []

    def remove(self, nodes: Sequence[str]) -> int:
        """Remove nodes with their edges and return how many edges went."""
        with self._lock:
            self._check_open()
            before = self._graph.number_of_edges()
            self._graph.remove_nodes_from(nodes)
            lonely = [node for node, degree in self._graph.degree() if not degree]
            self._graph.remove_nodes_from(lonely)
            return int(before - self._graph.number_of_edges())

    def close(self) -> None:
        """Forget everything; may be called twice."""
        with self._lock:
            self._is_open = False
            self._graph.clear()

    def _check_open(self) -> None:
        if not self._is_open:
            raise PermanentError("graph 'embedded' is closed: open a new one")

    def _of(self, node: str) -> Iterator[Edge]:
        if node in self._graph:
            for _, _, edge in self._graph.out_edges(node, data="edge"):
                yield edge
            for cause, _, edge in self._graph.in_edges(node, data="edge"):
                if cause != node:
                    yield edge

    def _step(
        self, as_of: datetime | None, known_at: datetime | None, *, is_directed: bool
    ) -> Step:
        is_held = partial(holds, as_of=as_of, known_at=known_at)

        def step(nodes: Sequence[str]) -> Iterator[tuple[str, str]]:
            for node in nodes:
                for edge in self._of(node):
                    if not is_held(edge):
                        continue
                    if edge.cause == node:
                        yield node, edge.effect
                    elif not is_directed:
                        yield node, edge.cause

        return step


def _empty() -> "nx.MultiDiGraph":
    try:
        import networkx as nx  # type: ignore[import-untyped,unused-ignore]  # ships no types
    except ImportError as error:
        raise MissingExtraError("graphs", "embedded", extra="graph") from error
    return nx.MultiDiGraph()
