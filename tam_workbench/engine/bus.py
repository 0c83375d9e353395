"""The bus: bounded rings that the loop fills and the surfaces pull from."""

import threading
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Final, Generic, TypeVar

from tam_workbench.errors import SettingsError
from tam_workbench.records import (
    AuditEntry,
    Drift,
    Event,
    Explanation,
    Incident,
    Pulse,
    Receipt,
    UpdateVerdict,
)

Item = TypeVar("Item")
Message = (
    Pulse | Event | Drift | UpdateVerdict | Incident | Explanation | AuditEntry | Receipt | str
)

SIZES: Final = {
    "pulse": 7200,
    "log": 2000,
    "change": 2000,
    "quarantine": 2000,
    "drift": 1000,
    "update": 1000,
    "incident": 2000,
    "explanation": 500,
    "audit": 5000,
    "memory": 2000,
    "fault": 200,
}
"""Topics and how many items each remembers."""


class Ring(Generic[Item]):
    """A bounded sequence whose readers keep a cursor; the oldest items fall out.

    >>> ring = Ring(2)
    >>> ring.extend(["a", "b", "c"])
    >>> ring.read(after=0)
    (['b', 'c'], 3)
    """

    def __init__(self, size: int) -> None:
        self._items: deque[Item] = deque(maxlen=size)
        self._written = 0
        self._lock = threading.Lock()

    def extend(self, items: Sequence[Item]) -> None:
        """Append ``items``."""
        with self._lock:
            self._items.extend(items)
            self._written += len(items)

    def read(self, *, after: int, limit: int = 1000) -> tuple[list[Item], int]:
        """Return the newest items after cursor ``after``, at most ``limit``, and the cursor."""
        with self._lock:
            missing = min(self._written - after, len(self._items), limit)
            if missing <= 0:
                return [], self._written
            newest = list(islice(reversed(self._items), missing))[::-1]
            return newest, self._written


class Bus:
    """One ring a topic; the loop publishes, anyone reads, nobody waits for anybody."""

    def __init__(self) -> None:
        self._rings: dict[str, Ring[Message]] = {t: Ring(size) for t, size in SIZES.items()}

    def publish(self, topic: str, items: Sequence[Message]) -> None:
        """Add ``items`` to a topic."""
        if items:
            self._ring(topic).extend(items)

    def read(self, topic: str, after: int = 0, limit: int = 1000) -> tuple[list[Message], int]:
        """Return what is newer than cursor ``after`` (oldest first) and the new cursor."""
        return self._ring(topic).read(after=after, limit=limit)

    def _ring(self, topic: str) -> Ring[Message]:
        if topic not in self._rings:
            known = ", ".join(sorted(self._rings))
            raise SettingsError(f"no topic {topic!r} on the bus; there are: {known}")
        return self._rings[topic]
