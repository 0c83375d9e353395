"""Recollection: what the loop asks of memory and tells it, in the loop's own words."""

from collections.abc import Sequence
from datetime import datetime

from tam_workbench import memory as room
from tam_workbench.engine.noticing import OddWindow
from tam_workbench.engine.remembering import Draft, Memory, Upkeep
from tam_workbench.records import Edge, Hit, Incident, MemoryEntry, Template, Tier, Where

MOST_TEMPLATES = 64
"""New log templates remembered at once; a storm of nonsense must not fill memory."""


class Recollection:
    """Recalls like incidents, remembers how they ended, and keeps memory in order."""

    def __init__(self, memory: Memory, upkeep: Upkeep) -> None:
        self.memory = memory
        self.upkeep = upkeep
        self._open: set[str] = set()  # ids of the entries of open incidents
        self._entry_of: dict[str, str] = {}  # incident -> entry

    def version(self) -> int:
        """Return the memory version that a decision taken now has seen."""
        return self.memory.shelf.version

    def count(self) -> int:
        """Return how many entries are remembered."""
        return self.memory.shelf.count()

    def similar(self, text: str, *, now: datetime, k: int = 5) -> list[Hit]:
        """Return past incidents like this one, best first; none when it is new to us."""
        self.memory.shelf.flush()
        found = self.memory.recall(text, now=now, k=k, where=Where(kinds=("incident",)))
        return [hit for hit in found.hits if hit.parts["similarity"] >= self.memory.border]

    def recalled(self, ids: Sequence[str], *, now: datetime) -> list[Hit]:
        """Return entries by id as hits, for the policy."""
        entries = self.memory.shelf.get(list(ids)) if ids else []
        return room.rank(
            [Hit(entry=e, score=1.0, parts={"similarity": 1.0}) for e in entries],
            now=now,
            rules=self.memory.rules.recall.rank,
        )

    def opened(self, incident: Incident, text: str, *, now: datetime) -> None:
        """Keep an open incident in mind: working memory, until it ends."""
        receipt = self.memory.observe([self._draft(incident, text, now)], now=now)
        for entry_id in receipt.ids:
            self._entry_of[incident.id] = entry_id
            self._open.add(entry_id)

    def remember(self, incident: Incident, text: str, *, now: datetime) -> None:
        """Remember an incident with what was done and whether it helped."""
        receipt = self.memory.observe([self._draft(incident, text, now)], now=now)
        self._tie(incident, receipt.ids, now)
        if incident.closed_at is not None:
            self._open.discard(self._entry_of.pop(incident.id, ""))

    def templates(self, novel: Sequence[Template], *, now: datetime) -> None:
        """Remember log templates when they are first seen."""
        drafts = [
            Draft(kind="template", text=template.text, at=now, occurrence=template.id)
            for template in novel[:MOST_TEMPLATES]
            if template.text.strip()
        ]
        if drafts:
            self.memory.observe(drafts, now=now)

    def windows(self, odd: Sequence[OddWindow], *, now: datetime) -> None:
        """Keep odd windows for a while: short-term memory, until they are noticed or expire."""
        drafts = [
            Draft(
                kind="window",
                text=window.text,
                service=window.service,
                at=now,
                trust=window.trust,
                occurrence=f"{window.service}@{window.tick}",
                tier=Tier.SHORT_TERM,
                surprise=window.surprise,
            )
            for window in odd
        ]
        if drafts:
            self.memory.observe(drafts, now=now)

    def keep_order(self, *, now: datetime) -> None:
        """Move, expire and forget what is due."""
        self.upkeep.turn(now=now, is_open=lambda entry: entry.id in self._open)

    def flush(self) -> None:
        """Write what waits."""
        self.memory.flush()

    def entries(self, limit: int) -> list[MemoryEntry]:
        """Return the entries seen last, for the memory screen."""
        found = [entry for page in self.memory.shelf.scan(Where()) for entry in page]
        current = [entry for entry in found if entry.known_to is None]
        return sorted(current, key=room.last_seen, reverse=True)[:limit]

    def state(self) -> dict[str, object]:
        """Return what a checkpoint keeps."""
        return {"open": sorted(self._open), "entry_of": dict(self._entry_of)}

    def restore(self, state: dict[str, object]) -> None:
        """Go back to a kept state."""
        opened, entry_of = state["open"], state["entry_of"]
        assert isinstance(opened, list)
        assert isinstance(entry_of, dict)
        self._open, self._entry_of = set(opened), dict(entry_of)

    def _draft(self, incident: Incident, text: str, now: datetime) -> Draft:
        outcome, proposal = incident.outcome, incident.proposal
        was_checked = outcome is not None and outcome.helped is not None
        return Draft(
            kind="incident",
            text=text,
            service=incident.service,
            at=now,
            trust=incident.trust,
            occurrence=incident.id,
            tier=Tier.WORKING,
            surprise=min(1.0, max(0.0, incident.anomaly)),
            action=proposal.action if proposal and was_checked else "",
            helped=outcome.helped if outcome and was_checked else None,
        )

    def _tie(self, incident: Incident, ids: Sequence[str], now: datetime) -> None:
        """Learn what went together: the incident, its service, and what helped or did not."""
        memory = self.memory
        outcome, proposal = incident.outcome, incident.proposal
        helped = outcome.helped if outcome else None
        for entry_id in ids:
            told = [_edge(f"service:{incident.service}", entry_id, "had", incident)]
            for other in incident.similar:
                if other != entry_id:
                    memory.associations.learn(entry_id, other, signal=0.5, now=now)
                    told.append(_edge(other, entry_id, "resembles", incident))
            if proposal and helped is not None:
                action = f"action:{proposal.action}"
                signal = 1.0 if helped else -1.0
                memory.associations.learn(entry_id, action, signal=signal, now=now)
                told.append(_edge(action, entry_id, "helped" if helped else "failed", incident))
                trial = room.Trial(
                    signature=entry_id,
                    action=proposal.action,
                    helped=helped,
                    context=_context(incident),
                    entry_id=entry_id,
                )
                memory.trials.add(f"{incident.id}/{proposal.key}", trial)
            memory.knowledge.tell(told, now=now)


def _edge(cause: str, effect: str, relation: str, incident: Incident) -> Edge:
    return Edge(
        cause=cause,
        effect=effect,
        relation=relation,
        confidence=min(1.0, max(0.0, incident.trust)),
        evidence=(incident.id,),
        observed_at=incident.opened_at,
    )


def _context(incident: Incident) -> dict[str, str]:
    """Return what an outcome may hang on beside the action: coarse, so that it repeats."""
    hour = incident.opened_at.hour
    return {
        "service": incident.service,
        "time of day": ("night", "morning", "afternoon", "evening")[hour // 6],
        "trust": "doubted" if incident.trust < 0.6 else "trusted",
        "after a change": "yes" if any("change" in line for line in incident.evidence) else "no",
    }
