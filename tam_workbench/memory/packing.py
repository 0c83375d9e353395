"""Packing: an entry as one line of JSON and back, for stores that keep text or sealed bytes."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tam_workbench.records import MemoryEntry, Origin, Tier

_PLAIN: Final = (
    *("id", "kind", "text", "service", "trust", "action", "helped", "count", "surprise"),
    *("stability", "is_pinned", "is_quarantined", "embedder"),
)
_TIMES: Final = ("created_at", "valid_from", "valid_to", "known_from", "known_to")
_LISTS: Final = ("labels", "source_ids")


def pack(entry: MemoryEntry) -> str:
    r"""Return an entry without its vector as one line of ASCII JSON.

    Examples
    --------
    >>> from tam_workbench.records import Tier
    >>> entry = MemoryEntry(id="a", kind="note", text="disk\nfull", vector=(1.0, 0.0),
    ...     tier=Tier.WORKING, service="db", created_at=datetime(2024, 1, 1, tzinfo=UTC), trust=1.0)
    >>> "\n" in pack(entry), unpack(pack(entry), vector=(1.0, 0.0)) == entry
    (False, True)
    """
    return json.dumps(to_fields(entry), ensure_ascii=True, separators=(",", ":"))


def unpack(text: str, *, vector: tuple[float, ...] = ()) -> MemoryEntry:
    """Return the entry that `pack` wrote, with a vector.

    Raises
    ------
    ValueError, KeyError, TypeError
        The text is no packed entry; the caller knows where it came from.
    """
    return from_fields(json.loads(text), vector=vector)


def to_fields(entry: MemoryEntry) -> dict[str, Any]:
    """Return the fields of an entry as JSON knows them, without its vector."""
    fields: dict[str, Any] = {name: getattr(entry, name) for name in _PLAIN}
    for name in _TIMES:
        at = getattr(entry, name)
        fields[name] = at and at.astimezone(UTC).isoformat()
    for name in _LISTS:
        fields[name] = list(getattr(entry, name))
    fields["tier"], fields["origin"] = entry.tier.value, entry.origin.value
    fields["attributes"] = dict(entry.attributes)
    return fields


def from_fields(fields: Mapping[str, Any], *, vector: tuple[float, ...] = ()) -> MemoryEntry:
    """Return the entry of the fields that `to_fields` gave."""
    told = dict(fields)
    for name in _TIMES:
        told[name] = told[name] and datetime.fromisoformat(told[name])
    for name in _LISTS:
        told[name] = tuple(told[name])
    told["tier"], told["origin"] = Tier(told["tier"]), Origin(told["origin"])
    return MemoryEntry(**told, vector=vector)


def vector_bytes(vector: tuple[float, ...] | npt.NDArray[np.float32]) -> bytes:
    """Return a vector as little-endian float32."""
    return np.asarray(vector, "<f4").tobytes()


def bytes_vector(packed: bytes) -> tuple[float, ...]:
    """Return the vector that `vector_bytes` wrote.

    >>> bytes_vector(vector_bytes((0.5, -1.0)))
    (0.5, -1.0)
    """
    return tuple(np.frombuffer(packed, "<f4").tolist())
