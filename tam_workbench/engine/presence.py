"""Presence: whether a loop works in a state folder, told by a lock that dies with its process."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tam_workbench.errors import TransientError

_LOCK = "loop.lock"


class Presence:
    """Holds a folder for one loop; a second one is refused, a crash lets go."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None

    def take(self) -> None:
        """Hold the folder.

        Raises
        ------
        TransientError
            Another loop, or a command that changes what is kept, works in it.
        """
        if self._folder is None or self._file is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (self._folder / _LOCK).open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            raise TransientError(
                f"{self._folder}: another loop works here; stop it, or give another --state",
                delay_s=1.0,
            ) from error
        self._file = file

    def leave(self) -> None:
        """Let go; may be called twice."""
        if self._file is not None:
            self._file.close()
            self._file = None


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder while something in it changes."""
    presence = Presence(folder)
    presence.take()
    try:
        yield
    finally:
        presence.leave()


def is_taken(folder: Path) -> bool:
    """Tell whether a loop works in ``folder``."""
    presence = Presence(folder)
    try:
        presence.take()
    except TransientError:
        return True
    presence.leave()
    return False
