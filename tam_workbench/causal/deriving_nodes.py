"""Facts read out of a node: pressure, readiness, cordons, reboots."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from tam_workbench.causal.deriving_drafts import Draft, Seen, flips, versions
from tam_workbench.causal.identity import items, mapping, stamp, stamped, text
from tam_workbench.records import Change, ObjectRef

_PRESSURES: Final = {
    "MemoryPressure": "memory",
    "DiskPressure": "disk",
    "PIDPressure": "pid",
    "NetworkUnavailable": "network",
}
_OVER: Final = frozenset({"Failed", "Succeeded"})
_CORDON: Final = "node.kubernetes.io/unschedulable"


def node_facts(seen: Seen) -> Iterator[Draft]:
    """Yield what a node tells of itself."""
    conditions = items(seen.status.get("conditions"))
    boot = text(mapping(seen.status.get("nodeInfo")).get("bootID"))
    before = seen.known.shape.get("boot", "")
    if seen.is_latest:
        _remember(seen, conditions, boot)
        if boot and before and boot != before:
            yield Draft("node_rebooted", (boot,), None, {"boot": boot})
    for condition in conditions:
        at, written = stamped(condition.get("lastTransitionTime"))
        kind = text(condition.get("type"))
        if at is None:
            continue
        if kind in _PRESSURES:
            yield from _pressure(seen, condition, at, written)
        elif kind == "Ready":
            yield from _readiness(seen, condition, at, written)
    yield from _cordon(seen)
    if seen.change is Change.DELETED:
        yield Draft("node_removed", (), None)


def _remember(seen: Seen, conditions: Any, boot: str) -> None:  # noqa: ANN401 - a manifest's part
    seen.known.shape = seen.objects.shared(
        {
            "conditions": {text(one.get("type")): text(one.get("status")) for one in conditions},
            "allocatable": dict(mapping(seen.status.get("allocatable"))),
            "unschedulable": bool(seen.spec.get("unschedulable")),
            "boot": boot,
        }
    )


def _words(condition: Mapping[str, Any]) -> dict[str, str]:
    return {key: text(condition.get(key)) for key in ("reason", "message", "status")}


def _pressure(
    seen: Seen, condition: Mapping[str, Any], at: datetime, written: str
) -> Iterator[Draft]:
    kind, status = text(condition.get("type")), text(condition.get("status"))
    what = _PRESSURES[kind]
    if status == "True" and seen.is_new("node_pressure", what, written):
        payload = {"type": what, **_words(condition), "hosted": _hosted(seen)}
        yield Draft("node_pressure", (what, written), at, payload)
    for when, turned in flips(seen, kind, written, status):
        if turned == "False":
            payload = {"type": what, **_words(condition)}
            yield Draft("node_pressure_over", (what, when), stamp(when), payload)


def _hosted(seen: Seen) -> list[dict[str, Any]]:
    """Return the workloads of the living pods on a node, each with how many it has there."""
    name, pods = seen.known.ref.name, Counter[ObjectRef]()
    for known in seen.objects.on_node(name):
        if known.shape.get("phase") not in _OVER:
            workload = seen.objects.workload(known.ref)
            if workload is not None:
                pods[workload] += 1
    return [
        {"workload": ref.key, "workload_path": ref.path, "pods": pods[ref]}
        for ref in sorted(pods, key=lambda ref: ref.key)
    ]


def _readiness(
    seen: Seen, condition: Mapping[str, Any], at: datetime, written: str
) -> Iterator[Draft]:
    status = text(condition.get("status"))
    if status in {"False", "Unknown"}:
        yield Draft("node_not_ready", (written,), at, _words(condition))
    for when, turned in flips(seen, "Ready", written, status):
        kind = "node_ready" if turned == "True" else "node_not_ready"
        yield Draft(kind, (when,), stamp(when), _words(condition))


def _cordon(seen: Seen) -> Iterator[Draft]:
    taint = next((one for one in items(seen.spec.get("taints")) if one.get("key") == _CORDON), None)
    is_closed = bool(seen.spec.get("unschedulable")) or taint is not None
    at = stamp(taint.get("timeAdded")) if taint else None
    if at is not None:
        yield Draft("node_cordoned", (at.isoformat(),), at, {"by_taint": True}, told_by="spec")
    for turn in versions(seen, {"is_closed": is_closed}, slot=" of cordon"):
        if not turn.after["is_closed"]:
            yield Draft("node_uncordoned", (turn.version,), turn.at, told_by="spec")
        elif at is None:
            payload = {"by_taint": False}
            yield Draft("node_cordoned", (turn.version,), turn.at, payload, told_by="spec")
