"""Figures of a memory: how much there is, of what, and what it takes on disk."""

from collections import Counter

from tam_workbench.engine.remembering.memory import Memory
from tam_workbench.ports import VersionedStore
from tam_workbench.records import Tier, Where


def stats(memory: Memory) -> dict[str, int | float | str]:
    """Return counts by tier and kind, hidden and pinned ones, associations, bytes, version."""
    everything = [e for page in memory.shelf.scan(Where(with_quarantined=True)) for e in page]
    current = [entry for entry in everything if entry.known_to is None]
    tiers = Counter(entry.tier.value for entry in current)
    kinds = Counter(entry.kind for entry in current)
    store = memory.shelf.store
    found: dict[str, int | float | str] = {"entries": len(current), "version": memory.shelf.version}
    found |= {tier.value: tiers[tier.value] for tier in Tier}
    found |= {f"kind {kind}": number for kind, number in sorted(kinds.items())}
    found |= {
        "forgotten": len(everything) - len(current),
        "quarantined": sum(entry.is_quarantined for entry in current),
        "pinned": sum(entry.is_pinned for entry in current),
        "ever recalled": len(memory.usage.all()),
        "associations": len(memory.associations),
        "answers from": "memory" if memory.shelf.is_hot else f"the index of {store.name}",
    }
    if memory.shelf.is_open and isinstance(store, VersionedStore):
        found |= store.figures()
    return found
