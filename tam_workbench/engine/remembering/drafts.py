"""Drafts: what somebody wants remembered, before the gate has looked at it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import blake2b
from typing import Final

from tam_workbench import memory
from tam_workbench.records import MemoryEntry, Origin, Tier

Redact = Callable[[Sequence[str]], list[str]]
"""Texts in, the same without personal data and secrets out."""

_REDACTED: Final = 256
"""Texts whose redacted form is at hand: an incident's is asked about, stored and stored again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One thing to remember; only ``text`` and ``kind`` are needed.

    ``occurrence`` names the event itself (an incident's id): the same one stored twice counts
    once. ``at`` is when it was seen in the world, None is now.
    """

    text: str
    kind: str = "note"
    service: str = ""
    at: datetime | None = None
    trust: float = 1.0
    occurrence: str = ""
    origin: Origin = Origin.OBSERVED
    tier: Tier | None = None
    labels: tuple[str, ...] = ()
    source_ids: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    action: str = ""
    helped: bool | None = None
    surprise: float = 0.0
    valid_from: datetime | None = None
    valid_to: datetime | None = None


class Pen:
    """Turns drafts into entries: redacted, embedded and keyed by content."""

    def __init__(self, cache: memory.EmbeddingCache, *, redact: Redact, embedder: str) -> None:
        self._cache = cache
        self._redact = redact
        self._embedder = embedder
        self._clean: dict[bytes, str] = {}  # by hash: what was hidden is not kept

    def entries(self, drafts: Sequence[Draft], *, now: datetime) -> list[MemoryEntry]:
        """Return an entry a draft; what is empty or unreadable is left for the gate to refuse."""
        if not drafts:
            return []
        texts = self._redacted([draft.text for draft in drafts])
        vectors = self._cache.embed(texts)
        return [
            self._entry(replace(draft, text=text), vector.tolist(), now)
            for draft, text, vector in zip(drafts, texts, vectors, strict=True)
        ]

    def vector(self, text: str) -> list[float]:
        """Return the vector of a question."""
        asked: list[float] = self._cache.embed(self._redacted([text]))[0].tolist()
        return asked

    def forget(self) -> None:
        """Drop the vectors and texts at hand."""
        self._cache.clear()
        self._clean.clear()

    def _redacted(self, texts: Sequence[str]) -> list[str]:
        keys = [blake2b(text.encode("utf-8", "replace"), digest_size=16).digest() for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._clean}
        found = dict(zip(new, self._redact(list(new.values())), strict=True)) if new else {}
        clean = [found[key] if key in found else self._clean[key] for key in keys]
        self._clean.update(found)
        for key in list(self._clean)[: max(0, len(self._clean) - _REDACTED)]:
            del self._clean[key]
        return clean

    def _entry(self, draft: Draft, vector: list[float], now: datetime) -> MemoryEntry:
        sighting = memory.Sighting(
            service=draft.service,
            at=draft.at or now,
            trust=draft.trust,
            occurrence=draft.occurrence,
        )
        entry = memory.make_entry(draft.kind, draft.text, vector=vector, sighting=sighting)
        if draft.action and draft.helped is not None:
            entry = memory.with_outcome(entry, draft.action, helped=draft.helped)
        return replace(
            entry,
            tier=draft.tier or entry.tier,
            origin=draft.origin,
            labels=draft.labels,
            source_ids=draft.source_ids,
            attributes={**draft.attributes, **entry.attributes},
            surprise=draft.surprise,
            valid_from=draft.valid_from,
            valid_to=draft.valid_to,
            known_from=now,
            embedder=self._embedder,
        )
