"""The scribe: one ledger line per arrow, kept in memory until the next atomic commit."""

import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from tam_workbench import audit
from tam_workbench.engine.bus import Bus
from tam_workbench.engine.checkpoint import pack
from tam_workbench.ports import Journal
from tam_workbench.records import AuditEntry, Incident

Record = TypeVar("Record")


class Scribe:
    """Writes the ledger; everything since the last commit becomes durable at once or not at all."""

    def __init__(self, journal: Journal, bus: Bus) -> None:
        self._journal = journal
        self._bus = bus
        self._lock = threading.RLock()  # memory notes what surfaces ask of it in their threads
        self._head = journal.head()
        self._pending: list[AuditEntry] = []
        self._documents: dict[tuple[str, str], str | Incident] = {}

    @property
    def head(self) -> AuditEntry | None:
        """The last entry written, durable or not."""
        return self._head

    @property
    def waiting(self) -> int:
        """Entries that the next commit will make durable."""
        return len(self._pending)

    def note(self, kind: str, body: Mapping[str, object], *, at: datetime) -> None:
        """Add one line to the ledger."""
        with self._lock:
            self._head = audit.link(self._head, kind=kind, body=body, at=at)
            self._pending.append(self._head)

    def keep(self, incident: Incident) -> None:
        """Keep the newest state of an incident as a document; only the last is written down."""
        self._documents["incident", incident.id] = incident

    def keep_document(self, kind: str, name: str, body: str) -> None:
        """Keep any other document."""
        self._documents[kind, name] = body

    def commit(self, state: Mapping[str, object]) -> None:
        """Make everything noted so far, the documents and ``state`` durable in one transaction."""
        packed = pack(dict(state))
        with self._lock:
            documents = {
                key: to_json(kept) if isinstance(kept, Incident) else kept
                for key, kept in self._documents.items()
            }
            self._journal.commit(self._pending, checkpoint=packed, documents=documents)
            self._bus.publish("audit", self._pending)
            self._pending, self._documents = [], {}


def to_json(record: object) -> str:
    """Return a record as canonical JSON; stamps in ISO 8601, enums by value."""
    assert is_dataclass(record)
    assert not isinstance(record, type)
    return json.dumps(asdict(record), default=_plain, sort_keys=True)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} has no JSON form here")


def from_json(text: str, kind: type[Record]) -> Record:
    """Return the record that `to_json` wrote.

    >>> from tam_workbench.records import Reputation
    >>> rep = Reputation(source="a", mean=0.9, low=0.8, high=1.0, rows=3)
    >>> from_json(to_json(rep), Reputation) == rep
    True
    """
    built: Record = _build(json.loads(text), kind)
    return built


def _build(value: Any, kind: Any) -> Any:  # noqa: ANN401 - JSON in, typed record out
    if value is None:
        return None
    options = [k for k in get_args(kind) if k is not type(None)]
    if type(None) in get_args(kind):
        return _build(value, options[0])
    if get_origin(kind) is tuple:
        return tuple(_build(item, options[0]) for item in value)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        known = {
            f.name: _build(value[f.name], hints[f.name]) for f in fields(kind) if f.name in value
        }
        return kind(**known)  # type: ignore[operator]
    if kind is datetime:
        return datetime.fromisoformat(value)
    return kind(value) if isinstance(kind, type) and issubclass(kind, Enum) else value
