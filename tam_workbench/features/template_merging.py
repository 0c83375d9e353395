"""Merging: which templates turn out to be one, because a word of theirs varies."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np

from tam_workbench.features.template_words import VALUES, Words, can_vary, is_linked
from tam_workbench.records import Ints

LINKED = 5
"""Distinct words after a preposition or an equals sign from which they are values."""

LOOSE = 12
"""Distinct words anywhere else from which they are values: more than a state has names."""

_PATTERNS = 4  # per template
_FIRM = 2  # constant words from which a pattern takes in words where it has values
_PLACES = 96  # words of a line that may turn out to vary

_Open = tuple[int, dict[str, int]]  # a place that may vary, and the words seen there


class Patterns:
    """Patterns of words with a number each, and which numbers turned out to be one.

    Two patterns that differ in a single place are the same when one of them has a value there, or
    when the place was seen with many words. Which number a line gets is decided at first sight
    and never changes, whatever is merged later: `resolve` says what became of a number.

    Examples
    --------
    >>> patterns = Patterns(limit=100, constant=0.5)
    >>> patterns.add(("open", " the", " <*>"), 0)
    >>> patterns.add(("open", " the", " door"), 1)
    >>> patterns.find(("open", " the", " gate")), patterns.resolve(np.array([1])).tolist()
    (0, [0])
    """

    def __init__(self, *, limit: int, constant: float) -> None:
        self._limit = limit * _PATTERNS
        self._constant = constant
        self._merged_into: list[int] = []
        self._number: dict[Words, int] = {}
        self._age: dict[int, tuple[int, int]] = {}
        self._firm: dict[int, tuple[int, int]] = {}
        self._shapes: dict[int, dict[tuple[int, ...], None]] = {}
        self._rivals: dict[int, dict[str, int]] = {}

    def find(self, words: Words) -> int | None:
        """Return the number of the oldest pattern that the words fit, None when there is none.

        The oldest, not the closest: so a line fits today what it will fit tomorrow.
        """
        hashes = _hashes(words)
        whole = sum(hashes)
        found = [self._age.get(whole)]
        shapes = self._shapes.get(len(words))
        if shapes:
            more = [
                _value_hash(place, word[0] == " ") - hashes[place]
                for place, word in enumerate(words)
            ]
            found += [self._firm.get(whole + sum([more[p] for p in shape])) for shape in shapes]
        return min((age for age in found if age is not None), default=(0, None))[1]

    def add(self, words: Words, number: int) -> None:
        """Take in a pattern that fits none, under a number of its own."""
        self._merged_into.append(number)
        fresh = [(words, self._enter(words, number))]
        while fresh:
            fresh.extend(self._merge(*fresh.pop()))

    def resolve(self, numbers: Ints) -> Ints:
        """Return what the numbers have been merged into; those unknown stay as they are."""
        roots = np.array([self._root(n) for n in range(len(self._merged_into))], dtype=np.int64)
        known = numbers < roots.size
        return np.where(known, roots[np.where(known, numbers, 0)] if roots.size else 0, numbers)

    def words(self, number: int) -> Words:
        """Return the widest pattern of all that was merged with a number."""
        root = self._root(number)
        merged = [words for words, n in self._number.items() if self._root(n) == root]
        return max(merged, key=lambda words: sum(map(words.count, VALUES)))

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs, in plain containers."""
        return {
            "patterns": [[list(words), number] for words, number in self._number.items()],
            "merged_into": list(self._merged_into),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Become what `state` described."""
        self._number, self._age, self._firm, self._shapes, self._rivals = {}, {}, {}, {}, {}
        self._merged_into = list(state["merged_into"])
        for words, number in state["patterns"]:
            self._enter(tuple(words), number)

    def _root(self, number: int) -> int:
        while self._merged_into[number] != number:
            number = self._merged_into[number]
        return number

    def _enter(self, words: Words, number: int) -> list[_Open]:
        """Take in a pattern; return the places that may vary, with what was seen there."""
        hashes = _hashes(words)
        whole, age = sum(hashes), (len(self._number), number)
        self._age[whole] = age
        self._number[words] = number
        able = [place for place, word in enumerate(words) if can_vary(word)]
        values = tuple(place for place in able if words[place] in VALUES)
        constants = len(able) - len(values)
        if values and constants >= _FIRM:
            self._firm[whole] = age
            self._shapes.setdefault(len(words), {})[values] = None
        enough = max(self._constant * len(able), 1.0)
        found = []
        for place in able:
            left = constants - (place not in values)
            if left >= enough and place < _PLACES:
                others = hash((place, whole - hashes[place], len(words)))
                rivals = self._rivals.setdefault(others, {})
                rivals[words[place]] = number
                found.append((place, rivals))
        return found

    def _merge(self, words: Words, places: list[_Open]) -> list[tuple[Words, list[_Open]]]:
        """Unite a pattern with its rivals where a word varies; return what is new by that."""
        fresh = []
        for place, rivals in places:
            limit = LINKED if is_linked(words, place) else LOOSE
            if len(rivals) >= limit or (len(rivals) > 1 and not VALUES.isdisjoint(rivals)):
                number = self._unite(rivals.values())
                wide = (*words[:place], _value_like(words[place]), *words[place + 1 :])
                if wide not in self._number and len(self._number) < self._limit:
                    fresh.append((wide, self._enter(wide, number)))
        return fresh

    def _unite(self, numbers: Iterable[int]) -> int:
        roots = {self._root(number) for number in numbers}
        oldest = min(roots)
        for root in roots:
            self._merged_into[root] = oldest
        return oldest


def _hashes(words: Iterable[str]) -> list[int]:
    """Return a hash of each word at its place; their sum tells lines apart.

    Of one text each: a hash of a pair is nearly a sum, and would not see two words swapped.
    """
    return [hash(f"{place} {word}") for place, word in enumerate(words)]


@lru_cache(maxsize=4096)
def _value_hash(place: int, is_spaced: bool) -> int:
    return hash(f"{place}  <*>" if is_spaced else f"{place} <*>")


def _value_like(word: str) -> str:
    return " <*>" if word.startswith(" ") else "<*>"
