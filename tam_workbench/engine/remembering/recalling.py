"""Recalling: columns that each find what they can, fused, weighed, or told as "new to me"."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from tam_workbench import memory
from tam_workbench.engine.remembering.columns import (
    elsewhere,
    is_relational,
    named,
    shares,
    strengths,
)
from tam_workbench.engine.remembering.knowing import Verdict, by_words, verdict
from tam_workbench.engine.remembering.links import Links
from tam_workbench.engine.remembering.shelf import Shelf
from tam_workbench.records import Hit, MemoryEntry, Recalled, Where

Floats = npt.NDArray[np.float32]
SEEDS: Final = 5
"""Best hits of the other columns that the graph spreads from."""

WEIGHTS: Final[Mapping[str, float]] = MappingProxyType({"vector": 1.0, "text": 2.5, "graph": 0.5})
"""Weights of a recall's columns; those that are not named weigh 1."""

_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallRules:
    """How a recall searches and weighs."""

    depth: int = 50
    """Hits that each column gives."""

    least_covered: float = 0.5
    """Share of a question, rare words weighing more, that one hit must hold: under it the
    answer is "new to me". Texts of one house share a frame, so that similarity alone cannot
    tell; 0 never abstains."""

    novel_below: float | None = None
    """Best similarity under which the answer is "new to me", instead of ``least_covered``; -1
    never abstains. None judges by words, and where a store cannot weigh words, by the
    embedder's own border."""

    sureness: float = 0.05
    """Width of either border: at the border the confidence is one half, a width above 0.73."""

    prior_share: float = 0.1
    """How far outcome, trust and recency may lift or lower a hit's relevance (0.1 is ±5 %);
    0 ranks by relevance alone."""

    variety: float = 0.0
    """Share of unlikeness in choosing hits (MMR); 0 is relevance alone."""

    fusion: memory.FusionRules = field(
        default_factory=lambda: memory.FusionRules(max_rank=50, weights=dict(WEIGHTS))
    )
    """Reciprocal rank fusion of the columns. Words weigh more than the vector, which hears the
    frame that all texts of a house share."""

    elsewhere: float = 0.25
    """Share of its relevance that a hit of another service keeps when the question names one;
    1 takes no notice of services."""

    is_graded: bool = True
    """Whether a column's vote weighs by how far the hit stands out in it; off counts ranks."""

    relational_weight: float = 3.0
    """Weight of the graph where a question asks what led to something: only the graph knows,
    so nobody else votes for its hits. In other questions it is that of ``fusion``."""

    rank: memory.RankRules = field(default_factory=memory.RankRules)
    """Weights of outcome, trust and recency, and the half-life of recency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked: words, their vector, how many, and what may be found."""

    text: str
    vector: Sequence[float]
    k: int
    where: Where
    now: datetime


class Recaller:
    """Asks the columns of a shelf; changes nothing."""

    def __init__(
        self,
        shelf: Shelf,
        links: Links,
        *,
        rules: RecallRules,
        border: float,
        moving: Callable[[str, int, Where], list[str]] | None = None,
    ) -> None:
        self._shelf = shelf
        self._links = links
        self._rules = rules
        self._border = border
        self._moving = moving
        self._prior = replace(rules.rank, similarity=0.0)

    def recall(self, question: Question) -> Recalled:
        """Return the best hits with every part of their scores."""
        rules, where = self._rules, question.where
        query = np.asarray(question.vector, np.float32)
        by_vector = self._shelf.nearest(query, k=rules.depth, where=where)
        by_text = self._shelf.matching(question.text, k=rules.depth, where=where)
        found = {hit.entry.id: hit.entry for hit in (*by_vector, *by_text)}
        likeness = {hit.entry.id: hit.score for hit in by_vector}
        by_names = named([*by_text, *by_vector], memory.identifiers(question.text), likeness)
        columns: dict[str, Sequence[str] | None] = {
            "vector": [hit.entry.id for hit in by_vector],
            "text": [hit.entry.id for hit in by_text],
            **({"names": list(by_names)} if by_names else {}),
        }
        self._ask_others(columns, found, question)
        fusion = memory.fuse(columns, k=len(found), rules=self._fusing(question.text))
        graded = {
            "vector": strengths(by_vector),
            "text": shares(by_text),
            "names": by_names,
        }
        others = self._elsewhere(question.text, found)
        words = {hit.entry.id: hit.parts.get("words", hit.score) for hit in by_text}
        contenders = self._contenders(
            [self._graded(each, graded, others) for each in fusion.hits], question
        )
        hits = [
            self._hit(
                found[fused.id],
                fused,
                similarity=_similarity(found[fused.id], query, likeness),
                words=words,
                now=question.now,
            )
            for fused in contenders
        ]
        hits.sort(key=lambda hit: (-hit.score, hit.entry.id))
        chosen = self._varied(hits, question.k)
        sure = self._sure(question.text, by_vector, by_text, by_names)
        return self._recalled(chosen, fusion, sure)

    def _recalled(self, chosen: Sequence[Hit], fusion: memory.Fusion, sure: Verdict) -> Recalled:
        agreed = {hit.entry.id for hit in chosen}
        consensus = [fused.consensus for fused in fusion.hits if fused.id in agreed]
        return Recalled(
            hits=tuple(chosen),
            consensus=float(np.mean(consensus)) if consensus else 0.0,
            confidence=sure.confidence,
            is_abstained=sure.is_new,
            version=self._shelf.version,
            columns=fusion.answered,
        )

    def _ask_others(
        self,
        columns: dict[str, Sequence[str] | None],
        found: dict[str, MemoryEntry],
        question: Question,
    ) -> None:
        """Add the columns that fetch entries of their own: a moving embedder, the graph."""
        if self._moving is not None:
            columns["moved"] = self._moved(self._moving, found, question)
        if len(self._links):
            columns["graph"] = self._linked(columns, found, question)

    def _fusing(self, text: str) -> memory.FusionRules:
        rules = self._rules
        if not is_relational(text):
            return rules.fusion
        weights = {**rules.fusion.weights, "graph": rules.relational_weight}
        return replace(rules.fusion, weights=weights)

    def _elsewhere(self, text: str, found: Mapping[str, MemoryEntry]) -> frozenset[str]:
        """Return what is of another service than asked for; what led to it may be anywhere."""
        if self._rules.elsewhere >= 1.0 or is_relational(text):
            return frozenset()
        return elsewhere(found.values(), frozenset(memory.tokens(text)))

    def _graded(
        self,
        fused: memory.Fused,
        graded: Mapping[str, Mapping[str, float]],
        others: frozenset[str],
    ) -> memory.Fused:
        if not self._rules.is_graded:
            return fused
        share = self._rules.elsewhere if fused.id in others else 1.0
        parts = {
            column: part * share * graded.get(column, {}).get(fused.id, 1.0)
            for column, part in fused.parts.items()
        }
        return replace(fused, parts=parts, score=min(1.0, sum(parts.values())))

    def _contenders(self, graded: list[memory.Fused], question: Question) -> list[memory.Fused]:
        """Return what may be among the k best however outcome, trust and recency lift it."""
        k, most = question.k, 0.5 * self._rules.prior_share
        if self._rules.variety or k <= 0 or len(graded) <= k:
            return graded
        sure = sorted((min(1.0, fused.score * (1.0 - most)) for fused in graded), reverse=True)
        least = sure[k - 1] - _ROUNDING
        return [fused for fused in graded if min(1.0, fused.score * (1.0 + most)) >= least]

    def _sure(
        self,
        text: str,
        by_vector: Sequence[Hit],
        by_text: Sequence[Hit],
        by_names: Mapping[str, float],
    ) -> Verdict:
        """Return how sure it is that the best hit is the same thing."""
        rules = self._rules
        if not by_vector and not by_text:
            return Verdict(confidence=0.0, is_new=True)
        if rules.novel_below is None:
            covered = by_words(text, by_text, self._shelf, named=by_names)
            if covered is not None:
                return verdict(covered, border=rules.least_covered, width=rules.sureness)
        best = max((hit.parts["similarity"] for hit in by_vector[:1]), default=-1.0)
        return verdict(best, border=self._border, width=rules.sureness)

    def _linked(
        self,
        columns: Mapping[str, Sequence[str] | None],
        found: dict[str, MemoryEntry],
        question: Question,
    ) -> list[str]:
        """Return what the best hits bring to mind; what was not found yet is fetched."""
        seeds = {
            entry_id: 1.0 / (rank + 1)
            for ids in columns.values()
            for rank, entry_id in enumerate((ids or ())[:SEEDS])
        }
        names = list(self._links.felt(seeds, where=question.where, now=question.now))
        fresh = self._shelf.get([name for name in names if name not in found])
        found.update((e.id, e) for e in fresh if memory.admits(e, question.where))
        return [name for name in names if name in found][: self._rules.depth]

    def _moved(
        self,
        ask: Callable[[str, int, Where], list[str]],
        found: dict[str, MemoryEntry],
        question: Question,
    ) -> list[str]:
        """Return what the embedder that entries move to finds, as the entries at hand."""
        names = ask(question.text, self._rules.depth, question.where)
        fresh = self._shelf.get([name for name in names if name not in found])
        found.update((e.id, e) for e in fresh if memory.admits(e, question.where))
        return [name for name in names if name in found]

    def _hit(
        self,
        entry: MemoryEntry,
        fused: memory.Fused,
        *,
        similarity: float,
        words: Mapping[str, float],
        now: datetime,
    ) -> Hit:
        rules = self._rules
        plain = Hit(entry=entry, score=similarity, parts={"similarity": similarity})
        weighed = memory.rank([plain], now=now, rules=self._prior)[0]
        lift = 1.0 + rules.prior_share * (weighed.score - 0.5)
        parts = {
            **weighed.parts,
            "similarity": similarity,
            "words": words.get(entry.id, 0.0),
            "relevance": fused.score,
            "consensus": fused.consensus,
            **{f"rank_{name}": float(rank) for name, rank in fused.ranks.items()},
        }
        return Hit(entry=entry, score=min(1.0, fused.score * lift), parts=parts)

    def _varied(self, hits: Sequence[Hit], k: int) -> list[Hit]:
        if not self._rules.variety or len(hits) <= k:
            return list(hits[:k])
        rows = np.array([hit.entry.vector for hit in hits], np.float64)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        worth = np.array([hit.score for hit in hits])
        chosen = memory.diversified(rows, worth, k=k, trade=1.0 - self._rules.variety)
        return [hits[at] for at in chosen]


def _similarity(entry: MemoryEntry, query: Floats, likeness: Mapping[str, float]) -> float:
    """Return the cosine of an entry and the question, as found or else computed."""
    if entry.id in likeness:
        return likeness[entry.id]
    vector = np.asarray(entry.vector, np.float32)
    norm = float(np.linalg.norm(vector) * np.linalg.norm(query))
    return float(vector @ query) / norm if norm else 0.0
