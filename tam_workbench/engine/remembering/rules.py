"""What memory is told when it is wired: its rules, and what it needs of the house."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tam_workbench import memory as room
from tam_workbench.engine.remembering.drafts import Redact
from tam_workbench.engine.remembering.recalling import RecallRules
from tam_workbench.ports import Clock, Documents, GraphStore
from tam_workbench.records import Receipt, Where

Moving = Callable[[str, int, Where], list[str]]
"""Asks the vectors of another embedder while entries move to it: text, k, where -> ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRules:
    """How memory admits, ranks, moves and forgets."""

    admission: room.AdmissionRules = field(default_factory=room.AdmissionRules)
    """The write gate."""

    recall: RecallRules = field(default_factory=RecallRules)
    """How recalls search and weigh."""

    tiers: room.TierRules = field(default_factory=room.TierRules)
    """When memories move between tiers."""

    associations: room.AssociationRules = field(default_factory=room.AssociationRules)
    """How associations are learnt and fade."""

    hot_rows: int = 1_000_000
    """Entries up to which a copy in memory answers (about 2 kB each); above it the store's
    own index does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What memory needs of the house, wired once."""

    documents: Documents
    graph: GraphStore
    clock: Clock
    redact: Redact
    note: Callable[[str, Mapping[str, object], datetime], None]
    """Writes one line into the ledger."""

    publish: Callable[[Sequence[Receipt]], None]
    """Tells the bus."""

    moving: Moving | None = None
    """Asked beside the vectors at hand, None when nothing moves."""
