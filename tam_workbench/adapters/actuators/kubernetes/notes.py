"""Notes: what was done to an object, written on the object itself."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from tam_workbench.records import Outcome, Result

__all__ = ["ANNOTATION", "Note", "kept_key", "notes_of", "written"]

ANNOTATION: Final = "tam-workbench.io/acts"
"""The annotation: a JSON list of the last acts, the newest last."""

_KEPT: Final = 16
_LONGEST_KEY: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One act, as it is written down."""

    key: str
    action: str
    at: datetime
    detail: str
    undo: Mapping[str, str] = field(default_factory=dict)  # action and arguments that undo it

    def outcome(self, key: str) -> Outcome:
        """Return the outcome that was given then."""
        return Outcome(key=key, result=Result.SUCCEEDED, detail=self.detail, finished_at=self.at)


def kept_key(key: str) -> str:
    """Return a key as it is written down: itself, or its hash when it is long."""
    if len(key) <= _LONGEST_KEY:
        return key
    return "sha256:" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def notes_of(manifest: Mapping[str, Any]) -> list[Note]:
    """Return what is written on an object, the oldest first; nothing if somebody edited it."""
    text = (manifest["metadata"].get("annotations") or {}).get(ANNOTATION, "[]")
    try:
        told = json.loads(text)
        return [_note(one) for one in told]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _note(told: Mapping[str, Any]) -> Note:
    return Note(
        key=str(told["key"]),
        action=str(told["action"]),
        at=datetime.fromisoformat(told["at"]),
        detail=str(told["detail"]),
        undo={str(name): str(value) for name, value in told["undo"].items()},
    )


def written(manifest: Mapping[str, Any], note: Note) -> dict[str, str]:
    """Return the annotations of an object with one note more."""
    notes = [*notes_of(manifest), note][-_KEPT:]
    told = [
        {
            "key": one.key,
            "action": one.action,
            "at": one.at.isoformat(),
            "detail": one.detail,
            "undo": dict(one.undo),
        }
        for one in notes
    ]
    annotations = dict(manifest["metadata"].get("annotations") or {})
    return {**annotations, ANNOTATION: json.dumps(told, separators=(",", ":"))}
