"""Remembering: the engine's hands on memory, between the pure rules and the stores.

Drafts pass the gate onto a shelf that writes behind and answers from memory; recalls ask several
columns and say how far they agree; upkeep moves entries between tiers. Decides nothing that is
in `memory`, and knows no store by name.
"""

from tam_workbench.engine.remembering import digest, telling
from tam_workbench.engine.remembering.drafts import Draft
from tam_workbench.engine.remembering.figures import stats
from tam_workbench.engine.remembering.memory import Memory
from tam_workbench.engine.remembering.orders import obey
from tam_workbench.engine.remembering.recalling import RecallRules
from tam_workbench.engine.remembering.rules import Around, MemoryRules
from tam_workbench.engine.remembering.shelf import Shelf
from tam_workbench.engine.remembering.upkeep import Upkeep, UpkeepRules

__all__ = [
    "Around",
    "Draft",
    "Memory",
    "MemoryRules",
    "RecallRules",
    "Shelf",
    "Upkeep",
    "UpkeepRules",
    "digest",
    "obey",
    "stats",
    "telling",
]
