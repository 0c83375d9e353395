"""What a stopped or running loop has kept on disk, for the command line to ask."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from tam_workbench import audit
from tam_workbench.engine.recollection import Recollection
from tam_workbench.engine.scribe import from_json
from tam_workbench.errors import SettingsError
from tam_workbench.ports import Clock, Journal
from tam_workbench.records import AuditEntry, Hit, Incident, MemoryEntry, Phase, Where

PAGE = 5000


class Kept:
    """Reads a state folder without running its source."""

    def __init__(self, journal: Journal, recollection: Recollection, clock: Clock) -> None:
        self._journal = journal
        self._recollection = recollection
        self._clock = clock

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

    def recall(self, text: str, *, service: str | None, k: int) -> list[Hit]:
        """Return what is most like ``text``."""
        where = Where(services=(service,) if service else ())
        return self._recollection.recall(text, now=self._clock.now(), k=k, where=where)

    def memories(self, limit: int) -> list[MemoryEntry]:
        """Return remembered entries."""
        return self._recollection.entries(limit)

    def memory_stats(self) -> dict[str, object]:
        """Return how much is remembered."""
        return {"entries": self._recollection.count(), "version": self._recollection.version()}

    def forget(self, ids: Sequence[str], *, dry_run: bool) -> list[str]:
        """Forget entries by id or beginning of an id, and leave a line in the ledger."""
        known = [entry.id for entry in self.memories(100_000)]
        gone = [one for one in known if one.startswith(tuple(ids))]
        if gone and not dry_run:
            self._recollection.forget(gone)
            line = audit.link(
                self._journal.head(), kind="forget", body={"ids": gone}, at=self._clock.now()
            )
            self._journal.commit([line])
        return gone


def _opened(incident: Incident) -> datetime:
    return incident.opened_at
