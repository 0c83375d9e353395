"""Observing: what an API server says of an object as an `Observation`, and as a line of a file.

Shared by the sources that watch or replay clusters. Pure: reads no clock and no file.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from tam_workbench.errors import BadInputError
from tam_workbench.records import Change, ObjectRef, Observation

__all__ = ["decode", "encode", "latest_stamp", "ref_of", "seen", "stamp", "told_at"]

_STAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
_REF: Final = ("cluster", "kind", "namespace", "name", "uid")
_TEXTS: Final = ("change", *_REF, "observed_at", "resource_version")
_CHANGES: Final = {change.value: change for change in Change}
_LAST_TOLD: Final = ("lastTimestamp", "deprecatedLastTimestamp", "eventTime", "firstTimestamp")


def ref_of(manifest: Mapping[str, Any], *, cluster: str) -> ObjectRef:
    """Return who an object of the API is.

    >>> ref_of({"kind": "Node", "metadata": {"name": "n1", "uid": "u"}}, cluster="c").path
    'Node/n1'
    """
    told = _mapping(manifest.get("metadata"))
    return ObjectRef(
        cluster=cluster,
        kind=str(manifest.get("kind") or ""),
        namespace=str(told.get("namespace") or ""),
        name=str(told.get("name") or ""),
        uid=str(told.get("uid") or ""),
    )


def seen(
    manifest: Mapping[str, Any], change: Change, *, cluster: str, observed_at: datetime
) -> Observation:
    """Return the observation of an object as the API gives it; it must be sealed already."""
    told = _mapping(manifest.get("metadata"))
    return Observation(
        change=change,
        ref=ref_of(manifest, cluster=cluster),
        observed_at=observed_at,
        resource_version=str(told.get("resourceVersion") or ""),
        manifest=manifest,
    )


def encode(observation: Observation) -> str:
    """Return an observation as one line of JSON, in ASCII, without its newline.

    >>> at = datetime(2026, 1, 1, tzinfo=UTC)
    >>> node = {"kind": "Node", "metadata": {"name": "n1"}}
    >>> line = encode(seen(node, Change.ADDED, cluster="c", observed_at=at))
    >>> decode(line).manifest == node
    True
    """
    told: dict[str, Any] = {"change": observation.change.value}
    told |= {name: getattr(observation.ref, name) for name in _REF}
    told["observed_at"] = observation.observed_at.isoformat()
    told["resource_version"] = observation.resource_version
    told["manifest"] = observation.manifest
    return json.dumps(told, separators=(",", ":"))


def decode(line: str | bytes | Mapping[str, Any]) -> Observation:
    """Return the observation of a line, or of what was read from it.

    Raises
    ------
    BadInputError
        In one line: which field is wrong, and how.
    """
    try:
        told = line if isinstance(line, Mapping) else json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"line is not JSON ({str(error)[:80]})") from error
    if not isinstance(told, Mapping):
        raise BadInputError("line is no mapping")
    for name in _TEXTS:
        if not isinstance(told.get(name, ""), str):
            raise BadInputError(f"{name} is no text")
    change = _CHANGES.get(told.get("change", ""))
    if change is None:
        raise BadInputError(f"change {str(told.get('change'))[:40]!r} is none of ours")
    at, manifest = stamp(told.get("observed_at")), told.get("manifest", {})
    if at is None:
        raise BadInputError("observed_at is no time with a zone")
    if not isinstance(manifest, dict):
        raise BadInputError("manifest is no mapping")
    return Observation(
        change=change,
        ref=_ref(*[told.get(name, "") for name in _REF]),
        observed_at=at,
        resource_version=told.get("resource_version", ""),
        manifest=manifest,
    )


@lru_cache(maxsize=16_384)
def _ref(cluster: str, kind: str, namespace: str, name: str, uid: str) -> ObjectRef:
    """Return one reference for all that is told of an object."""
    return ObjectRef(cluster=cluster, kind=kind, namespace=namespace, name=name, uid=uid)


def stamp(text: object) -> datetime | None:
    """Return the UTC time of a stamp as Kubernetes writes it; None when it is none.

    >>> stamp("2021-05-19T09:42:58.640117041Z").microsecond
    640117
    >>> stamp("soon") is None
    True
    """
    if isinstance(text, datetime):
        return text.astimezone(UTC) if text.tzinfo else None
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None


def told_at(event: Mapping[str, Any]) -> datetime | None:
    """Return when an Event last happened, by the fields of either API; None when it says none.

    >>> told_at({"eventTime": "2026-01-01T00:00:00Z", "lastTimestamp": None}).year
    2026
    """
    series = _mapping(event.get("series")).get("lastObservedTime")
    told = [stamp(text) for text in (series, *(event.get(name) for name in _LAST_TOLD))]
    made = stamp(_mapping(event.get("metadata")).get("creationTimestamp"))
    return next((at for at in (*told, made) if at is not None), None)


def latest_stamp(manifest: Mapping[str, Any]) -> datetime | None:
    """Return the latest time an object speaks of: it was seen no earlier. None without any.

    What is announced for later (an expiry, a grace period) is no time that passed, so the spec
    and the time of deletion do not count.
    """
    parts: dict[str, Any] = {name: manifest[name] for name in manifest if name != "spec"}
    parts["metadata"] = {
        name: part
        for name, part in _mapping(manifest.get("metadata")).items()
        if name in {"creationTimestamp", "managedFields"}
    }
    return max((at for at in _stamps(parts) if at is not None), default=None)


def _stamps(part: object) -> Iterator[datetime | None]:
    if isinstance(part, Mapping):
        for inner in part.values():
            yield from _stamps(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _stamps(inner)
    elif isinstance(part, str) and _STAMP.fullmatch(part):
        yield stamp(part)


def _mapping(part: object) -> Mapping[str, Any]:
    if type(part) is dict:  # the usual case, and far quicker than to ask an abstract class
        return part
    return part if isinstance(part, Mapping) else {}
