"""Bounds: what may be acted on at all, and how a target is named."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from tam_workbench.adapters.apiserver import ApiError, ApiServer
from tam_workbench.errors import BadInputError, PermanentError

__all__ = ["Bounds", "ConflictError", "Found", "RefusedError", "find", "objects", "whole"]

_NAME: Final = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
_PLURALS: Final[Mapping[str, str]] = MappingProxyType(
    {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}
)
_KINDS: Final = {kind.lower(): kind for kind in (*_PLURALS, "Node")}


class RefusedError(PermanentError):
    """An act that is not done: why, and what would be."""


class ConflictError(RefusedError):
    """Somebody changed the object between our look and our act; look again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What an actuator may touch."""

    namespaces: tuple[str, ...] = ()
    """Namespaces it may act in; none means the context's own, ``*`` means all."""
    max_replicas: int = 50
    """It never scales beyond this many."""
    min_nodes: int = 1
    """Nodes that must stay schedulable when one is cordoned."""
    is_dry: bool = False
    """Only try what the API server would say; every outcome is then SKIPPED."""


class Found(NamedTuple):
    """An object to act on: where it is and how it stands."""

    path: str
    kind: str
    namespace: str
    name: str
    manifest: Mapping[str, Any]

    @property
    def shown(self) -> str:
        """Name it as people do."""
        own = f"{self.kind}/{self.name}"
        return f"{self.namespace}/{own}" if self.namespace else own

    @property
    def version(self) -> str:
        """Return its resource version."""
        return str(self.manifest["metadata"]["resourceVersion"])


def find(server: ApiServer, target: str, bounds: Bounds, *, is_node: bool = False) -> Found:
    """Return what a target names: ``[namespace/]Kind/name``, or just the name of a workload.

    Raises
    ------
    RefusedError
        When it is no name, out of bounds, not there, or more than one object.
    """
    namespace, kind, name = _parts(target)
    if is_node:
        if kind not in {"", "Node"}:
            raise RefusedError(f"{target!r} is no node; name one as Node/NAME")
        return _read(server, "Node", "", name)
    if kind == "Node":
        raise RefusedError(f"{target!r} is a node; name a workload as NAMESPACE/Deployment/NAME")
    allowed = bounds.namespaces or (server.namespace,)
    if namespace and namespace not in allowed and "*" not in allowed:
        can = ", ".join(allowed)
        raise RefusedError(f"namespace {namespace} is out of bounds; acting is allowed in: {can}")
    places = (namespace,) if namespace else allowed
    if kind and len(places) == 1 and places[0] != "*":
        return _read(server, kind, places[0], name)
    return _only(_search(server, kind, name, places), target)


def objects(server: ApiServer, bounds: Bounds) -> Iterator[Found]:
    """Yield every workload that is within bounds, and the nodes, as far as they may be listed."""
    for place in bounds.namespaces or (server.namespace,):
        for kind in (*_PLURALS, "Node"):
            try:
                yield from _listed(server, kind, "" if place == "*" else place, {})
            except ApiError as error:
                if error.status != 403:
                    raise


def _parts(target: str) -> tuple[str, str, str]:
    parts = target.split("/")
    if len(parts) > 3 or not all(_NAME.fullmatch(part.lower()) for part in parts):
        shown = target[:60]
        raise RefusedError(f"target {shown!r} names no object; write NAMESPACE/Kind/NAME or NAME")
    name, kind = parts[-1], parts[-2] if len(parts) > 1 else ""
    if not _NAME.fullmatch(name) or (len(parts) == 3 and not _NAME.fullmatch(parts[0])):
        raise RefusedError(f"target {target[:60]!r} names no object; names are in lower case")
    if kind and kind.lower() not in _KINDS:
        can = ", ".join(_KINDS.values())
        raise RefusedError(f"nothing can be done to a {kind[:60]}, only to: {can}")
    return (parts[0] if len(parts) == 3 else ""), _KINDS.get(kind.lower(), ""), name


def _search(server: ApiServer, kind: str, name: str, places: tuple[str, ...]) -> list[Found]:
    asked = {"fieldSelector": f"metadata.name={name}"}
    kinds = (kind,) if kind else tuple(_PLURALS)
    return [
        one
        for place in places
        for each in kinds
        for one in _listed(server, each, "" if place == "*" else place, asked)
    ]


def _only(found: list[Found], target: str) -> Found:
    if not found:
        raise RefusedError(f"there is no workload {target!r} within bounds; check name and bounds")
    if len(found) > 1:
        names = ", ".join(sorted(one.shown for one in found)[:5])
        raise RefusedError(f"{target!r} is {len(found)} workloads ({names}); name one in full")
    return found[0]


def _path(kind: str, namespace: str) -> str:
    if kind == "Node":
        return "/api/v1/nodes"
    inside = f"/namespaces/{namespace}" if namespace else ""
    return f"/apis/apps/v1{inside}/{_PLURALS[kind]}"


def _read(server: ApiServer, kind: str, namespace: str, name: str) -> Found:
    path = f"{_path(kind, namespace)}/{name}"
    return Found(path, kind, namespace, name, server.get(path))


def _listed(server: ApiServer, kind: str, namespace: str, query: Mapping[str, str]) -> list[Found]:
    found = []
    asked = {**query, "limit": "500"}
    while True:
        told = server.get(_path(kind, namespace), asked)
        for item in told.get("items") or ():
            about = item["metadata"]
            place, name = about.get("namespace", ""), about["name"]
            found.append(Found(f"{_path(kind, place)}/{name}", kind, place, name, item))
        token = (told.get("metadata") or {}).get("continue")
        if not token:
            return found
        asked = {**query, "limit": "500", "continue": str(token)}


def whole(text: str, what: str) -> int:
    """Return the number that a text is.

    Raises
    ------
    BadInputError
        When it is none.
    """
    if not re.fullmatch(r"\d{1,6}", text):
        raise BadInputError(f"{what} {text[:40]!r} is no number from 0 on")
    return int(text)
