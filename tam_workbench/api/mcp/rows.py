"""Rows: answers in JSON's types, with ids and times; words of telemetry under ``quoted``."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tam_workbench import records
from tam_workbench.causal import ClusterIncident, StateChange
from tam_workbench.engine.cluster import Affected, Caused, SeenBefore
from tam_workbench.guidance import Quoter, is_guarded, row_of
from tam_workbench.records import Cause, Expiring, Hit, Incident, ObjectRef

Row = dict[str, Any]


def told(when: datetime | None) -> str | None:
    """Return a moment in UTC as ISO 8601 writes it; with a Z, since +00 looks like a phone's."""
    return _utc(when) if when else None


def _utc(when: datetime) -> str:
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def plain(value: Any) -> Any:  # noqa: ANN401 - anything in, JSON out
    """Return a value as JSON can hold it, its moments as `told` writes them."""
    return records.plain(value, moment=_utc)


def object_row(ref: ObjectRef, quote: Quoter) -> Row:
    """Return an object by its path and uid."""
    named = {"object": ref.path, "uid": ref.uid, "cluster": ref.cluster}
    return {key: quote.words(value) for key, value in named.items()}


def cause_row(cause: Cause, quote: Quoter) -> Row:
    """Return a cause with its confidence, its way and what links it."""
    return {
        **row_of(cause.fact, quote),
        "confidence": round(cause.confidence, 4),
        "path": list(cause.path),
        "relations": quote.tree(list(cause.relations)),
        "pattern": quote.words(cause.pattern),
        "evidence": quote.tree(list(cause.evidence)),
    }


def caused_row(found: Caused, quote: Quoter) -> Row:
    """Return an effect, its causes, and the facts along the way of the first."""
    return {
        "effect": row_of(found.effect, quote),
        "causes": [cause_row(one, quote) for one in found.causes],
        "way": [row_of(fact, quote) for fact in found.facts],
        "is_known": bool(found.causes),
    }


def incident_row(one: ClusterIncident, quote: Quoter) -> Row:
    """Return a stretch of trouble of a workload."""
    return {
        "incident": quote.words(one.id),
        **object_row(one.workload, quote),
        "first_at": told(one.first_at),
        "last_at": told(one.last_at),
        "times": one.count,
        "counts": quote.tree(dict(one.counts)),
        "facts": list(one.facts),
    }


def hit_row(hit: Hit, quote: Quoter) -> Row:
    """Return a memory with the parts of its score and what came of it."""
    entry = hit.entry
    return {
        "memory": quote.words(entry.id),
        "kind": quote.words(entry.kind),
        "created_at": told(entry.created_at),
        "count": entry.count,
        "score": round(hit.score, 4),
        "parts": {name: round(part, 4) for name, part in hit.parts.items()},
        "trust": round(entry.trust, 4),
        "origin": entry.origin.value,
        "helped": entry.helped,
        "quoted": quote.tree(
            {"text": entry.text, "action": entry.action, "service": entry.service}
        ),
    }


def seen_row(found: SeenBefore, quote: Quoter, *, limit: int) -> Row:
    """Return how often trouble came before, and what helped."""
    return {
        **object_row(found.workload, quote),
        "times": found.times,
        "first_at": told(found.first_at),
        "last_at": told(found.last_at),
        "gaps_s": [round(gap, 3) for gap in found.gaps_s[-limit:]],
        "incidents": [incident_row(one, quote) for one in found.incidents[-limit:]],
        "elsewhere": [incident_row(one, quote) for one in found.elsewhere[-limit:]],
        "memories": [hit_row(one, quote) for one in found.memories[:limit]],
    }


def difference_rows(rows: Sequence[tuple[str, Any, Any]], quote: Quoter) -> list[Row]:
    """Return what differs, path by path; what opens doors is hidden."""
    return [{"quoted": _difference(*row, quote)} for row in rows]


def _difference(path: str, before: Any, after: Any, quote: Quoter) -> Row:  # noqa: ANN401
    if is_guarded(path):
        before, after = "<hidden>", "<hidden>"
    clean = quote.tree({"before": plain(before), "after": plain(after)})
    return {"path": quote.words(path), **clean}


def change_row(one: StateChange, quote: Quoter, *, paths: int = 20) -> Row:
    """Return what became of an object."""
    return {
        **object_row(one.ref, quote),
        "change": one.change.value,
        "at": told(one.at),
        "versions": one.versions,
        "paths": len(one.diff),
        "diff": difference_rows(one.diff[:paths], quote),
    }


def affected_row(one: Affected, quote: Quoter, *, limit: int) -> Row:
    """Return an object that was drawn in, and by which facts."""
    facts = [
        {"fact": fact.id, "kind": quote.words(fact.kind), "happened_at": told(fact.happened_at)}
        for fact in one.facts[:limit]
    ]
    return {**object_row(one.object, quote), "facts": facts}


def expiring_row(one: Expiring, quote: Quoter) -> Row:
    """Return evidence with the time at which the cluster forgets it."""
    return {
        "fact": quote.words(one.fact),
        **object_row(one.subject, quote),
        "expires_at": told(one.expires_at),
        "expires_with": quote.words(one.expires_with),
        "is_saved": one.is_saved,
        "is_gone": one.is_gone,
        "quoted": {"what": quote.words(one.what)},
    }


def loop_row(one: Incident, quote: Quoter) -> Row:
    """Return an incident of the loop, from the alert to the check whether it helped."""
    return {
        "incident": quote.words(one.id),
        "opened_at": told(one.opened_at),
        "closed_at": told(one.closed_at),
        "phase": one.phase.value,
        "probability": round(one.probability, 4),
        "trust": round(one.trust, 4),
        "label": quote.words(one.label) if one.label else None,
        "proposal": quote.tree(plain(one.proposal)),
        "verdict": quote.tree(plain(one.verdict)),
        "outcome": quote.tree(plain(one.outcome)),
        "similar": quote.tree(list(one.similar)),
        "quoted": quote.tree(
            {"service": one.service, "why": one.explanation, "evidence": list(one.evidence)}
        ),
    }
