"""Signatures that were met: their means, how often and when they came, and as memory entries."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tam_workbench.errors import BadInputError
from tam_workbench.memory.blocks import SIZES, Signature
from tam_workbench.records import Floats, MemoryEntry, Origin, Tier

BLOCKS: Final = tuple(SIZES)
EDGES: Final = np.cumsum([0, *SIZES.values()])
"""Where each block begins in a row of the matrix, and where the last one ends."""

WIDTH: Final = int(EDGES[-1])
KIND: Final = "signature"

_GAPS: Final = 32  # inter-arrival times kept of each signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A signature that was met: the mean of its windows by block, how often and when it came.

    ``blocks`` are means of unit vectors, so their length says how alike the windows were;
    ``gaps_s`` are the last inter-arrival times in seconds, oldest first.
    """

    id: str
    service: str
    text: str
    blocks: Mapping[str, tuple[float, ...]]
    first_at: datetime
    last_at: datetime
    count: int = 1
    gaps_s: tuple[float, ...] = ()


def signature_id(signature: Signature) -> str:
    """Return the id of a signature's content: SHA-256 of service and blocks, 32 hex digits."""
    vector, present = flat(signature.blocks)
    content = sha256(signature.service.encode("utf-8", "replace") + b"\0")
    content.update(present.tobytes() + vector.astype("<f2").tobytes())
    return content.hexdigest()[:32]


def seen_again(known: Known, signature: Signature, *, at: datetime) -> Known:
    """Return ``known`` with one more window in its means, and its time."""
    blocks = dict(known.blocks)
    for block, vector in signature.blocks.items():
        old = np.asarray(blocks.get(block, vector))
        mean = old + (np.asarray(vector) - old) / (known.count + 1)
        blocks[block] = tuple(mean.tolist())
    gap = abs((at - known.last_at).total_seconds())
    return replace(
        known,
        blocks=blocks,
        first_at=min(known.first_at, at),
        last_at=max(known.last_at, at),
        count=known.count + 1,
        gaps_s=(*known.gaps_s, gap)[-_GAPS:],
    )


def flat(blocks: Mapping[str, Sequence[float]]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return the blocks in a row, and which of them there are."""
    vector, present = np.zeros(WIDTH), np.zeros(len(BLOCKS), dtype=np.bool_)
    for b, block in enumerate(BLOCKS):
        if block not in blocks:
            continue
        if len(blocks[block]) != SIZES[block]:
            raise BadInputError(
                f"signature: block {block!r} has {len(blocks[block])} numbers, not {SIZES[block]}"
            )
        vector[EDGES[b] : EDGES[b + 1]] = blocks[block]
        present[b] = True
    if not np.isfinite(vector).all():
        raise BadInputError("signature: a block holds what is not a number")
    return vector, present


def normed(vector: npt.NDArray[Any]) -> Floats:
    """Return the row with each block of length one, or zero."""
    out = vector.astype(np.float64)
    for begin, end in pairwise(EDGES.tolist()):
        norm = float(np.linalg.norm(out[begin:end]))
        if norm > 0.0:
            out[begin:end] /= norm
    return out


def to_entry(
    known: Known, *, vector: Sequence[float] | npt.NDArray[np.float32], trust: float
) -> MemoryEntry:
    """Return a known signature as a memory entry; ``vector`` is the embedding of its text.

    The blocks travel as float16 in base64, so that what comes back differs by 5e-4 at most.

    Examples
    --------
    >>> from datetime import UTC
    >>> seen = Known(id="s-1", service="db", text="db", blocks={"place": (1.0,) + (0.0,) * 31},
    ...     first_at=datetime(2024, 1, 1, tzinfo=UTC), last_at=datetime(2024, 1, 2, tzinfo=UTC),
    ...     count=2, gaps_s=(86400.0,))
    >>> entry = to_entry(seen, vector=[1.0, 0.0], trust=0.9)
    >>> entry.kind, entry.tier.value, entry.count, from_entry(entry) == seen
    ('signature', 'semantic', 2, True)
    """
    packed = {
        block: base64.b64encode(np.asarray(numbers, "<f2").tobytes()).decode()
        for block, numbers in known.blocks.items()
    }
    return MemoryEntry(
        id=known.id,
        kind=KIND,
        text=known.text,
        vector=tuple(np.asarray(vector, np.float32).tolist()),
        tier=Tier.SEMANTIC,
        service=known.service,
        created_at=known.first_at,
        trust=trust,
        count=known.count,
        origin=Origin.DERIVED,
        attributes={
            "blocks": json.dumps(packed, sort_keys=True),
            "gaps_s": json.dumps(list(known.gaps_s)),
            "last_seen": known.last_at.isoformat(),
        },
    )


def from_entry(entry: MemoryEntry) -> Known:
    """Return the known signature that an entry keeps.

    Raises
    ------
    BadInputError
        The entry is of another kind, or its blocks cannot be read.
    """
    if entry.kind != KIND:
        raise BadInputError(f"entry {entry.id!r} is a {entry.kind}, not a signature")
    try:
        packed = json.loads(entry.attributes["blocks"])
        blocks = {
            str(block): tuple(np.frombuffer(base64.b64decode(text), "<f2").astype(float).tolist())
            for block, text in packed.items()
        }
        gaps = tuple(float(gap) for gap in json.loads(entry.attributes.get("gaps_s", "[]")))
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise BadInputError(
            f"signature {entry.id!r} cannot be read ({error}); forget it, it is learned again"
        ) from error
    flat(blocks)
    return Known(
        id=entry.id,
        service=entry.service,
        text=entry.text,
        blocks=blocks,
        first_at=entry.created_at,
        last_at=datetime.fromisoformat(
            entry.attributes.get("last_seen", entry.created_at.isoformat())
        ),
        count=entry.count,
        gaps_s=gaps,
    )
