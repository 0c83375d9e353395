"""Who is who in a cluster: content keys, references, stamps.

Identity goes by uid and by owner reference. A name alone is taken only where the cluster gives
nothing else, and then the reference says so by an empty uid.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

from tam_workbench.errors import BadInputError
from tam_workbench.records import ObjectRef

CLUSTER_WIDE: Final = frozenset({"Node", "Namespace", "PersistentVolume", "ClusterRole"})
"""Kinds that stand in no namespace."""

WORKLOADS: Final = frozenset(
    {"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob"}
)
"""Kinds that own pods."""

_NOTHING: Final[Mapping[str, Any]] = {}


def canonical(value: object) -> bytes:
    """Return a value of JSON's types as bytes that are the same however it was ordered.

    Mappings go by sorted key; every part carries its type and its length, so that no two
    different values share their bytes.

    >>> canonical({"b": 1, "a": "x"}) == canonical({"a": "x", "b": 1})
    True
    >>> canonical(["ab", "c"]) == canonical(["a", "bc"])
    False
    """
    if isinstance(value, Mapping):
        parts = [canonical(str(key)) + canonical(value[key]) for key in sorted(value)]
        return _framed(b"m", b"".join(parts))
    if isinstance(value, str):
        return _framed(b"s", value.encode("utf-8", "surrogatepass"))
    if isinstance(value, bytes | bytearray):
        return _framed(b"b", bytes(value))
    if isinstance(value, Sequence):
        return _framed(b"l", b"".join(canonical(one) for one in value))
    return _framed(b"v", repr(value).encode())


def _framed(kind: bytes, body: bytes) -> bytes:
    return kind + str(len(body)).encode() + b":" + body


def content_key(*parts: str) -> str:
    """Return a key of 24 hexadecimal digits over length-prefixed parts.

    >>> content_key("oom_killed", "u1") == content_key("oom_killed", "u1")
    True
    >>> content_key("a", "bc") == content_key("ab", "c")
    False
    """
    framed = "".join([f"{len(part)}:{part}" for part in parts])
    return blake2b(framed.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


@lru_cache(maxsize=4096)
def _read(text: str) -> tuple[datetime | None, str]:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None, ""
    if found.tzinfo is None:
        return None, ""  # a stamp without a zone says nothing: Kubernetes always writes one
    found = found.astimezone(UTC)
    return found, found.isoformat()


def stamp(value: object) -> datetime | None:
    """Return a Kubernetes stamp as an aware time in UTC, or None where there is none.

    >>> stamp("2026-03-01T12:00:10-05:00").isoformat()
    '2026-03-01T17:00:10+00:00'
    >>> stamp("") is None, stamp("2026-03-01T12:00:10") is None
    (True, True)
    """
    if isinstance(value, str):
        return _read(value)[0] if value else None
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    return None


def stamped(value: object) -> tuple[datetime | None, str]:
    """Return a stamp and how it is written in UTC, both as `stamp` reads it."""
    if isinstance(value, str):
        return _read(value) if value else (None, "")
    found = stamp(value)
    return found, found.isoformat() if found else ""


def aware(when: datetime) -> datetime:
    """Return a time in UTC; refuse one that has no zone.

    Raises
    ------
    BadInputError
        If the time is naive: two clocks apart by a zone cannot be compared.
    """
    if when.tzinfo is UTC:
        return when
    if when.tzinfo is None:
        raise BadInputError(f"time {when.isoformat()} has no zone: give an aware datetime")
    return when.astimezone(UTC)


def mapping(value: object) -> Mapping[str, Any]:
    """Return the value if it is a mapping, else an empty one: a manifest may lack any part."""
    if type(value) is dict:  # the usual case, and far quicker than to ask an abstract class
        return value
    return value if isinstance(value, Mapping) else _NOTHING


def items(value: object) -> Sequence[Mapping[str, Any]]:
    """Return the mappings of a list, or nothing: a manifest may lack any part."""
    if not value or not isinstance(value, list | tuple):
        return ()
    return [one for one in value if type(one) is dict or isinstance(one, Mapping)]


def text(value: object) -> str:
    """Return a value as text; None is empty."""
    if isinstance(value, str):
        return value
    return "" if value is None else str(value)


def whole(value: object) -> int:
    """Return a value as a whole number; what is none is 0."""
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() else 0


def owner_of(manifest: Mapping[str, Any], *, cluster: str, namespace: str) -> ObjectRef | None:
    """Return the controller in an object's owner references, else its first owner, if any."""
    owners = items(mapping(manifest.get("metadata")).get("ownerReferences"))
    if not owners:
        return None
    owner = next((one for one in owners if one.get("controller")), owners[0])
    kind = text(owner.get("kind"))
    return ObjectRef(
        cluster=cluster,
        kind=kind,
        name=text(owner.get("name")),
        namespace="" if kind in CLUSTER_WIDE else namespace,
        uid=text(owner.get("uid")),
    )


def told_of(event: Mapping[str, Any], *, cluster: str) -> ObjectRef:
    """Return the object that an event is about; old (v1) and new (events.k8s.io) fields."""
    told = mapping(event.get("involvedObject")) or mapping(event.get("regarding"))
    kind, name = text(told.get("kind")), text(told.get("name"))
    uid = text(told.get("uid"))
    if kind == "Node" and uid == name:
        uid = ""  # the kubelet writes the node's name where its uid should stand
    return ObjectRef(
        cluster=cluster,
        kind=kind,
        name=name,
        namespace="" if kind in CLUSTER_WIDE else text(told.get("namespace")),
        uid=uid,
    )


def ref_of(manifest: Mapping[str, Any], *, cluster: str, kind: str = "") -> ObjectRef:
    """Return the reference of an object as its manifest gives it.

    >>> ref_of({"kind": "Pod", "metadata": {"name": "web", "uid": "u"}}, cluster="c").key
    'c/u'
    """
    metadata = mapping(manifest.get("metadata"))
    return ObjectRef(
        cluster=cluster,
        kind=kind or text(manifest.get("kind")),
        name=text(metadata.get("name")),
        namespace=text(metadata.get("namespace")),
        uid=text(metadata.get("uid")),
    )


def version_order(resource_version: str, observed_at: datetime) -> tuple[int, float]:
    """Return where a state of an object stands among the others of the same object.

    The API server's versions of one object grow; where they are whole numbers they order the
    states, whatever order they arrived in, else our own clock does. They are never compared
    between objects.
    """
    number = int(resource_version) if resource_version.isdecimal() else 0
    return number, observed_at.timestamp()
