"""Findings that only two answers together give: limits beside use, selectors beside labels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from tam_workbench.causal.diagnosis.quantities import amount
from tam_workbench.causal.diagnosis.records import Finding, Subject

_USED_UP = 0.9
Fields = Mapping[str, str]


def joined(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield what follows from findings of several answers."""
    yield from _near_limits(findings)
    yield from _policies(findings)
    yield from _services(findings)


def _near_limits(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield pods of one container that use nearly what they may, from ``top`` and ``describe``."""
    limits: dict[str, dict[str, Fields]] = {}
    for finding in findings:
        if finding.kind == "container_described":
            containers = limits.setdefault(finding.subject.name, {})
            containers[finding.fields["container"]] = finding.fields
    for finding in findings:
        known = limits.get(finding.subject.name, {})
        if finding.kind == "usage" and len(known) == 1:
            yield from _near_limit(finding, *known.values())


def _near_limit(usage: Finding, limits: Fields) -> Iterator[Finding]:
    for resource in ("cpu", "memory"):
        limit = limits.get(f"{resource}_limit", "")
        used, most = amount(usage.fields[resource]), amount(limit)
        if used is not None and most and used >= _USED_UP * most:
            fields = {
                "resource": resource,
                "used": usage.fields[resource],
                "limit": limit,
                "container": limits.get("container", ""),
                "share": f"{100 * used / most:.0f}",
            }
            yield replace(usage, kind="usage_near_limit", fields=fields)


def _policies(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield lines of trouble of pods in whose namespace a network policy was listed."""
    policies: dict[str, dict[str, Finding]] = {}
    for finding in findings:
        if finding.kind == "network_policy":
            policies.setdefault(finding.subject.namespace, {})[finding.subject.name] = finding
    for finding in findings:
        if finding.kind != "log_line":
            continue
        for name, policy in policies.get(finding.subject.namespace, {}).items():
            yield replace(
                finding,
                kind="policy_in_way",
                fields={**finding.fields, "policy": name},
                quotes=(*policy.quotes, *finding.quotes),
            )


def labels(text: str) -> frozenset[str]:
    """Return the labels or the selector of a line, each as key=value.

    >>> sorted(labels("app=web, tier=front")), labels("<none>")
    (['app=web', 'tier=front'], frozenset())
    """
    return frozenset(part.strip() for part in text.split(",") if "=" in part)


def _services(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield services whose selector misses the pods, or whose port the pods do not declare."""
    carried = {
        finding.subject: (labels(finding.fields["labels"]), finding)
        for finding in findings
        if finding.kind in {"container_described", "pod_listed"} and finding.fields.get("labels")
    }
    for service in findings:
        if service.kind != "service_described":
            continue
        wanted = labels(service.fields["selector"])
        beside = {
            pod: told for pod, told in carried.items() if pod.namespace == service.subject.namespace
        }
        chosen = [told for has, told in beside.values() if wanted and wanted <= has]
        if wanted and not chosen and service.fields["endpoints"] == "":
            yield from _missed(service, wanted, beside)
        yield from _wrong_port(service, chosen)


def _missed(
    service: Finding,
    wanted: frozenset[str],
    beside: Mapping[Subject, tuple[frozenset[str], Finding]],
) -> Iterator[Finding]:
    """Yield the pods that carry a key of the selector with another value."""
    keys = {label.split("=")[0] for label in wanted}
    for pod, (has, told) in sorted(beside.items(), key=lambda item: item[0]):
        near = sorted(label for label in has - wanted if label.split("=")[0] in keys)
        if near:
            fields = {**service.fields, "pod": pod.name, "carried": ", ".join(near)}
            quotes = (*service.quotes, *told.quotes[:1])
            yield replace(service, kind="selector_mismatch", fields=fields, quotes=quotes)
            return


def _wrong_port(service: Finding, chosen: Sequence[Finding]) -> Iterator[Finding]:
    asked = service.fields["target_port"].split("/")[0]
    declared = {
        port.split("/")[0].strip()
        for told in chosen
        for port in told.fields.get("ports", "").split(",")
    } - {""}
    if asked.isdigit() and declared and asked not in declared:
        ports = ", ".join(sorted(declared))
        fields = {**service.fields, "ports": ports, "pod": chosen[0].subject.name}
        quotes = (*service.quotes, *chosen[0].quotes[:1])
        yield replace(service, kind="port_mismatch", fields=fields, quotes=quotes)
