"""Redaction: personal data and secrets give way to pseudonyms before anything is kept."""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from tam_workbench.errors import SettingsError
from tam_workbench.records import Batch
from tam_workbench.trust.patterns import ADDRESSES, QUICK, SIGNS, recognizers

if TYPE_CHECKING:
    from presidio_analyzer import PatternRecognizer

__all__ = ["Redactor"]

_CACHED_LINES: Final = 10_000
_LONGEST_EXCERPT: Final = 200
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "logs": ("body",),
    "changes": ("object", "detail"),
    "rejects": ("excerpt",),
}


class Redactor:
    """Replaces what identifies people or opens doors by pseudonyms like ``<EMAIL:3fa9c1d204>``.

    Parameters
    ----------
    secret
        Key of the pseudonyms, 16 to 64 bytes. The same value has the same pseudonym under the
        same key, so joins survive; without the key it cannot be guessed and checked.
    hide_addresses
        Hide IP addresses too. Off, since operations need them.

    Notes
    -----
    Redacted are ``logs.body``, ``changes.object`` and ``.detail``, ``rejects.excerpt``. E-mail
    addresses, payment cards and IBANs (with checksums), international phone numbers, passwords,
    bearer tokens and keys are found by presidio's pattern recognizers; names of people are not.
    """

    def __init__(self, secret: bytes, *, hide_addresses: bool = False) -> None:
        if not 16 <= len(secret) <= 64:
            raise SettingsError(f"the redaction secret has {len(secret)} bytes; give it 16 to 64")
        self._secret = secret
        self._hide_addresses = hide_addresses
        self._quick = f"{QUICK}|{ADDRESSES}" if hide_addresses else QUICK
        self._quickly = re.compile(self._quick)
        self._signs = {kind: re.compile(sign) for kind, sign in SIGNS.items()}
        if hide_addresses:
            self._signs["IP"] = re.compile(ADDRESSES)
        self._recognizers: dict[str, PatternRecognizer] | None = None
        self._cache: OrderedDict[str, str] = OrderedDict()

    def prepare(self) -> None:
        """Load the recognizers now; otherwise the first suspicious line waits for them."""
        if self._recognizers is None:
            self._recognizers = recognizers(hide_addresses=self._hide_addresses)

    def redact(self, batch: Batch) -> Batch:
        """Return the batch with pseudonyms in its texts; a clean batch as it is."""
        changed: dict[str, Any] = {}
        for signal, fields in _FIELDS.items():
            frame: pl.DataFrame = getattr(batch, signal)
            columns = [self._column(frame[field]) for field in fields] if frame.height else []
            new = [column for column in columns if column is not None]
            if new:
                changed[signal] = _placed(frame, new)
        return replace(batch, **changed) if changed else batch

    def texts(self, lines: Sequence[str]) -> list[str]:
        """Return lines with pseudonyms, for whatever is not a batch.

        >>> Redactor(b"0123456789abcdef").texts(["disk full", "ask bob@example.com"])
        ['disk full', 'ask <EMAIL:37aea39dc0>']
        """
        return [self._line(line) if self._quickly.search(line) else line for line in lines]

    def pseudonym(self, kind: str, value: str) -> str:
        """Return what stands for a value.

        >>> Redactor(b"0123456789abcdef").pseudonym("EMAIL", "bob@example.com")
        '<EMAIL:37aea39dc0>'
        """
        mark = hashlib.blake2b(value.encode(), key=self._secret, digest_size=5, person=b"pseudonym")
        return f"<{kind}:{mark.hexdigest()}>"

    def _column(self, texts: pl.Series) -> pl.Series | None:
        """Return the column with pseudonyms, None when there is nothing to hide."""
        suspicious = texts.str.contains(self._quick)
        if not suspicious.any():  # nulls are not
            return None
        excerpt = texts.name == "excerpt"
        lines = texts.filter(suspicious).unique().to_list()
        known = {line: self._line(_whole(line) if excerpt else line) for line in lines}
        told = {line: clean for line, clean in known.items() if clean != line}
        if not told:
            return None
        lines = [told.get(line, line) if line else line for line in texts.to_list()]
        return pl.Series(texts.name, lines, dtype=pl.String)

    def _line(self, line: str) -> str:
        if line in self._cache:
            self._cache.move_to_end(line)
            return self._cache[line]
        clean = self._hide(line)
        self._cache[line] = clean
        if len(self._cache) > _CACHED_LINES:
            self._cache.popitem(last=False)
        return clean

    def _hide(self, line: str) -> str:
        self.prepare()
        found: list[tuple[int, int, str]] = []
        for kind, recognizer in (self._recognizers or {}).items():
            if self._signs[kind].search(line) is None:
                continue
            hits = recognizer.analyze(line, recognizer.supported_entities, None)
            found += [(hit.start, hit.end, kind) for hit in hits]
        clean, end_before = [], 0
        for start, end, kind in sorted(found, key=lambda hit: (hit[0], -hit[1])):
            if end <= end_before:
                continue
            begin = max(start, end_before)
            clean += [line[end_before:begin], self.pseudonym(kind, line[begin:end])]
            end_before = end
        return "".join([*clean, line[end_before:]])


def _placed(frame: pl.DataFrame, columns: list[pl.Series]) -> pl.DataFrame:
    """Return a frame with columns in place of those of the same names, without a query."""
    twin = frame.clone()
    for column in columns:
        twin.replace_column(twin.get_column_index(column.name), column)
    return twin


def _whole(excerpt: str) -> str:
    """Leave out a last word that was cut: half an address is no longer recognised as one."""
    if len(excerpt) < _LONGEST_EXCERPT:
        return excerpt
    head, gap, _ = excerpt.rpartition(" ")
    return f"{head} …" if gap else "…"
