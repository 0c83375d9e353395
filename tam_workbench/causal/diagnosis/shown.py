"""What objects hold that were shown: keys, labels, ports, selectors; for the joins alone.

An object that was shown is a finding of kind ``object_seen``. It tells of no trouble, is compared
with what others refer to, and never leaves this package. Fields that hold several entries have one
a line, the cells of an entry apart by tabs.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from tam_workbench.causal.diagnosis.artefacts import Document
from tam_workbench.causal.diagnosis.records import Finding, Quote, Subject

SEEN: Final = "object_seen"
_LONGEST: Final = 2000
_HEAP: Final = re.compile(r"-Xmx\d+[kKmMgGtT]?\b")
_PORT: Final = re.compile(r"(\d+)(?::\d+)?/[A-Z]+")


def seen(subject: Subject, fields: Mapping[str, str], quotes: Iterable[Quote] = ()) -> Finding:
    """Return an object as it was shown, the empty fields left out."""
    kept = {key: value for key, value in fields.items() if value}
    return Finding(kind=SEEN, subject=subject, fields=kept, quotes=tuple(quotes))


def message(finding: Finding) -> str:
    """Return what an event, a condition or a line of a log says, the beginning of it."""
    return (finding.fields.get("message", "") or finding.fields.get("text", ""))[:_LONGEST]


def entries(text: str) -> Iterator[tuple[str, ...]]:
    r"""Yield the entries of a field, each as its cells.

    >>> list(entries("/\tweb\t80\n/api\tapi\t81"))
    [('/', 'web', '80'), ('/api', 'api', '81')]
    """
    for line in text.splitlines():
        yield tuple(line.split("\t"))


def entered(rows: Iterable[Sequence[str]]) -> str:
    r"""Return entries as the text of a field; the same once.

    >>> entered([("/", "web"), ("/", "web")])
    '/\tweb'
    """
    return "\n".join(dict.fromkeys("\t".join(" ".join(c.split()) for c in row) for row in rows))


def labels(text: str) -> frozenset[str]:
    """Return the labels or the selector of a line, each as key=value.

    >>> sorted(labels("app=web, tier=front")), labels("<none>")
    (['app=web', 'tier=front'], frozenset())
    """
    return frozenset(part.strip() for part in text.split(",") if "=" in part)


def admits(selector: str, text: str) -> bool:
    """Return whether labels meet a selector as kubectl writes it; an empty one admits all.

    >>> admits("app=web,tier in (a, b)", "app=web, tier=b"), admits("app=web,!old", "app=db")
    (True, False)
    """
    has = dict(label.split("=", 1) for label in labels(text))
    parts = re.split(r",(?![^(]*\))", "" if selector.startswith("<none>") else selector)
    return all(_holds(part.strip(), has) for part in parts if part.strip())


def _holds(part: str, has: Mapping[str, str]) -> bool:
    listed = re.match(r"(\S+) (in|notin) \(([^)]*)\)", part)
    if listed:
        values = {value.strip() for value in listed[3].split(",")}
        return (has.get(listed[1]) in values) == (listed[2] == "in")
    if part.startswith("!"):
        return part[1:] not in has
    key, sign, value = part.partition("=")
    if key.endswith("!"):
        return has.get(key[:-1]) != value
    return has.get(key) == value if sign else key in has


def heap_of(text: str) -> str:
    """Return the option of a JVM that bounds its heap; the last one counts.

    >>> heap_of("java -Xms256m -Xmx640m -jar app.jar"), heap_of("python app.py")
    ('-Xmx640m', '')
    """
    found = _HEAP.findall(text)
    return found[-1] if found else ""


def logged(document: Document) -> Iterator[Finding]:
    """Yield the pod of a log that tells of an option which bounds the heap of its JVM."""
    command = document.command
    for number, text in document.lines:
        heap = heap_of(text) if "-Xmx" in text else ""
        if heap and command.name:
            subject = Subject(kind="Pod", name=command.name, namespace=command.namespace)
            quote = Quote(file=document.file, line=number, text=text.strip()[:300])
            yield seen(subject, {"picked_up": heap}, [quote])


def row(subject: Subject, cells: Mapping[str, str], quote: Quote, *, is_whole: bool) -> Finding:
    """Return the object of a row of ``kubectl get``; whole when no row was left out."""
    ports = _PORT.findall(cells.get("port(s)", ""))
    status = cells.get("status", "")
    fields = {
        "labels": cells.get("labels", ""),
        "status": status,
        "type": cells.get("type", ""),
        "node": cells.get("node", ""),
        "selector": cells.get("selector", ""),
        "ports": " ".join(ports),
        "unschedulable": "true" if "SchedulingDisabled" in status else "",
        "min_available": cells.get("min available", ""),
        "max_unavailable": cells.get("max unavailable", ""),
        "allowed": cells.get("allowed disruptions", ""),
        "schedule": cells.get("schedule", ""),
        "active": cells.get("active", ""),
        "duration": cells.get("duration", ""),
        "completions": cells.get("completions", ""),
        "whole": "yes" if is_whole else "",
    }
    return seen(subject, fields, [quote])


def pairs(text: str) -> dict[str, str]:
    r"""Return the entries of a field that have two cells, the first as the key.

    >>> pairs("app\t64Mi\nside\t32Mi")
    {'app': '64Mi', 'side': '32Mi'}
    """
    return {cells[0]: cells[1] for cells in entries(text) if len(cells) == 2}


class Shown:
    """The objects that were shown, by kind and by place."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        told: dict[Subject, Finding] = {}
        for finding in findings:
            if finding.kind == SEEN:
                old = told.get(finding.subject)
                told[finding.subject] = _merged(old, finding) if old else finding
        self._by_kind: dict[tuple[str, str | None], list[Finding]] = {}
        self._by_name: dict[tuple[str, str], list[Finding]] = {}
        for subject in sorted(told):
            for place in (None, subject.namespace):
                self._by_kind.setdefault((subject.kind, place), []).append(told[subject])
            self._by_name.setdefault((subject.kind, subject.name), []).append(told[subject])
        self.holders: Sequence[Finding] = [
            each for each in told.values() if each.fields.get("mounts")
        ]
        """What mounts a ConfigMap or a Secret."""
        self.namespaces: frozenset[str] = frozenset(subject.namespace for subject in told)
        """Every namespace in which an object was shown."""

    def of(self, kind: str, namespace: str | None = None) -> Sequence[Finding]:
        """Return the objects of a kind by name; of one namespace, or of one not told, if given."""
        told = self._by_kind.get((kind, namespace), [])
        return [*told, *self._by_kind.get((kind, ""), [])] if namespace else told

    def one(self, kind: str, name: str, namespace: str | None = None) -> Finding | None:
        """Return the object of that name; None where it was not shown.

        A list may not tell its namespace: then the one object of that name is taken.
        """
        told = self._by_name.get((kind, name), [])
        there = [each for each in told if namespace in {None, each.subject.namespace}]
        loose = [each for each in told if not (namespace and each.subject.namespace)]
        if there:
            return there[0]
        return loose[0] if len(loose) == 1 else None


def _merged(first: Finding, second: Finding) -> Finding:
    """Return one object from two showings of it; of a field the first counts."""
    told = {**second.fields, **first.fields}
    return seen(first.subject, told, (*first.quotes, *second.quotes)[:3])
