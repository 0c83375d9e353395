"""Telling: facts that people or the engine know, true for a time and known for a time."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from tam_workbench import memory as room
from tam_workbench.engine.remembering.memory import Memory
from tam_workbench.records import MemoryEntry, Origin, Receipt, Where

KIND = "fact"


def tell(
    memory: Memory,
    claim: room.Claim,
    *,
    service: str = "",
    trust: float = 1.0,
    now: datetime,
) -> Receipt:
    """Remember what holds of a subject; what was believed otherwise is closed, not erased.

    Saying again what is believed adds no row. Subject and object are redacted first.

    Examples
    --------
    ``tell(memory, Claim(subject="db", predicate="limit", object="80", since=may), now=now)``
    """
    said = memory.redacted([claim.subject, claim.object])
    claim = replace(claim, subject=said[0], object=said[1])
    text = f"{claim.subject} {claim.predicate} {claim.object}"
    fresh = room.make_fact(
        claim,
        vector=memory.vector(text),
        sighting=room.Sighting(service=service, at=now, trust=trust),
    )
    known = facts(memory, service=service)
    rows = room.told(replace(fresh, origin=Origin.HUMAN), known, now)
    named = [replace(row, embedder=memory.embedder.name) for row in rows]
    return memory.put("tell", named, now=now, detail="" if named else "known already")


def claim_of(told: Mapping[str, str]) -> room.Claim:
    """Return what an order claims; ``since`` and ``until`` are ISO 8601."""
    return room.Claim(
        subject=told["subject"],
        predicate=told["predicate"],
        object=told["object"],
        since=datetime.fromisoformat(told["since"]),
        until=datetime.fromisoformat(told["until"]) if told.get("until") else None,
    )


def facts(memory: Memory, *, service: str = "") -> list[MemoryEntry]:
    """Return every fact that was ever told, those that are over and corrected too."""
    where = Where(kinds=(KIND,), services=(service,) if service else ())
    found = [entry for page in memory.shelf.scan(where) for entry in page]
    return [entry for entry in found if "predicate" in entry.attributes]
