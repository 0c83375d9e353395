"""Knowing: whether what a recall found is what was asked about, or only the nearest there is."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tam_workbench import memory
from tam_workbench.engine.remembering.shelf import Shelf
from tam_workbench.records import Hit

_LOOKED_AT: Final = 8
"""Best hits by words that are looked at; the fullest cover is among them."""

_SUREST: Final = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How sure a recall is, and whether it says "new to me"."""

    confidence: float
    is_new: bool


def by_words(
    text: str, hits: Sequence[Hit], shelf: Shelf, *, named: Mapping[str, float]
) -> float | None:
    """Return how much of a question the best hit says, in [0, 1]; None where nobody can tell.

    A question that is nothing but the name of a thing is covered by a hit that has the name.

    Parameters
    ----------
    hits
        What was found by words, best first.
    named
        By id, how far a hit holds the identifiers of the question.
    """
    words = memory.telling(text)
    if not words:
        return max(named.values(), default=0.0) if memory.identifiers(text) else None
    return shelf.coverage(words, [hit.entry.id for hit in hits[:_LOOKED_AT]])


def verdict(value: float, *, border: float, width: float) -> Verdict:
    """Return how sure a value makes: half at the border, 0.73 a width above, never all sure.

    >>> verdict(0.9, border=0.65, width=0.05).is_new, verdict(0.2, border=0.5, width=0.05).is_new
    (False, True)
    """
    steps = (value - border) / max(width, 1e-9)
    sure = 1.0 / (1.0 + math.exp(-min(max(steps, -50.0), 50.0)))
    return Verdict(confidence=min(sure, _SUREST), is_new=value < border)
