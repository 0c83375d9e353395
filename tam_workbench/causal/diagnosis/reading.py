"""Everything that was handed in, read into documents and findings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from tam_workbench.causal.diagnosis import logs, manifests, objects, pods, tables
from tam_workbench.causal.diagnosis.artefacts import Document, Form, documents
from tam_workbench.causal.diagnosis.describing import described
from tam_workbench.causal.diagnosis.joining import joined
from tam_workbench.causal.diagnosis.quantities import age
from tam_workbench.causal.diagnosis.records import Finding, Quote, Subject
from tam_workbench.causal.diagnosis.shown import SEEN, logged
from tam_workbench.causal.diagnosis.shown_described import described as shown
from tam_workbench.causal.diagnosis.subjects import workload

_READERS: Final = (
    objects.conditions,
    objects.nested_conditions,
    objects.events,
    objects.replicas,
    objects.status,
    objects.quota,
)
_OVERCOME: Final[Mapping[str, str]] = {
    "FailedScheduling": "Scheduled",
    "FailedCreate": "SuccessfulCreate",
    "FailedMount": "Started",
    "FailedAttachVolume": "SuccessfulAttachVolume",
    "FailedCreatePodSandBox": "Started",
    "ProvisioningFailed": "ProvisioningSucceeded",
    "NodeNotReady": "NodeReady",
}
"""Events of trouble -> the event after which they are past."""
_RESOURCES: Final = (
    "memory_limit",
    "cpu_limit",
    "memory_request",
    "cpu_request",
    "node_selector",
    "image",
)


def read(artefacts: Mapping[str, str]) -> tuple[list[Document], list[Finding]]:
    """Read files of what kubectl printed.

    Parameters
    ----------
    artefacts
        Name of a file -> its text.
    """
    read_documents = [
        document for file, text in artefacts.items() for document in documents(file, text)
    ]
    every = [finding for document in read_documents for finding in _findings(document)]
    found = _without_past(every)
    told = [finding for finding in found if finding.kind != SEEN]
    return read_documents, [*_known(told), *joined(found)]


def _findings(document: Document) -> Iterator[Finding]:
    if document.form is Form.DESCRIBE:
        yield from _described(document)
    elif document.form is Form.TABLE:
        yield from tables.table(document)
    elif document.form in {Form.JSON, Form.YAML}:
        yield from manifests.manifests(document)
    elif document.form is Form.LOGS:
        yield from logs.log(document)
        yield from logged(document)
    else:
        yield from _refused(document)


def _refused(document: Document) -> Iterator[Finding]:
    command = document.command
    subject = Subject(kind=command.kind, name=command.name, namespace=command.namespace)
    for number, text in document.lines:
        quote = Quote(file=document.file, line=number, text=text)
        yield Finding(kind="api_error", subject=subject, fields={"text": text}, quotes=(quote,))


def _described(document: Document) -> Iterator[Finding]:
    for tree in described(document.lines):
        subject = Subject(
            kind=objects.kind_of_tree(tree, document.command),
            name=tree.get("Name"),
            namespace=tree.get("Namespace"),
        )
        file = document.file
        yield from shown(tree, subject, file)
        if subject.kind == "Pod":
            yield from pods.pod(tree, subject, file)
        if subject.kind == "Node":
            yield from objects.node(tree, subject, file)
        if subject.kind in {"Job", "CronJob"}:
            yield from objects.job(tree, subject, file)
        if subject.kind == "NetworkPolicy":
            quote = Quote(file=file, line=tree.children[0].line, text=tree.children[0].text)
            yield Finding(kind="network_policy", subject=subject, quotes=(quote,))
        for reader in _READERS:
            yield from reader(tree, subject, file)


def _known(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield the findings of a pod with what others tell of it: its owner, its limits."""
    told: dict[str, dict[str, str]] = {}
    for finding in findings:
        kept = ("owner", *_RESOURCES) if finding.subject.kind == "Pod" else ()
        for key in kept:
            if finding.fields.get(key):
                told.setdefault(finding.subject.name, {}).setdefault(key, finding.fields[key])
    for finding in findings:
        extra = told.get(finding.subject.name, {}) if finding.subject.kind == "Pod" else {}
        absent = {key: value for key, value in extra.items() if not finding.fields.get(key)}
        is_own = finding.kind.startswith("container_")
        if is_own:  # what another container of the pod may have is not this one's
            absent = {key: value for key, value in absent.items() if key not in _RESOURCES}
        yield replace(finding, fields={**finding.fields, **absent}) if absent else finding


def _without_past(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings without events that a later one of the same object overcame."""
    last: dict[tuple[Subject, str], float] = {}
    for finding in findings:
        when = age(finding.fields.get("age", "")) if finding.kind == "event" else None
        if when is not None:
            key = finding.subject, finding.fields["reason"]
            last[key] = min(when, last.get(key, when))
    return [finding for finding in findings if not _is_past(finding, last)]


def _is_past(finding: Finding, last: Mapping[tuple[Subject, str], float]) -> bool:
    if finding.kind != "event":
        return False
    reason = finding.fields["reason"]
    own = last.get((finding.subject, reason))
    over = last.get((finding.subject, _OVERCOME.get(reason, "")))
    return own is not None and over is not None and over < own


def belongs_to(finding: Finding) -> str:
    """Return the workload that a finding is about."""
    return workload(finding.subject, finding.fields.get("owner", ""))
