"""The graph in a database that speaks Bolt (Neo4j and its kin), through the neo4j driver."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, LiteralString

from tam_workbench.adapters.walking import Step, checked, distances, in_order, shortest
from tam_workbench.errors import (
    BadInputError,
    MissingExtraError,
    PermanentError,
    SettingsError,
    TransientError,
    UnreachableError,
)
from tam_workbench.records import Edge

if TYPE_CHECKING:
    from neo4j import Driver, ManagedTransaction

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)
_EVER: Final = 1 << 62
"""Stands for an end that is open: later than every datetime, in microseconds."""
_AT_ONCE: Final = 1000
"""Edges in one statement; all of a put are one transaction."""
_SCHEMES: Final = ("bolt://", "bolt+", "neo4j://", "neo4j+")
_UNREADABLE: Final = "graph {}: the address cannot be read: write bolt://host:7687"

_UNIQUE: Final = "CREATE CONSTRAINT tam_node IF NOT EXISTS FOR (n:TamNode) REQUIRE n.key IS UNIQUE"
_PUT: Final = """
UNWIND $rows AS row
MERGE (a:TamNode {key: row.cause_key})
MERGE (b:TamNode {key: row.effect_key})
MERGE (a)-[r:TAM_EDGE {key: row.key}]->(b)
SET a.name = row.cause, b.name = row.effect, r.relation = row.relation,
    r.observed = row.observed, r.confidence = row.confidence, r.evidence = row.evidence,
    r.valid_to = row.valid_to, r.known_from = row.known_from, r.known_to = row.known_to
"""
_ALL: Final = "MATCH (a:TamNode)-[r:TAM_EDGE]->(b:TamNode)"
_FORTH: Final = "UNWIND $keys AS one MATCH (a:TamNode {key: one})-[r:TAM_EDGE]->(b:TamNode)"
_BACK: Final = "UNWIND $keys AS one MATCH (b:TamNode {key: one})<-[r:TAM_EDGE]-(a:TamNode)"
"""Written from the node that is known: ArcadeDB walks a pattern as it stands (60 times faster)."""
_HELD: Final = """
WHERE r.observed <= $as_of_end AND r.valid_to > $as_of
  AND r.known_from <= $known_at_end AND r.known_to > $known_at
"""
_WHOLE: Final = """
RETURN a.name AS cause, b.name AS effect, r.relation AS relation, r.observed AS observed,
       r.confidence AS confidence, r.evidence AS evidence, r.valid_to AS valid_to,
       r.known_from AS known_from, r.known_to AS known_to
"""
_ENDS: Final = "RETURN DISTINCT a.name AS cause, b.name AS effect"
_REMOVE: Final = "UNWIND $keys AS one MATCH (n:TamNode {key: one}) DETACH DELETE n"


class BoltGraph:
    """Keeps edges as relationships between ``:TamNode`` nodes of one database.

    Names and times are always bound parameters, and no name is compared as it is: ArcadeDB
    26.10 takes a *value* that begins with ``$`` for a parameter where a pattern holds it, so
    patterns hold keys that begin otherwise. Times are microseconds since 1970, an open end
    is a number beyond all of them. A walk asks once a hop.

    Parameters
    ----------
    uri
        ``bolt://host:7687`` or ``neo4j://…``; with ``+s`` for TLS.
    user, password
        Who we are; an empty user asks for nobody.
    database
        Its name; None is the server's own default.
    wait_s
        Seconds to wait for a connection, and for a transaction to be tried again.
    """

    name = "bolt"

    def __init__(
        self,
        uri: str,
        *,
        user: str = "neo4j",
        password: str = "",
        database: str | None = None,
        wait_s: float = 10.0,
    ) -> None:
        self._where, self._database, self._is_open = _named(uri), database, True
        self._driver = _driver(uri, user, password, wait_s)
        try:
            with self._door("open"):
                self._driver.verify_connectivity()
                self._run(_UNIQUE)
        except BaseException:
            self._driver.close()
            raise

    def put(self, edges: Sequence[Edge]) -> None:
        """Insert, or replace by (cause, effect, relation, observed_at), all or nothing."""
        rows = [_row(edge) for edge in checked(edges)]

        def work(transaction: "ManagedTransaction") -> None:
            for start in range(0, len(rows), _AT_ONCE):
                transaction.run(_PUT, rows=rows[start : start + _AT_ONCE]).consume()

        with self._door("write"):
            if rows:
                with self._driver.session(database=self._database) as session:
                    session.execute_write(work)

    def edges(
        self, node: str = "", *, as_of: datetime | None = None, known_at: datetime | None = None
    ) -> list[Edge]:
        """Return the edges (of ``node``), true at ``as_of`` and known at ``known_at``, by time."""
        times = _times(as_of, known_at)
        with self._door("read"):
            found = (
                self._run(_ALL + _HELD + _WHOLE, **times)
                if not node
                else self._run(_FORTH + _HELD + _WHOLE, keys=[_key(node)], **times)
                + self._run(_BACK + _HELD + "AND a.key <> one" + _WHOLE, keys=[_key(node)], **times)
            )
        return in_order(_edge(row) for row in found)

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
        with self._door("walk"):
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
        with self._door("walk"):
            if start == end and not (self._ends(_FORTH, [start]) or self._ends(_BACK, [start])):
                return []
            return shortest(start, end, step=step)

    def remove(self, nodes: Sequence[str]) -> int:
        """Remove nodes with their edges and return how many edges went."""
        keys = [_key(node) for node in dict.fromkeys(nodes)]

        def work(transaction: "ManagedTransaction") -> int:
            gone = set()
            for way in (_FORTH, _BACK):
                for row in transaction.run(way + _WHOLE, keys=keys):
                    gone.add((row["cause"], row["effect"], row["relation"], row["observed"]))
            transaction.run(_REMOVE, keys=keys).consume()
            return len(gone)

        with (
            self._door("delete from"),
            self._driver.session(database=self._database) as session,
        ):
            return session.execute_write(work)

    def close(self) -> None:
        """Let go of the connections; may be called twice."""
        self._is_open = False
        self._driver.close()

    def _run(self, query: LiteralString, **values: object) -> list[dict[str, Any]]:
        rows, _, _ = self._driver.execute_query(query, values, database_=self._database)
        return [row.data() for row in rows]

    def _ends(
        self, way: LiteralString, names: Sequence[str], **times: int
    ) -> list[tuple[str, str]]:
        asked = times or _times(None, None)
        rows = self._run(way + _HELD + _ENDS, keys=[_key(name) for name in names], **asked)
        return [(row["cause"], row["effect"]) for row in rows]

    def _step(
        self, as_of: datetime | None, known_at: datetime | None, *, is_directed: bool
    ) -> Step:
        times = _times(as_of, known_at)

        def step(nodes: Sequence[str]) -> Iterator[tuple[str, str]]:
            yield from self._ends(_FORTH, nodes, **times)
            if not is_directed:
                for cause, effect in self._ends(_BACK, nodes, **times):
                    yield effect, cause

        return step

    @contextmanager
    def _door(self, verb: str) -> Iterator[None]:
        """Translate what the guest raises."""
        from neo4j.exceptions import DriverError, Neo4jError

        if not self._is_open:
            raise PermanentError(f"graph {self._where} is closed: open a new one")
        try:
            yield
        except (DriverError, Neo4jError, OSError) as error:
            raise _translated(error, f"cannot {verb} graph {self._where}") from error


def _driver(uri: str, user: str, password: str, wait_s: float) -> "Driver":
    try:
        import neo4j
    except ImportError as error:
        raise MissingExtraError("graphs", "bolt", extra="graph") from error
    if not uri.startswith(_SCHEMES):
        raise SettingsError(_UNREADABLE.format(_named(uri)))
    try:
        return neo4j.GraphDatabase.driver(
            uri,
            auth=(user, password) if user else None,
            connection_timeout=wait_s,
            connection_acquisition_timeout=wait_s,
            max_transaction_retry_time=wait_s,
        )
    except (ValueError, neo4j.exceptions.DriverError):
        raise SettingsError(_UNREADABLE.format(_named(uri))) from None


def _named(uri: str) -> str:
    """Return an address without who comes by it."""
    scheme, _, rest = uri.rpartition("://")
    host = rest.rpartition("@")[2].partition("?")[0]
    return f"{scheme}://{host}" if scheme else host


def _key(name: str) -> str:
    return f":{name}"


def _row(edge: Edge) -> dict[str, object]:
    observed = _ticks(edge.observed_at, 0)
    return {
        "key": f"{observed}:{edge.relation}",
        "cause": edge.cause,
        "cause_key": _key(edge.cause),
        "effect": edge.effect,
        "effect_key": _key(edge.effect),
        "relation": edge.relation,
        "confidence": edge.confidence,
        "evidence": json.dumps(list(edge.evidence)),
        "observed": observed,
        "valid_to": _ticks(edge.valid_to, _EVER),
        "known_from": _ticks(edge.known_from, -_EVER),
        "known_to": _ticks(edge.known_to, _EVER),
    }


def _edge(row: dict[str, Any]) -> Edge:
    return Edge(
        cause=row["cause"],
        effect=row["effect"],
        relation=row["relation"],
        confidence=row["confidence"],
        evidence=tuple(json.loads(row["evidence"])),
        observed_at=_EPOCH + row["observed"] * _TICK,
        valid_to=_at(row["valid_to"]),
        known_from=_at(row["known_from"]),
        known_to=_at(row["known_to"]),
    )


def _times(as_of: datetime | None, known_at: datetime | None) -> dict[str, int]:
    """Return the bounds to compare with; those of a time of None admit everything."""
    return {
        "as_of": _ticks(as_of, -_EVER - 1),
        "as_of_end": _ticks(as_of, _EVER),
        "known_at": _ticks(known_at, -_EVER - 1),
        "known_at_end": _ticks(known_at, _EVER),
    }


def _ticks(at: datetime | None, otherwise: int) -> int:
    return otherwise if at is None else (at - _EPOCH) // _TICK


def _at(ticks: int) -> datetime | None:
    return None if abs(ticks) == _EVER else _EPOCH + ticks * _TICK


def _translated(error: Exception, what: str) -> Exception:
    """Return our error for a guest's, in one line."""
    from neo4j import exceptions as guest

    told = getattr(error, "message", None) or str(error).rstrip(":")
    said = (str(told).strip().splitlines() or [type(error).__name__])[0][:200]
    code = getattr(error, "code", None) or ""
    if isinstance(error, guest.AuthError) or "Security" in code:
        return SettingsError(f"{what}: {said}: check user and password")
    if "DatabaseNotFound" in code:
        return SettingsError(f"{what}: there is no such database: name one that the server has")
    if isinstance(error, (guest.ServiceUnavailable, guest.SessionExpired, OSError)):
        return UnreachableError(f"{what}: {said}: is the server up, and the address right?")
    if isinstance(error, guest.ConfigurationError):
        return SettingsError(f"{what}: {said}: write bolt://host:7687")
    if isinstance(error, guest.TransientError):
        return TransientError(f"{what}: {said}: try again", delay_s=0.5)
    return BadInputError(f"{what}: {said}")
