"""Facts read out of events, of core v1 and of events.k8s.io alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from tam_workbench.causal.identity import mapping, stamp, text, told_of, whole
from tam_workbench.records import ObjectRef

_EPISODE: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Telling:
    """One event, its fields from wherever this version of the API keeps them."""

    about: ObjectRef
    reason: str
    message: str
    kind: str  # Normal | Warning
    source: str
    host: str
    container: str
    count: int
    first_at: datetime | None
    last_at: datetime | None
    uid: str


def telling(event: Mapping[str, Any], *, cluster: str) -> Telling:
    """Read an event; an aggregated one holds its first and last stamp and a count.

    >>> told = telling({"reason": "Killing", "note": "Stopping container web",
    ...     "eventTime": "2026-03-01T12:00:00.5Z", "regarding": {"kind": "Pod", "name": "web-1",
    ...     "uid": "u", "fieldPath": "spec.containers{web}"}}, cluster="c")
    >>> told.container, told.count, told.first_at.second
    ('web', 1, 0)
    """
    series = mapping(event.get("series"))
    source = mapping(event.get("source")) or mapping(event.get("deprecatedSource"))
    told = mapping(event.get("involvedObject")) or mapping(event.get("regarding"))
    metadata = mapping(event.get("metadata"))
    moment = stamp(event.get("eventTime"))
    first = stamp(event.get("firstTimestamp")) or stamp(event.get("deprecatedFirstTimestamp"))
    last = stamp(event.get("lastTimestamp")) or stamp(event.get("deprecatedLastTimestamp"))
    first = first or moment or stamp(metadata.get("creationTimestamp"))
    count = whole(series.get("count")) or whole(event.get("count"))
    field = text(told.get("fieldPath"))
    return Telling(
        about=told_of(event, cluster=cluster),
        reason=text(event.get("reason")),
        message=text(event.get("message")) or text(event.get("note")),
        kind=text(event.get("type")),
        source=text(source.get("component"))
        or text(event.get("reportingComponent"))
        or text(event.get("reportingController")),
        host=text(source.get("host")) or text(event.get("reportingInstance")),
        container=field.partition("{")[2].rstrip("}") if "{" in field else "",
        count=count or whole(event.get("deprecatedCount")) or 1,
        first_at=first,
        last_at=stamp(series.get("lastObservedTime")) or last or first,
        uid=text(metadata.get("uid")),
    )
