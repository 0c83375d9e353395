"""A chapter: some versions of one object, the first in full and the others as differences.

Every difference is taken against the chapter's first version and not against its neighbour, so
that reading any of them costs two decompressions, and a late one can be put in anywhere. What is
written down is a block of a few versions, so that a new one does not write the others anew.
"""

import json
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tam_workbench.errors import BadInputError

LENGTH: Final = 64
"""Versions in a chapter: then the next one begins with a full version again."""

BLOCK: Final = 8
"""Versions in a block: what is written at once."""

_WINDOW: Final = -15  # raw deflate, at most a window of 32 KiB
_LEVEL: Final = 6
_SLACK: Final = 640  # bytes that a difference may be longer than what it is taken against
_encoder: Final = json.JSONEncoder(separators=(",", ":"), default=str, check_circular=False)


def packed(manifest: Mapping[str, Any]) -> bytes:
    """Return a manifest as compact JSON."""
    return _encoder.encode(manifest).encode()


class Chapter:
    """Consecutive versions of one object: stamps, version numbers and the differences."""

    __slots__ = ("_body", "_ends", "_frame", "flags", "numbers", "stamps")

    def __init__(self, frame: bytes = b"") -> None:
        self._frame = frame  # the first version in full, deflated
        self._body = bytearray()  # the differences one after another
        self._ends = array("L")
        self.stamps = array("q")  # microseconds of our clock
        self.numbers = array("q")  # version numbers, 0 where the version is no number
        self.flags = array("b")  # bit 0: the object was deleted

    def __len__(self) -> int:
        return len(self.stamps)

    @classmethod
    def begun(cls, manifest: Mapping[str, Any]) -> "Chapter":
        """Return a chapter whose full version is this; the version itself is yet to be put in."""
        deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW)
        return cls(deflater.compress(packed(manifest)) + deflater.flush())

    def put(self, place: int, raw: bytes, *, mark: tuple[int, int, bool]) -> None:
        """Put a version in at a place; ``mark`` is its stamp, its number and whether it ended."""
        piece = _difference(zlib.decompress(self._frame, _WINDOW), raw)
        start = self._ends[place - 1] if place else 0
        self._body[start:start] = piece
        if place == len(self._ends):
            self._ends.append(len(self._body))
        else:
            later = array("L", [end + len(piece) for end in self._ends[place:]])
            self._ends = self._ends[:place] + array("L", [start + len(piece)]) + later
        stamp, number, is_deleted = mark
        self.stamps.insert(place, stamp)
        self.numbers.insert(place, number)
        self.flags.insert(place, int(is_deleted))

    def read(self, place: int) -> dict[str, Any]:
        """Return the version at a place."""
        first = zlib.decompress(self._frame, _WINDOW)
        start = self._ends[place - 1] if place else 0
        inflater = zlib.decompressobj(_WINDOW, first[-32768:])
        raw = inflater.decompress(bytes(self._body[start : self._ends[place]])) + inflater.flush()
        found: dict[str, Any] = json.loads(raw)
        return found

    def place_of(self, number: int) -> int:
        """Return the place after all versions up to a number."""
        return bisect_right(self.numbers, number)

    def holds(self, number: int, *, is_deleted: bool) -> bool:
        """Return whether a version of that number was put in, and told the same of its end."""
        first, end = bisect_left(self.numbers, number), bisect_right(self.numbers, number)
        return any(self.flags[one] == is_deleted for one in range(first, end))

    def saved(self, ref: Mapping[str, str], block: int) -> bytes:
        """Return a block as bytes, with the object that it is about; the first has the frame."""
        first, end = block * BLOCK, min((block + 1) * BLOCK, len(self))
        start = self._ends[first - 1] if first else 0
        frame = b"" if block else self._frame
        head = {
            "ref": dict(ref),
            "frame": len(frame),
            "ends": [one - start for one in self._ends[first:end]],
            "stamps": list(self.stamps[first:end]),
            "numbers": list(self.numbers[first:end]),
            "flags": list(self.flags[first:end]),
        }
        return packed(head) + b"\n" + frame + bytes(self._body[start : self._ends[end - 1]])

    @classmethod
    def restored(cls, blocks: Sequence[bytes]) -> tuple["Chapter", dict[str, str]]:
        """Return a chapter from its blocks, and the object that it is about.

        Raises
        ------
        BadInputError
            If the bytes are not those of all blocks of a chapter, in their order.
        """
        found, ref = cls(), {}
        for number, text in enumerate(blocks):
            head_text, _, rest = text.partition(b"\n")
            try:
                ref = found._add(json.loads(head_text), rest, is_first=number == 0)
            except (ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
                message = f"segment of the history cannot be read ({error}): relist the cluster"
                raise BadInputError(message) from error
        return found, ref

    def _add(self, head: Mapping[str, Any], rest: bytes, *, is_first: bool) -> dict[str, str]:
        """Append a block that was read; return the object that it is about."""
        if bool(head["frame"]) is not is_first or len(self) % BLOCK:
            raise ValueError("a block is missing")
        if is_first:
            self._frame = rest[: head["frame"]]
        body, start = rest[head["frame"] :], len(self._body)
        if len(body) != head["ends"][-1]:
            raise ValueError("it is cut short")
        self._body += body
        self._ends.extend([start + end for end in head["ends"]])
        self.stamps.extend(head["stamps"])
        self.numbers.extend(head["numbers"])
        self.flags.extend(head["flags"])
        ref: dict[str, str] = head["ref"]
        return ref


def _difference(first: bytes, raw: bytes) -> bytes:
    """Return a version deflated against the first: its window is just as large as it must be.

    A window has to be made, and cleared, anew for each: 32 KiB of it cost more than all the rest.
    """
    reach = min(len(first), 32768) + _SLACK
    window = min(max(reach.bit_length(), 10), 15)
    memory = min(max(window - 7, 3), 8)
    deflater = zlib.compressobj(
        _LEVEL, zlib.DEFLATED, -window, memory, zlib.Z_DEFAULT_STRATEGY, first[-32768:]
    )
    return deflater.compress(raw) + deflater.flush()
