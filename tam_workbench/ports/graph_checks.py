"""What every `GraphStore` promises, as a function that anyone can run on one of their own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Final

from tam_workbench.errors import PromiseBrokenError, TamError
from tam_workbench.ports.protocols import GraphStore
from tam_workbench.records import Edge

Make = Callable[[], GraphStore]

_AWKWARD: Final = (
    "it's",
    'say "hi"',
    "a;--",
    "line\nbreak",
    "täm→🙂",
    "back\\slash",
    "'}) DETACH DELETE n //",
    '"}]->(b) WITH b MATCH (n) DETACH DELETE n //',
    "$names",
    " ",
)
_TICK: Final = timedelta(microseconds=1)


def check_graph(make: Make, *, is_persistent: bool = False) -> None:
    """Check a graph against every promise of its port.

    Parameters
    ----------
    make
        Opens the *same* place each time it is called; it is empty at first, and the suite
        leaves it empty.
    is_persistent
        Whether what was put is there after closing and opening again.

    Raises
    ------
    PromiseBrokenError
        Naming the first promise that is not kept.
    """
    graph = make()
    try:
        _check_empty(graph)
        for promise in (
            _check_put,
            _check_clocks,
            _check_around,
            _check_path,
            _check_walks_in_time,
            _check_awkward,
            _check_remove,
            _check_refusals,
            _check_many,
        ):
            promise(graph)
            graph.remove(_nodes(graph))
            _promise(graph.edges() == [], "removing every node leaves no edge")
        graph.put([_edge("kept", "too")])
    finally:
        graph.close()
    graph.close()
    _refused(graph.edges, "use after close")
    if is_persistent:
        _check_reopened(make)


def _check_empty(graph: GraphStore) -> None:
    _promise(bool(graph.name), "it has a name")
    _promise(graph.edges() == [] and graph.edges("a") == [], "an empty graph has no edges")
    _promise(graph.around("a", hops=3) == {}, "nothing is around in an empty graph")
    _promise(graph.path("a", "b") == graph.path("a", "a") == [], "no path is in an empty graph")
    _promise(graph.remove(["a"]) == graph.remove([]) == 0, "nothing is removed from nothing")
    graph.put([])
    _promise(graph.edges() == [], "putting nothing keeps nothing")


def _check_put(graph: GraphStore) -> None:
    full = Edge(
        cause="db",
        effect="cart",
        relation="slows",
        confidence=0.1 + 0.2,
        evidence=("trace 7", "it's, quoted", ""),
        observed_at=_day(3) + _TICK,
        valid_to=_day(9) - _TICK,
        known_from=_day(4),
        known_to=_day(8),
    )
    others = [
        _edge("db", "cart", day=1),
        replace(full, relation="calls"),
        replace(full, observed_at=_day(5)),
        _edge("cart", "db", day=6),
        _edge("cart", "cart", day=7),
    ]
    graph.put([*others, full])
    expected = [others[0], others[1], full, *others[2:]]
    _promise(graph.edges() == expected, "edges come back whole, by time and then by name")
    _promise(graph.edges("db") == expected[:-1], "edges of a node are those of either end, once")
    _promise(len(graph.edges("cart")) == 6, "an edge to itself is one edge")
    _promise(graph.edges("nobody") == [], "an unknown node has no edges")
    surer = replace(full, confidence=1.0, evidence=(), valid_to=None, known_from=None)
    graph.put([replace(full, confidence=0.0), surer])
    _promise(
        graph.edges() == [*expected[:2], surer, *expected[3:]],
        "an edge is replaced by cause, effect, relation and time; of equals the last wins",
    )
    east = timezone(timedelta(hours=5))
    graph.put([replace(surer, observed_at=full.observed_at.astimezone(east))])
    _promise(len(graph.edges()) == 6, "the same time in another zone is the same time")


def _check_clocks(graph: GraphStore) -> None:
    world = replace(_edge("a", "b", day=2), valid_to=_day(4))
    known = replace(_edge("b", "c", day=1), known_from=_day(3), known_to=_day(5))
    graph.put([world, known])
    cases: list[tuple[datetime | None, datetime | None, str]] = [
        (None, None, "bc ab"),
        (_day(2) - _TICK, None, "bc"),
        (_day(2), None, "bc ab"),
        (_day(4) - _TICK, None, "bc ab"),
        (_day(4), None, "bc"),
        (_day(1) - _TICK, None, ""),
        (None, _day(3) - _TICK, "ab"),
        (None, _day(3), "bc ab"),
        (None, _day(5) - _TICK, "bc ab"),
        (None, _day(5), "ab"),
        (_day(3), _day(4), "bc ab"),
        (_day(4), _day(5), ""),
        (_day(3), _day(2), "ab"),
    ]
    for as_of, known_at, expected in cases:
        found = graph.edges(as_of=as_of, known_at=known_at)
        names = " ".join(edge.cause + edge.effect for edge in found)
        _promise(names == expected, f"as of {as_of}, known at {known_at}: {expected!r} {names!r}")
        of_b = graph.edges("b", as_of=as_of, known_at=known_at)
        _promise(of_b == found, "the two clocks hold for the edges of a node as well")


def _check_around(graph: GraphStore) -> None:
    graph.put([_edge(*pair) for pair in ("ab", "bc", "cd", "xb", "aa", "ac", "yz")])
    _promise(graph.around("a", hops=0) == {}, "no hop reaches nobody")
    _promise(
        graph.around("a", hops=1) == {"b": 1, "c": 1}, "one hop reaches neighbours, not itself"
    )
    _promise(
        graph.around("a", hops=2) == {"b": 1, "c": 1, "d": 2, "x": 2},
        "hops go either way, and the shortest counts",
    )
    _promise(graph.around("d", hops=9) == {"c": 1, "a": 2, "b": 2, "x": 3}, "hops beyond the end")
    _promise(graph.around("nobody", hops=2) == {}, "nothing is around an unknown node")


def _check_path(graph: GraphStore) -> None:
    graph.put([_edge(*pair) for pair in ("ab", "bc", "cd", "ad", "da", "de", "xd")])
    _promise(graph.path("a", "e") == ["a", "d", "e"], "a path is a shortest one")
    _promise(graph.path("b", "a") == ["b", "c", "d", "a"], "a path follows the edges")
    _promise(graph.path("a", "x") == [], "a path never goes against an edge")
    _promise(graph.path("a", "a") == graph.path("a", "a")[:1] == ["a"], "a node is its own path")
    _promise(graph.path("a", "nobody") == graph.path("nobody", "a") == [], "nobody has no path")


def _check_walks_in_time(graph: GraphStore) -> None:
    short = replace(_edge("a", "c", day=3), valid_to=_day(5))
    learned = replace(_edge("b", "c", day=1), known_from=_day(6))
    graph.put([_edge("a", "b", day=1), learned, short])
    _promise(graph.path("a", "c", as_of=_day(4)) == ["a", "c"], "a path holds at its time")
    _promise(graph.path("a", "c", as_of=_day(5)) == ["a", "b", "c"], "and not after it")
    _promise(graph.path("a", "c", as_of=_day(5), known_at=_day(5)) == [], "nor before it is known")
    _promise(
        graph.around("c", hops=1, as_of=_day(2), known_at=_day(6)) == {"b": 1}
        and graph.around("c", hops=9, as_of=_day(2), known_at=_day(2)) == {},
        "who is around holds at its time",
    )


def _check_awkward(graph: GraphStore) -> None:
    edges = [
        replace(_edge(name, f"to {name}"), relation=name, evidence=(name,)) for name in _AWKWARD
    ]
    graph.put([*edges, _edge("plain", "other")])
    for edge in edges:
        _promise(graph.edges(edge.cause) == [edge], f"{edge.cause!r} is a name, not code")
        _promise(graph.path(edge.cause, edge.effect) == [edge.cause, edge.effect], "and on a path")
        _promise(graph.around(edge.effect, hops=2) == {edge.cause: 1}, "and around")
    _promise(graph.remove(list(_AWKWARD)) == len(edges), "awkward names can be removed")
    _promise(graph.edges() == [_edge("plain", "other")], "and take no other edge with them")


def _check_remove(graph: GraphStore) -> None:
    graph.put([_edge(*pair) for pair in ("ab", "bc", "ca", "bb", "xy")])
    _promise(graph.remove(["b", "b", "nobody"]) == 3, "removing counts each edge once")
    _promise(graph.remove(["b"]) == 0, "what is gone is gone")
    _promise(graph.path("a", "c") == [], "a removed node is on no path")
    _promise([edge.cause for edge in graph.edges()] == ["c", "x"], "other edges stay")
    _promise(graph.remove(["c", "a"]) == 1, "an edge between two that go is one edge")
    graph.put([_edge("a", "b")])
    _promise(graph.edges("a") == [_edge("a", "b")], "a removed node can come back")


def _check_refusals(graph: GraphStore) -> None:
    good = _edge("a", "b")
    for what, bad in {
        "a time without a zone": replace(good, observed_at=datetime(2024, 1, 1)),  # noqa: DTZ001
        "an end without a zone": replace(good, valid_to=datetime(2024, 1, 1)),  # noqa: DTZ001
        "a node without a name": replace(good, cause=""),
    }.items():
        _refused(partial(graph.put, [_edge("c", "d"), bad]), what)
        _promise(graph.edges() == [], f"after {what} nothing of the put is kept")


def _check_many(graph: GraphStore) -> None:
    chain = [_edge(f"n{number:04d}", f"n{number + 1:04d}") for number in range(1500)]
    graph.put(chain)
    _promise(graph.edges() == chain, "1,500 edges come back")
    _promise(len(graph.path("n0000", "n0020")) == 21, "a long path is found")
    _promise(graph.around("n0100", hops=5)["n0105"] == 5, "hops count far out")


def _check_reopened(make: Make) -> None:
    again = make()
    try:
        _promise(again.edges() == [_edge("kept", "too")], "what was put is there after reopening")
        again.remove(["kept"])
    finally:
        again.close()


def _nodes(graph: GraphStore) -> list[str]:
    return sorted({name for edge in graph.edges() for name in (edge.cause, edge.effect)})


def _edge(cause: str, effect: str, *, day: int = 1) -> Edge:
    return Edge(
        cause=cause,
        effect=effect,
        relation="causes",
        confidence=0.5,
        evidence=(),
        observed_at=_day(day),
    )


def _day(day: int) -> datetime:
    return datetime(2024, 2, day, tzinfo=UTC)


def _refused(attempt: Callable[[], object], what: str) -> None:
    try:
        attempt()
    except TamError as error:
        _promise("\n" not in str(error), f"{what} is refused in one line")
        return
    raise PromiseBrokenError(f"graph: {what} is refused with a TamError")


def _promise(holds: bool, promise: str) -> None:
    if not holds:
        raise PromiseBrokenError(f"graph: {promise}")
