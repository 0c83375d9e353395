"""JSON and YAML dumps into findings: objects as the API gives them, lists, alerts."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from tam_workbench.causal.diagnosis.artefacts import Document, Form, as_json
from tam_workbench.causal.diagnosis.objects import is_trouble
from tam_workbench.causal.diagnosis.records import Finding, Quote, Subject
from tam_workbench.causal.diagnosis.shown_dumps import COMPARED, dumped

_ALERT_KEYS: Final = ("alertname", "title", "summary", "description", "message", "reason")
_NAME_KEYS: Final = (
    "subject_name", "pod", "pod_name", "deployment", "statefulset", "daemonset", "job_name",
    "job", "node", "service", "container", "persistentvolumeclaim", "horizontalpodautoscaler",
)  # fmt: skip
_DEEPEST: Final = 40
Tree = Mapping[str, Any]


def manifests(document: Document) -> Iterator[Finding]:
    """Yield what a dump tells of trouble; a dump that cannot be read tells nothing."""
    objects: dict[Subject, Tree] = {}
    for tree in _parsed(document):
        if isinstance(tree, Mapping) and "kind" in tree and ("metadata" in tree or "items" in tree):
            for each in tree["items"] if isinstance(tree.get("items"), list) else [tree]:
                if isinstance(each, Mapping):
                    objects[_named(each)] = each  # of a watch the last state counts
        else:
            yield from _alert(tree, document)
    for subject, tree in objects.items():
        yield from _object(tree, subject, document)


def _parsed(document: Document) -> list[Any]:
    if document.form is Form.JSON:
        read = as_json(document.text)
        return read if isinstance(read, list) else [read]
    try:
        return [each for each in yaml.safe_load_all(document.text) if each is not None]
    except (ValueError, RecursionError, yaml.YAMLError):
        return []


def quoted(document: Document, *needles: str) -> tuple[Quote, ...]:
    """Return the first line of the document for each text that stands in it."""
    found = []
    for needle in filter(None, needles):
        place = next(((n, text) for n, text in document.lines if needle in text), None)
        if place:
            found.append(Quote(file=document.file, line=place[0], text=place[1].strip()[:300]))
    return tuple(found)


def _named(tree: Tree) -> Subject:
    meta = tree.get("metadata") or {}
    return Subject(
        kind=str(tree.get("kind", "")),
        name=str(meta.get("name", "")),
        namespace=str(meta.get("namespace", "")),
    )


def _object(tree: Tree, subject: Subject, document: Document) -> Iterator[Finding]:
    kind, status = subject.kind, tree.get("status")
    if kind != "Event":
        quotes = quoted(document, subject.name) if subject.kind in COMPARED else ()
        yield dumped(tree, subject, quotes)
    if kind == "Event":
        yield _event(tree, document)
    elif kind == "NetworkPolicy":
        quotes = quoted(document, subject.name)
        yield Finding(kind="network_policy", subject=subject, quotes=quotes)
    elif isinstance(status, Mapping):
        owners = (tree.get("metadata") or {}).get("ownerReferences") or ()
        base = {"owner": f"{owners[0]['kind']}/{owners[0]['name']}"} if owners else {}
        yield from _conditions(status, subject, document)
        yield from _containers(tree, Finding(kind="", subject=subject, fields=base), document)


def _event(tree: Tree, document: Document) -> Finding:
    about = tree.get("involvedObject") or tree.get("regarding") or {}
    message = str(tree.get("message") or tree.get("note") or "")
    series = tree.get("series") or {}
    return Finding(
        kind="event",
        subject=Subject(
            kind=str(about.get("kind", "")),
            name=str(about.get("name", "")),
            namespace=str(about.get("namespace", "")),
        ),
        fields={
            "type": str(tree.get("type", "")),
            "reason": str(tree.get("reason", "")),
            "message": message,
            "count": str(tree.get("count") or series.get("count") or 1),
        },
        quotes=quoted(document, message[:80]),
    )


def _conditions(status: Tree, subject: Subject, document: Document) -> Iterator[Finding]:
    for each in status.get("conditions") or ():
        kind, state = str(each.get("type", "")), str(each.get("status", ""))
        if is_trouble(kind, state):
            fields = {
                "type": kind,
                "status": state,
                "reason": str(each.get("reason", "")),
                "message": str(each.get("message", "")),
            }
            quotes = quoted(document, fields["message"][:80] or fields["reason"])
            yield Finding(kind="condition", subject=subject, fields=fields, quotes=quotes)


def _containers(tree: Tree, about: Finding, document: Document) -> Iterator[Finding]:
    spec = tree.get("spec") or {}
    limits = {
        str(each.get("name")): (each.get("resources") or {}).get("limits") or {}
        for group in ("containers", "initContainers")
        for each in spec.get(group) or ()
    }
    groups = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
    for group in groups:
        for each in tree["status"].get(group) or ():
            name = str(each.get("name", ""))
            fields = {
                **about.fields,
                "container": name,
                "role": group.removesuffix("ontainerStatuses").removesuffix("C"),
                "image": str(each.get("image", "")),
                "restarts": str(each.get("restartCount", "")),
                "memory_limit": str(limits.get(name, {}).get("memory", "")),
                "cpu_limit": str(limits.get(name, {}).get("cpu", "")),
            }
            told = Finding(kind="", subject=about.subject, fields=fields)
            yield from _states(each, told, document)


def _states(status: Tree, about: Finding, document: Document) -> Iterator[Finding]:
    for key, when in (("state", "now"), ("lastState", "last")):
        state = status.get(key) or {}
        for word in ("waiting", "terminated"):
            told = state.get(word)
            if not isinstance(told, Mapping):
                continue
            fields = {
                **about.fields,
                "when": when,
                "reason": str(told.get("reason", "")),
                "message": str(told.get("message", "")),
                "exit_code": str(told.get("exitCode", "")),
            }
            quotes = quoted(document, fields["reason"], fields["message"][:80])
            yield Finding(
                kind=f"container_{word}", subject=about.subject, fields=fields, quotes=quotes
            )


def _alert(tree: object, document: Document) -> Iterator[Finding]:
    told = [(key, text) for key, text, _ in sorted(_strings(tree, "", 0), key=lambda each: each[2])]
    words = {key: value for key, value in reversed(told) if key in _ALERT_KEYS}
    names = {key: value for key, value in reversed(told) if key in _NAME_KEYS}
    if not words and not names:
        return
    kind = next((value for key, value in told if key in {"subject_type", "kind"}), "")
    namespace = next(
        (value for key, value in told if key in {"subject_namespace", "namespace"}), ""
    )
    name = next((names[key] for key in _NAME_KEYS if key in names), "")
    alert = words.get("alertname") or words.get("title") or ""
    yield Finding(
        kind="alert",
        subject=Subject(kind=kind.capitalize(), name=name, namespace=namespace),
        fields={
            "alert": alert,
            "text": " ".join(words[key] for key in _ALERT_KEYS if key in words),
            "names": " ".join(names.values()),
            "description": words.get("description", ""),
        },
        quotes=quoted(document, alert, words.get("description", "")[:80]),
    )
    yield from _tables(
        tree, Subject(kind=kind.capitalize(), name=name, namespace=namespace), document
    )


def _strings(tree: object, key: str, depth: int) -> Iterator[tuple[str, str, int]]:
    if depth > _DEEPEST:
        return
    if isinstance(tree, Mapping):
        for name, value in tree.items():
            yield from _strings(value, str(name), depth + 1)
    elif isinstance(tree, list):
        for value in tree:
            yield from _strings(value, key, depth + 1)
    elif isinstance(tree, str) and tree:
        yield key, tree, depth


def _tables(tree: object, subject: Subject, document: Document) -> Iterator[Finding]:
    """Yield the events of tables that an issue carries as JSON within its strings."""
    for key, value, _ in _strings(tree, "", 0):
        if key != "data" or not value.lstrip().startswith(("[", "{")):
            continue
        for table in _inner_tables(value):
            headers = [str(head).lower() for head in table.get("headers") or ()]
            if not {"reason", "message"} <= set(headers):
                continue
            for row in table.get("rows") or ():
                cells = dict(zip(headers, map(str, row), strict=False))
                yield Finding(
                    kind="event",
                    subject=subject,
                    fields={**cells, "count": "1"},
                    quotes=quoted(document, cells["message"][:60]),
                )


def _inner_tables(text: str) -> Iterator[Tree]:
    for candidate in (text, text.replace('\\"', '"')):
        read = as_json(candidate)
        if read is None:
            continue
        for block in read if isinstance(read, list) else [read]:
            table = block.get("data") if isinstance(block, Mapping) else None
            if isinstance(table, Mapping):
                yield table
        return
