"""Migration: from one embedding model to another, with both asked until all is moved."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from tam_workbench import memory as room
from tam_workbench.ports import EVERYTHING, Embedder, Store
from tam_workbench.records import Hit, MemoryEntry, Where

PAGE: Final = 256
"""Entries embedded at once."""

SAMPLE: Final = 200
"""Entries that the report asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """How well one model finds known entries again by half of their words."""

    embedder: str
    hit_at_1: float
    hit_at_5: float
    mrr: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationReport:
    """What was moved, and what recall was worth before and after."""

    entries: int
    moved: int
    before: Sought
    after: Sought
    agreement: float
    """Share of the old model's five nearest that the new one finds too."""


class Migration:
    """Moves a store page by page; it may be cut off at any time and goes on where it stood.

    Parameters
    ----------
    old, new
        The stores; ``new`` keeps vectors of the new embedder's dimension.
    before, after
        Their embedders.
    """

    def __init__(self, old: Store, new: Store, *, before: Embedder, after: Embedder) -> None:
        self._old = old
        self._new = new
        self._before = before
        self._after = after

    def step(self) -> int:
        """Move one page and return how many entries it held; 0 when all is moved."""
        return next(self._steps(), 0)

    def run(self, *, seed: int = 0) -> MigrationReport:
        """Move everything and report."""
        moved = 0
        while count := sum(self._steps()):  # until a whole pass finds nothing due
            moved += count
        gone = sorted(_ids(self._new) - _ids(self._old))
        if gone:
            self._new.delete(gone)
        return self._report(moved, seed=seed)

    def nearest(self, text: str, *, k: int, where: Where = EVERYTHING) -> list[Hit]:
        """Ask both models while entries are moving; each entry counts once, by its best rank."""
        by_new = self._ask(self._new, self._after, text, k, where)
        by_old = self._ask(self._old, self._before, text, k, where)
        found = {hit.entry.id: hit for hit in (*by_old, *by_new)}
        columns = {
            "new": [hit.entry.id for hit in by_new],
            "old": [hit.entry.id for hit in by_old],
        }
        fused = room.fuse(columns, k=k).hits
        return [replace(found[f.id], score=f.score) for f in fused]

    def _steps(self) -> Iterator[int]:
        for page in self._old.scan(EVERYTHING):
            for at in range(0, len(page), PAGE):
                if count := self._move(page[at : at + PAGE]):
                    yield count

    def _move(self, page: Sequence[MemoryEntry]) -> int:
        there = {entry.id: entry for entry in self._new.get([entry.id for entry in page])}
        due = [entry for entry in page if self._is_due(entry, there.get(entry.id))]
        if due:
            vectors = self._after.embed([entry.text for entry in due])
            self._new.put(
                [
                    replace(entry, vector=tuple(vector.tolist()), embedder=self._after.name)
                    for entry, vector in zip(due, vectors, strict=True)
                ]
            )
        return len(due)

    def _is_due(self, entry: MemoryEntry, there: MemoryEntry | None) -> bool:
        if there is None:
            return True
        same = replace(entry, vector=there.vector, embedder=self._after.name)
        return same != there

    def _ask(self, store: Store, embedder: Embedder, text: str, k: int, where: Where) -> list[Hit]:
        return store.nearest(embedder.embed([text])[0], k=k, where=where) if store.count() else []

    def _report(self, moved: int, *, seed: int) -> MigrationReport:
        rng = np.random.default_rng(seed)
        entries = [entry for page in self._old.scan(EVERYTHING) for entry in page if entry.text]
        chosen = rng.permutation(len(entries))[:SAMPLE]
        asked = [(entries[at].id, _half(entries[at].text, rng)) for at in chosen]
        old = [self._found(self._old, self._before, text) for _, text in asked]
        new = [self._found(self._new, self._after, text) for _, text in asked]
        wanted = [entry_id for entry_id, _ in asked]
        shared = [
            len({*a[:5]} & {*b[:5]}) / max(1, len(a[:5])) for a, b in zip(old, new, strict=True)
        ]
        return MigrationReport(
            entries=len(entries),
            moved=moved,
            before=_sought(self._before.name, wanted, old),
            after=_sought(self._after.name, wanted, new),
            agreement=float(np.mean(shared)) if shared else 1.0,
        )

    def _found(self, store: Store, embedder: Embedder, text: str) -> list[str]:
        return [hit.entry.id for hit in self._ask(store, embedder, text, 10, EVERYTHING)]


def _ids(store: Store) -> set[str]:
    return {entry.id for page in store.scan(EVERYTHING) for entry in page}


def _half(text: str, rng: np.random.Generator) -> str:
    """Return a random half of the words, in order: what somebody half remembers."""
    words = text.split()
    kept: npt.NDArray[np.intp] = np.sort(rng.permutation(len(words))[: max(1, len(words) // 2)])
    return " ".join(words[at] for at in kept)


def _sought(name: str, wanted: Sequence[str], found: Sequence[Sequence[str]]) -> Sought:
    ranks = [
        list(ids).index(one) + 1 if one in ids else 0
        for one, ids in zip(wanted, found, strict=True)
    ]
    return Sought(
        embedder=name,
        hit_at_1=_share([rank == 1 for rank in ranks]),
        hit_at_5=_share([0 < rank <= 5 for rank in ranks]),
        mrr=_share([1.0 / rank if rank else 0.0 for rank in ranks]),
    )


def _share(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
