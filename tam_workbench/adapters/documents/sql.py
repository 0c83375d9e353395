"""Documents in SQL: one SQLite file by default, a PostgreSQL database by its URL."""

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tam_workbench.errors import (
    BadInputError,
    MissingExtraError,
    PermanentError,
    SettingsError,
    UnreachableError,
)

if TYPE_CHECKING:
    import sqlalchemy as sa

_HALVES: Final = re.compile("[\ud800-\udfff]")
_TABLE: Final = "tam_documents"
_AT_ONCE: Final = 500
"""Ids in one SQL list."""
_LONGEST: Final = 1000
"""Bytes of a kind or an id; both together must fit an index page of PostgreSQL."""
_GONE: Final = ("08", "53", "57")
"""SQLSTATE classes that pass: no connection, no room, shutting down."""
_REFUSED: Final = ("28", "3D", "42501")
"""SQLSTATE of a wrong user or password, a database that is not there, a right that lacks."""


class SqlDocuments:
    """Keeps documents in one table; a put is one transaction, whatever the database.

    SQLite is opened with WAL, ``synchronous=FULL`` and ``secure_delete``. That alone leaves a
    trace of one deleted row in some hundreds (a page that was rebalanced keeps a copy), so a
    delete also rewrites the file. PostgreSQL rewrites the table; its write-ahead log holds old
    text until the server recycles it, which is the server's business.

    Parameters
    ----------
    place
        File of a SQLite database, made when missing, or a URL ``postgresql://user:password@
        host/database``; None keeps everything in memory.
    wait_s
        Seconds to wait for a database that is locked or does not answer.

    Examples
    --------
    >>> documents = SqlDocuments()
    >>> documents.put("rule", {"b": "{}", "a": "[1]"})
    >>> documents.all("rule"), documents.delete("rule", ["a", "x"])
    ({'a': '[1]', 'b': '{}'}, 1)
    >>> documents.close()
    """

    name = "sql"

    def __init__(self, place: str | Path | None = None, *, wait_s: float = 5.0) -> None:
        self._wait_s = wait_s
        self._lock = threading.RLock()
        self._engine, self._where = _engine(place, wait_s)
        self._is_sqlite = self._engine.dialect.name == "sqlite"
        self._table = _described()
        self._is_open = True
        try:
            with self._door("open"), self._writing() as connection:
                self._table.create(connection, checkfirst=True)
        except BaseException:
            self._engine.dispose()
            raise

    def put(self, kind: str, documents: Mapping[str, str]) -> None:
        """Insert or replace (id -> JSON text), all or nothing.

        Raises
        ------
        BadInputError
            A kind or id is longer than 1,000 bytes, or a text holds what no database keeps
            (a NUL character, half a surrogate pair).
        """
        _check(kind, documents)
        rows = [{"kind": kind, "id": key, "json": documents[key]} for key in sorted(documents)]
        with self._door("write"):
            if rows:
                with self._writing() as connection:
                    connection.execute(self._upsert(), rows)

    def get(self, kind: str, ids: Sequence[str]) -> dict[str, str]:
        """Return those that exist, in the order asked."""
        column = self._table.c
        wanted, found = list(dict.fromkeys(ids)), {}
        with self._door("read"), self._reading() as connection:
            for start in range(0, len(wanted), _AT_ONCE):
                asked = self._table.select().where(
                    column.kind == kind, column.id.in_(wanted[start : start + _AT_ONCE])
                )
                found.update({row.id: row.json for row in connection.execute(asked)})
        return {id_: found[id_] for id_ in wanted if id_ in found}

    def all(self, kind: str) -> dict[str, str]:
        """Return every document of a kind by id, in order of id."""
        column = self._table.c
        asked = self._table.select().where(column.kind == kind).order_by(column.id)
        with self._door("read"), self._reading() as connection:
            return {row.id: row.json for row in connection.execute(asked)}

    def delete(self, kind: str, ids: Sequence[str]) -> int:
        """Remove by id and return how many were there; no file holds them afterwards.

        The file (or table) is rewritten, which takes time with its size: delete in batches.
        Called again with the same ids it ends a rewrite that was cut off.
        """
        column, gone = self._table.c, 0
        wanted = list(dict.fromkeys(ids))
        with self._door("delete from"):
            with self._writing() as connection:
                for start in range(0, len(wanted), _AT_ONCE):
                    aimed = self._table.delete().where(
                        column.kind == kind, column.id.in_(wanted[start : start + _AT_ONCE])
                    )
                    gone += connection.execute(aimed).rowcount
            if wanted:
                self._rewrite()
        return gone

    def close(self) -> None:
        """Let go of the database; may be called twice."""
        with self._lock:
            self._is_open = False
            self._engine.dispose()

    def _upsert(self) -> Any:  # noqa: ANN401 - two dialects' own classes
        dialect: Any  # only the one that is needed: each weighs some megabytes
        if self._is_sqlite:
            from sqlalchemy.dialects import sqlite as dialect
        else:
            from sqlalchemy.dialects import postgresql as dialect
        insert = dialect.insert(self._table)
        return insert.on_conflict_do_update(
            index_elements=["kind", "id"], set_={"json": insert.excluded.json}
        )

    def _rewrite(self) -> None:
        import sqlalchemy as sa

        options = {"is_alone": True} if self._is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        with self._engine.connect().execution_options(**options) as alone:
            if not self._is_sqlite:
                alone.execute(sa.text(f"VACUUM (FULL) {_TABLE}"))
                return
            alone.execute(sa.text("VACUUM"))
            is_busy = alone.execute(sa.text("PRAGMA wal_checkpoint(TRUNCATE)")).scalar_one()
        if is_busy:
            raise UnreachableError(
                f"documents {self._where}: deleted, but another process still reads the old file; "
                "delete again when it is done",
                delay_s=self._wait_s,
            )

    @contextmanager
    def _writing(self) -> "Iterator[sa.Connection]":
        with self._engine.connect() as connection:
            options = connection.execution_options(is_write=True)
            with options.begin():
                yield options

    @contextmanager
    def _reading(self) -> "Iterator[sa.Connection]":
        with self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _door(self, verb: str) -> Iterator[None]:
        """Translate what the guest raises; documents in memory share one connection."""
        from sqlalchemy.exc import SQLAlchemyError

        with self._lock:
            if not self._is_open:
                raise PermanentError(f"documents {self._where} are closed: open them anew")
            try:
                yield
            except UnicodeError as error:
                raise BadInputError(
                    f"cannot {verb} documents {self._where}: an id is no text: mend it"
                ) from error
            except SQLAlchemyError as error:
                raise _translated(error, f"cannot {verb} documents {self._where}") from error


def _engine(place: str | Path | None, wait_s: float) -> "tuple[sa.Engine, str]":
    """Return the engine and what to call it in messages: never with a password."""
    try:
        import sqlalchemy as sa
    except ImportError as error:
        raise MissingExtraError("documents", "sql", extra="sql") from error
    if place is None or isinstance(place, Path) or "://" not in place:
        return _sqlite(place, wait_s)
    try:
        url = sa.make_url(place)
    except (sa.exc.ArgumentError, ValueError):
        raise SettingsError(
            "documents: the URL cannot be read: write postgresql://user:password@host/database"
        ) from None
    if url.get_backend_name() == "sqlite":
        return _sqlite(url.database, wait_s)
    if url.get_backend_name() != "postgresql":
        raise SettingsError(
            f"documents: {url.get_backend_name()!r} is not supported: name a SQLite file or "
            "postgresql://user:password@host/database"
        )
    host = url.query.get("host", url.host) or "the local server"
    try:
        engine = sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            connect_args={"connect_timeout": max(2, round(wait_s))},
            hide_parameters=True,
            pool_pre_ping=True,
        )
    except ImportError as error:
        raise MissingExtraError("documents", "sql", extra="sql") from error
    return engine, f"postgresql {url.database or ''} at {host}"


def _sqlite(place: str | Path | None, wait_s: float) -> "tuple[sa.Engine, str]":
    import sqlalchemy as sa
    from sqlalchemy.pool import QueuePool, StaticPool

    is_file = place not in {None, ""}
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(place) if is_file else None),
        connect_args={"timeout": wait_s, "check_same_thread": False},
        poolclass=QueuePool if is_file else StaticPool,
        hide_parameters=True,
    )

    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own
        connection.isolation_level = None  # transactions begin below, not where sqlite3 guesses
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        connection.execute("PRAGMA temp_store=MEMORY")  # a rewrite leaves nothing elsewhere

    def begin(connection: "sa.Connection") -> None:
        options = connection.get_execution_options()
        if not options.get("is_alone"):
            connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("is_write") else "BEGIN")

    sa.event.listen(engine, "connect", prepare)
    sa.event.listen(engine, "begin", begin)
    return engine, str(place) if is_file else "in memory"


def _described() -> "sa.Table":
    import sqlalchemy as sa

    key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    return sa.Table(
        _TABLE,
        sa.MetaData(),
        sa.Column("kind", key, primary_key=True),
        sa.Column("id", key, primary_key=True),
        sa.Column("json", sa.Text(), nullable=False),
    )


def _check(kind: str, documents: Mapping[str, str]) -> None:
    for text in (kind, *documents, *documents.values()):
        if "\0" in text or not (text.isascii() or _HALVES.search(text) is None):
            raise BadInputError(
                f"documents: {text[:40]!r} holds a character no database keeps: escape it as JSON"
            )
    for key in (kind, *documents):
        if len(key.encode()) > _LONGEST:
            raise BadInputError(
                f"documents: the name {key[:40]!r}... is longer than {_LONGEST} bytes: shorten it"
            )


def _translated(error: Exception, what: str) -> Exception:
    """Return our error for a guest's: its first line, which never holds a document."""
    guest = getattr(error, "orig", None) or error
    said = (str(guest).strip().splitlines() or [type(guest).__name__])[0][:200]
    state = getattr(guest, "sqlstate", None) or ""
    lowered = said.lower()
    if state.startswith(_REFUSED) or "authentication failed" in lowered or "not exist" in lowered:
        return SettingsError(f"{what}: {said}: check user, password and database in the URL")
    if "locked" in lowered or "busy" in lowered:
        return UnreachableError(f"{what}: another process is writing; try again", delay_s=0.1)
    if state.startswith(_GONE) or getattr(error, "connection_invalidated", False):
        return UnreachableError(f"{what}: {said}: is the server up?")
    if "connection" in lowered or "timeout" in lowered or "resolve" in lowered:
        return UnreachableError(f"{what}: {said}: is the server up, and the host right?")
    if "not a database" in lowered or "malformed" in lowered:
        return BadInputError(f"{what}: {said}: move the file away and restore a copy")
    return BadInputError(f"{what}: {said}: check that the place exists and is writable")
