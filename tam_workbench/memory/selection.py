"""What every store shares: which filters exist, which vectors count, and who is nearest."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt

from tam_workbench.errors import BadInputError
from tam_workbench.records import MemoryEntry, Where


def admits(entry: MemoryEntry, where: Where) -> bool:
    """Tell whether ``where`` finds an entry.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from tam_workbench.records import Tier
    >>> january, june = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 6, 1, tzinfo=UTC)
    >>> entry = MemoryEntry(id="a", kind="fact", text="db owns disk", vector=(1.0,), service="db",
    ...     tier=Tier.SEMANTIC, created_at=january, trust=1.0, valid_to=june)
    >>> admits(entry, Where(services=("db",))), admits(entry, Where(as_of=june))
    (True, False)
    """
    return (
        (not where.kinds or entry.kind in where.kinds)
        and (not where.services or entry.service in where.services)
        and (not where.tiers or entry.tier in where.tiers)
        and set(where.labels) <= set(entry.labels)
        and entry.trust >= where.min_trust
        and (where.since is None or entry.created_at >= where.since)
        and (where.until is None or entry.created_at < where.until)
        and _holds(entry.valid_from or entry.created_at, entry.valid_to, where.as_of)
        and _holds(entry.known_from, entry.known_to, where.known_at)
        and (where.with_quarantined or not entry.is_quarantined)
    )


def _holds(start: datetime | None, end: datetime | None, at: datetime | None) -> bool:
    """Tell whether ``at`` lies in [start, end); None is open, and asks nothing."""
    if at is None:
        return True
    return (start is None or start <= at) and (end is None or at < end)


def check_vectors(
    vectors: Sequence[Sequence[float]] | npt.NDArray[np.float32],
    names: Sequence[str],
    *,
    dimension: int,
) -> npt.NDArray[np.float32]:
    """Return the vectors as a matrix (len(names), dimension), or say which one cannot be compared.

    Raises
    ------
    BadInputError
        A vector has another dimension, is not finite, or has no direction (is all zero).

    Examples
    --------
    >>> check_vectors([[0.6, 0.8]], ["a"], dimension=2).shape
    (1, 2)
    >>> check_vectors([[0.0, 0.0]], ["a"], dimension=2)
    Traceback (most recent call last):
    tam_workbench.errors.BadInputError: vector of 'a' is zero or not finite: embed its text again
    """
    for name, vector in zip(names, vectors, strict=True):
        if len(vector) != dimension:
            raise BadInputError(
                f"vector of {name!r} has {len(vector)} numbers, this store keeps {dimension}: "
                "use the embedder it was made for"
            )
    matrix = np.asarray(vectors, np.float32).reshape(len(names), dimension)
    norms = np.sqrt(np.einsum("ij,ij->i", matrix, matrix, dtype=np.float64))
    for at in np.flatnonzero(~(np.isfinite(norms) & (norms > 0))).tolist():
        raise BadInputError(f"vector of {names[at]!r} is zero or not finite: embed its text again")
    return matrix


def top(similarities: npt.NDArray[np.float64], ids: Sequence[str], *, k: int) -> list[int]:
    """Return the positions of the k most similar, best first; equals (to 1e-6) in order of id.

    Examples
    --------
    >>> top(np.array([0.2, 0.9, 0.9]), ["c", "b", "a"], k=2)
    [2, 1]
    """
    if k <= 0 or not len(ids):
        return []
    rounded = np.round(similarities, 6)
    candidates = np.arange(len(ids))
    if k < len(ids):
        least = np.partition(rounded, len(ids) - k)[len(ids) - k]
        candidates = np.flatnonzero(rounded >= least)
    order = sorted(candidates.tolist(), key=lambda at: (-rounded[at], ids[at]))
    return order[:k]
