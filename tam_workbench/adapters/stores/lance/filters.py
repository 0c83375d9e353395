"""Filters: what a recall may find, as SQL over the columns of the store."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Final

from tam_workbench.records import Where

IDS_AT_ONCE: Final = 500
"""Ids in one SQL list."""


def sql_of(where: Where, columns: Collection[str]) -> str:
    """Return the condition, empty when all are admitted.

    A column that an old version lacks counts as its default: no label, open intervals, not
    quarantined.

    Examples
    --------
    >>> sql_of(Where(kinds=("note",), labels=("it's",)), {"labels"})
    "kind IN ('note') AND array_has(labels, 'it''s')"
    >>> sql_of(Where(labels=("prod",)), ())
    'false'
    """
    parts = [
        f"{column} IN ({listed(values)})"
        for column, values in (
            ("kind", where.kinds),
            ("service", where.services),
            ("tier", [tier.value for tier in where.tiers]),
        )
        if values
    ]
    for label in where.labels:
        has = f"array_has(labels, {quoted(label)})"
        parts.append(has if "labels" in columns else "false")
    if where.min_trust > 0:
        parts.append(f"trust >= {float(where.min_trust)!r}")
    if where.since is not None:
        parts.append(f"created_at >= {_moment(where.since)}")
    if where.until is not None:
        parts.append(f"created_at < {_moment(where.until)}")
    parts.extend(_intervals(where, columns))
    if not where.with_quarantined and "is_quarantined" in columns:
        parts.append("is_quarantined = false")
    return " AND ".join(parts)


def among(ids: Sequence[str]) -> str:
    """Return the condition that an id is one of these."""
    return f"id IN ({listed(ids)})"


def listed(values: Sequence[str]) -> str:
    """Return quoted values between commas."""
    return ", ".join(map(quoted, values))


def quoted(value: str) -> str:
    """Return a value as an SQL text.

    Examples
    --------
    >>> quoted("it's")
    "'it''s'"
    """
    return "'" + value.replace("'", "''") + "'"


def _intervals(where: Where, columns: Collection[str]) -> list[str]:
    parts = []
    if where.as_of is not None:
        at = _moment(where.as_of)
        start = "coalesce(valid_from, created_at)" if "valid_from" in columns else "created_at"
        parts.append(f"{start} <= {at}")
        if "valid_to" in columns:
            parts.append(f"(valid_to IS NULL OR valid_to > {at})")
    if where.known_at is not None and "known_from" in columns:
        at = _moment(where.known_at)
        parts.append(f"(known_from IS NULL OR known_from <= {at})")
        parts.append(f"(known_to IS NULL OR known_to > {at})")
    return parts


def _moment(moment: datetime) -> str:
    naive = moment.astimezone(UTC).replace(tzinfo=None)
    return f"timestamp '{naive.isoformat(sep=' ', timespec='microseconds')}'"
