"""Described objects of any kind into findings: conditions, events, replicas, capacity."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from tam_workbench.causal.diagnosis.artefacts import Command, kind_of
from tam_workbench.causal.diagnosis.describing import Node, rows
from tam_workbench.causal.diagnosis.quantities import amount
from tam_workbench.causal.diagnosis.records import Finding, Quote, Subject

_MARKS: Final[Mapping[str, tuple[str, ...]]] = {
    "Node": ("Allocatable", "Non-terminated Pods", "Kubelet Version"),
    "Pod": ("QoS Class", "Init Containers", "IPs"),
    "Job": ("Pods Statuses", "Completions", "Parallelism"),
    "CronJob": ("Schedule", "Concurrency Policy"),
    "Deployment": ("StrategyType", "OldReplicaSets", "NewReplicaSet"),
    "StatefulSet": ("Update Strategy", "Volume Claims"),
    "DaemonSet": ("Desired Number of Nodes Scheduled",),
    "PersistentVolumeClaim": ("Used By", "VolumeMode"),
    "Service": ("Session Affinity", "IP Family Policy"),
    "Ingress": ("Ingress Class", "Default backend"),
    "HorizontalPodAutoscaler": ("Min replicas", "Metrics"),
    "ReplicaSet": ("Replicas", "Pods Status"),
    "Certificate": ("Issuer Ref",),
    "NetworkPolicy": ("Created on",),
    "PersistentVolume": ("Reclaim Policy", "Node Affinity", "Source"),
    "PodDisruptionBudget": ("Min available", "Max unavailable", "Allowed disruptions"),
}
_UNHEALTHY: Final = {"True": re.compile(r"Pressure$|Unavailable$|Failed$|FailureTarget$|Limited$")}
"""Conditions that are trouble when true; every other is trouble when not true."""
_HEALTHY_FALSE: Final = re.compile(r"Pressure$|Unavailable$|Fail|Suspended$|Limited$|Complete$")
_FULL: Final = 0.98
_OVER: Final = 1.5


def kind_of_tree(tree: Node, command: Command) -> str:
    """Return the Kind of a described object: as it says, as was asked by its name, by its keys."""
    own = tree.get("Kind") if tree.child("API Version") else ""
    is_asked = bool(command.kind) and command.name == tree.get("Name")
    if own or (is_asked and kind_of(command.kind.lower()) == command.kind):
        return own or command.kind
    keys = {node.key for node in tree.children}
    votes = {kind: sum(mark in keys for mark in marks) for kind, marks in _MARKS.items()}
    best = max(votes, key=lambda kind: votes[kind])
    return best if votes[best] else command.kind


def events(tree: Node, subject: Subject, file: str) -> Iterator[Finding]:
    """Yield the rows of the Events table."""
    section = tree.child("Events")
    if section is None:
        return
    for number, text, cells in rows(section.below):
        count = re.search(r"\(x(\d+)", cells.get("age", ""))
        yield Finding(
            kind="event",
            subject=subject,
            fields={
                "type": cells.get("type", ""),
                "reason": cells.get("reason", ""),
                "message": cells.get("message", ""),
                "age": cells.get("age", ""),
                "count": count[1] if count else "1",
            },
            quotes=(Quote(file=file, line=number, text=text),),
        )


def conditions(tree: Node, subject: Subject, file: str) -> Iterator[Finding]:
    """Yield the conditions that are not as they should be."""
    section = tree.child("Conditions")
    if section is None:
        return
    for number, text, cells in rows(section.below):
        kind, status = cells.get("type", ""), cells.get("status", "")
        if is_trouble(kind, status):
            yield Finding(
                kind="condition",
                subject=subject,
                fields={
                    "type": kind,
                    "status": status,
                    "reason": cells.get("reason", ""),
                    "message": cells.get("message", ""),
                },
                quotes=(Quote(file=file, line=number, text=text),),
            )


def nested_conditions(tree: Node, subject: Subject, file: str) -> Iterator[Finding]:
    """Yield conditions of a custom resource, which stand below its status a line a field."""
    status = tree.child("Status")
    section = status.child("Conditions") if status else None
    told: dict[str, Node] = {}
    for node in section.children if section else ():
        told[node.key] = node
        if node.key != "Type":
            continue
        fields = {key: told[key].value for key in ("Reason", "Message", "Status") if key in told}
        if is_trouble(node.value, fields.get("Status", "")):
            shown = told.get("Message", node)
            yield Finding(
                kind="condition",
                subject=subject,
                fields={
                    "type": node.value,
                    "status": fields["Status"],
                    "reason": fields.get("Reason", ""),
                    "message": fields.get("Message", ""),
                },
                quotes=(Quote(file=file, line=shown.line, text=shown.text),),
            )
        told = {}


def is_trouble(kind: str, status: str) -> bool:
    """Return whether a condition says that something is wrong.

    >>> is_trouble("MemoryPressure", "True"), is_trouble("Ready", "False"), is_trouble("Ready", "")
    (True, True, False)
    >>> is_trouble("DiskPressure", "False"), is_trouble("Complete", "False")
    (False, False)
    """
    if status == "True":
        return bool(_UNHEALTHY["True"].search(kind))
    return status in {"False", "Unknown"} and not _HEALTHY_FALSE.search(kind)


def replicas(tree: Node, subject: Subject, file: str) -> Iterator[Finding]:
    """Yield a shortfall of replicas of a Deployment, StatefulSet or ReplicaSet."""
    node = tree.child("Replicas")
    if node is None:
        return
    told = {word: int(n) for n, word in re.findall(r"(\d+) (\w+)", node.value)}
    wanted = told.get("desired", 0)
    ready = told.get("available", told.get("current", wanted))
    if not wanted and "desired" in told:
        yield Finding(
            kind="object_status",
            subject=subject,
            fields={"status": "ScaledToZero"},
            quotes=(Quote(file=file, line=node.line, text=node.text),),
        )
    if ready < wanted:
        yield Finding(
            kind="replicas_missing",
            subject=subject,
            fields={"wanted": str(wanted), "ready": str(ready), "missing": str(wanted - ready)},
            quotes=(Quote(file=file, line=node.line, text=node.text),),
        )


def job(tree: Node, subject: Subject, file: str) -> Iterator[Finding]:
    """Yield that pods of a job failed."""
    held = tree.child("Suspend")
    if held and held.value.lower() == "true":
        yield Finding(
            kind="object_status",
            subject=subject,
            fields={"status": "Suspended"},
            quotes=(Quote(file=file, line=held.line, text=held.text),),
        )
    node = tree.child("Pods Statuses")
    failed = re.search(r"(\d+) Failed", node.value) if node else None
    if node and failed and int(failed[1]):
        yield Finding(
            kind="object_status",
            subject=subject,
            fields={
                "status": "Failed",
                "failed": failed[1],
                "backoff_limit": tree.get("Backoff Limit"),
                "completions": tree.get("Completions"),
            },
            quotes=(Quote(file=file, line=node.line, text=node.text),),
        )


def node(tree: Node, subject: Subject, file: str) -> Iterator[Finding]:
    """Yield a node that is full of pods, or whose memory was promised more than once."""
    held = tree.child("Non-terminated Pods")
    count = re.search(r"\((\d+) in total\)", held.text) if held else None
    most = tree.get("Allocatable", "pods") or tree.get("Capacity", "pods")
    if held and count and most.isdigit() and int(count[1]) >= _FULL * int(most):
        place = tree.child("Allocatable") or tree.child("Capacity")
        pods = place.child("pods") if place else None
        quotes = [Quote(file=file, line=held.line, text=held.text)]
        quotes += (
            [Quote(file=file, line=pods.line, text=f"Allocatable {pods.text}")] if pods else []
        )
        yield Finding(
            kind="node_full",
            subject=subject,
            fields={"pods": count[1], "most": most},
            quotes=tuple(quotes),
        )
    yield from _promised(tree, subject, file)


def _promised(tree: Node, subject: Subject, file: str) -> Iterator[Finding]:
    section = tree.child("Allocated resources")
    lines = (
        [line for line in section.below if not line[1].strip().startswith("(")] if section else []
    )
    for number, text, cells in rows(lines):
        resource, limits = cells.get("resource", ""), cells.get("limits", "")
        share = re.search(r"\((\d+)%\)", limits)
        if resource in {"memory", "cpu"} and share and int(share[1]) >= 100 * _OVER:
            yield Finding(
                kind="node_overcommitted",
                subject=subject,
                fields={"resource": resource, "limits": limits, "share": share[1]},
                quotes=(Quote(file=file, line=number, text=text),),
            )


def status(tree: Node, subject: Subject, file: str) -> Iterator[Finding]:
    """Yield what a status field says of a claim, a service or an ingress."""
    shown = tree.child("Status")
    if shown and subject.kind == "PersistentVolumeClaim" and shown.value in {"Pending", "Lost"}:
        yield Finding(
            kind="object_status",
            subject=subject,
            fields={"status": shown.value, "storage_class": tree.get("StorageClass")},
            quotes=(Quote(file=file, line=shown.line, text=shown.text),),
        )
    endpoints = tree.child("Endpoints")
    if endpoints and subject.kind == "Service" and endpoints.value in {"", "<none>"}:
        yield Finding(
            kind="object_status",
            subject=subject,
            fields={"status": "NoEndpoints", "selector": tree.get("Selector")},
            quotes=(Quote(file=file, line=endpoints.line, text=endpoints.text),),
        )
    yield from _service(tree, subject, file)
    address, served_by = tree.child("Address"), tree.get("Ingress Class")
    if subject.kind == "Ingress" and address and not address.value and served_by:
        yield Finding(
            kind="object_status",
            subject=subject,
            fields={"status": "NoAddress", "class": served_by},
            quotes=(Quote(file=file, line=address.line, text=f"{address.text} {served_by}"),),
        )
    yield from _backends(tree, subject, file)


def _service(tree: Node, subject: Subject, file: str) -> Iterator[Finding]:
    selector = tree.child("Selector")
    if subject.kind != "Service" or selector is None:
        return
    told = [selector, *(each for each in tree.children if each.key in {"TargetPort", "Endpoints"})]
    yield Finding(
        kind="service_described",
        subject=subject,
        fields={
            "selector": selector.value,
            "target_port": tree.get("TargetPort"),
            "endpoints": tree.get("Endpoints"),
        },
        quotes=tuple(Quote(file=file, line=each.line, text=each.text) for each in told),
    )


def _backends(tree: Node, subject: Subject, file: str) -> Iterator[Finding]:
    for number, text in [line for child in tree.children for line in child.below]:
        lost = re.search(r'<error: (?:endpoints|services?) "(?P<name>[^"]+)" not found>', text)
        if lost:
            yield Finding(
                kind="object_status",
                subject=subject,
                fields={"status": "BackendMissing", "backend": lost["name"]},
                quotes=(Quote(file=file, line=number, text=text.strip()),),
            )


def quota(tree: Node, subject: Subject, file: str) -> Iterator[Finding]:
    """Yield what of a ResourceQuota is used up."""
    if subject.kind != "ResourceQuota":
        return
    table = [(child.line, child.text) for child in tree.children if not child.key]
    for number, text, cells in rows(table):
        used, hard = amount(cells.get("used", "")), amount(cells.get("hard", ""))
        if used is not None and hard and used >= hard:
            yield Finding(
                kind="object_status",
                subject=subject,
                fields={"status": "QuotaUsedUp", "resource": cells.get("resource", ""), **cells},
                quotes=(Quote(file=file, line=number, text=text),),
            )
