"""Opened: a loop's folder, read anew when the loop has written, and never written to."""

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Final

from tam_workbench.engine import settings, wiring
from tam_workbench.engine.cluster import ClusterQuestions
from tam_workbench.engine.kept import Kept
from tam_workbench.errors import BadInputError
from tam_workbench.trust import Redactor

_FILES: Final = ("cluster.sqlite", "cluster.sqlite-wal")
_FRESH_S: Final = 5.0


class Opened:
    """What a loop keeps in a folder, for one question at a time.

    Parameters
    ----------
    folder
        State folder of a loop, running or not.

    Raises
    ------
    BadInputError
        If there is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise BadInputError(f"{folder}: no such folder; give --state, or run a loop first")
        self._folder = folder
        self._turn = threading.RLock()
        self._asked: ClusterQuestions | None = None
        self._stood: tuple[object, ...] = ()
        self._redactor = redactor(folder)

    def redact(self, lines: Sequence[str]) -> list[str]:
        """Return lines with pseudonyms for secrets and personal data."""
        return self._redactor.texts(lines)

    @contextmanager
    def clusters(self) -> Iterator[ClusterQuestions]:
        """Give what may be asked of clusters; one asks at a time."""
        with self._turn:
            stands = self._stand()
            if self._asked is None or stands != self._stood:
                self._asked = wiring.open_cluster(self._folder)
                self._stood = self._stand()
            yield self._asked

    @contextmanager
    def kept(self) -> Iterator[Kept]:
        """Give memory and journal; one asks at a time."""
        with self._turn:
            kept = wiring.open_kept(self._folder)
            try:
                yield kept
            finally:
                kept.close(is_read_only=True)

    def _stand(self) -> tuple[object, ...]:
        """Return what differs once the loop has written; of a database only the time does."""
        if settings.read(state_dir=self._folder).documents:
            return (int(monotonic() / _FRESH_S),)
        told = [self._folder / name for name in _FILES]
        return tuple((s.st_mtime_ns, s.st_size) for s in (f.stat() for f in told if f.exists()))


def redactor(folder: Path | None, *, otherwise: bytes = b"") -> Redactor:
    """Return what hides secrets, with the key of a loop's folder; no key is drawn or written.

    Parameters
    ----------
    folder
        State folder; its key makes the same pseudonyms as the loop's.
    otherwise
        What the key is made of where no key is kept, so that the same input reads the same.
    """
    given = settings.read(state_dir=folder).secret.get_secret_value()
    file = folder / "pseudonyms.key" if folder else None
    if given:
        return Redactor(given.encode())
    if file is not None and file.exists():
        return Redactor(file.read_bytes())
    return Redactor(hashlib.blake2b(otherwise, digest_size=32, person=b"redaction").digest())
