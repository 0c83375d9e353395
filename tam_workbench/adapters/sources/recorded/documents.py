"""Documents: one item after another out of a file, whichever way it was written down."""

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import IO, Any, Final, cast

from tam_workbench.adapters.observing import latest_stamp, stamp
from tam_workbench.errors import BadInputError, MissingExtraError

__all__ = ["Document", "documents"]

_LONGEST: Final = 1 << 25  # bytes of a line; an object of the API has 1.5 MB at most
_WHOLE: Final = 1 << 29  # bytes of a file that is one document


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One thing of a file: an object, or why it could not be read."""

    row: int  # its line, or its number among the documents
    told: Mapping[str, Any] = field(default_factory=dict)
    change: str = ""  # as the file says it, empty when it does not
    at: datetime | None = None  # when it was seen, if the file says so
    fault: str = ""
    excerpt: str = ""


def documents(path: Path) -> Iterator[Document]:
    """Yield what a file holds, in its order.

    Raises
    ------
    BadInputError
        When the file cannot be read at all.
    """
    try:
        with _opened(path) as handle:
            first = b""
            while not first.strip():
                first = handle.readline(_LONGEST)
                if not first:
                    return
            if first.lstrip()[:1] in b"{[":
                yield from _json(first, handle)
            else:
                yield from _yaml(first, handle)
    except (OSError, EOFError) as error:
        what = getattr(error, "strerror", None) or str(error)
        raise BadInputError(f"cannot read {path}: {what}; check the path") from error


def _opened(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _json(first: bytes, handle: IO[bytes]) -> Iterator[Document]:
    if _is_whole(first):
        lines = chain([first], iter(lambda: handle.readline(_LONGEST), b""))
        for row, line in enumerate(lines, start=1):
            if line.strip():
                yield from _parsed(row, line)
        return
    rest = first + handle.read(_WHOLE)
    if not _is_whole(rest):  # lines after all, of which the first is broken
        for row, line in enumerate(rest.splitlines(), start=1):
            if line.strip():
                yield from _parsed(row, line)
        return
    yield from _parsed(1, rest)


def _is_whole(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _parsed(row: int, line: bytes) -> Iterator[Document]:
    try:
        told = json.loads(line)
        if type(told) is dict and "change" in told:  # ours, which nearly all lines are
            yield Document(row=row, told=told)
        else:
            yield from _expanded(row, told)
    except (ValueError, RecursionError) as error:
        yield _bad(row, f"is not JSON: {str(error)[:80]}", line)


def _yaml(first: bytes, handle: IO[bytes]) -> Iterator[Document]:
    try:
        import yaml
    except ImportError as error:
        raise MissingExtraError("sources", "recorded", extra="kubernetes") from error
    loader = _loader(yaml)
    for row, text in enumerate(_split(first, handle), start=1):
        try:
            found = yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader, see _loader
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            yield _bad(row, f"is not YAML: {str(error).splitlines()[0][:80]}", text)
            continue
        if found is not None:
            yield from _expanded(row, found, header=_header(text))


def _loader(yaml: Any) -> Any:  # noqa: ANN401 - a module without types
    """Return a safe loader that leaves stamps texts, as the API gives them."""
    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    resolvers = {
        first: [(tag, pattern) for tag, pattern in found if not tag.endswith(":timestamp")]
        for first, found in base.yaml_implicit_resolvers.items()
    }
    return type("TextStamps", (base,), {"yaml_implicit_resolvers": resolvers})


def _split(first: bytes, handle: IO[bytes]) -> Iterator[bytes]:
    part: list[bytes] = []
    for line in chain([first], iter(lambda: handle.readline(_LONGEST), b"")):
        if line.rstrip() == b"---":
            yield b"".join(part)
            part = []
        else:
            part.append(line)
    yield b"".join(part)


def _header(text: bytes) -> Mapping[str, Any]:
    """Return what the comment above a document says: when it was seen, and how."""
    head = text.lstrip().split(b"\n", 1)[0]
    if not head.startswith(b"#"):
        return {}
    try:
        told = json.loads(head.lstrip(b"# "))
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _expanded(
    row: int, told: object, *, header: Mapping[str, Any] | None = None
) -> Iterator[Document]:
    """Yield the objects of a document: itself, those of a list, the one of a watch event."""
    above = header or {}
    if isinstance(told, list):
        yield from _list(row, told, above)
    elif not isinstance(told, dict):
        yield _bad(row, "is no object of Kubernetes", str(told).encode())
    elif isinstance(told.get("items"), list):
        kind = str(told.get("kind") or "").removesuffix("List")
        yield from _list(row, told["items"], above, kind=kind)
    elif isinstance(told.get("object"), dict):
        at = stamp(told.get("time")) or stamp(told.get("observed_at"))
        yield Document(row=row, told=told["object"], change=str(told.get("type") or ""), at=at)
    elif isinstance(told.get("event"), dict):
        yield Document(row=row, told={"kind": "Event", **told["event"]})
    elif "change" in told or "kind" in told:
        style = {"delete": "DELETED", "deleted": "DELETED"}.get(str(above.get("style")), "")
        yield Document(row=row, told=told, change=style, at=stamp(above.get("time")))
    else:
        yield _bad(row, "is no object of Kubernetes", json.dumps(told, default=str).encode())


def _list(
    row: int, items: list[Any], above: Mapping[str, Any], *, kind: str = ""
) -> Iterator[Document]:
    """Yield the items of a list, all seen at once: no sooner than the latest that one tells."""
    whole = [{**({"kind": kind} if kind else {}), **item} for item in items if _is_object(item)]
    stamps = [at for at in (latest_stamp(item) for item in whole) if at is not None]
    at = stamp(above.get("time")) or max(stamps, default=None)
    for item in whole:
        yield Document(row=row, told=item, at=at)
    if len(whole) < len(items):
        yield _bad(row, f"holds {len(items) - len(whole)} items that are no objects", b"")


def _is_object(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("metadata"), dict)


def _bad(row: int, fault: str, text: bytes) -> Document:
    shown = text[:200].decode("utf-8", "replace")
    excerpt = "".join(c if c.isprintable() else "\ufffd" for c in shown)
    return Document(row=row, fault=fault, excerpt=excerpt)
