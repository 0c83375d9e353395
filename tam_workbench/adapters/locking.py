"""Locking: one writer at a time, across threads and processes, on one machine."""

import os
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tam_workbench.errors import MissingExtraError, TransientError

if TYPE_CHECKING:
    from filelock import FileLock

_POLL_S: Final = 0.002


class WriterLock:
    """A lock file that one writer holds; it falls with its process, however that ends.

    The same thread may enter again. The file names its holder, for those who wait.

    Parameters
    ----------
    path
        The lock file; its folder is there already.
    wait_s
        Seconds to wait before giving up.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     lock = WriterLock(Path(folder) / "write.lock")
    ...     with lock.held("write"):
    ...         lock.holder().split(": ")[1]
    'write'
    """

    def __init__(self, path: str | Path, *, wait_s: float = 10.0) -> None:
        self._path = Path(path)
        self._wait_s = wait_s
        self._within = threading.RLock()
        self._depth = 0
        self._file = _file_lock(self._path)

    @contextmanager
    def held(self, verb: str, *, wait_s: float | None = None) -> Iterator[None]:
        """Hold the lock while doing ``verb``.

        Raises
        ------
        TransientError
            Another holds it for longer than ``wait_s``.
        """
        limit = self._wait_s if wait_s is None else wait_s
        started = time.monotonic()
        if not self._within.acquire(timeout=limit):
            raise self._busy(verb)
        try:
            if not self._depth:
                self._take(verb, limit - (time.monotonic() - started))
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if not self._depth:
                    self._file.release()
        finally:
            self._within.release()

    def holder(self) -> str:
        """Return who wrote last into the lock file: process, host and what it does."""
        try:
            return self._path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def _take(self, verb: str, wait_s: float) -> None:
        from filelock import Timeout

        try:
            self._file.acquire(timeout=max(wait_s, 0.0), poll_interval=_POLL_S)
        except Timeout as error:
            raise self._busy(verb) from error
        except OSError as error:
            raise TransientError(f"cannot lock {self._path}: {error.strerror or error}") from error
        self._path.write_text(f"process {os.getpid()} on {platform.node()}: {verb}\n")

    def _busy(self, verb: str) -> TransientError:
        who = self.holder() or "another writer"
        return TransientError(
            f"cannot {verb} now, {self._path} is held by {who}; try again when it is done",
            delay_s=0.5,
        )


def _file_lock(path: Path) -> "FileLock":
    try:
        from filelock import FileLock
    except ImportError as error:
        raise MissingExtraError("stores", "lance", extra="memory") from error
    return FileLock(str(path), thread_local=False)
