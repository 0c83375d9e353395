"""The memory audit: how much of a store is worth having. Reads columns, changes nothing.

Every figure comes with the ids it was counted from; a share of no rows is None, not zero.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from tam_workbench.memory.admission import is_citing
from tam_workbench.memory.entries import last_seen
from tam_workbench.memory.signature import mask
from tam_workbench.records import MemoryEntry, Origin

_SECRETS: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{30,}\b"
    r"|\bxox[abprs]-[A-Za-z0-9-]{10,}\b"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{5,}\b"
    r"|\bbearer\s+[A-Za-z0-9._~+/-]{16,}"
    r"|\b(?:password|passwd|secret|api[_-]?key|token)\s*[=:]\s*(?!<\*>|\*{3}|\[)[^\s'\"]{6,}"
    r"|://[^\s/:@]+:(?!<\*>|\*{3})[^\s/@]{3,}@",
    re.IGNORECASE,
)
_BLOCK: Final = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionRules:
    """What counts as a fault of the store."""

    duplicate_above: float = 0.95
    """Cosine from which two rows of one kind and service are near duplicates; above 1 is off."""

    stale_s: float = 7_776_000.0
    """Seconds (90 days) without a sighting or a use after which a row is stale."""

    young_s: float = 604_800.0
    """Seconds (7 days) a row is given before "never recalled" is held against it."""

    evidence: int = 20
    """Ids shown per figure; the figure counts all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """A store as columns, a row each; see `columns_of`."""

    ids: tuple[str, ...]
    kinds: tuple[str, ...]
    services: tuple[str, ...]
    texts: tuple[str, ...]
    origins: tuple[Origin, ...]
    created_s: npt.NDArray[np.float64]
    touched_s: npt.NDArray[np.float64]
    uses: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.float32]
    sources: tuple[tuple[str, ...], ...]
    forgotten: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One figure: rows it counts, of how many that it could have been, and which ones."""

    name: str
    rows: int
    of: int
    evidence: tuple[str, ...]

    @property
    def share(self) -> float | None:
        """Rows / of, None where there was nothing to count."""
        return self.rows / self.of if self.of else None


def columns_of(
    entries: Sequence[MemoryEntry],
    *,
    uses: Mapping[str, int] | None = None,
    forgotten: Collection[str] = (),
) -> Columns:
    """Return entries as columns; ``forgotten`` are ids that went on purpose, so are no orphans."""
    known = uses or {}
    width = max((len(entry.vector) for entry in entries), default=0)
    vectors = np.zeros((len(entries), width), np.float32)
    for row, entry in zip(vectors, entries, strict=True):
        row[: len(entry.vector)] = entry.vector
    return Columns(
        ids=tuple(entry.id for entry in entries),
        kinds=tuple(entry.kind for entry in entries),
        services=tuple(entry.service for entry in entries),
        texts=tuple(entry.text for entry in entries),
        origins=tuple(entry.origin for entry in entries),
        created_s=np.array([entry.created_at.timestamp() for entry in entries]),
        touched_s=np.array([last_seen(entry).timestamp() for entry in entries]),
        uses=np.array([known.get(entry.id, 0) for entry in entries], np.int64),
        vectors=vectors,
        sources=tuple(entry.source_ids for entry in entries),
        forgotten=frozenset(forgotten),
    )


def inspect_memory(
    columns: Columns, *, now: datetime, rules: InspectionRules | None = None
) -> dict[str, Finding]:
    """Return the audit by name.

    exact_duplicates: rows beyond the first of one kind, service and text (numbers masked);
    near_duplicates: rows that lie nearer than ``duplicate_above`` to an older one; loops: rows
    that carry the mark of a recalled memory or call themselves recalled; never_recalled, of the
    rows old enough; stale; orphans: rows citing a source that is neither here nor forgotten, of
    those that cite; secrets; empty; junk: exact duplicates, loops, empty ones and orphans, each
    row once.

    Examples
    --------
    >>> from datetime import UTC
    >>> empty = inspect_memory(columns_of([]), now=datetime(2024, 1, 1, tzinfo=UTC))
    >>> empty["junk"].rows, empty["junk"].share
    (0, None)
    """
    rules, at_s, n = rules or InspectionRules(), now.timestamp(), len(columns.ids)
    order = sorted(range(n), key=lambda at: (columns.created_s[at], columns.ids[at]))
    exact = _exact(columns, order)
    old = columns.created_s <= at_s - rules.young_s
    stale = columns.touched_s <= at_s - rules.stale_s
    citing = [at for at in range(n) if columns.sources[at]]
    loops = _where(columns, _is_loop)
    empty = _where(columns, lambda columns, at: not columns.texts[at].strip())
    orphans = _orphans(columns, citing)
    counted = {
        "exact_duplicates": (exact, n),
        "near_duplicates": (_near(columns, order, rules.duplicate_above), n),
        "loops": (loops, n),
        "never_recalled": (np.flatnonzero(old & (columns.uses == 0)).tolist(), int(old.sum())),
        "stale": (np.flatnonzero(stale & (columns.uses == 0)).tolist(), n),
        "orphans": (orphans, len(citing)),
        "secrets": (_where(columns, lambda columns, at: has_secret(columns.texts[at])), n),
        "empty": (empty, n),
        "junk": (sorted({*exact, *loops, *empty, *orphans}), n),
    }
    return {
        name: Finding(
            name=name,
            rows=len(rows),
            of=of,
            evidence=tuple(columns.ids[at] for at in rows[: rules.evidence]),
        )
        for name, (rows, of) in counted.items()
    }


def has_secret(text: str) -> bool:
    """Return whether a text holds what looks like a key, a token or a password in the open.

    Examples
    --------
    >>> has_secret("login with password=hunter2000"), has_secret("password=<*> was refused")
    (True, False)
    """
    return _SECRETS.search(text) is not None


def _where(columns: Columns, holds: Callable[[Columns, int], bool]) -> list[int]:
    return [at for at in range(len(columns.ids)) if holds(columns, at)]


def _is_loop(columns: Columns, at: int) -> bool:
    if columns.origins[at] is Origin.RECALLED:
        return True
    return columns.origins[at] is not Origin.DERIVED and is_citing(columns.texts[at])


def _exact(columns: Columns, order: Sequence[int]) -> list[int]:
    seen: set[tuple[str, str, str]] = set()
    doubles = []
    for at in order:
        text = mask(columns.texts[at]).casefold()
        if columns.kinds[at] in {"fact", "rule", "action", "outcome"}:
            continue  # numbers and times make the difference there
        key = (columns.kinds[at], columns.services[at], text)
        if text and key in seen:
            doubles.append(at)
        seen.add(key)
    return doubles


def _near(columns: Columns, order: Sequence[int], above: float) -> list[int]:
    groups: dict[tuple[str, str], list[int]] = {}
    for at in order:
        groups.setdefault((columns.kinds[at], columns.services[at]), []).append(at)
    norms = np.linalg.norm(columns.vectors, axis=1, keepdims=True)
    units = columns.vectors / np.maximum(norms, 1e-12)
    doubles = []
    for members in groups.values():
        rows = units[members]
        for begin in range(0, len(rows), _BLOCK):
            block = rows[begin : begin + _BLOCK] @ rows[: begin + _BLOCK].T
            older = np.tril(np.ones(block.shape, bool), k=begin - 1)
            near = np.flatnonzero(((block >= above) & older).any(axis=1))
            doubles += [members[begin + at] for at in near.tolist()]
    return sorted(doubles)


def _orphans(columns: Columns, citing: Sequence[int]) -> list[int]:
    known = {*columns.ids, *columns.forgotten}
    return [at for at in citing if not set(columns.sources[at]) <= known]
