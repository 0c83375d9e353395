"""Announcing: Event objects as the components write them, counted up when they repeat."""

from collections.abc import Iterable
from typing import Final

from tam_workbench.evaluation.clusters.parts import Manifest
from tam_workbench.evaluation.clusters.world import World

WARNINGS: Final = frozenset(
    {
        "BackOff",
        "BackoffLimitExceeded",
        "Evicted",
        "Failed",
        "FailedCreate",
        "FailedCreatePodSandBox",
        "FailedGetResourceMetric",
        "FailedMount",
        "FailedScheduling",
        "NodeNotReady",
        "OOMKilling",
        "SystemOOM",
        "Unhealthy",
    }
)


def announce(  # noqa: PLR0913 - one event, all by name
    world: World,
    about: Manifest,
    reason: str,
    message: str,
    *,
    by: str,
    clock: str = "",
    tells: Iterable[int] = (),
) -> None:
    """Write an Event, or count up the one that says the same of the same object.

    ``clock`` is whose clock stamps it, the component's own without it. The scheduler writes the
    fields of events.k8s.io (``eventTime``, ``series``), the others those of old.
    """
    key = (about["metadata"].get("uid", ""), reason, message)
    told = world.events.get(key)
    is_new = by == "default-scheduler"
    clock = clock or by
    if told is not None:
        _count_up(world, told, clock, is_new=is_new)
        world.update(told, tells=tells)
        return
    made = _event(world, about, reason, message, by)
    stamp = world.clock.stamp(clock)
    if is_new:
        made |= {
            "action": "Binding" if reason == "Scheduled" else "Scheduling",
            "eventTime": world.clock.fine_stamp(clock),
            "firstTimestamp": None,
            "lastTimestamp": None,
            "reportingComponent": by,
            "reportingInstance": f"{by}-control-plane",
            "source": {},
        }
    else:
        made |= {"count": 1, "firstTimestamp": stamp, "lastTimestamp": stamp}
    world.create(made, tells=tells)
    world.events[key] = made


def _event(world: World, about: Manifest, reason: str, message: str, by: str) -> Manifest:
    meta = about["metadata"]
    source = {"component": by.split("/", maxsplit=1)[0]}
    if "/" in by:
        source["host"] = by.split("/")[1]
    world.count += 1
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{meta['name']}.{0x16806E83E0000000 + world.count * 7919:x}",
            "namespace": meta.get("namespace", "default"),
        },
        "involvedObject": {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "name": meta["name"],
            "namespace": meta.get("namespace", ""),
            "uid": meta.get("uid", ""),
            "resourceVersion": meta.get("resourceVersion", ""),
        },
        "reason": reason,
        "message": message,
        "type": "Warning" if reason in WARNINGS else "Normal",
        "eventTime": None,
        "reportingComponent": "",
        "reportingInstance": "",
        "source": source,
    }


def _count_up(
    world: World,
    told: Manifest,
    clock: str,
    *,
    is_new: bool,
) -> None:
    if is_new:
        before = told.get("series", {"count": 1})["count"]
        last = world.clock.fine_stamp(clock)
        told["series"] = {"count": before + 1, "lastObservedTime": last}
    else:
        told["count"] += 1
        told["lastTimestamp"] = world.clock.stamp(clock)
