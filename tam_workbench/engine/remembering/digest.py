"""Digests of memory: a cited summary, insights, the audit, and what deserves attention."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import polars as pl

from tam_workbench import memory as room
from tam_workbench.engine.remembering.memory import Memory
from tam_workbench.ports import EVERYTHING, VersionedStore
from tam_workbench.records import Incident, MemoryEntry, Phase, Tier, Where

DUE_S = 28 * 86_400.0
"""Seconds (4 weeks) of incidents that priorities are taken from."""


def summarize(
    memory: Memory,
    *,
    tier: Tier | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    service: str = "",
) -> room.Summary:
    """Return the sentences that say most about a tier and a time, each with the ids it is from."""
    where = Where(
        tiers=(tier,) if tier else (),
        services=(service,) if service else (),
        since=since,
        until=until,
    )
    return room.summarize(current(memory, where))


def insights(memory: Memory, *, now: datetime) -> room.Insights:
    """Return what recurs, what helped, what never did, and whether it gets worse."""
    return room.insights(current(memory, Where(kinds=("incident",))), now=now)


def audit(memory: Memory, *, now: datetime) -> pl.DataFrame:
    """Return the memory audit, one row a figure with its evidence; changes nothing.

    Columns: figure, rows (that it found), of, share, evidence (ids).
    """
    entries = [entry for page in memory.shelf.scan(EVERYTHING) for entry in page]
    uses = {entry_id: use.count for entry_id, use in memory.usage.all().items()}
    forgotten = [entry.id for entry in entries if entry.known_to is not None]
    columns = room.columns_of(entries, uses=uses, forgotten=forgotten)
    rows = [
        (name, found.rows, found.of, found.share, list(found.evidence))
        for name, found in room.inspect_memory(columns, now=now).items()
    ]
    rows += [(name, count, count, 1.0, []) for name, count in _on_disk(memory).items()]
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "figure": pl.String, "rows": pl.Int64, "of": pl.Int64, "share": pl.Float64,
        "evidence": pl.List(pl.String),
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def priorities(
    incidents: Sequence[Incident], *, now: datetime, resources: Sequence[str] = ()
) -> tuple[room.Priority, ...]:
    """Return services by how much they need attention, from their incidents of four weeks."""
    since = now - timedelta(seconds=DUE_S)
    past = [
        room.PastIncident(
            resource=incident.service,
            at=incident.opened_at,
            is_resolved=incident.phase is Phase.RESOLVED,
        )
        for incident in incidents
        if since <= incident.opened_at <= now
    ]
    return tuple(room.prioritize_resources(past, since=since, now=now, resources=resources))


def current(memory: Memory, where: Where) -> list[MemoryEntry]:
    """Return what ``where`` admits and is neither forgotten nor over."""
    found = [entry for page in memory.shelf.scan(where) for entry in page]
    return [entry for entry in found if entry.known_to is None and entry.valid_to is None]


def _on_disk(memory: Memory) -> Mapping[str, int]:
    store = memory.shelf.store
    return store.figures() if isinstance(store, VersionedStore) else {}
