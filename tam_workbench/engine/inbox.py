"""The inbox: how another process on this machine speaks to a running loop.

A command is one JSON file, written atomically into ``state_dir/inbox`` by whoever may write
there (the folder is the owner's alone); the loop reads and removes it between two batches.
"""

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tam_workbench.errors import BadInputError

VERBS: Final = ("approve", "reject", "label", "pause", "resume", "memory")
"""What may be said through the inbox."""


def send(folder: Path, verb: str, arguments: Mapping[str, str]) -> Path:
    """Leave a command for the loop that works in ``folder``."""
    if verb not in VERBS:
        raise BadInputError(f"the inbox knows no {verb!r}; it takes: {', '.join(VERBS)}")
    inbox = folder / "inbox"
    inbox.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = inbox / f"{secrets.token_hex(8)}.json"
    draft = target.with_suffix(".draft")
    with draft.open("w", encoding="utf-8") as file:
        json.dump({"verb": verb, "arguments": dict(arguments)}, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(target)
    return target


def receive(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield and remove the commands that wait; what cannot be read is put aside as ``.bad``."""
    for path in sorted((folder / "inbox").glob("*.json")):
        try:
            command = json.loads(path.read_text(encoding="utf-8"))
            verb, arguments = command["verb"], command["arguments"]
        except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError):
            path.replace(path.with_suffix(".bad"))
            continue
        path.unlink()
        if verb in VERBS and isinstance(arguments, dict):
            yield verb, {str(key): str(value) for key, value in arguments.items()}
