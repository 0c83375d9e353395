"""Records to polars frames: the tables behind every chart."""

from collections.abc import Sequence

import polars as pl

from tam_workbench.records import (
    TIME,
    AuditEntry,
    Event,
    Hit,
    Incident,
    MemoryEntry,
    Pulse,
    Reputation,
    UpdateVerdict,
)

Schema = dict[str, pl.DataType | type[pl.DataType]]


def pulse_frame(pulses: Sequence[Pulse]) -> pl.DataFrame:
    """Return one row a tick: time, rows, trust, probability, baseline, anomaly, drift.

    >>> pulse_frame([]).columns
    ['time', 'rows', 'trust', 'trust_low', 'probability', 'baseline', 'anomaly', 'drift']
    """
    schema: Schema = {
        "time": TIME, "rows": pl.Int64, "trust": pl.Float64, "trust_low": pl.Float64,
        "probability": pl.Float64, "baseline": pl.Float64, "anomaly": pl.Float64,
        "drift": pl.Boolean,
    }  # fmt: skip
    rows = [
        (p.time, p.rows, p.trust, p.trust_low, p.probability, p.baseline, p.anomaly, p.is_drift)
        for p in pulses
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")


def service_frame(pulse: Pulse | None) -> pl.DataFrame:
    """Return one row a service of the latest tick, the likeliest incident first."""
    schema: Schema = {
        "service": pl.String, "probability": pl.Float64, "anomaly": pl.Float64, "trust": pl.Float64
    }  # fmt: skip
    if pulse is None:
        return pl.DataFrame(schema=schema)
    columns = (
        pulse.services, pulse.service_probability, pulse.service_anomaly, pulse.service_trust
    )  # fmt: skip
    rows = list(zip(*columns, strict=True))
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    likeliest = frame.sort("probability", descending=True, maintain_order=True)
    return likeliest.with_columns(pl.col(pl.Float64).round(3))


def event_frame(events: Sequence[Event]) -> pl.DataFrame:
    """Return one row an event, newest first."""
    schema: Schema = {
        "time": TIME, "service": pl.String, "source": pl.String, "trust": pl.Float64,
        "reasons": pl.String, "body": pl.String,
    }  # fmt: skip
    rows = [
        (e.observed_at, e.service, e.source, e.trust, ", ".join(e.reasons), e.body)
        for e in reversed(events)
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")


def reputation_frame(reputations: Sequence[Reputation]) -> pl.DataFrame:
    """Return one row a channel, the least trusted first."""
    schema: Schema = {
        "source": pl.String, "mean": pl.Float64, "low": pl.Float64, "high": pl.Float64,
        "rows": pl.Int64,
    }  # fmt: skip
    rows = [(r.source, r.mean, r.low, r.high, r.rows) for r in reputations]
    return pl.DataFrame(rows, schema=schema, orient="row").sort("mean", "source")


def incident_frame(incidents: Sequence[Incident]) -> pl.DataFrame:
    """Return one row an incident in the order given."""
    schema: Schema = {
        "opened": TIME, "service": pl.String, "phase": pl.String, "probability": pl.Float64,
        "trust": pl.Float64, "action": pl.String, "helped": pl.Boolean, "id": pl.String,
    }  # fmt: skip
    rows = [
        (
            i.opened_at, i.service, i.phase.value, i.probability, i.trust,
            i.proposal.action if i.proposal else "", i.outcome.helped if i.outcome else None, i.id,
        )
        for i in incidents
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def update_frame(updates: Sequence[UpdateVerdict]) -> pl.DataFrame:
    """Return one row a model update, newest first."""
    schema: Schema = {
        "tick": pl.Int64, "version": pl.Int64, "decision": pl.String, "reasons": pl.String
    }  # fmt: skip
    rows = [(u.tick, u.version, u.decision.value, "; ".join(u.reasons)) for u in reversed(updates)]
    return pl.DataFrame(rows, schema=schema, orient="row")


def hit_frame(hits: Sequence[Hit]) -> pl.DataFrame:
    """Return one row a hit with its score parts as columns."""
    return pl.DataFrame(
        [
            {"score": hit.score, **dict(hit.parts), "tier": hit.entry.tier.value,
             "service": hit.entry.service, "text": hit.entry.text, "action": hit.entry.action,
             "helped": hit.entry.helped}
            for hit in hits
        ]
    )  # fmt: skip


def memory_frame(entries: Sequence[MemoryEntry]) -> pl.DataFrame:
    """Return one row a remembered entry, without its vector."""
    schema: Schema = {
        "created": TIME, "kind": pl.String, "tier": pl.String, "service": pl.String,
        "text": pl.String, "action": pl.String, "helped": pl.Boolean, "count": pl.Int64,
    }  # fmt: skip
    rows = [
        (e.created_at, e.kind, e.tier.value, e.service, e.text, e.action, e.helped, e.count)
        for e in entries
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")


def ledger_frame(entries: Sequence[AuditEntry]) -> pl.DataFrame:
    """Return one row a ledger entry, newest first, hashes shortened to twelve digits."""
    schema: Schema = {
        "number": pl.Int64, "at": TIME, "kind": pl.String, "body": pl.String, "hash": pl.String
    }  # fmt: skip
    rows = [(e.number, e.at, e.kind, e.body, e.hash[:12]) for e in reversed(entries)]
    return pl.DataFrame(rows, schema=schema, orient="row")
