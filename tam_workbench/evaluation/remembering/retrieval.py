"""Retrieval: recall@5 and MRR by kind of question, ours beside every rival.

recall@5 is the share of a question's answers among the first five, of the five that fit at
most; MRR the mean of 1 / rank of the first answer among ten, 0 when there is none. Means over
the questions of a seed; the interval is over seeds. Every searcher has the rows that our
memory kept of the same drafts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import numpy.typing as npt

from tam_workbench.engine.remembering import Draft, Memory
from tam_workbench.evaluation.figures import Figure, interval
from tam_workbench.evaluation.remembering.corpus import BEGIN, DAYS, KINDS, MIXED, Asked, corpus
from tam_workbench.evaluation.remembering.houses import Hands, memory_at
from tam_workbench.evaluation.remembering.rivals import NAMES, Search, Vector, rivals, where_of
from tam_workbench.records import MemoryEntry, Where

AMONG: Final = 5
DEEP: Final = 10
Scores = dict[tuple[str, str, str], list[float]]
"""Values a seed, by kind of question, searcher and measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A memory that was told a corpus, and the row that each of its incidents became."""

    memory: Memory
    rows: tuple[MemoryEntry, ...]
    row_of: tuple[str, ...]
    asked: tuple[Asked, ...]


def filled(seed: int, *, size: int, asked: int, embedder: str = "hashing") -> Filled:
    """Return a memory that was told the corpus of a seed, sixty days of it."""
    made = corpus(seed, size=size, asked=asked)
    hands = Hands(BEGIN)
    hands.sleep(DAYS * 86_400.0)
    memory = memory_at(hands, embedder=embedder)
    drafts = [
        Draft(
            text=told.text,
            kind="incident",
            service=told.service,
            at=told.at,
            occurrence=f"{seed}-{told.number}",
        )
        for told in made.told
    ]
    kept = memory.store(drafts).ids
    rows = [entry for page in memory.shelf.scan(Where()) for entry in page]
    return Filled(memory=memory, rows=tuple(rows), row_of=kept, asked=made.asked)


def scored(found: Sequence[str], right: frozenset[str]) -> tuple[float, float]:
    """Return recall@5 and reciprocal rank of one answer.

    >>> scored(["x", "a", "y", "b", "z", "c"], frozenset("abc"))
    (0.6666666666666666, 0.5)
    """
    among = len(right.intersection(found[:AMONG])) / min(AMONG, len(right))
    rank = next((at for at, name in enumerate(found[:DEEP], start=1) if name in right), 0)
    return among, 1.0 / rank if rank else 0.0


def ours(memory: Memory) -> Search:
    """Return recall as a searcher."""

    def search(asked: Asked, _vector: Vector, k: int) -> list[str]:
        found = memory.recall(asked.text, k=k, where=where_of(asked))
        return [hit.entry.id for hit in found.hits]

    return search


def measured(house: Filled, searchers: Mapping[str, Search]) -> Scores:
    """Return the mean scores of one seed."""
    vectors = house.memory.embedder.embed([asked.text for asked in house.asked])
    values: Scores = {}
    for asked, vector in zip(house.asked, vectors, strict=True):
        right = frozenset(house.row_of[number] for number in asked.answers)
        for name, search in searchers.items():
            among, rank = scored(search(asked, vector, DEEP), right)
            values.setdefault((asked.kind, name, "recall@5"), []).append(among)
            values.setdefault((asked.kind, name, "MRR"), []).append(rank)
    return {key: [float(np.mean(all_))] for key, all_ in values.items()}


def retrieval_figures(
    seeds: int, *, size: int = 300, asked: int = 20, embedder: str = "hashing"
) -> list[Figure]:
    """Return ours beside the rivals, a figure a kind of question and measure."""
    scores: Scores = {}
    for seed in range(seeds):
        house = filled(seed, size=size, asked=asked, embedder=embedder)
        with TemporaryDirectory() as folder:
            against = {"ours": ours(house.memory), **rivals(house.rows, Path(folder))}
            for key, values in measured(house, against).items():
                scores.setdefault(key, []).extend(values)
    told = "" if embedder == "hashing" else f", {embedder}"
    return [
        _figure(scores, kind, measure, told) for kind in KINDS for measure in ("recall@5", "MRR")
    ]


def _figure(scores: Scores, kind: str, measure: str, told: str) -> Figure:
    def values(name: str) -> npt.NDArray[np.float64]:
        return np.array(scores[kind, name, measure])

    mean, low, high = interval(values("ours"))
    means = {name: float(values(name).mean()) for name in NAMES}
    column = max(("BM25", "vector"), key=lambda name: means[name])
    gain, least, most = interval(values("ours") - values(column))
    is_mixed = kind in MIXED
    beside = ", ".join(f"{NAMES[name]} {value:.3f}" for name, value in means.items())
    return Figure(
        name=f"{measure}, {kind}{told}",
        value=mean,
        unit=f"[{low:.3f}, {high:.3f}]",
        peer=f"{beside}; over the best column {gain:+.3f} [{least:+.3f}, {most:+.3f}]",
        goal="above the best single column" if is_mixed else "",
        holds=gain > 0.0 if is_mixed else None,
    )
