"""Masks: what varies in a log line by its look alone, whatever the system that wrote it.

One list for every system, applied to whole columns. A mask that is too wide costs little: a
constant that is masked splits nothing. A mask that is too narrow splits one message into many.
So whatever holds a digit is masked, but only up to the next delimiter: ``steps=7`` keeps
``steps``, and two messages of one word each stay two.
"""

import re
from typing import Final

import polars as pl

WILDCARD: Final = "<*>"

LONGEST: Final = 1000
"""Characters of a line that count; a word cut in two by this limit is left out."""

_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*"
_CLOCK = r"\d\d?:\d\d(?::\d\d)?(?:[.,]\d+)?"
_DOMAINS = "com|net|org|edu|gov|mil|info|biz|local|localdomain|lan|internal"
_COUNTRIES = "au|br|ca|ch|cn|de|es|eu|fr|hk|it|jp|kr|nl|ru|se|sg|tw|uk|us"
_UNITS = "bytes?|ms|us|ns|s|msecs?|milliseconds?|secs?|seconds?|mins?|minutes?|hours?|days?"

SPACES: Final = r"[ \t\r\n]{2,}|[\t\r\n]"

QUOTES: Final = r"\\0?42"
"""A quotation mark written as an octal escape."""

LITERALS: Final = "|".join(
    (
        r"<[A-Z_]+:[0-9a-f]+>",  # our own pseudonyms
        rf"\b(?:{_DAY},? )?{_MONTH} \d\d? {_CLOCK}(?: [A-Z]{{3,4}})?(?: \d{{4}})?\b",
        r"\b[A-Za-z][\w+.\-]*://[^\s,;\"')\]>]+",  # addresses of the web
        r"\b[A-Za-z]:\\[^\s,;\"')\]>]+",  # paths of Windows
        r"\b[0-9a-fA-F]{1,4}(?:::?[0-9a-fA-F]{1,4}){3,}\b",  # network cards, IPv6
        r"\[[0-9a-fA-F:.%]+\]:\d+\b",  # IPv6 with its port
        r"\b[\w.+\-]+@(?:[\w\-]+\.)+[A-Za-z]+\b",  # mail
        r"\b\w+-\w*\[\d[\d,\- ]*\]",  # ranges of hosts
    )
)
"""What is masked first, since what follows would cut it to pieces."""

PATHS: Final = r"(^|[\s=:,(\"'\[<])\.{0,2}(?:/+[\w.\-~$%+@*#]+)+/*(?:\?[^\s\"')]*)?"

NUMBERS: Final = "|".join(
    (
        r"\b(?:[\w\-]+\.)+[\w\-]+:\d{2,5}\b",  # hosts with a port
        rf"\b(?:[\w\-]+\.)+(?:{_DOMAINS}|{_COUNTRIES})\b",
        r"\b(?:com|org|net|edu|io)(?:\.[\w\-$]+)+",  # names that begin with a domain
        r"-?\b(?:[A-Za-z_]+[.\-])*[A-Za-z_]*\d\w*(?:[.\-:]\w+)*",  # whatever holds a digit
        r"\b[0-9a-f]{7,}\b",
        r"\b(?:true|false|null|True|False|None|TRUE|FALSE|NULL)\b",
    )
)

SIZES: Final = rf"<\*> ?(?:[KMGTPkmg]i?[Bb]|B)\b|[<>~]<\*> ?(?:{_UNITS})\b"
"""Values whose unit depends on their size: ``1.2 KB``, or ``<1 sec`` where others say 00:03."""

RESTATED: Final = rf"(<\*> (?:{_UNITS})) \(<\*>\)"
"""A value said a second time in brackets: ``1293 bytes (1.26 KB)``."""

BLANKS: Final = r"(\s)\(\)"
"""Brackets left empty where another line has a value."""

PERSONS: Final = (
    r"(\b(?:for|invalid|of|by) (?:user|host) )[\w.\-]+"
    r"|(\bfor )[\w.\-]+( from <)"
)

LISTS: Final = r"<\*>(?:[.:\-/\\,+#_~@*&|^ ]*(?:<\*>|\(<\*>\)))+"
"""Values side by side, however many: one value. Brackets after a value restate it."""

_CLASSES: Final = {"d": "0-9", "s": r" \t\r\n", "w": "0-9A-Za-z_"}


def _ascii(pattern: str) -> str:
    """Return a pattern whose classes know no Unicode, whose tables cost ten times the time.

    A short class inside brackets must be the first in them.
    """

    def plain(match: re.Match[str]) -> str:
        escaped, opened, short = match.groups()
        if escaped:
            return str(escaped)
        return f"{opened}{_CLASSES[short]}" if opened else f"[{_CLASSES[short]}]"

    pattern = re.sub(r"(\\\[)|(\[\^?)?\\([dsw])", plain, pattern)
    return pattern.replace(r"\b", r"(?-u:\b)")


def _replaced(lines: pl.Expr, pattern: str, by: str = WILDCARD) -> pl.Expr:
    return lines.str.replace_all(_ascii(pattern), by)


def _masking(lines: pl.Expr) -> pl.Expr:
    cut = lines.str.slice(0, LONGEST).str.replace(r"\s\S*$", "")
    short = pl.when(lines.str.len_chars() > LONGEST).then(cut).otherwise(lines)
    tidy = _replaced(_replaced(short.str.strip_chars(), SPACES, " "), QUOTES, '"')
    parted = _replaced(_replaced(tidy, LITERALS), PATHS, "${1}" + WILDCARD)
    counted = _replaced(_replaced(parted, NUMBERS), SIZES)
    once = _replaced(counted, RESTATED, "${1}")
    filled = _replaced(once, BLANKS, "${1}(" + WILDCARD + ")")
    named = _replaced(filled, PERSONS, "${1}${2}" + WILDCARD + "${3}")
    return _replaced(named, LISTS)


_MASKED: Final = _masking(pl.col("line"))


def mask(lines: pl.Series) -> pl.Series:
    r"""Return lines with all that varies by its look replaced by ``<*>``.

    Examples
    --------
    >>> mask(pl.Series(["node1 10.0.0.7:80 id=0x1f took -3.5 ms, wrote /var/log/app.log"]))[0]
    '<*> id=<*> took <*> ms, wrote <*>'
    """
    return lines.to_frame("line").select(_MASKED).to_series()
