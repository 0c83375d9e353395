"""Facts in JSON's types and back, and several tellings of one fact made one."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from tam_workbench.records import Fact, ObjectRef

TELLERS = {"status": 3, "spec": 3, "absence": 2, "event": 1, "telemetry": 1}
OWN = ("id", "kind", "told_by", "expires_with", "trust")


def mapping_of(fact: Fact) -> dict[str, Any]:
    """Return a fact in JSON's types."""
    expires = fact.expires_at
    return {name: getattr(fact, name) for name in OWN} | {
        "subject": _ref(fact.subject),
        "happened_at": fact.happened_at.isoformat(),
        "observed_at": fact.observed_at.isoformat(),
        "involved": {role: _ref(ref) for role, ref in fact.involved.items()},
        "payload": dict(fact.payload),
        "expires_at": expires.isoformat() if expires else None,
    }


def fact_of(row: Mapping[str, Any]) -> Fact:
    """Return the fact that `mapping_of` wrote down."""
    expires = row["expires_at"]
    return Fact(
        **{name: row[name] for name in OWN},
        subject=ObjectRef(**row["subject"]),
        happened_at=datetime.fromisoformat(row["happened_at"]),
        observed_at=datetime.fromisoformat(row["observed_at"]),
        involved={role: ObjectRef(**ref) for role, ref in row["involved"].items()},
        payload=row["payload"],
        expires_at=datetime.fromisoformat(expires) if expires else None,
    )


def _ref(ref: ObjectRef) -> dict[str, str]:
    return {name: getattr(ref, name) for name in ("cluster", "kind", "namespace", "name", "uid")}


def joined(held: Fact, told: Fact) -> Fact:
    """Return what two tellings of one fact say together; the same for any order of many.

    The teller that knows more is believed; who was involved is taken from both, as one telling
    may name whom the other leaves out (the event of a preemption names the preemptor, the pod's
    own condition does not).

    >>> from datetime import UTC
    >>> pod, node = (ObjectRef(cluster="c", kind=kind, name=kind) for kind in ("Pod", "Node"))
    >>> may = datetime(2026, 5, 1, tzinfo=UTC)
    >>> by_status = Fact(id="f", kind="pod_evicted", subject=pod, happened_at=may,
    ...     observed_at=may, payload={"reason": "Evicted"}, told_by="status")
    >>> by_event = replace(by_status, payload={}, told_by="event", involved={"node": node})
    >>> both = joined(by_event, by_status)
    >>> both.told_by, list(both.involved), joined(by_status, by_event) == both
    ('status', ['node'], True)
    """
    better, other = (told, held) if _worth(told) > _worth(held) else (held, told)
    extra = {
        role: ref
        for role, ref in other.involved.items()
        if role not in better.involved or _sureness(ref) > _sureness(better.involved[role])
    }
    return replace(better, involved={**better.involved, **extra}) if extra else better


def _worth(fact: Fact) -> tuple[int, int, float, str]:
    """Return how much a telling knows; roles are left out, as they are joined."""
    payload = repr(sorted(fact.payload.items()))
    seen = fact.observed_at.timestamp()
    return (TELLERS.get(fact.told_by, 0), len(fact.payload), -seen, payload)


def _sureness(ref: ObjectRef) -> tuple[bool, str]:
    return (bool(ref.uid), ref.key)
