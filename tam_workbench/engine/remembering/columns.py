"""Columns: what the answers of a recall's columns are worth before they are fused."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from tam_workbench.records import Hit, MemoryEntry

_RELATIONAL: Final = re.compile(
    r"\b(preced|led to|caus|because|why|trigger|follow|came before|came after|depend|upstream"
    r"|downstream)",
    re.IGNORECASE,
)
_MOST_STEPS: Final = 3.0


def is_relational(text: str) -> bool:
    """Return whether a question asks what led to something or hangs on it.

    >>> is_relational("what preceded this OOM"), is_relational("disk full")
    (True, False)
    """
    return _RELATIONAL.search(text) is not None


def named(
    hits: Sequence[Hit], names: Sequence[str], likeness: Mapping[str, float]
) -> dict[str, float]:
    """Return by id how far a hit's text holds the identifiers, most of them first, then alike.

    The square of their share: one name asked for is an order, one of the many that a whole
    line carries (its node, its release) is hardly a hint.
    """
    held = {hit.entry.id: sum(name in hit.entry.text.lower() for name in names) for hit in hits}
    order = sorted(
        (id_ for id_, count in held.items() if count),
        key=lambda id_: (-held[id_], -likeness.get(id_, 0.0), id_),
    )
    return {id_: (held[id_] / len(names)) ** 2 for id_ in order}


def elsewhere(entries: Iterable[MemoryEntry], words: Collection[str]) -> frozenset[str]:
    """Return the ids of entries of another service than the question names; none if it names none.

    What a service is called is one word among many in a text; in a question it says where.

    >>> from types import SimpleNamespace as Some
    >>> met = [Some(id=name, service=at) for name, at in (("a", "cart"), ("b", "web"), ("c", ""))]
    >>> sorted(elsewhere(met, {"disk", "cart"})), sorted(elsewhere(met, {"disk"}))
    (['b'], [])
    """
    at = {entry.id: entry.service.lower() for entry in entries if entry.service}
    others = frozenset(id_ for id_, service in at.items() if service not in words)
    return others if len(others) < len(at) else frozenset()


def strengths(hits: Sequence[Hit]) -> dict[str, float]:
    """Return by id how far a hit stands above the weakest of its column, in [0, 1].

    In standard deviations of the column's scores, three of them are 1: reciprocal ranks alone
    let a column in which everything looks alike vote as loudly as one that is sure (after the
    z-score fusion of Renda and Straccia, 2003). Fewer than three hits say nothing: all are 1.

    >>> from types import SimpleNamespace as Some
    >>> column = [Some(entry=Some(id=name), score=s) for name, s in zip("abcd", (9, 1, 1, 1))]
    >>> {name: round(value, 2) for name, value in strengths(column).items()}
    {'a': 0.77, 'b': 0.0, 'c': 0.0, 'd': 0.0}
    """
    scores = np.array([hit.score for hit in hits], np.float64)
    if scores.size < 3 or scores.std() < 1e-9:
        return {hit.entry.id: 1.0 for hit in hits}
    steps = (scores - scores.min()) / scores.std()
    graded = np.minimum(steps / _MOST_STEPS, 1.0).tolist()
    return {hit.entry.id: value for hit, value in zip(hits, graded, strict=True)}


def shares(hits: Sequence[Hit]) -> dict[str, float]:
    """Return by id a hit's score as a share of the best of its column, in [0, 1].

    For scores with a zero that means something, as BM25's does: no word in common (Bruch, Gai
    and Ingber, 2023, call it the theoretical minimum).

    >>> from types import SimpleNamespace as Some
    >>> shares([Some(entry=Some(id=name), score=s) for name, s in zip("abc", (8.0, 6.0, 2.0))])
    {'a': 1.0, 'b': 0.75, 'c': 0.25}
    """
    best = max((hit.score for hit in hits), default=0.0)
    if best <= 0.0:
        return {hit.entry.id: 1.0 for hit in hits}
    return {hit.entry.id: max(0.0, hit.score / best) for hit in hits}
