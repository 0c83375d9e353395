"""Recognising: signs the window of each incident, says what it was before, learns it when over."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from tam_workbench import memory as room
from tam_workbench.engine.remembering import Memory
from tam_workbench.engine.signing import Signer
from tam_workbench.engine.summary import ServiceTicks
from tam_workbench.memory import Recognition, Signature
from tam_workbench.records import (
    Batch,
    Incident,
    MemoryEntry,
    Observations,
    Receipt,
    TrustScores,
    Where,
)

KIND: Final = "signature"
GONE: Final = frozenset({"purge", "drop", "forget", "expire"})
CHECKPOINTED: Final = 1000
"""Signatures up to which a checkpoint keeps them to the bit; beyond, memory's rows do."""

Callees = Callable[[str], frozenset[str]]


class Recognising:
    """Knows the signatures that memory keeps, and keeps memory in step."""

    def __init__(self, memory: Memory, *, tick_s: float) -> None:
        self.recogniser = room.Recogniser()
        self._signer = Signer(tick_s=tick_s)
        self._memory = memory
        self._said: dict[str, tuple[Signature, Recognition]] = {}
        self._load()
        memory.watchers.append(self._hear)

    def listen(
        self, batch: Batch, observed: Observations, seen: ServiceTicks, scores: TrustScores
    ) -> None:
        """Keep a batch that went through the loop, for the windows it may belong to."""
        self._signer.add(batch, observed, seen=seen, scores=scores)

    def due(
        self, incidents: Iterable[Incident], *, tick: int, callees: Callees
    ) -> list[tuple[Incident, Recognition]]:
        """Return the open incidents whose window is whole by now, with what each was before."""
        found = []
        for incident in incidents:
            opened, signer = incident.opened_tick, self._signer
            is_due = signer.is_whole(opened, tick=tick) and signer.covers(opened)
            if is_due and incident.id not in self._said:
                found.append((incident, self._recognise(incident, callees)))
        return found

    def closed(self, incident: Incident, *, callees: Callees, now: datetime) -> str:
        """Learn an incident that is over; return its signature's id, "" where none was at hand."""
        if incident.id not in self._said:
            if not self._signer.covers(incident.opened_tick):
                return ""
            self._recognise(incident, callees)
        signature, said = self._said.pop(incident.id)
        best = said.matches[0].id if said.matches and not said.is_new else None
        if best is not None and incident.label == "real":
            self.recogniser.confirm(said, truth=best)
        name = self.recogniser.learn(signature, at=incident.opened_at, same_as=best)
        self._memory.take(self._entry(name, incident), now=now)
        return name

    def drop(self, incident_id: str) -> None:
        """Stop following an incident that was no incident."""
        self._said.pop(incident_id, None)

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        whole = len(self.recogniser) <= CHECKPOINTED
        return {"recogniser": self.recogniser.state() if whole else None}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a kept state, and take in what memory learnt since."""
        if state["recogniser"] is not None:
            self.recogniser.restore(state["recogniser"])
        known = set(self.recogniser.ids())
        for entry in self._kept():
            if entry.id not in known:
                self.recogniser.put(room.from_entry(entry))

    def _recognise(self, incident: Incident, callees: Callees) -> Recognition:
        signature = self._signer.sign(
            incident.service, opened_tick=incident.opened_tick, callees=callees(incident.service)
        )
        said = self.recogniser.recognise(signature)
        self._said[incident.id] = signature, said
        return said

    def _entry(self, name: str, incident: Incident) -> MemoryEntry:
        """Return the signature's row, with the outcomes it had and the one of this incident."""
        known = self.recogniser.known(name)
        vector = self._memory.vector(known.text)
        fresh = room.to_entry(known, vector=vector, trust=incident.trust)
        old = next(iter(self._memory.shelf.get([name])), None)
        if old is not None:
            fresh = replace(
                old,
                count=fresh.count,
                attributes={**old.attributes, **fresh.attributes},
                trust=(old.trust * old.count + incident.trust) / (old.count + 1),
            )
        fresh = replace(fresh, source_ids=())
        outcome, proposal = incident.outcome, incident.proposal
        if proposal and outcome and outcome.helped is not None:
            fresh = room.with_outcome(fresh, proposal.action, helped=outcome.helped)
        return fresh

    def _kept(self) -> list[MemoryEntry]:
        where = Where(kinds=(KIND,))
        found = [entry for page in self._memory.shelf.scan(where) for entry in page]
        return [entry for entry in found if entry.known_to is None]

    def _load(self) -> None:
        for entry in self._kept():
            self.recogniser.put(room.from_entry(entry))

    def _hear(self, receipt: Receipt) -> None:
        """Forget what memory forgot; after a restore, know what it knows."""
        if receipt.verb in GONE:
            for name in set(receipt.ids) & set(self.recogniser.ids()):
                self.recogniser.forget(name)
        elif receipt.verb in {"restore", "remember_again"}:
            for name in self.recogniser.ids():
                self.recogniser.forget(name)
            self._load()
