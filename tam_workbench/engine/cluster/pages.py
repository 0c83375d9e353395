"""Pages: what one flush adds to a cluster's memory, packed into one document, and back.

References, roles and long parts of payloads stand once in a page and are pointed to: facts that
were told together share them in memory as well, before and after.
"""

import base64
import gc
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from tam_workbench.causal import CausalGraph
from tam_workbench.errors import BadInputError
from tam_workbench.records import Edge, Fact, ObjectRef

Row = list[Any]
Judged = tuple[Edge, bool]
"""An edge, and whether it is a reason or only a precondition."""

_LEVEL: Final = 1
"""Of deflate: pages are written all the time, and the quickest level halves them four times."""
_REF: Final = ("cluster", "kind", "namespace", "name", "uid")
_TIMES: Final = ("observed_at", "valid_to", "known_from", "known_to")
_encode: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Facts that came, ids of those that no longer hold, and the edges into some as they are."""

    facts: Sequence[Fact] = ()
    withdrawn: Sequence[str] = ()
    edges: Mapping[str, list[Row]] = field(default_factory=dict)  # effect -> see `edge_rows`


def sealed(told: bytes) -> str:
    """Return bytes as the JSON text of one string."""
    return f'"{base64.b64encode(told).decode("ascii")}"'


def opened(text: str) -> bytes:
    """Return the bytes that `sealed` was given."""
    return base64.b64decode(text[1:-1])


def page_text(page: Page) -> str:
    """Return a page as the JSON text of one string."""
    table = _Table()
    rows = [table.row(fact) for fact in page.facts]
    told = {
        "refs": table.refs,
        "roles": table.roles,
        "parts": table.parts,
        "facts": rows,
        "withdrawn": list(page.withdrawn),
        "edges": page.edges,
    }
    return sealed(zlib.compress(_encode(told).encode("ascii"), _LEVEL))


class Reader:
    """Reads pages; what is alike in them is made once, so that much of it can be held."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}
        self._refs: dict[ObjectRef, ObjectRef] = {}
        self._roles: dict[tuple[tuple[str, ObjectRef], ...], dict[str, ObjectRef]] = {}

    def page(self, text: str) -> Page:
        """Return the page of a text.

        Raises
        ------
        BadInputError
            If the text is no page.
        """
        try:
            told = json.loads(zlib.decompress(opened(text)))
            refs = [self._ref(dict(zip(_REF, one, strict=True))) for one in told["refs"]]
            roles = [self._around(one, refs) for one in told["roles"]]
            facts = [self._fact(row, refs, roles, told["parts"]) for row in told["facts"]]
            return Page(facts=facts, withdrawn=told["withdrawn"], edges=told["edges"])
        except (ValueError, KeyError, TypeError, IndexError, zlib.error) as error:
            message = f"page of the cluster's memory cannot be read ({error!r}): move its file away"
            raise BadInputError(f"{message} and replay the recording") from error

    def _ref(self, named: dict[str, str]) -> ObjectRef:
        ref = ObjectRef(**named)
        return self._refs.setdefault(ref, ref)

    def _around(self, places: Mapping[str, int], refs: list[ObjectRef]) -> dict[str, ObjectRef]:
        roles = {self._word(role): refs[place] for role, place in places.items()}
        return self._roles.setdefault(tuple(roles.items()), roles)

    def _word(self, word: str) -> str:
        return self._words.setdefault(word, word)

    def _fact(
        self, row: Row, refs: list[ObjectRef], roles: list[dict[str, ObjectRef]], parts: list[Any]
    ) -> Fact:
        fact_id, kind, subject, happened, observed, involved, payload, shared, *rest = row
        told_by, ends, expires_with, trust = rest
        words = self._words
        for name, value in payload.items():
            if type(value) is str:
                payload[name] = words.setdefault(value, value)
        for name, place in shared.items():
            payload[name] = parts[place]
        return Fact(
            id=fact_id,
            kind=words.setdefault(kind, kind),
            subject=refs[subject],
            happened_at=datetime.fromisoformat(happened),
            observed_at=datetime.fromisoformat(observed),
            involved=roles[involved],
            payload=payload,
            told_by=words.setdefault(told_by, told_by),
            expires_at=datetime.fromisoformat(ends) if ends else None,
            expires_with=words.setdefault(expires_with, expires_with),
            trust=trust,
        )


class _Table:
    """What facts of one page share, each once; alike is what is the same object in memory."""

    def __init__(self) -> None:
        self.refs: list[tuple[str, ...]] = []
        self.roles: list[dict[str, int]] = []
        self.parts: list[Any] = []
        self._ref_of: dict[ObjectRef, int] = {}
        self._place_of: dict[int, int] = {}  # id of a reference, of roles or of a part

    def row(self, fact: Fact) -> Row:
        """Return a fact as a row."""
        plain, shared = {}, {}
        for name, value in fact.payload.items():
            if value and isinstance(value, dict | list):
                shared[name] = self._part(value)
            else:
                plain[name] = value
        ends = fact.expires_at
        return [
            fact.id,
            fact.kind,
            self._ref(fact.subject),
            fact.happened_at.isoformat(),
            fact.observed_at.isoformat(),
            self._roles(fact.involved),
            plain,
            shared,
            fact.told_by,
            ends.isoformat() if ends else None,
            fact.expires_with,
            fact.trust,
        ]

    def _ref(self, ref: ObjectRef) -> int:
        place = self._place_of.get(id(ref))
        if place is None:
            place = self._ref_of.setdefault(ref, len(self.refs))
            self._place_of[id(ref)] = place
            if place == len(self.refs):
                self.refs.append((ref.cluster, ref.kind, ref.namespace, ref.name, ref.uid))
        return place

    def _roles(self, involved: Mapping[str, ObjectRef]) -> int:
        place = self._place_of.get(id(involved))
        if place is None:
            place = self._place_of[id(involved)] = len(self.roles)
            self.roles.append({role: self._ref(ref) for role, ref in involved.items()})
        return place

    def _part(self, value: object) -> int:
        place = self._place_of.get(id(value))
        if place is None:
            place = self._place_of[id(value)] = len(self.parts)
            self.parts.append(value)
        return place


def edge_rows(effect: str, graph: CausalGraph) -> list[Row]:
    """Return the edges into an effect in JSON's types, by cause."""
    causes = graph.causes(effect)
    if not causes:
        return []
    reasons = {edge.cause for edge in graph.reasons(effect)}
    return [_row(edge, is_reason=edge.cause in reasons) for edge in sorted(causes, key=_cause)]


def edges_of(effect: str, rows: Iterable[Row]) -> dict[str, Judged]:
    """Return by cause the edges that `edge_rows` told."""
    return {row[0]: _edge(effect, row) for row in rows}


def _cause(edge: Edge) -> str:
    return edge.cause


def _row(edge: Edge, *, is_reason: bool) -> Row:
    times = (edge.observed_at, edge.valid_to, edge.known_from, edge.known_to)
    stamps = [one.isoformat() if one else None for one in times]
    return [
        edge.cause, edge.relation, edge.confidence, list(edge.evidence), is_reason, *stamps,
    ]  # fmt: skip


def _edge(effect: str, row: Row) -> Judged:
    cause, relation, confidence, evidence, is_reason, *stamps = row
    times = {
        name: datetime.fromisoformat(told) if told else None
        for name, told in zip(_TIMES, stamps, strict=True)
    }
    told: dict[str, Any] = {"cause": cause, "effect": effect, "relation": relation, **times}
    return Edge(**told, confidence=confidence, evidence=tuple(evidence)), is_reason


@contextmanager
def without_cycles() -> Iterator[None]:
    """Let Python look for no cycles while much is read that has none: it takes half the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
