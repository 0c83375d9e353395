"""A described pod into findings: states of its containers, probes, status."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from tam_workbench.causal.diagnosis.describing import Node
from tam_workbench.causal.diagnosis.quantities import amount
from tam_workbench.causal.diagnosis.records import Finding, Quote, Subject

_SECTIONS: Final = {
    "Containers": "",
    "Init Containers": "init",
    "Ephemeral Containers": "ephemeral",
}
_SMALL_CPU: Final = 0.05
"""Cores; less than most programs want even while they only wait."""
_PROBE_PORT: Final = re.compile(r"https?://[^:/]*:(?P<http>\w+)|tcp-socket\s+:?(?P<tcp>\w+)")


def pod(tree: Node, subject: Subject, file: str) -> Iterator[Finding]:
    """Yield what a description of a pod tells of trouble."""
    of_pod = _pod_fields(tree)
    status = tree.child("Status")
    if status and status.value.split(" ")[0] not in {"Running", "Succeeded"}:
        quotes = [Quote(file=file, line=status.line, text=status.text)]
        for key in ("Reason", "Message"):
            told = tree.child(key)
            quotes += [Quote(file=file, line=told.line, text=told.text)] if told else []
        yield Finding(
            kind="object_status",
            subject=subject,
            fields={
                **of_pod,
                "status": status.value,
                "reason": tree.get("Reason"),
                "message": tree.get("Message"),
            },
            quotes=tuple(quotes),
        )
    for section, role in _SECTIONS.items():
        group = tree.child(section)
        for container in group.children if group else ():
            fields = {**of_pod, **_container_fields(container, role)}
            spec = _spec(container, subject, fields, file)
            yield spec
            yield from _small(spec)
            yield from _states(container, Finding(kind="", subject=subject, fields=fields), file)
            yield from _probes(container, Finding(kind="", subject=subject, fields=fields), file)


def _pod_fields(tree: Node) -> dict[str, str]:
    return {
        "node": tree.get("Node").split("/")[0],
        "labels": _joined(tree.child("Labels")),
        "owner": tree.get("Controlled By"),
        "node_selector": _joined(tree.child("Node-Selectors")),
        "service_account": tree.get("Service Account"),
    }


def _joined(node: Node | None) -> str:
    if node is None or node.value == "<none>":
        return ""
    return ", ".join([node.value, *(child.text for child in node.children)]).strip(", ")


def _container_fields(container: Node, role: str) -> dict[str, str]:
    limits, requests = container.child("Limits"), container.child("Requests")
    return {
        "container": container.key,
        "role": role,
        "image": container.get("Image"),
        "restarts": container.get("Restart Count"),
        "memory_limit": limits.get("memory") if limits else "",
        "cpu_limit": limits.get("cpu") if limits else "",
        "memory_request": requests.get("memory") if requests else "",
        "cpu_request": requests.get("cpu") if requests else "",
        "command": _command(container),
        "ports": container.get("Port") or container.get("Ports"),
        "ready": container.get("Ready"),
        **{
            f"asked_{name}": container.get(name).split(" delay=")[0]
            for name in ("Readiness", "Liveness", "Startup")
        },
    }


def _command(container: Node) -> str:
    sections = [container.child(key) for key in ("Command", "Args")]
    words = [text.strip() for section in sections if section for _, text in section.below]
    return " ".join(words)


def _spec(container: Node, subject: Subject, fields: Mapping[str, str], file: str) -> Finding:
    limits = container.child("Limits")
    told = [
        Quote(file=file, line=node.line, text=f"Limits: {node.text}")
        for node in (limits.children if limits else ())
    ]
    return Finding(kind="container_described", subject=subject, fields=fields, quotes=tuple(told))


def _small(spec: Finding) -> Iterator[Finding]:
    cores = amount(spec.fields["cpu_limit"])
    if cores is not None and cores <= _SMALL_CPU:
        yield replace(spec, kind="cpu_limit_small")


def _quotes(node: Node, file: str, keys: tuple[str, ...]) -> tuple[Quote, ...]:
    told = [node, *(child for child in node.children if child.key in keys)]
    return tuple(Quote(file=file, line=each.line, text=each.text) for each in told)


def _states(container: Node, about: Finding, file: str) -> Iterator[Finding]:
    for key, when in (("State", "now"), ("Last State", "last")):
        state = container.child(key)
        if state is None or state.value not in {"Waiting", "Terminated"}:
            continue
        kind = "container_waiting" if state.value == "Waiting" else "container_terminated"
        fields = {
            **about.fields,
            "when": when,
            "reason": state.get("Reason"),
            "message": state.get("Message"),
            "exit_code": state.get("Exit Code"),
        }
        quotes = _quotes(state, file, ("Reason", "Exit Code", "Message"))
        yield Finding(kind=kind, subject=about.subject, fields=fields, quotes=quotes)


def _probes(container: Node, about: Finding, file: str) -> Iterator[Finding]:
    declared = container.child("Port") or container.child("Ports")
    ports = set(re.findall(r"(\d+)/", declared.value)) if declared else set()
    for name in ("Readiness", "Liveness", "Startup"):
        probe = container.child(name)
        port = probed_port(probe.value) if probe else ""
        if probe and declared and ports and port.isdigit() and port not in ports:
            fields: Mapping[str, str] = {
                **about.fields,
                "probe": name,
                "port": port,
                "ports": declared.value,
                "asked": probe.value.split(" delay=")[0],
            }
            quotes = (
                Quote(file=file, line=probe.line, text=probe.text),
                Quote(file=file, line=declared.line, text=declared.text),
            )
            yield Finding(
                kind="probe_mismatch", subject=about.subject, fields=fields, quotes=quotes
            )


def probed_port(probe: str) -> str:
    """Return the port that a probe asks; empty where it runs a command.

    >>> probed_port("http-get http://:8080/ready delay=5s"), probed_port("exec [cat /x]")
    ('8080', '')
    """
    found = _PROBE_PORT.search(probe)
    return (found["http"] or found["tcp"]) if found else ""
