"""The shelf of a cluster: what is known of it, as documents, and back.

A fact is written once and never changed; what changes (edges into an effect, an incident, a
chapter of an object's history, the last state of an object) is a document of its own.
"""

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from tam_workbench.causal import CausalGraph, ClusterIncident
from tam_workbench.causal.correlator_state import fact_of, mapping_of
from tam_workbench.engine.scribe import from_json, to_json
from tam_workbench.ports import Documents
from tam_workbench.records import Edge, Fact

FACTS: Final = "cluster_facts"
EDGES: Final = "cluster_edges"
INCIDENTS: Final = "cluster_incidents"
HISTORY: Final = "cluster_history"
OBJECTS: Final = "cluster_objects"
ABOUT: Final = "cluster_about"

Judged = tuple[Edge, bool]
"""An edge, and whether it is a reason or only a precondition."""


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

    def put_facts(self, facts: Sequence[Fact], withdrawn: Sequence[str]) -> None:
        """Append a page of facts, and of ids of facts that no longer hold."""
        if not facts and not withdrawn:
            return
        if self._page < 0:
            self._page = len(self._all(FACTS))
        told = {"facts": [mapping_of(fact) for fact in facts], "withdrawn": list(withdrawn)}
        self._put(FACTS, {f"{self._page:012d}": _text(told)})
        self._page += 1

    def facts(self) -> dict[str, Fact]:
        """Return all facts by id, as they came."""
        found: dict[str, Fact] = {}
        pages = self._all(FACTS)
        self._page = len(pages)
        for page in pages.values():
            told = json.loads(page)
            found.update((row["id"], fact_of(row)) for row in told["facts"])
            for gone in told["withdrawn"]:
                found.pop(gone, None)
        return found

    def put_edges(self, effects: Iterable[str], graph: CausalGraph) -> None:
        """Write the edges into some effects, as they are now."""
        told = {effect: edges_text(effect, graph) for effect in effects}
        self._put(EDGES, told)

    def edge_texts(self) -> dict[str, str]:
        """Return the edges into each effect, as they were written."""
        return self._all(EDGES)

    def edges(self) -> Iterator[tuple[str, dict[str, Judged]]]:
        """Yield each effect with its causes."""
        for effect, text in self._all(EDGES).items():
            yield effect, {row[0]: _edge(effect, row) for row in json.loads(text)}

    def put_incidents(self, incidents: Mapping[str, ClusterIncident | None]) -> None:
        """Write incidents by id; None for one that was joined to another."""
        told = {key: to_json(one) if one else "null" for key, one in incidents.items()}
        self._put(INCIDENTS, told)

    def incidents(self) -> dict[str, ClusterIncident]:
        """Return all incidents by id."""
        texts = self._all(INCIDENTS)
        return {
            key: from_json(text, ClusterIncident) for key, text in texts.items() if text != "null"
        }

    def put_history(self, segments: Mapping[str, bytes]) -> None:
        """Write chapters of the history."""
        told = {key: _text(base64.b64encode(body).decode()) for key, body in segments.items()}
        self._put(HISTORY, told)

    def history(self) -> dict[str, bytes]:
        """Return the chapters of the history by id."""
        texts = self._all(HISTORY)
        return {key: base64.b64decode(json.loads(text)) for key, text in texts.items()}

    def put_objects(self, rows: Mapping[str, Any]) -> None:
        """Write the last state of objects, by key."""
        self._put(OBJECTS, {key: _text(row) for key, row in rows.items()})

    def objects(self) -> list[dict[str, Any]]:
        """Return the last states of objects."""
        return [json.loads(text) for text in self._all(OBJECTS).values()]

    def put_about(self, told: Mapping[str, Any]) -> None:
        """Write what is known of the whole: the time of the stream, habits."""
        self._put(ABOUT, {"it": _text(dict(told))})

    def about(self) -> dict[str, Any]:
        """Return what `put_about` was given last."""
        text = self._all(ABOUT).get("it")
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

    def _opened(self) -> Documents | None:
        if self._documents is None and self._open is not None:
            self._documents = self._open()
        return self._documents


def edges_text(effect: str, graph: CausalGraph) -> str:
    """Return the edges into an effect in JSON."""
    reasons = {edge.cause for edge in graph.reasons(effect)}
    rows = [
        [
            *(e.cause, e.relation, e.confidence, e.evidence, e.cause in reasons),
            *(_stamp(getattr(e, name)) for name in _TIMES),
        ]
        for e in sorted(graph.causes(effect), key=lambda edge: edge.cause)
    ]
    return _text(rows)


_TIMES: Final = ("observed_at", "valid_to", "known_from", "known_to")


def _stamp(when: datetime | None) -> str | None:
    return when.isoformat() if when else None


def _edge(effect: str, row: list[Any]) -> Judged:
    cause, relation, confidence, evidence, is_reason, *stamps = row
    times = {
        name: datetime.fromisoformat(told) if told else None
        for name, told in zip(_TIMES, stamps, strict=True)
    }
    told: dict[str, Any] = {"cause": cause, "effect": effect, "relation": relation, **times}
    return Edge(**told, confidence=confidence, evidence=tuple(evidence)), is_reason


def _text(told: object) -> str:
    return json.dumps(told, separators=(",", ":"))
