"""Walking over edges: which hold at a time, who is near, and the shortest way."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from tam_workbench.errors import BadInputError
from tam_workbench.records import Edge

Step = Callable[[Sequence[str]], Iterable[tuple[str, str]]]
"""Returns for some nodes the pairs (node, neighbour): one question for a whole frontier."""


def holds(edge: Edge, *, as_of: datetime | None, known_at: datetime | None) -> bool:
    """Tell whether an edge was true of the world at ``as_of`` and known to us at ``known_at``.

    It is true in [observed_at, valid_to) and known in [known_from, known_to); None is open on
    that side, and a time of None asks nothing.

    Examples
    --------
    >>> from datetime import UTC
    >>> may, june = datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 6, 1, tzinfo=UTC)
    >>> edge = Edge(cause="a", effect="b", relation="calls", confidence=1.0, evidence=(),
    ...     observed_at=may, valid_to=june, known_from=june)
    >>> [holds(edge, as_of=at, known_at=None) for at in (may, june)]
    [True, False]
    >>> [holds(edge, as_of=None, known_at=at) for at in (may, june)]
    [False, True]
    """
    is_true = as_of is None or (
        edge.observed_at <= as_of and (edge.valid_to is None or as_of < edge.valid_to)
    )
    is_known = known_at is None or (
        (edge.known_from is None or edge.known_from <= known_at)
        and (edge.known_to is None or known_at < edge.known_to)
    )
    return is_true and is_known


def checked(edges: Sequence[Edge]) -> list[Edge]:
    """Return the last edge of each key, when all have names and aware times.

    Raises
    ------
    BadInputError
        An edge has a node without a name or a time without a zone.
    """
    latest = {key(edge): edge for edge in edges}
    for edge in latest.values():
        times = (edge.observed_at, edge.valid_to, edge.known_from, edge.known_to)
        if any(at is not None and at.tzinfo is None for at in times):
            raise BadInputError(
                f"edge {edge.cause!r} -> {edge.effect!r} has a time without a zone: give it UTC"
            )
        if not (edge.cause and edge.effect):
            raise BadInputError(
                f"edge {edge.cause!r} -> {edge.effect!r} has an end without a name: name it"
            )
    return list(latest.values())


def key(edge: Edge) -> tuple[str, str, str, datetime]:
    """Return what makes an edge the same one."""
    return edge.cause, edge.effect, edge.relation, edge.observed_at


def in_order(edges: Iterable[Edge]) -> list[Edge]:
    """Return edges by time, then by name."""
    return sorted(edges, key=lambda edge: (edge.observed_at, *key(edge)))


def distances(start: str, *, hops: int, step: Step) -> dict[str, int]:
    """Return the nodes within so many steps by distance, then by name; without ``start``.

    >>> ways = {"a": ["b", "c"], "b": ["d"], "c": ["a"]}
    >>> def step(nodes):
    ...     return [(node, near) for node in nodes for near in ways.get(node, [])]
    >>> distances("a", hops=2, step=step)
    {'b': 1, 'c': 1, 'd': 2}
    """
    found, frontier = {start: 0}, [start]
    for hop in range(1, hops + 1):
        near = {neighbour for _, neighbour in step(frontier)} - found.keys() if frontier else set()
        frontier = sorted(near)
        found.update(dict.fromkeys(frontier, hop))
    del found[start]
    return found


def shortest(start: str, end: str, *, step: Step) -> list[str]:
    """Return a shortest path, of several the first by name at each fork; empty without any.

    >>> ways = {"a": ["c", "b"], "b": ["d"], "c": ["d"]}
    >>> def step(nodes):
    ...     return [(node, near) for node in nodes for near in ways.get(node, [])]
    >>> shortest("a", "d", step=step), shortest("d", "a", step=step), shortest("a", "a", step=step)
    (['a', 'b', 'd'], [], ['a'])
    """
    before: dict[str, str] = {start: ""}
    frontier = [start]
    while frontier and end not in before:
        fresh: dict[str, str] = {}
        for node, neighbour in step(frontier):
            if neighbour not in before:
                fresh[neighbour] = min(node, fresh.get(neighbour, node))
        before.update(fresh)
        frontier = sorted(fresh)
    if end not in before:
        return []
    path = [end]
    while path[-1] != start:
        path.append(before[path[-1]])
    return path[::-1]
