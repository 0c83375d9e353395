"""The recorder: writes down what a source reads, so that it can be read again."""

from collections.abc import Sequence
from pathlib import Path
from typing import IO

from tam_workbench.adapters.observing import encode
from tam_workbench.errors import PermanentError, SettingsError
from tam_workbench.ports import Source
from tam_workbench.records import Batch, Channel

__all__ = ["RecordingSource"]


class RecordingSource:
    """A source like the one it wraps, that appends every observation to a file first.

    Each batch is on its way to the disk before it is handed on. After a crash the end of the
    file may hold what is read once more: the reader leaves out what it has seen.

    Parameters
    ----------
    source
        Whose batches are handed on as they are.
    path
        The file of JSON lines; readable by its owner only, since manifests tell a lot.
    """

    def __init__(self, source: Source, path: Path) -> None:
        self.name = source.name
        self.tick_s = source.tick_s
        self.written = 0
        self._source = source
        self._path = path
        self._file: IO[str] | None = None

    def open(self, offset: str | None) -> None:
        """Open the file at its end, and the source."""
        try:
            self._path.touch(mode=0o600)
            self._file = self._path.open("a", encoding="ascii")
        except OSError as error:
            raise SettingsError(
                f"cannot write to {self._path} ({error.strerror}); name another file to record to"
            ) from error
        self._source.open(offset)

    def channels(self) -> Sequence[Channel]:
        """Return the channels of the source."""
        return self._source.channels()

    def read(self) -> Batch | None:
        """Return the next batch, written down."""
        batch = self._source.read()
        if batch is not None and batch.observations and self._file is not None:
            try:
                self._file.writelines(f"{encode(seen)}\n" for seen in batch.observations)
                self._file.flush()
            except OSError as error:
                raise PermanentError(
                    f"cannot write to {self._path} ({error.strerror}); make room, or record "
                    "elsewhere"
                ) from error
            self.written += len(batch.observations)
        return batch

    def acknowledge(self, offset: str) -> None:
        """Tell the source."""
        self._source.acknowledge(offset)

    def close(self) -> None:
        """Let go of the source and the file."""
        self._source.close()
        if self._file is not None:
            self._file.close()
            self._file = None
