"""Short-term memory: a ring of what was just seen."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One thing noticed: a window's summary, or a line a person wrote."""

    at: datetime
    service: str
    text: str
    values: Mapping[str, float] = field(default_factory=dict)


class ShortTerm:
    """The last ``capacity`` notes, oldest dropped first.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> ring = ShortTerm(capacity=2)
    >>> for minute in range(3):
    ...     ring.add(Note(at=datetime(2024, 1, 1, 0, minute, tzinfo=UTC), service="db", text="ok"))
    >>> [note.at.minute for note in ring.recent()]
    [1, 2]
    """

    def __init__(self, *, capacity: int = 600) -> None:
        self._notes: deque[Note] = deque(maxlen=capacity)

    def __len__(self) -> int:
        return len(self._notes)

    def add(self, note: Note) -> None:
        """Remember ``note`` until ``capacity`` newer ones have come."""
        self._notes.append(note)

    def recent(self, *, since: datetime | None = None, service: str | None = None) -> list[Note]:
        """Return the notes in the order they came, from ``since`` on and of ``service`` only."""
        return [
            note
            for note in tuple(self._notes)
            if (since is None or note.at >= since) and (service is None or note.service == service)
        ]

    def state(self) -> dict[str, Any]:
        """Return plain containers for the checkpoint."""
        return {
            "notes": [
                {
                    "at": note.at.isoformat(),
                    "service": note.service,
                    "text": note.text,
                    "values": dict(note.values),
                }
                for note in self._notes
            ]
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `state` described."""
        self._notes.clear()
        for kept in state["notes"]:
            self._notes.append(Note(**{**kept, "at": datetime.fromisoformat(kept["at"])}))
