"""Budget: how many tokens a text will cost a language model, by an estimate of our own."""

import re
from typing import Final

_PIECES: Final = re.compile(r"[A-Za-z]+|[0-9]+|[^\sA-Za-z0-9]|\n")
_LETTERS: Final = 4
_DIGITS: Final = 2


def tokens(text: str) -> int:
    r"""Return an estimate of the tokens in a text, made to be rather too high.

    Four letters or two digits of a run are a token, as is each sign and each line's end; what is
    not ASCII counts a token a byte, which no byte-level tokenizer exceeds. Spaces are free, since
    tokenizers take them into the word that follows. Lines add up: a text costs what its lines
    cost and one for each end.

    >>> tokens("OOMKilled at 10:14"), tokens("é"), tokens("a\nb")
    (7, 2, 3)
    """
    return sum(_cost(piece) for piece in _PIECES.findall(text))


def _cost(piece: str) -> int:
    if not piece.isascii():
        return len(piece.encode("utf-8", "surrogatepass"))
    if piece.isalpha():
        return -(-len(piece) // _LETTERS)
    return -(-len(piece) // _DIGITS) if piece.isdigit() else 1
