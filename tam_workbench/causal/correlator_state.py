"""Facts in JSON's types and back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tam_workbench.records import Fact, ObjectRef

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
