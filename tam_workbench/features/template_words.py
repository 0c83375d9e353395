"""Words of a masked line: what a template is compared by."""

import re
from typing import Final

from tam_workbench.features.masks import WILDCARD

Words = tuple[str, ...]

VALUES: Final = frozenset({WILDCARD, " " + WILDCARD})
"""The words of a template that stand for a value."""

_WORD: Final = re.compile(r" ?[=:,;()\[\]{}\"']| ?[^ =:,;()\[\]{}\"']+")
_ALNUM: Final = re.compile(r"[^\W_]")
_LONGEST_REPEAT: Final = 3
_LINKS: Final = frozenset({"=", "at", "by", "for", "from", "host", "in", "of", "on", "to", "user"})


def words_of(line: str) -> Words:
    """Return the words and delimiters of a masked line, each with the blank before it.

    A phrase with a value in it that is written over and over is written once: a list has as many
    phrases as there are nodes, and is still one message.

    Examples
    --------
    >>> words_of("user=<*> gone")
    ('user', '=', '<*>', ' gone')
    >>> words_of("nodes <*> <ok> <*> <ok> <*> <ok>")
    ('nodes', ' <*>', ' <ok>')
    """
    words = _WORD.findall(line)
    if sum(map(words.count, VALUES)) > 1:
        words = _without_repeats(words)
    return tuple(words)


def _without_repeats(words: list[str]) -> list[str]:
    kept: list[str] = []
    for word in words:
        kept.append(word)
        for width in range(1, _LONGEST_REPEAT + 1):
            tail = kept[-width:]
            if kept[-2 * width : -width] == tail and not VALUES.isdisjoint(tail):
                del kept[-width:]
                break
    return kept


def is_linked(words: Words, place: int) -> bool:
    """Return whether the word before, a preposition or an equals sign, says a value follows.

    Examples
    --------
    >>> is_linked(("session", " opened", " for", " ann"), 3)
    True
    """
    return place > 0 and words[place - 1].strip(" ").lower() in _LINKS


def can_vary(word: str) -> bool:
    """Return whether a word may be a value: delimiters may not."""
    return word in VALUES or _ALNUM.search(word) is not None
