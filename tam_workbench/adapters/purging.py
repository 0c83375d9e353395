"""Purging: looking for texts in what a store still keeps, for the proof that they are gone."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from tam_workbench.records import MemoryEntry

_CHUNK: Final = 1 << 20
"""Bytes read at once."""


def forms(needles: Sequence[str]) -> tuple[bytes, ...]:
    r"""Return the bytes that stand for the needles on disk: UTF-8, UTF-16 and JSON-escaped.

    Examples
    --------
    >>> forms(["é"])
    (b'\xc3\xa9', b'\xe9\x00', b'\\u00e9')
    >>> forms(["", " "])
    ()
    """
    found: dict[bytes, None] = {}
    for needle in needles:
        if not needle.strip():
            continue
        escaped = (json.dumps(needle, ensure_ascii=ascii_)[1:-1] for ascii_ in (True, False))
        for text in (needle, *escaped):
            found[text.encode("utf-8", "surrogatepass")] = None
        found[needle.encode("utf-16-le", "surrogatepass")] = None
    return tuple(sorted(found, key=lambda form: b"\\" in form))


def search_files(folder: Path, needles: Sequence[str]) -> tuple[int, int, tuple[str, ...]]:
    """Read every file under a folder and return files, bytes, and the names of those holding.

    Names count too: a file called after a needle holds it.
    """
    wanted, files, size, holding = forms(needles), 0, 0, []
    longest = max(map(len, wanted), default=0)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(path.relative_to(folder))
        found = any(form in name.encode("utf-8", "surrogateescape") for form in wanted)
        try:
            for chunk, fresh in _chunks(path, overlap=longest):
                size += fresh
                found = found or any(form in chunk for form in wanted)
        except FileNotFoundError:  # somebody else removed it meanwhile
            continue
        files += 1
        if found:
            holding.append(name)
    return files, size, tuple(holding)


def entries_holding(entries: Iterable[MemoryEntry], needles: Sequence[str]) -> list[str]:
    """Return the ids of entries whose texts hold a needle, in any field.

    A search of bytes cannot see into compressed or encrypted pages, this can.
    """
    wanted = [needle for needle in needles if needle.strip()]
    return [
        entry.id
        for entry in entries
        if any(needle in text for text in _texts(entry) for needle in wanted)
    ]


def _texts(entry: MemoryEntry) -> Iterator[str]:
    yield from (entry.id, entry.kind, entry.text, entry.service, entry.action, entry.embedder)
    yield from entry.labels
    yield from entry.source_ids
    for name, value in entry.attributes.items():
        yield name
        yield value


def _chunks(path: Path, *, overlap: int) -> Iterator[tuple[bytes, int]]:
    """Yield a file piece by piece, each with the end of the one before, and its new bytes."""
    before = b""
    with path.open("rb") as file:
        while fresh := file.read(_CHUNK):
            yield before + fresh, len(fresh)
            before = (before + fresh)[-overlap:] if overlap else b""
