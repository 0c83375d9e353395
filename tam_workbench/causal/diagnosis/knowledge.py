"""What is known of the failures of Kubernetes: concepts as data, one entry each.

The entries stand in ``knowledge/*.yaml``, a list a file, with these fields:

``id``
    Name of the concept.
``role``
    ``cause`` (default) or ``symptom``: what is only how a cause shows.
``weight``
    In 0..1, how near to a root cause the concept is when all that is known is that it matched.
``when``
    Alternatives; each names a kind of finding and regular expressions (case is ignored) that its
    fields must match. ``kind`` and ``name`` are those of the subject. Named groups become
    words for the sentence.
``says``, ``shows``
    The sentence, and for symptoms the few words that stand behind a cause. ``{word}`` is filled
    from groups, fields and ``subject``; a part in brackets is left out when a word of it is empty.
``by``
    Words that tell two matches apart on one subject.
``needs``, ``hides``, ``hidden_by``
    Concepts of the same subject that must be there, that this one makes needless, or that make
    this one needless.
``helps``
    What one would do or check next.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import yaml

from tam_workbench.causal.diagnosis.records import FINDINGS, Finding
from tam_workbench.errors import BadInputError

_FIELDS: Final = frozenset(
    {"id", "role", "weight", "when", "says", "shows", "by", "needs", "hides", "hidden_by", "helps"}
)
_LONGEST: Final = 2000
"""Characters of a field that patterns look at; a message of 10 MB must not hold a report up."""
_PART: Final = re.compile(r"\[([^\[\]]*)\]")
_WORD: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One way in which a concept shows: a kind of finding and patterns of its fields."""

    finding: str
    patterns: tuple[tuple[str, re.Pattern[str]], ...]

    def match(self, finding: Finding) -> dict[str, str] | None:
        """Return the words of the named groups, or None where it does not match."""
        if finding.kind != self.finding:
            return None
        words: dict[str, str] = {}
        for name, pattern in self.patterns:
            found = pattern.search(_field(finding, name))
            if found is None:
                return None
            words |= {key: value for key, value in found.groupdict().items() if value}
        return words


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    """One thing that can be the matter; see the module for the fields."""

    id: str
    weight: float
    when: tuple[Condition, ...]
    says: str
    is_symptom: bool = False
    shows: str = ""
    by: tuple[str, ...] = ()
    needs: frozenset[str] = frozenset()
    hides: frozenset[str] = frozenset()
    hidden_by: frozenset[str] = frozenset()
    helps: str = ""


def _field(finding: Finding, name: str) -> str:
    if name == "kind":
        return finding.subject.kind
    if name == "name":
        return finding.subject.name
    return finding.fields.get(name, "")[:_LONGEST]


@cache
def concepts() -> tuple[Concept, ...]:
    """Return every concept of the shipped knowledge."""
    folder = resources.files(__package__) / "knowledge"
    files = sorted(folder.iterdir(), key=lambda each: each.name)
    return tuple(
        concept
        for file in files
        if file.name.endswith(".yaml")
        for concept in concepts_of(file.read_text(encoding="utf-8"), name=file.name)
    )


def concepts_of(text: str, *, name: str = "text") -> Iterator[Concept]:
    r"""Yield the concepts of a YAML list.

    >>> text = "- {id: a, weight: 0.5, says: x, when: [{finding: event, reason: Failed}]}"
    >>> [concept.id for concept in concepts_of(text)]
    ['a']

    Raises
    ------
    BadInputError
        When an entry is not as the module says; with the file and the concept.
    """
    try:
        entries = yaml.safe_load(text) or []
    except yaml.YAMLError as error:
        raise BadInputError(f"{name}: {error}") from error
    for entry in entries:
        yield _concept(entry, f"{name}: concept {entry.get('id')!r}")


def _concept(entry: Mapping[str, Any], place: str) -> Concept:
    unknown = entry.keys() - _FIELDS
    missing = {"id", "weight", "when", "says"} - entry.keys()
    if unknown or missing:
        wrong = f"unknown {sorted(unknown)}" if unknown else f"without {sorted(missing)}"
        raise BadInputError(f"{place}: {wrong}")
    return Concept(
        id=entry["id"],
        weight=float(entry["weight"]),
        when=tuple(_condition(each, place) for each in entry["when"]),
        says=entry["says"],
        is_symptom=entry.get("role", "cause") == "symptom",
        shows=entry.get("shows", ""),
        by=tuple(entry.get("by", ())),
        needs=frozenset(entry.get("needs", ())),
        hides=frozenset(entry.get("hides", ())),
        hidden_by=frozenset(entry.get("hidden_by", ())),
        helps=entry.get("helps", ""),
    )


def _condition(entry: Mapping[str, str], place: str) -> Condition:
    kind = entry.get("finding", "")
    if kind not in FINDINGS:
        raise BadInputError(f"{place}: no finding {kind!r}; there are: {', '.join(FINDINGS)}")
    try:
        patterns = tuple(
            (name, re.compile(pattern, re.IGNORECASE))
            for name, pattern in entry.items()
            if name != "finding"
        )
    except re.error as error:
        raise BadInputError(f"{place}: {error}") from error
    return Condition(finding=kind, patterns=patterns)


def worded(template: str, words: Mapping[str, str]) -> str:
    """Fill a sentence; a part in brackets goes when a word of it is empty.

    >>> worded("{who} fails[ with {code}][ on {node}]", {"who": "Pod a", "code": "1"})
    'Pod a fails with 1'
    """

    def part(found: re.Match[str]) -> str:
        inner = found.group(1)
        return inner if all(words.get(word) for word in _WORD.findall(inner)) else ""

    kept = _PART.sub(part, template)
    filled = _WORD.sub(lambda found: words.get(found.group(1), ""), kept)
    return re.sub(r"\s{2,}", " ", filled).strip()
