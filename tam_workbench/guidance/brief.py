"""What a context pack is made of: all that is known about one trouble, as it was found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tam_workbench.records import Cause, Edge, Expiring, Fact, Hit, ObjectRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A stretch of trouble of a workload, this one or another."""

    id: str
    workload: ObjectRef
    first_at: datetime
    last_at: datetime
    counts: Mapping[str, int]  # facts by kind
    is_this: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What changed in an object between two moments, at one path."""

    object: ObjectRef
    since: datetime
    until: datetime
    path: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """All that is known about one trouble; nothing of it is quoted or redacted yet.

    ``way`` are the facts from the likeliest root cause to ``effect``, the cause first; ``edges``
    those between them. ``evidence`` are further facts of the same trouble.
    """

    effect: Fact
    way: tuple[Fact, ...] = ()
    causes: tuple[Cause, ...] = ()
    edges: tuple[Edge, ...] = ()
    evidence: tuple[Fact, ...] = ()
    episodes: tuple[Episode, ...] = ()
    memories: tuple[Hit, ...] = ()
    differences: tuple[Difference, ...] = ()
    expiring: tuple[Expiring, ...] = ()
    gaps: tuple[Fact, ...] = ()  # what the watcher knows that it did not see, around the trouble
    titles: Mapping[str, str] = field(default_factory=dict)  # of relations that are patterns
    as_of: datetime | None = None  # up to when the stream was seen
