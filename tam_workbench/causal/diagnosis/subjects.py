"""Whom a finding is about: pods to their workload, and which of them were asked about."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from tam_workbench.causal.diagnosis.artefacts import Document, Form
from tam_workbench.causal.diagnosis.records import Finding, Subject

_RANDOM: Final = "[bcdfghjklmnpqrstvwxz2456789]"
_REPLICA: Final = re.compile(rf"^(?P<name>.+)-{_RANDOM}{{5,10}}-{_RANDOM}{{5}}$")
_HASHED: Final = re.compile(
    rf"^(?P<name>.+)-(?=\S*[a-z])(?=\S*\d|\S*[^aeiou]{{5}}){_RANDOM}{{5,10}}$"
)
_ORDINAL: Final = re.compile(r"^(?P<name>.+)-\d+$")
_NAMED: Final = 1.0
_LOOKED_AT: Final = 0.9
_PASSED_BY: Final = 0.45
_UNASKED: Final = 1.0


def workload(subject: Subject, owner: str = "") -> str:
    """Return the name of what a pod or a replica set belongs to; its own where it has none.

    The random part of a name is of the letters that Kubernetes draws from (no vowels).

    >>> workload(Subject(kind="Pod", name="web-6c67b4656-hlbw8"))
    'web'
    >>> workload(Subject(kind="Pod", name="import-x7k2q"))
    'import'
    >>> workload(Subject(kind="Pod", name="db-0")), workload(Subject(kind="Pod", name="web-client"))
    ('db', 'web-client')
    """
    if owner:
        kind, _, name = owner.partition("/")
        found = _HASHED.match(name) if kind == "ReplicaSet" else None
        return found["name"] if found else name
    patterns = (_REPLICA, _HASHED, _ORDINAL) if subject.kind in {"Pod", ""} else (_HASHED,)
    if subject.kind not in {"Pod", "", "ReplicaSet"}:
        return subject.name
    for pattern in patterns:
        found = pattern.match(subject.name)
        if found:
            return found["name"]
    return subject.name


def focus(
    findings: Iterable[Finding], documents: Iterable[Document], question: str
) -> Mapping[str, float]:
    """Return how much each workload was meant: asked about, looked at, or passed by in a table.

    The keys are workloads; the empty key is for any that is not listed.
    """
    kept, read = list(findings), list(documents)
    asked = " ".join(
        [question, *(_words(finding) for finding in kept if finding.kind == "alert")]
    ).lower()
    looked_at = _looked_at(read)
    names = {name for name in map(_workload, kept) if name} | looked_at
    named = {name for name in names if is_named(name.lower(), asked)}
    least = _PASSED_BY if named or looked_at else _UNASKED
    levels = {
        name: _NAMED
        if name in named or (name in looked_at and not named)
        else _LOOKED_AT
        if name in looked_at
        else least
        for name in names
    }
    return {**levels, "": least}


def _words(finding: Finding) -> str:
    return " ".join([finding.subject.name, finding.fields["text"], finding.fields["names"]])


def is_named(name: str, text: str) -> bool:
    """Return whether a name stands in a text by itself.

    >>> is_named("web", "Deployment shop/web is ill"), is_named("web", "webhook")
    (True, False)
    """
    return bool(re.search(rf"(?<![\w]){re.escape(name)}(?![\w])", text))


def _workload(finding: Finding) -> str:
    return workload(finding.subject, finding.fields.get("owner", ""))


def _looked_at(documents: Iterable[Document]) -> set[str]:
    """Return the workloads to which a question of its own was put, and answered."""
    return {
        workload(Subject(kind=command.kind, name=command.name))
        for document in documents
        if document.form is not Form.ERROR and (command := document.command).name
    }
