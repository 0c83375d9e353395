"""Tables that ``kubectl get``, ``events`` and ``top`` print, into findings."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from tam_workbench.causal.diagnosis.artefacts import Document, kind_of
from tam_workbench.causal.diagnosis.describing import rows
from tam_workbench.causal.diagnosis.records import Finding, Quote, Subject
from tam_workbench.causal.diagnosis.shown import row

Cells = Mapping[str, str]

_COLUMNS: Final[tuple[tuple[str, str], ...]] = (
    ("restarts", "Pod"), ("up-to-date", "Deployment"), ("completions", "Job"), ("roles", "Node"),
    ("access modes", "PersistentVolumeClaim"), ("targets", "HorizontalPodAutoscaler"),
    ("cluster-ip", "Service"), ("endpoints", "Endpoints"), ("desired", "ReplicaSet"),
    ("schedule", "CronJob"), ("pod-selector", "NetworkPolicy"),
    ("allowed disruptions", "PodDisruptionBudget"), ("reclaim policy", "PersistentVolume"),
)  # fmt: skip
_ROW: Final = re.compile(
    r"^(?:(?P<namespace>\S+)\s+)?(?P<name>\S+)\s+(?P<ready>\d+/\d+)\s+(?P<status>[A-Z][\w:/]*)"
    r"\s+(?P<restarts>\d+)"
)
_SERVICE_ROW: Final = re.compile(
    r"^(?:(?P<namespace>\S+)\s+)?(?P<name>\S+)\s+"
    r"(?P<type>ClusterIP|NodePort|LoadBalancer|ExternalName)\s+(?P<ip>\S+)\s+\S+\s+"
    r"(?P<ports>\S+)\s+\d\w*(?:\s+(?P<selector>\S+))?(?:\s+(?P<labels>\S+))?"
)
_BRANCH: Final = re.compile(r"^[\s│├└─|`+-]*")
_WELL: Final = frozenset({"Running", "Completed", "Succeeded", "Bound", "Ready", "Active", ""})


def table(document: Document) -> Iterator[Finding]:
    """Yield what the rows of a table tell of trouble."""
    first = document.lines[0][1]
    if _SERVICE_ROW.match(first):
        yield from _bare_services(document)
        return
    if _ROW.match(first) and "READY" not in first:
        yield from _bare(document)
        return
    for number, text, cells in rows(document.lines):
        quote = Quote(file=document.file, line=number, text=re.sub(r"\s{2,}", "  ", text))
        if "reason" in cells and "message" in cells:
            yield _event(document, cells, quote)
        else:
            yield from _object(document, cells, quote)


def _bare(document: Document) -> Iterator[Finding]:
    for cells, quote in _without_header(document, _ROW):
        yield from _object(document, cells, quote)


def _bare_services(document: Document) -> Iterator[Finding]:
    """Yield the services of a list whose header was cut off, as ``grep`` does."""
    for cells, quote in _without_header(document, _SERVICE_ROW):
        namespace = cells["namespace"] or document.command.namespace
        subject = Subject(kind="Service", name=cells["name"], namespace=namespace)
        yield row(subject, {**cells, "port(s)": cells["ports"]}, quote, is_whole=False)


def _without_header(
    document: Document, pattern: re.Pattern[str]
) -> Iterator[tuple[dict[str, str], Quote]]:
    """Yield the cells of each line that is a row by its look."""
    for number, text in document.lines:
        found = pattern.match(text)
        if found:
            cells = {key: value or "" for key, value in found.groupdict().items()}
            yield (
                cells,
                Quote(file=document.file, line=number, text=re.sub(r"\s{2,}", "  ", text[:120])),
            )


def _event(document: Document, cells: Cells, quote: Quote) -> Finding:
    told = cells.get("object", "") or f"{document.command.kind}/{document.command.name}"
    kind, _, name = told.partition("/")
    namespace = cells.get("namespace", "") or document.command.namespace
    return Finding(
        kind="event",
        subject=Subject(kind=kind_of(kind), name=name or told, namespace=namespace),
        fields={
            "type": cells.get("type", ""),
            "reason": cells["reason"],
            "message": cells["message"],
            "age": cells.get("last seen", ""),
            "count": cells.get("count", "") or "1",
        },
        quotes=(quote,),
    )


def _object(document: Document, cells: Cells, quote: Quote) -> Iterator[Finding]:
    subject = _subject(document, cells)
    if subject.kind and subject.name and document.command.verb != "top":
        yield row(subject, cells, quote, is_whole=not document.command.name)
    if subject.kind == "Pod" and "restarts" in cells:
        yield from _pod_row(subject, cells, quote)
        return
    told = _shortfall(cells) or _ill(subject, cells) or _quiet(subject, cells)
    if told:
        kind, fields = told
        yield Finding(kind=kind, subject=subject, fields=fields, quotes=(quote,))


def _shortfall(cells: Cells) -> tuple[str, Cells] | None:
    ready, _, wanted = (cells.get("ready") or "").partition("/")
    if not (ready.isdigit() and wanted.isdigit() and int(ready) < int(wanted)):
        return None
    missing = str(int(wanted) - int(ready))
    return "replicas_missing", {"ready": ready, "wanted": wanted, "missing": missing}


def _ill(subject: Subject, cells: Cells) -> tuple[str, Cells] | None:
    status = cells.get("status", "")
    if subject.kind in {"Node", "PersistentVolumeClaim", "Job"} and status not in _WELL:
        told = {"status": status, "storage_class": cells.get("storageclass", "")}
    elif subject.kind == "HorizontalPodAutoscaler" and "unknown" in cells.get("targets", ""):
        told = {"status": "TargetUnknown", "targets": cells["targets"]}
    elif subject.kind == "Endpoints" and not cells.get("endpoints"):
        told = {"status": "NoEndpoints"}
    else:
        return None
    return "object_status", told


def _quiet(subject: Subject, cells: Cells) -> tuple[str, Cells] | None:
    """Return what is no trouble in itself and may matter beside other findings."""
    if subject.kind == "NetworkPolicy":
        return "network_policy", {}
    if "memory(bytes)" in cells:
        return "usage", {"cpu": cells.get("cpu(cores)", ""), "memory": cells["memory(bytes)"]}
    return None


def _pod_row(subject: Subject, cells: Cells, quote: Quote) -> Iterator[Finding]:
    status = cells.get("status", "")
    ready, _, wanted = cells.get("ready", "").partition("/")
    restarts = re.match(r"\d+", cells.get("restarts", ""))
    fields = {
        "status": status,
        "ready": ready,
        "wanted": wanted,
        "restarts": restarts.group() if restarts else "",
        "node": cells.get("node", ""),
    }
    if cells.get("labels"):
        listed = {"labels": cells["labels"]}
        yield Finding(kind="pod_listed", subject=subject, fields=listed, quotes=(quote,))
    if status not in _WELL:
        yield Finding(kind="object_status", subject=subject, fields=fields, quotes=(quote,))
    elif status == "Running" and ready != wanted:
        fields |= {"type": "Ready", "status": "False", "reason": f"{ready}/{wanted} ready"}
        yield Finding(kind="condition", subject=subject, fields=fields, quotes=(quote,))


def _subject(document: Document, cells: Cells) -> Subject:
    name = _BRANCH.sub("", cells.get("name", ""))
    kind, _, own = name.rpartition("/")
    asked = document.command.kind if document.command.verb != "top" else ""
    by_columns = next((kind for column, kind in _COLUMNS if column in cells), "")
    if "memory(bytes)" in cells:
        by_columns = "Node" if "memory%" in cells else "Pod"
    return Subject(
        kind=kind_of(kind) if kind else by_columns or asked,
        name=own,
        namespace=cells.get("namespace", "") or document.command.namespace,
    )
