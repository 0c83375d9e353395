"""What a stopped or running loop has kept on disk, for the command line to ask."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from tam_workbench import audit
from tam_workbench.engine.cluster.undertaking import ACTS, Undertaking, undertaking_of
from tam_workbench.engine.remembering import Memory
from tam_workbench.engine.scribe import from_json
from tam_workbench.errors import SettingsError
from tam_workbench.memory import last_seen
from tam_workbench.ports import EVERYTHING, Clock, Journal
from tam_workbench.records import AuditEntry, Incident, MemoryEntry, Phase, Where

PAGE = 5000
PRESENT = Where()


class Kept:
    """Reads a state folder without running its source; memory is opened at first use."""

    def __init__(self, journal: Journal, open_memory: Callable[[], Memory], clock: Clock) -> None:
        self._journal = journal
        self._open_memory = open_memory
        self._memory: Memory | None = None
        self._clock = clock

    @property
    def memory(self) -> Memory:
        """What is remembered."""
        if self._memory is None:
            self._memory = self._open_memory()
        return self._memory

    def ledger(self) -> Iterator[AuditEntry]:
        """Yield the ledger from its beginning, page by page."""
        last = 0
        while page := self._journal.entries(after=last, limit=PAGE):
            yield from page
            last = page[-1].number

    def verify(self) -> audit.Verification:
        """Check every link of the ledger."""
        return audit.verify(self.ledger())

    def incidents(self) -> list[Incident]:
        """Return all incidents, newest first."""
        texts = self._journal.documents("incident").values()
        found = [from_json(text, Incident) for text in texts]
        return sorted(found, key=_opened, reverse=True)

    def incident(self, incident_id: str) -> Incident:
        """Return one incident."""
        text = self._journal.documents("incident").get(incident_id)
        if text is None:
            raise SettingsError(f"no incident {incident_id!r}; see 'tam incidents'")
        return from_json(text, Incident)

    def waiting(self, key: str) -> Incident:
        """Return the incident whose proposal waits for approval under ``key``."""
        for incident in self.incidents():
            proposal = incident.proposal
            if incident.phase is Phase.PROPOSED and proposal and key in {incident.id, proposal.key}:
                return incident
        raise SettingsError(f"nothing waits for approval under {key!r}; see 'tam incidents'")

    def acts(self) -> list[Undertaking]:
        """Return what was done, asked for or refused about clusters, the oldest first."""
        found = [undertaking_of(json.loads(t)) for t in self._journal.documents(ACTS).values()]
        return sorted(found, key=lambda one: one.proposal.proposed_at)

    def matching(self, beginnings: Sequence[str]) -> list[str]:
        """Return the ids that begin so; forgotten and quarantined ones too.

        Raises
        ------
        SettingsError
            One of them fits no memory.
        """
        known = [entry.id for page in self.memory.shelf.scan(EVERYTHING) for entry in page]
        found: dict[str, None] = {}
        for beginning in beginnings:
            fitting = [one for one in known if one.startswith(beginning)]
            if not fitting:
                raise SettingsError(f"no memory begins with {beginning!r}; see 'tam memory list'")
            found.update(dict.fromkeys(fitting))
        return list(found)

    def memories(
        self, limit: int, *, where: Where = PRESENT, with_forgotten: bool = False
    ) -> list[MemoryEntry]:
        """Return remembered entries, the ones seen last first."""
        found = [entry for page in self.memory.shelf.scan(where) for entry in page]
        current = [entry for entry in found if with_forgotten or entry.known_to is None]
        return sorted(current, key=last_seen, reverse=True)[:limit]

    def close(self, *, is_read_only: bool = False) -> None:
        """Let go of memory and journal; a reader leaves no trace of what it asked."""
        if self._memory is not None:
            self._memory.close(is_read_only=is_read_only)
        self._journal.close()


def _opened(incident: Incident) -> datetime:
    return incident.opened_at
