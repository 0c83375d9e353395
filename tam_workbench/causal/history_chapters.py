"""A chapter: some versions of one object, the first in full and the others as differences.

Every difference is taken against the chapter's first version and not against its neighbour, so
that reading any of them costs two decompressions, and a late one can be put in anywhere.
"""

import json
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from typing import Any, Final

from tam_workbench.errors import BadInputError

LENGTH: Final = 64
"""Versions in a chapter: then the next one begins with a full version again."""

_WINDOW: Final = -15  # raw deflate, a window of 32 KiB
_LEVEL: Final = 6
_MEMORY: Final = 8
_encoder: Final = json.JSONEncoder(separators=(",", ":"), default=str, check_circular=False)


def packed(manifest: Mapping[str, Any]) -> bytes:
    """Return a manifest as compact JSON."""
    return _encoder.encode(manifest).encode()


class Chapter:
    """Consecutive versions of one object: stamps, version numbers and the differences."""

    __slots__ = ("_body", "_ends", "_frame", "flags", "is_saved", "numbers", "stamps")

    def __init__(self, frame: bytes = b"") -> None:
        self._frame = frame  # the first version in full, deflated
        self._body = bytearray()  # the differences one after another
        self._ends = array("L")
        self.stamps = array("q")  # microseconds of our clock
        self.numbers = array("q")  # version numbers, 0 where the version is no number
        self.flags = array("b")  # bit 0: the object was deleted
        self.is_saved = False

    def __len__(self) -> int:
        return len(self.stamps)

    @classmethod
    def begun(cls, manifest: Mapping[str, Any]) -> "Chapter":
        """Return a chapter whose full version is this; the version itself is yet to be put in."""
        deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW)
        return cls(deflater.compress(packed(manifest)) + deflater.flush())

    def put(self, place: int, raw: bytes, *, mark: tuple[int, int, bool]) -> None:
        """Put a version in at a place; ``mark`` is its stamp, its number and whether it ended."""
        first = zlib.decompress(self._frame, _WINDOW)
        deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, 0, first[-32768:])
        piece = deflater.compress(raw) + deflater.flush()
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
        self.is_saved = False

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

    def saved(self, ref: Mapping[str, str]) -> bytes:
        """Return the chapter as bytes, with the object that it is about."""
        head = {
            "ref": dict(ref),
            "frame": len(self._frame),
            "ends": list(self._ends),
            "stamps": list(self.stamps),
            "numbers": list(self.numbers),
            "flags": list(self.flags),
        }
        self.is_saved = True
        return packed(head) + b"\n" + self._frame + bytes(self._body)

    @classmethod
    def restored(cls, text: bytes) -> tuple["Chapter", dict[str, str]]:
        """Return a chapter from its bytes, and the object that it is about.

        Raises
        ------
        BadInputError
            If the bytes are not a whole chapter.
        """
        head_text, _, rest = text.partition(b"\n")
        try:
            head = json.loads(head_text)
            found = cls(rest[: head["frame"]])
            found._body = bytearray(rest[head["frame"] :])
            found._ends = array("L", head["ends"])
            found.stamps = array("q", head["stamps"])
            found.numbers = array("q", head["numbers"])
            found.flags = array("b", head["flags"])
            ref: dict[str, str] = head["ref"]
        except (ValueError, KeyError, TypeError) as error:
            message = f"segment of the history cannot be read ({error}): relist the cluster"
            raise BadInputError(message) from error
        if len(found._body) != (found._ends[-1] if found._ends else 0):
            raise BadInputError("segment of the history is cut short: relist the cluster")
        found.is_saved = True
        return found, ref
