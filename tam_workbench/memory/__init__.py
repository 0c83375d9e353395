"""Memory: whether this has happened before, what helped, and how sure we are.

Pure. Writes the signature text of an incident, gives it a content key, ranks what a store
found, and says when it does not know. Knows no store, no embedder and no clock: the engine
hands in hits, vectors and the time, and keeps the bytes in `adapters.stores`.
"""

from tam_workbench.memory.cache import Embed, EmbeddingCache
from tam_workbench.memory.entries import (
    TIER_OF,
    Sighting,
    absorb,
    content_key,
    last_seen,
    make_entry,
    merge,
    outcomes,
    with_outcome,
)
from tam_workbench.memory.ranking import RankRules, is_duplicate, is_novel, rank
from tam_workbench.memory.selection import admits, check_vectors, top
from tam_workbench.memory.shortterm import Note, ShortTerm
from tam_workbench.memory.signature import incident_text, mask

__all__ = [
    "TIER_OF",
    "Embed",
    "EmbeddingCache",
    "Note",
    "RankRules",
    "ShortTerm",
    "Sighting",
    "absorb",
    "admits",
    "check_vectors",
    "content_key",
    "incident_text",
    "is_duplicate",
    "is_novel",
    "last_seen",
    "make_entry",
    "mask",
    "merge",
    "outcomes",
    "rank",
    "top",
    "with_outcome",
]
