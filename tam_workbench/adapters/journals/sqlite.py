"""The journal in SQLite: ledger, checkpoint and documents in one file and one transaction."""

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from tam_workbench.errors import LedgerError
from tam_workbench.records import AuditEntry

_VERSION: Final = 1
_APPLICATION: Final = 0x54414D  # "TAM"
_GENESIS: Final = "0" * 64
_SCHEMA: Final = f"""
CREATE TABLE ledger (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL,
    previous TEXT NOT NULL, hash TEXT NOT NULL
) STRICT;
CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_no_replace BEFORE INSERT ON ledger
    WHEN NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM ledger)
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TABLE checkpoint (id INTEGER PRIMARY KEY CHECK (id = 1), data BLOB NOT NULL) STRICT;
CREATE TABLE documents (
    kind TEXT NOT NULL, id TEXT NOT NULL, json TEXT NOT NULL, PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
"""  # noqa: S608 - only our own constants
_COLUMNS: Final = "number, kind, at, body, previous, hash"


class SqliteJournal:
    """Keeps the journal in one SQLite file (WAL), written by one loop, read by anybody.

    Readers in other threads and processes do not wait for the writer. A second writer is found
    out: it may not append to a chain that has moved on without it.

    Parameters
    ----------
    path
        The file, made when missing; None keeps everything in memory.
    synchronous
        ``FULL`` survives a power cut after each commit; ``NORMAL`` is faster and survives the
        death of the process, but a power cut may take the last commits (never half of one).
    wait_s
        Seconds to wait for another process that holds the file.

    Examples
    --------
    >>> journal = SqliteJournal(None)
    >>> journal.commit([], checkpoint=b"state", documents={("incident", "i-1"): "{}"})
    >>> journal.checkpoint(), journal.documents("incident"), journal.head()
    (b'state', {'i-1': '{}'}, None)
    >>> journal.close()
    """

    name = "sqlite"

    def __init__(
        self,
        path: Path | str | None,
        *,
        synchronous: Literal["FULL", "NORMAL"] = "FULL",
        wait_s: float = 5.0,
    ) -> None:
        self._where = "in memory" if path is None else str(path)
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._read_lock = self._lock if path is None else threading.Lock()
        self._is_open = True
        with self._translated():
            self._writer = self._connect(path)
            self._writer.execute(f"PRAGMA synchronous = {synchronous}")
            self._prepare()
            self._reader = self._writer if path is None else self._connect(path)

    def commit(
        self,
        entries: Sequence[AuditEntry],
        *,
        checkpoint: bytes | None = None,
        documents: Mapping[tuple[str, str], str] | None = None,
    ) -> None:
        """Append entries, replace checkpoint and documents: all or nothing.

        Raises
        ------
        LedgerError
            When the entries do not follow the last one kept, or the file cannot be written.
        """
        rows = [(e.number, e.kind, _stamp(e.at), e.body, e.previous, e.hash) for e in entries]
        kept = [(kind, name, text) for (kind, name), text in (documents or {}).items()]
        with self._lock, self._translated(), self._transaction() as writer:
            if entries:
                self._check_follows(entries)
                writer.executemany("INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?)", rows)
            if checkpoint is not None:
                writer.execute("INSERT OR REPLACE INTO checkpoint VALUES (1, ?)", (checkpoint,))
            if kept:
                writer.executemany("INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", kept)

    def entries(self, *, after: int = 0, limit: int = 1000) -> list[AuditEntry]:
        """Return entries with number > ``after``, in order."""
        rows = self._read(
            f"SELECT {_COLUMNS} FROM ledger WHERE number > ? ORDER BY number LIMIT ?",  # noqa: S608
            (after, limit),
        )
        return [self._entry(row) for row in rows]

    def head(self) -> AuditEntry | None:
        """Return the last entry."""
        rows = self._read(f"SELECT {_COLUMNS} FROM ledger ORDER BY number DESC LIMIT 1")  # noqa: S608
        return self._entry(rows[0]) if rows else None

    def checkpoint(self) -> bytes | None:
        """Return the last committed checkpoint."""
        rows = self._read("SELECT data FROM checkpoint")
        return bytes(rows[0][0]) if rows else None

    def documents(self, kind: str) -> dict[str, str]:
        """Return the JSON documents of a kind by id."""
        rows = self._read("SELECT id, json FROM documents WHERE kind = ? ORDER BY id", (kind,))
        return dict(rows)

    def close(self) -> None:
        """Let go of the file; may be called twice."""
        with self._lock:
            if not self._is_open:
                return
            self._is_open = False
            if self._reader is not self._writer:
                with self._read_lock:
                    self._reader.close()
            self._writer.close()

    def _connect(self, path: Path | str | None) -> sqlite3.Connection:
        target = ":memory:" if path is None else str(path)
        connection = sqlite3.connect(
            target, timeout=self._wait_s, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _prepare(self) -> None:
        try:
            (version,) = self._writer.execute("PRAGMA user_version").fetchone()
            (tables,) = self._writer.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if version == 0 and tables == 0:
                self._create()
            self._check_ours()
        except (sqlite3.Error, LedgerError):
            self._writer.close()
            raise

    def _create(self) -> None:
        with self._transaction() as writer:
            (tables,) = writer.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if tables == 0:  # else another process was faster
                for statement in _statements(_SCHEMA):
                    writer.execute(statement)

    def _check_ours(self) -> None:
        (version,) = self._writer.execute("PRAGMA user_version").fetchone()
        (application,) = self._writer.execute("PRAGMA application_id").fetchone()
        if (application, version) != (_APPLICATION, _VERSION):
            message = "it is another database or from another version: name another file"
            raise LedgerError(f"journal {self._where}: {message}")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield self._writer
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, OverflowError) as error:
            raise LedgerError(f"journal {self._where}: {error}: {_advice(error)}") from error

    def _check_follows(self, entries: Sequence[AuditEntry]) -> None:
        row = self._writer.execute(
            "SELECT number, hash FROM ledger ORDER BY number DESC LIMIT 1"
        ).fetchone()
        number, before = row or (0, _GENESIS)
        for entry in entries:
            if entry.number != number + 1 or entry.previous != before:
                raise LedgerError(
                    f"journal {self._where}: entry {entry.number} does not follow entry {number}: "
                    "only one loop may write to a ledger; stop the other one and restart"
                )
            number, before = entry.number, entry.hash

    def _read(self, query: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        with self._read_lock, self._translated():
            return self._reader.execute(query, values).fetchall()

    def _entry(self, row: tuple[Any, ...]) -> AuditEntry:
        number, kind, at, body, previous, digest = row
        try:
            stamp = datetime.fromisoformat(at)
        except ValueError as error:
            message = f"entry {number} has the time {at!r}, which is none: restore a copy"
            raise LedgerError(f"journal {self._where}: {message}") from error
        return AuditEntry(
            number=int(number), kind=kind, at=stamp, body=body, previous=previous, hash=digest
        )


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if statement.strip() and sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _advice(error: Exception) -> str:
    text = str(error)
    if "locked" in text or "busy" in text:
        return "another process writes to it; stop that one, or name another file"
    if "closed" in text:
        return "it was closed; open a new journal"
    if "not a database" in text or "malformed" in text:
        return "the file is damaged; move it away and restore a copy"
    return "check that the folder exists, is writable and has space"
