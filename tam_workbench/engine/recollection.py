"""Recollection: what the loop remembers, between the pure memory room and the store."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt

from tam_workbench import memory
from tam_workbench.ports import Embedder, Store
from tam_workbench.records import Hit, Incident, MemoryEntry, Template, Where

CANDIDATES = 20
"""Nearest neighbours fetched before ranking by recency, trust and outcome."""


class Recollection:
    """Embeds each text once, recalls, and writes in batches at the commit."""

    def __init__(
        self, store: Store, embedder: Embedder, *, rules: memory.RankRules, cache_size: int = 4096
    ) -> None:
        self._store = store
        self._rules = rules
        self._cache = memory.EmbeddingCache(embedder.embed, capacity=cache_size)
        self._waiting: dict[str, MemoryEntry] = {}

    def version(self) -> int:
        """Return the memory version that a decision taken now has seen."""
        return self._store.version()

    def count(self) -> int:
        """Return how many entries are remembered."""
        return self._store.count() + len(self._waiting)

    def similar(self, text: str, *, now: datetime, k: int = 5) -> list[Hit]:
        """Return past incidents like this one, best first; none when it is new to us."""
        hits = self.recall(text, now=now, k=k, where=Where(kinds=("incident",)))
        return [] if memory.is_novel(hits, self._rules) else hits

    def recall(self, text: str, *, now: datetime, k: int, where: Where) -> list[Hit]:
        """Return what is most like ``text``, ranked with the parts of each score."""
        self.flush()
        vector = self._vector(text)
        return memory.rank(
            self._store.nearest(vector, k=max(k, CANDIDATES), where=where),
            now=now,
            rules=self._rules,
        )[:k]

    def recalled(self, ids: Sequence[str], *, now: datetime) -> list[Hit]:
        """Return entries by id as hits, for the policy."""
        entries = self._store.get(list(ids)) if ids else []
        return memory.rank(
            [Hit(entry=e, score=1.0, parts={"similarity": 1.0}) for e in entries],
            now=now,
            rules=self._rules,
        )

    def remember(self, incident: Incident, text: str, *, now: datetime) -> None:
        """Remember an incident with what was done and whether it helped."""
        sighting = memory.Sighting(
            service=incident.service, at=now, trust=incident.trust, occurrence=incident.id
        )
        entry = memory.make_entry("incident", text, vector=self._vector(text), sighting=sighting)
        outcome, proposal = incident.outcome, incident.proposal
        if proposal is not None and outcome is not None and outcome.helped is not None:
            entry = memory.with_outcome(entry, proposal.action, helped=outcome.helped)
        self._keep(entry)

    def templates(self, novel: Sequence[Template], *, now: datetime) -> None:
        """Remember log templates when they are first seen."""
        for template in novel[:64]:
            sighting = memory.Sighting(service="", at=now, trust=1.0, occurrence=template.id)
            vector = self._vector(template.text)
            self._keep(
                memory.make_entry("template", template.text, vector=vector, sighting=sighting)
            )

    def _keep(self, entry: MemoryEntry) -> None:
        old = self._waiting.get(entry.id) or next(iter(self._store.get([entry.id])), None)
        self._waiting[entry.id] = memory.merge(entry, old) if old else entry

    def _vector(self, text: str) -> npt.NDArray[np.float32]:
        vector: npt.NDArray[np.float32] = self._cache.embed([text])[0]
        return vector

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            self._store.put(list(self._waiting.values()))
            self._waiting = {}

    def forget(self, ids: Sequence[str]) -> int:
        """Remove entries by id."""
        self.flush()
        return self._store.delete(ids)

    def entries(self, limit: int) -> list[MemoryEntry]:
        """Return some entries, for the memory screen."""
        self.flush()
        vector = self._vector("incident")
        return [hit.entry for hit in self._store.nearest(vector, k=limit, where=Where())]
