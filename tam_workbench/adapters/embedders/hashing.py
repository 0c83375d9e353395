"""Texts into vectors by feature hashing: no model, no torch, the same on every machine."""

import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from tam_workbench.errors import SettingsError

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+", re.UNICODE)
"""Words, with camelCase and snake_case taken apart; a run of digits is a word of its own."""

_FAINT_TEXT: Final = """
    a an and are as at be been by can could for from has have in into is it its not of on or that
    the then this to was were while will with
    service metrics logs changes high low very extremely
"""
_FAINT: Final = frozenset(_FAINT_TEXT.split())
"""Words that say little about an incident, our own labels among them."""

_FAINT_WEIGHT: Final = 0.15
_PAIR_WEIGHT: Final = 0.5
_GRAM_WEIGHT: Final = 0.25
_CONCEPT_WEIGHT: Final = 0.8

_CONCEPTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        stem: concept
        for concept, stems in {
            "memory": "oom heap rss memory malloc swap gc",
            "kill": "kill evict terminat sigkill",
            "slow": "latency slow delay duration timeout timed p95 p99 lag",
            "disk": "disk volume inode storage enospc filesystem",
            "cpu": "cpu processor throttl saturat",
            "network": "network packet connection socket refused unreachable dns",
            "fail": "fail error exception fatal crash panic",
            "release": "deploy rollout release version image upgrade",
            "config": "config setting flag parameter",
            "restart": "restart reboot backoff crashloop",
            "full": "full exhaust space quota limit",
        }.items()
        for stem in stems.split()
    }
)
"""Beginnings of words that operators use for one thing."""

_LONGEST: Final = 20_000
"""Characters of a text that are read; a 10 MB line must not stop the loop."""
_KNOWN_WORDS: Final = 20_000
"""Words whose features are kept at hand; beyond that all are dropped and found again."""

_Feature = tuple[int, float]


class HashingEmbedder:
    """Hashes words, pairs of words and parts of words into signed buckets of a unit vector.

    Counts weigh 1 + log(count), numbers count as one word, and the hash is CRC-32, so equal
    texts give equal bits in every process. Reads the first 20,000 characters of a text.

    Parameters
    ----------
    dimension
        Buckets; unrelated texts have a cosine of about 0 ± 1/sqrt(dimension).

    Examples
    --------
    >>> vectors = HashingEmbedder().embed(["heap at 91 %", "heap at 95 %", "cat pictures"])
    >>> vectors.shape, float((vectors[0] @ vectors[1]).round(3))
    ((3, 256), 1.0)
    >>> bool(vectors[0] @ vectors[2] < 0.3)
    True
    """

    name = "hashing"
    novel_below = 0.65
    """Similarity under which an incident is unlike all known.

    Measured on incident texts: unknown kinds stay below 0.6, known ones above 0.7.
    """

    def __init__(self, *, dimension: int = 256) -> None:
        if dimension < 8:
            raise SettingsError(f"embedder 'hashing': dimension {dimension} is below 8")
        self.dimension = dimension
        self._words: dict[str, tuple[_Feature, ...]] = {}

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return an array (len(texts), dimension) of rows with norm 1."""
        rows = np.zeros((len(texts), self.dimension), np.float64)
        for row, text in zip(rows, texts, strict=True):
            self._fill(row, text)
        norms = np.linalg.norm(rows, axis=1)
        rows[norms == 0.0, 0] = 1.0  # nothing to read: all such texts are alike
        norms[norms == 0.0] = 1.0
        return np.asarray(rows / norms[:, None], np.float32)

    def _fill(self, row: npt.NDArray[np.float64], text: str) -> None:
        words = [_plain(word) for word in _WORD.findall(text[:_LONGEST])]
        for word, count in Counter(words).items():
            weight = 1.0 + float(np.log(count))
            for bucket, value in self._features(word):
                row[bucket] += weight * value
        telling = [word for word in words if word not in _FAINT]
        pairs = Counter(pairwise(telling))
        for (first, second), count in pairs.items():
            bucket, sign = _bucket(f"{first} {second}", self.dimension)
            row[bucket] += _PAIR_WEIGHT * (1.0 + float(np.log(count))) * sign

    def _features(self, word: str) -> tuple[_Feature, ...]:
        known = self._words.get(word)
        if known is None:
            if len(self._words) >= _KNOWN_WORDS:
                self._words.clear()
            known = tuple(
                (bucket, weight * sign)
                for part, weight in _parts(word)
                for bucket, sign in (_bucket(part, self.dimension),)
            )
            self._words[word] = known
        return known


def _plain(word: str) -> str:
    return "#" if word.isdigit() else word.lower()


def _parts(word: str) -> Iterator[tuple[str, float]]:
    """Yield what a word is made of, with weights."""
    if word in _FAINT:
        yield word, _FAINT_WEIGHT
        return
    yield word, _FAINT_WEIGHT if word == "#" else 1.0
    bounded = f"<{word[:40]}>"
    for size in (3, 4):
        grams = {bounded[at : at + size] for at in range(len(bounded) - size + 1)} - {bounded}
        for gram in sorted(grams):
            yield gram, _GRAM_WEIGHT
    for size in range(2, min(len(word), 12) + 1):
        if word[:size] in _CONCEPTS:
            yield f"concept {_CONCEPTS[word[:size]]}", _CONCEPT_WEIGHT
            return


def _bucket(feature: str, dimension: int) -> tuple[int, float]:
    hashed = zlib.crc32(feature.encode("utf-8", "replace"))
    return (hashed >> 1) % dimension, 1.0 if hashed & 1 else -1.0
