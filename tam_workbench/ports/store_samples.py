"""What the suites of stores put in: entries of few numbers, and how they demand and refuse."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from tam_workbench.errors import PromiseBrokenError, TamError
from tam_workbench.ports.protocols import Store
from tam_workbench.records import Hit, MemoryEntry, Origin, Tier, Where

CHECK_DIMENSION: Final = 8
"""Numbers in the vectors of the suites: the store that ``make`` opens must keep such."""

ASKS_NOTHING: Final = Where()


def demand(kept: object, promise: str) -> None:
    """Raise when a promise is not kept."""
    if not kept:
        raise PromiseBrokenError(f"store: {promise}")


def refused(attempt: Callable[[], object], what: str) -> None:
    """Demand that an attempt is refused with one line of ours."""
    try:
        attempt()
    except TamError as error:
        demand("\n" not in str(error), f"{what} is refused in one line")
        return
    raise PromiseBrokenError(f"store: {what} is refused with a TamError")


def unit(*numbers: float) -> npt.NDArray[np.float32]:
    """Return the unit vector along the first numbers given, the others zero."""
    vector = np.zeros(CHECK_DIMENSION, np.float32)
    vector[: len(numbers)] = numbers
    return vector / np.float32(np.linalg.norm(vector))


def sample(name: str, *numbers: float, text: str = "") -> MemoryEntry:
    """Return an entry of that id with the fields of a plain incident."""
    return MemoryEntry(
        id=name,
        kind="incident",
        text=text or f"text of {name}",
        vector=tuple(unit(*(numbers or (1.0,))).tolist()),
        tier=Tier.EPISODIC,
        service="checkout",
        created_at=datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=UTC),
        trust=0.75,
        action="restart",
        helped=True,
        count=3,
        attributes={"why": "it's a test"},
    )


def full_sample(name: str) -> MemoryEntry:
    """Return an entry whose every field differs from its default."""
    return MemoryEntry(
        id=name,
        kind="fact",
        text="the pool of db-1 has 40 connections",
        vector=(2.0,) + (0.25,) * (CHECK_DIMENSION - 1),
        tier=Tier.SEMANTIC,
        service="db",
        created_at=moment(2),
        trust=0.5,
        action="scale",
        helped=False,
        count=7,
        attributes={"why": 'she said "so"', "größe": "40"},
        valid_from=moment(3, microsecond=1),
        valid_to=moment(9, microsecond=999_999),
        known_from=moment(4),
        known_to=moment(8),
        origin=Origin.HUMAN,
        labels=("prod", "it's, quoted", ""),
        source_ids=("z", "a", "z"),
        surprise=0.625,
        stability=0.3,
        is_pinned=True,
        is_quarantined=True,
        embedder="hashing-8",
    )


def moment(day: int, *, microsecond: int = 0) -> datetime:
    """Return noon of a day in March 2024."""
    return datetime(2024, 3, day, 12, 0, 0, microsecond, tzinfo=UTC)


def near(store: Store, *, k: int = 10, where: Where = ASKS_NOTHING) -> list[str]:
    """Return the ids nearest to the first axis."""
    return ids_of(store.nearest(unit(1.0), k=k, where=where))


def scanned(store: Store, where: Where = ASKS_NOTHING) -> list[str]:
    """Return the ids of every page of a scan."""
    return [entry.id for page in store.scan(where) for entry in page]


def ids_of(hits: list[Hit]) -> list[str]:
    """Return the ids of hits, in their order."""
    return [hit.entry.id for hit in hits]
