"""Services beside the pods behind them and the ingresses before them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from tam_workbench.causal.diagnosis.records import Finding, Subject
from tam_workbench.causal.diagnosis.shown import Shown, entries, labels

_NUMBER: Final = re.compile(r"\d+")


def services(findings: Sequence[Finding], _: Shown) -> Iterator[Finding]:
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


def ingresses(_: Sequence[Finding], shown: Shown) -> Iterator[Finding]:
    """Yield ingresses that send to a port, by number or by name, which their service lacks."""
    for ingress in shown.of("Ingress"):
        for path, name, port in entries(ingress.fields.get("backends", "")):
            service = shown.one("Service", name, ingress.subject.namespace)
            if service and _lacks(service.fields, port):
                fields = {
                    "port": port,
                    "service": name,
                    "path": path,
                    "ports": service.fields["ports"].replace(" ", ", "),
                    "names": service.fields.get("port_names", "").replace(" ", ", "),
                }
                quotes = (*ingress.quotes[:1], *service.quotes[:2])
                yield Finding(
                    kind="backend_port_missing",
                    subject=ingress.subject,
                    fields=fields,
                    quotes=quotes,
                )


def _lacks(service: Mapping[str, str], port: str) -> bool:
    """Return whether a service has no port of that number or name, as far as it was shown."""
    if not service.get("ports") or not port:
        return False
    if _NUMBER.fullmatch(port):
        return port not in service["ports"].split()
    return bool(service.get("is_named")) and port not in service.get("port_names", "").split()
