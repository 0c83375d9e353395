"""The chain: one link after another, and the check of all of them."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from tam_workbench.errors import LedgerError
from tam_workbench.records import AuditEntry

GENESIS: Final = "0" * 64
"""What the first link calls its previous hash."""

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Whether a chain holds; if not, the number of the first bad entry and why.

    ``broken_at`` is the number that the entry *should* have, so it also names a dropped one.
    """

    holds: bool
    checked: int
    broken_at: int | None = None
    reason: str = ""


def link(
    previous: AuditEntry | None, *, kind: str, body: Mapping[str, object], at: datetime
) -> AuditEntry:
    """Return the entry that follows ``previous``.

    Parameters
    ----------
    previous
        The last entry, None to begin a chain at number 1.
    kind
        What happened, one line, such as ``verdict``.
    body
        JSON values only; keys are sorted, so their order does not matter.
    at
        An aware time; kept in UTC.

    Raises
    ------
    LedgerError
        When the body is no JSON (NaN, infinity, an object), the kind is not one line or the
        time is naive.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> first = link(None, kind="start", body={"seed": 7}, at=datetime(2026, 1, 1, tzinfo=UTC))
    >>> first.number, first.body, first.hash[:8]
    (1, '{"seed":7}', '1dfc79c8')
    """
    if not kind or "\n" in kind:
        raise LedgerError(f"ledger kind {kind!r} is not one line: name what happened in one word")
    if at.tzinfo is None:
        raise LedgerError(f"ledger entry {kind!r} has a time without a zone: pass an aware time")
    try:
        text = _canonical(dict(body))
    except (TypeError, ValueError) as error:
        raise LedgerError(f"ledger entry {kind!r} has a body that is no JSON: {error}") from error
    number, before = (1, GENESIS) if previous is None else (previous.number + 1, previous.hash)
    at = at.astimezone(UTC)
    return AuditEntry(
        number=number,
        kind=kind,
        at=at,
        body=text,
        previous=before,
        hash=_hash(number, kind, at, text, before),
    )


def verify(
    entries: Iterable[AuditEntry], *, after: AuditEntry | None = None, head: str | None = None
) -> Verification:
    """Check a chain, or its part that follows ``after``.

    Parameters
    ----------
    entries
        Entries in the order in which they are kept.
    after
        The entry before them, already checked; None when they begin at number 1.
    head
        The last hash as it is known from elsewhere (a checkpoint, a print-out). Without it
        nobody can tell that entries were cut off at the end.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from datetime import UTC, datetime
    >>> at = datetime(2026, 1, 1, tzinfo=UTC)
    >>> first = link(None, kind="start", body={}, at=at)
    >>> second = link(first, kind="stop", body={}, at=at)
    >>> verify([first, second]).holds
    True
    >>> verify([first, replace(second, body='{"tampered":1}')])
    Verification(holds=False, checked=1, broken_at=2, reason='its content does not give its hash')
    """
    number, before = (0, GENESIS) if after is None else (after.number, after.hash)
    checked = 0
    for entry in entries:
        number += 1
        reason = _fault(entry, number, before)
        if reason:
            return Verification(holds=False, checked=checked, broken_at=number, reason=reason)
        checked += 1
        before = entry.hash
    if head is not None and head != before:
        reason = "the chain ends here, but not with the hash that is known from elsewhere"
        return Verification(holds=False, checked=checked, broken_at=number + 1, reason=reason)
    return Verification(holds=True, checked=checked)


def _fault(entry: AuditEntry, number: int, before: str) -> str:
    if entry.number != number:
        return f"number {entry.number} stands where {number} should be"
    if entry.previous != before:
        return "it does not follow the hash of the entry before it"
    if entry.at.tzinfo is None or "\n" in entry.kind:
        return "its time has no zone or its kind is not one line"
    if _hash(number, entry.kind, entry.at, entry.body, before) != entry.hash:
        return "its content does not give its hash"
    return ""


def _hash(number: int, kind: str, at: datetime, body: str, previous: str) -> str:
    """Return SHA-256 over the five fields; only the body, which comes last, may hold newlines."""
    text = f"{number}\n{kind}\n{at.astimezone(UTC).isoformat()}\n{previous}\n{body}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
