"""The shelf of a cluster: what is known of it, as documents, and back.

A fact is written once and never changed. Facts stand in pages, one a flush, with the edges as
they were by then: of two pages that tell of the same effect the later one holds. What changes
(an incident, a block of an object's history, the last state of an object) is a document.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from tam_workbench.causal import ClusterIncident
from tam_workbench.engine.cluster.pages import Page, Reader, opened, page_text, sealed
from tam_workbench.engine.scribe import from_json
from tam_workbench.ports import Documents

PAGES: Final = "cluster_pages"
INCIDENTS: Final = "cluster_incidents"
HISTORY: Final = "cluster_history"
OBJECTS: Final = "cluster_objects"
ABOUT: Final = "cluster_about"

_AT_ONCE: Final = 16
"""Pages that are read at once."""
_MOST: Final = 2048
"""Facts in a page."""
_TOGETHER: Final = 512
"""Parts of the history in a transaction."""
_REF: Final = ("cluster", "kind", "name", "namespace", "uid")


class ClusterShelf:
    """Keeps a cluster's memory in documents; opened when something is to be kept or asked.

    Parameters
    ----------
    open_documents
        Opens the documents; None keeps nothing.
    is_begun
        Tells whether there may be anything to read, so that asking makes no file.
    """

    def __init__(
        self,
        open_documents: Callable[[], Documents] | None,
        *,
        is_begun: Callable[[], bool] = lambda: True,
    ) -> None:
        self._open = open_documents
        self._is_begun = is_begun
        self._documents: Documents | None = None
        self._page = -1

    @property
    def is_kept(self) -> bool:
        """Whether anything is kept at all."""
        return self._open is not None

    @property
    def next_page(self) -> int:
        """The number that the next page will have."""
        if self._page < 0:
            told = self.about().get("pages", 0)
            self._page = told + sum(1 for _ in self._texts(told))
        return self._page

    def put_page(self, page: Page) -> None:
        """Append what came since the last page; of much a few pages, the edges with the last."""
        parts = [page.facts[at : at + _MOST] for at in range(0, len(page.facts), _MOST)]
        last = replace(page, facts=parts.pop() if parts else ())
        for part in [*(Page(facts=part) for part in parts), last]:
            if part.facts or part.withdrawn or part.edges:
                self._put(PAGES, {_number(self.next_page): page_text(part)})
                self._page += 1

    def pages(self, *, first: int = 0) -> Iterator[tuple[int, Page]]:
        """Yield the pages with their numbers, from one on, as they came."""
        reader = Reader()
        for number, text in enumerate(self._texts(first), start=first):
            yield number, reader.page(text)

    def _texts(self, first: int) -> Iterator[str]:
        number = first
        while found := self._some(PAGES, [_number(number + one) for one in range(_AT_ONCE)]):
            yield from found.values()
            number += _AT_ONCE

    def put_incidents(self, incidents: Mapping[str, ClusterIncident | None]) -> None:
        """Write incidents by id; None for one that was joined to another."""
        told = {key: _incident(one) if one else "null" for key, one in incidents.items()}
        self._put(INCIDENTS, told)

    def incidents(self) -> dict[str, ClusterIncident]:
        """Return all incidents by id."""
        texts = self._all(INCIDENTS)
        return {
            key: from_json(text, ClusterIncident) for key, text in texts.items() if text != "null"
        }

    def put_history(self, segments: Mapping[str, bytes]) -> None:
        """Write parts of the history, a few hundred at once; those of a chapter together."""
        told: dict[str, str] = {}
        before = ""
        for key in sorted(segments):
            head, _, place = key.rpartition("#")
            chapter = f"{head}#{place.partition('.')[0]}"
            if len(told) >= _TOGETHER and chapter != before:
                self._put(HISTORY, told)
                told = {}
            told[key], before = sealed(segments[key]), chapter
        self._put(HISTORY, told)

    def history(self) -> dict[str, bytes]:
        """Return the parts of the history by id."""
        return {key: opened(text) for key, text in self._all(HISTORY).items()}

    def drop_history(self, keys: Sequence[str]) -> None:
        """Remove parts of the history by id."""
        if keys and (documents := self._opened()) is not None:
            documents.delete(HISTORY, keys)

    def put_objects(self, rows: Mapping[str, Any]) -> None:
        """Write the last state of objects, by key."""
        self._put(OBJECTS, {key: _text(row) for key, row in rows.items()})

    def objects(self) -> list[dict[str, Any]]:
        """Return the last states of objects."""
        return [json.loads(text) for text in self._all(OBJECTS).values()]

    def put_about(self, told: Mapping[str, Any]) -> None:
        """Write what is known of the whole: the time of the stream, habits."""
        self._put(ABOUT, {"it": _text({**told, "pages": self.next_page})})

    def about(self) -> dict[str, Any]:
        """Return what `put_about` was given last."""
        text = self._some(ABOUT, ["it"]).get("it")
        found: dict[str, Any] = json.loads(text) if text else {}
        return found

    def close(self) -> None:
        """Let go of the documents."""
        if self._documents is not None:
            self._documents.close()
            self._documents = None

    def _put(self, kind: str, told: Mapping[str, str]) -> None:
        if told and (documents := self._opened()) is not None:
            documents.put(kind, told)

    def _all(self, kind: str) -> dict[str, str]:
        documents = self._opened() if self._documents or self._is_begun() else None
        return documents.all(kind) if documents is not None else {}

    def _some(self, kind: str, ids: list[str]) -> dict[str, str]:
        documents = self._opened() if self._documents or self._is_begun() else None
        return documents.get(kind, ids) if documents is not None else {}

    def _opened(self) -> Documents | None:
        if self._documents is None and self._open is not None:
            self._documents = self._open()
        return self._documents


def _number(page: int) -> str:
    return f"{page:012d}"


def _incident(one: ClusterIncident) -> str:
    told = {
        "id": one.id,
        "workload": {name: getattr(one.workload, name) for name in _REF},
        "count": one.count,
        "counts": dict(one.counts),
        "first_at": _stamp(one.first_at),
        "last_at": _stamp(one.last_at),
        "facts": one.facts,
        "supersedes": one.supersedes,
    }
    return _text(told)


def _stamp(when: datetime) -> str:
    return when.isoformat()


def _text(told: object) -> str:
    return json.dumps(told, separators=(",", ":"))
