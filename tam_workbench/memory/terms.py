"""Terms: the words of a text, and which of them say what it is about."""

import re
from typing import Final

_ASKING_TEXT: Final = """
    a about after again all also am an and any anybody anyone anything are as at be because
    been before being but by can could did do does done during each else ever every few find
    for from get give got had happen happened has have having he help helped helps her here
    him his how i if in into is it its just know known last let like look made many may me
    might more most my never no nobody not nothing now of old on once one only or other our
    over own please recall remember same saw say see seen she should show since so some
    somebody someone something still such tell than that the their them then there these they
    thing this those through time to too under until us very was we were what when where
    whether which while who whom whose why will with without would yes yet you your
"""
_ASKING: Final = frozenset(_ASKING_TEXT.split())
"""Words of any English question: pronouns, auxiliaries, prepositions, and the verbs of asking."""

_NAME: Final = re.compile(r"\w+(?:[.:/@-]+\w+)*")
_JOINED: Final = re.compile(r"\w+(?:[.:/@-]+\w+)+")
_JOINT: Final = re.compile(r"[\W_]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def names(text: str) -> list[str]:
    """Return the words of a text as they stand, joined ones whole."""
    return _NAME.findall(text)


def taken_apart(name: str) -> list[str]:
    """Return a word in lower case, an identifier before its parts."""
    parts = [part.lower() for part in _JOINT.split(name) if part]
    whole = name.lower()
    return parts if parts == [whole] else [whole, *parts]


def tokens(text: str) -> list[str]:
    """Return the words of a text in lower case; an identifier is kept whole and in its parts.

    Nothing is left out for being common in some language: BM25 weighs that.

    Examples
    --------
    >>> tokens("PaymentService: OOMKilled")
    ['paymentservice', 'payment', 'service', 'oomkilled', 'oom', 'killed']
    >>> tokens("db.pool_size=40 at checkout-7f9c")
    ['db.pool_size', 'db', 'pool', 'size', '40', 'at', 'checkout-7f9c', 'checkout', '7f9c']
    """
    return [token for name in names(text) for token in taken_apart(name)]


def identifiers(text: str) -> tuple[str, ...]:
    """Return the names in a text that stand for one thing: joined parts with a digit in them.

    >>> identifiers("what helped on cart-7f9c at ip-10-0-3-17, out-of-memory?")
    ('cart-7f9c', 'ip-10-0-3-17')
    """
    found = (name.lower() for name in _JOINED.findall(text))
    return tuple(dict.fromkeys(name for name in found if any(map(str.isdigit, name))))


def telling(text: str) -> tuple[str, ...]:
    """Return the words of a text that say what it is about.

    No identifiers and no numbers, which are others every time, and no words of asking.

    Examples
    --------
    >>> telling("did we ever see the disk full on db-7f9c (93 %)?")
    ('disk', 'full')
    """
    plain = _JOINED.sub(_without_digits, text)
    words = (word for word in tokens(plain) if not word.isdigit() and word not in _ASKING)
    return tuple(dict.fromkeys(words))


def _without_digits(name: re.Match[str]) -> str:
    return " " if any(map(str.isdigit, name[0])) else name[0]
