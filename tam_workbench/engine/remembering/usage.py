"""Usage: how often and when an entry was recalled, beside the store so that reads write no row."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from tam_workbench.ports import Documents

_KIND = "usage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What recalls of one entry there were."""

    count: int = 0
    last_at: datetime | None = None


class Usage:
    """Counts recalls in memory and keeps them in one document a hundred ids, at `flush`."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._uses: dict[str, Use] = {}
        for shelf in documents.all(_KIND).values():
            for entry_id, (count, stamp) in json.loads(shelf).items():
                at = datetime.fromtimestamp(stamp, tz=UTC)
                self._uses[entry_id] = Use(count=count, last_at=at)
        self._changed: set[str] = set()

    def recalled(self, ids: Iterable[str], *, now: datetime) -> None:
        """Count one recall of each."""
        for entry_id in ids:
            self._uses[entry_id] = Use(count=self.of(entry_id).count + 1, last_at=now)
            self._changed.add(_shelf(entry_id))

    def of(self, entry_id: str) -> Use:
        """Return the recalls of an entry."""
        return self._uses.get(entry_id, Use())

    def all(self) -> Mapping[str, Use]:
        """Return every entry that was ever recalled."""
        return dict(self._uses)

    def drop(self, ids: Iterable[str]) -> None:
        """Forget about entries."""
        for entry_id in ids:
            if self._uses.pop(entry_id, None) is not None:
                self._changed.add(_shelf(entry_id))

    def flush(self) -> None:
        """Make the counts durable; only those shelves that changed are written."""
        if not self._changed:
            return
        shelves: dict[str, dict[str, tuple[int, float]]] = {name: {} for name in self._changed}
        for entry_id, use in self._uses.items():
            name = _shelf(entry_id)
            if name in shelves and use.last_at is not None:
                shelves[name][entry_id] = (use.count, use.last_at.timestamp())
        self._documents.put(_KIND, {name: json.dumps(uses) for name, uses in shelves.items()})
        self._changed = set()


def _shelf(entry_id: str) -> str:
    """Return the document of an id: its first two characters, so that a flush writes few."""
    return entry_id[:2]
