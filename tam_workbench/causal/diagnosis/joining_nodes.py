"""Nodes beside what wants to run on them: taints, the zones of volumes, who fills a node."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tam_workbench.causal.diagnosis.quantities import amount
from tam_workbench.causal.diagnosis.records import Finding, Subject
from tam_workbench.causal.diagnosis.shown import Shown, admits, entries, labels, message, pairs
from tam_workbench.causal.diagnosis.subjects import workload

_TAINT: Final = re.compile(r"(?:untolerated )?taints? \{(?P<key>[^:}\s]+): ?(?P<value>[^}]*)\}")
_OF_KUBERNETES: Final = re.compile(r"^(?:node-role|node)\.kubernetes\.io/|^node\.cloudprovider")
_CONFLICT: Final = re.compile(
    r"volume node affinity conflict|no available volume zone", re.IGNORECASE
)
_SELECTED: Final = re.compile(r"node affinity|node selector")
_OTHERWISE: Final = re.compile(r"Insufficient|unschedulable|free ports|volume|Too many pods")
"""Reasons for which a node may be out although it matches the selector."""
_ZONE: Final = re.compile(r"(?:zone|hostname)$")
_USED: Final = re.compile(
    r"Container (?P<container>[\w.-]+) was using (?P<used>\w+), request is (?P<request>\w+)"
)
_LOW: Final = re.compile(r"low on resource: (?P<resource>[\w-]+)")
_THRESHOLD: Final = re.compile(r"Threshold quantity: (?P<threshold>\w+)")
_LITTLE: Final = 0.1
"""Share of the threshold below which a container cannot be what fills the node."""


def taints(findings: Sequence[Finding], shown: Shown) -> Iterator[Finding]:
    """Yield taints that keep a pod away, in the form that a node has them."""
    for finding in findings:
        text = message(finding)
        for found in _TAINT.finditer(text) if finding.kind in {"event", "condition"} else ():
            if not _OF_KUBERNETES.match(found["key"]):
                yield from _taint(finding, found["key"], found["value"].strip(), shown)


def _taint(finding: Finding, key: str, value: str, shown: Shown) -> Iterator[Finding]:
    start = f"{key}={value}:" if value else f"{key}:"
    nodes = [
        (node, cells[0])
        for node in shown.of("Node")
        for cells in entries(node.fields.get("taints", ""))
        if cells[0].startswith(start)
    ]
    if not nodes:
        return
    pod = shown.one("Pod", finding.subject.name, finding.subject.namespace)
    wanted = pod.fields.get("node_selector", "") if pod else ""
    said = message(finding)
    is_told = bool(_SELECTED.search(said)) and not _OTHERWISE.search(said)
    fit = [node for node, _ in nodes if wanted and admits(wanted, node.fields.get("labels", ""))]
    yield Finding(
        kind="taint_untolerated",
        subject=finding.subject,
        fields={
            "owner": finding.fields.get("owner", "")
            or (pod.fields.get("owner", "") if pod else ""),
            "taint": nodes[0][1],
            "nodes": ", ".join(node.subject.name for node, _ in nodes),
            "selector": wanted if fit and is_told else "",
            "message": said,
        },
        quotes=(*finding.quotes[:1], *nodes[0][0].quotes[:2]),
    )


def volumes(findings: Sequence[Finding], shown: Shown) -> Iterator[Finding]:
    """Yield volumes that only some nodes can use, beside the state of these nodes."""
    for finding in findings:
        is_told = finding.kind in {"event", "condition"}
        if not is_told or not _CONFLICT.search(message(finding)):
            continue
        place = finding.subject.namespace
        pod = shown.one("Pod", finding.subject.name, place)
        claims = pod.fields.get("claims", "").split() if pod else []
        for volume in shown.of("PersistentVolume"):
            name = volume.fields.get("claim", "").removeprefix(f"{place}/")
            terms = pairs(volume.fields.get("affinity", ""))
            key = next((key for key in terms if _ZONE.search(key)), "")
            if name in claims and key:
                yield _volume(finding, name, (key, terms[key]), volume, shown)


def _volume(
    finding: Finding, claim: str, term: tuple[str, str], volume: Finding, shown: Shown
) -> Finding:
    key, values = term
    wanted = {value.strip() for value in values.split(",")}
    nodes = [node for node in shown.of("Node") if node.fields.get("labels")]
    there = [
        node
        for node in nodes
        if any(label in labels(node.fields["labels"]) for label in (f"{key}={v}" for v in wanted))
    ]
    held = [node for node in there if node.fields.get("unschedulable")]
    is_whole = any(node.fields.get("whole") for node in nodes)
    is_held = bool(held) and len(held) == len(there)
    return Finding(
        kind="volume_bound_elsewhere",
        subject=finding.subject,
        fields={
            "owner": finding.fields.get("owner", ""),
            "claim": claim,
            "what": "zone" if key.endswith("zone") else "node",
            "where": values,
            "cordoned": ", ".join(node.subject.name for node in held) if is_held else "",
            "which": "only node" if is_whole and len(held) == 1 else "node",
            "lost": values if is_whole and not there else "",
        },
        quotes=(*finding.quotes[:1], *volume.quotes[:1], *(held[0].quotes[:1] if held else ())),
    )


def fillers(findings: Sequence[Finding], shown: Shown) -> Iterator[Finding]:
    """Yield nodes that evict pods, with the container that used most and who may fill them."""
    told: dict[tuple[str, str], list[tuple[float, re.Match[str], Finding]]] = {}
    for finding in findings:
        text = message(finding)
        low = _LOW.search(text)
        node = _node(finding, shown)
        if low and node:
            for found in _USED.finditer(text):
                used = amount(found["used"]) or 0.0
                told.setdefault((node, low["resource"]), []).append((used, found, finding))
    for (node, resource), uses in sorted(told.items()):
        yield _filler(node, resource, uses, shown)


def _node(finding: Finding, shown: Shown) -> str:
    if finding.subject.kind == "Node":
        return finding.subject.name
    pod = shown.one("Pod", finding.subject.name, finding.subject.namespace)
    return finding.fields.get("node", "") or (pod.fields.get("node", "") if pod else "")


def _filler(
    node: str,
    resource: str,
    uses: Sequence[tuple[float, re.Match[str], Finding]],
    shown: Shown,
) -> Finding:
    used, found, finding = max(uses, key=lambda use: use[0])
    told = _THRESHOLD.search(message(finding))
    threshold = amount(told["threshold"]) if told else None
    is_little = threshold is not None and used < _LITTLE * threshold
    own = workload(finding.subject, finding.fields.get("owner", ""))
    fields: dict[str, str] = {
        "owner": "" if _is_described(shown.one("Node", node)) else f"Pod/{own}",
        "node": node,
        "resource": resource,
        "pressure": "disk" if "storage" in resource else resource,
        "evicted": finding.subject.path,
    }
    most = {"container": found["container"], "used": found["used"], "request": found["request"]}
    if not is_little:
        fields |= most
    elif "storage" in resource:
        fields |= {
            "little": f"{found['container']} ({found['used']})",
            **_scratch(node, finding, shown),
        }
    return Finding(
        kind="node_filled",
        subject=Subject(kind="Node", name=node),
        fields=fields,
        quotes=finding.quotes[-1:],
    )


def _is_described(node: Finding | None) -> bool:
    return node is not None and bool(node.fields.get("is_node"))


def _scratch(node: str, evicted: Finding, shown: Shown) -> Mapping[str, str]:
    """Return a pod on the node that writes to a local volume without a limit of size."""
    for pod in shown.of("Pod"):
        rows = list(entries(pod.fields.get("scratch", "")))
        if rows and pod.fields.get("node") == node and pod.subject != evicted.subject:
            return {"suspect": pod.subject.path, "volume": rows[0][0], "path": rows[0][-1]}
    return {}
