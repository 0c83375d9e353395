"""Fusion: several ranked answers to one question become one, with how far they agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from tam_workbench.errors import BadInputError

WEIGHTS: Final[Mapping[str, float]] = MappingProxyType({"vector": 1.0, "text": 1.0, "graph": 0.5})
"""Weights of the columns of a recall."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionRules:
    """How ranked columns are fused."""

    k: float = 60.0
    """Constant of reciprocal rank fusion: larger makes the first ranks weigh less."""

    weights: Mapping[str, float] = field(default_factory=lambda: dict(WEIGHTS))
    """Weight by column; a column without one weighs 1."""

    max_rank: int = 20
    """Depth a column is read to, and the rank at which agreement counts as nothing.

    At k = 60 a deeper column lets two poor ranks (2 / 90) beat one first rank (1 / 61): where one
    column may be blind, depth 20 finds more than 50 does (tests/unit/memory/test_fusion.py).
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Fused:
    """One id of a fused answer.

    ``score`` is the sum of ``parts`` over the best score there could be, so in [0, 1];
    ``parts`` are its columns' shares, ``ranks`` where each had it (from 1).
    """

    id: str
    score: float
    parts: Mapping[str, float]
    ranks: Mapping[str, int]
    consensus: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fusion:
    """A fused answer: hits best first, the agreement of the columns, who answered, who failed."""

    hits: tuple[Fused, ...]
    consensus: float
    answered: tuple[str, ...]
    failed: tuple[str, ...] = ()


def fuse(
    columns: Mapping[str, Sequence[str] | None],
    *,
    k: int = 10,
    rules: FusionRules | None = None,
) -> Fusion:
    """Return the k best of several ranked columns by reciprocal rank fusion.

    score(d) = sum of weight / (60 + rank of d), over the columns that have d (Cormack, Clarke
    and Buettcher, 2009). consensus(d) = (columns with d / columns queried) * mean of
    1 - (rank - 1) / max_rank; the answer's is the mean over its hits. A column that failed
    (None) was queried and stays below the line, both of the score and of the consensus.

    Parameters
    ----------
    columns
        By name the ids a column found, best first; None if it failed. Repeats count once.
    k
        Hits to return.

    Examples
    --------
    >>> answer = fuse({"vector": ["a", "b"], "text": ["a", "c"], "graph": None}, k=2)
    >>> [(hit.id, round(hit.score, 3), round(hit.consensus, 2)) for hit in answer.hits]
    [('a', 0.8, 0.67), ('b', 0.394, 0.32)]
    >>> answer.failed, dict(answer.hits[0].ranks)
    (('graph',), {'vector': 1, 'text': 1})
    """
    rules = rules or FusionRules()
    weights = {name: rules.weights.get(name, 1.0) for name in columns}
    best = sum(weights.values()) / (rules.k + 1.0)
    if min(weights.values(), default=0.0) < 0.0 or (columns and best <= 0.0):
        raise BadInputError(f"weights of columns {weights} must not be negative nor all zero")
    ranks = _ranks(columns, rules.max_rank)
    hits = []
    for id_, found in ranks.items():
        parts = {name: weights[name] / (rules.k + rank) / best for name, rank in found.items()}
        near = sum(1.0 - (rank - 1) / rules.max_rank for rank in found.values()) / len(found)
        hits.append(
            Fused(
                id=id_,
                score=min(1.0, sum(parts.values())),
                parts=parts,
                ranks=found,
                consensus=len(found) / len(columns) * near,
            )
        )
    hits.sort(key=lambda hit: (-hit.score, -hit.consensus, hit.id))
    kept = tuple(hits[: max(0, k)])
    return Fusion(
        hits=kept,
        consensus=sum(hit.consensus for hit in kept) / len(kept) if kept else 0.0,
        answered=tuple(name for name, ids in columns.items() if ids is not None),
        failed=tuple(name for name, ids in columns.items() if ids is None),
    )


def diversified(
    vectors: npt.NDArray[np.floating], relevance: npt.NDArray[np.floating], *, k: int, trade: float
) -> list[int]:
    """Return the positions of k rows that are relevant and unlike each other, best first.

    Maximal marginal relevance (Carbonell and Goldstein, 1998): each next row has the largest
    trade * relevance - (1 - trade) * its greatest cosine to those already taken.

    Parameters
    ----------
    vectors
        Array (n, dimension) of unit rows.
    relevance
        Array (n,), in [0, 1].
    trade
        1 is relevance alone, 0 variety alone.

    Examples
    --------
    >>> rows = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> diversified(rows, np.array([0.9, 0.89, 0.5]), k=2, trade=0.5)
    [0, 2]
    """
    if not 0.0 <= trade <= 1.0:
        raise BadInputError(f"trade {trade} between relevance and variety must be within 0 to 1")
    rows, worth = np.asarray(vectors, np.float64), np.asarray(relevance, np.float64)
    taken: list[int] = []
    nearest = np.full(len(rows), -np.inf)
    while len(taken) < min(k, len(rows)):
        alike = nearest if taken else np.zeros(len(rows))
        gain = trade * worth - (1.0 - trade) * alike
        gain[taken] = -np.inf
        taken.append(int(np.argmax(gain)))
        nearest = np.maximum(nearest, rows @ rows[taken[-1]])
    return taken


def _ranks(columns: Mapping[str, Sequence[str] | None], max_rank: int) -> dict[str, dict[str, int]]:
    ranks: dict[str, dict[str, int]] = {}
    for name, ids in columns.items():
        for rank, id_ in enumerate(dict.fromkeys(ids or ()), start=1):
            if rank > max_rank:
                break
            ranks.setdefault(id_, {})[name] = rank
    return ranks
