"""The files of a FAISS store: a snapshot, a log of what came after, and who is current."""

import base64
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from tam_workbench.errors import BadInputError, TransientError
from tam_workbench.memory.packing import bytes_vector, from_fields, to_fields, vector_bytes
from tam_workbench.records import MemoryEntry

_CURRENT: Final = "current.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of the log: entries that were put or ids that went, and the version it made."""

    version: int
    put: Sequence[MemoryEntry] = ()
    gone: Sequence[str] = ()


class Files:
    """Keeps changes in a folder so that what was acknowledged is there after a crash.

    ``current.json`` names the generation N and is replaced atomically; ``entries-N.jsonl`` and
    ``index-N.faiss`` are its snapshot, ``log-N.jsonl`` what was appended since, each line synced
    before the change is acknowledged. A last line that is torn was not, and is dropped. One
    process at a time may hold the folder.
    """

    def __init__(self, folder: Path, *, dimension: int) -> None:
        self.folder, self._dimension = folder, dimension
        self.generation, self.version = 0, 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._held = (folder / "lock").open("w")
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._held.close()
            raise TransientError(
                f"memory store {folder}: another process has it open; stop that one, or wait"
            ) from error
        except OSError as error:
            raise BadInputError(
                f"memory store {folder}: {error.strerror}: choose another path"
            ) from error
        try:
            self._find_current()
            self._log: IO[bytes] = self._path("log", "jsonl").open("ab")
        except BaseException:
            self._held.close()
            raise

    @property
    def index_path(self) -> Path:
        """Where the index of this generation is."""
        return self._path("index", "faiss")

    def entries(self) -> Iterator[MemoryEntry]:
        """Yield the entries of the snapshot, in the order of its index."""
        snapshot = self._path("entries", "jsonl")
        if not snapshot.exists():
            return
        end = 0
        for change, at in self._whole_lines(snapshot):
            end = at
            yield from change.put
        if end != snapshot.stat().st_size:
            raise BadInputError(f"{snapshot} ends amid a line: restore a copy of the store")

    def changes(self) -> Iterator[Change]:
        """Yield what the log adds to the snapshot, and cut off a last line that is torn."""
        log, end = self._path("log", "jsonl"), 0
        for change, at in self._whole_lines(log):
            end = at
            self.version = max(self.version, change.version)
            yield change
        if end != log.stat().st_size:
            os.truncate(log, end)

    def append(self, change: Change) -> None:
        """Write a change and return when it is on disk."""
        self._log.write(_line(change))
        self._log.flush()
        os.fsync(self._log.fileno())
        self.version = change.version

    def snapshot(
        self, entries: Iterator[MemoryEntry], *, version: int, write_index: Callable[[Path], None]
    ) -> int:
        """Begin a new generation with these entries; return how many old files went."""
        self.generation += 1
        with self._path("entries", "jsonl").open("wb") as file:
            for entry in entries:
                file.write(_line(Change(version=version, put=[entry])))
            file.flush()
            os.fsync(file.fileno())
        write_index(self.index_path)
        log = self._path("log", "jsonl").open("wb")
        self.version = version
        self._write_current()
        self._log.close()
        self._log = log
        return self._sweep()

    def close(self) -> None:
        """Let go of the folder; may be called twice."""
        self._log.close()
        self._held.close()

    def _find_current(self) -> None:
        current = self.folder / _CURRENT
        if not current.exists():
            self._write_current()
        try:
            told = json.loads(current.read_text())
            self.generation, self.version = told["generation"], told["version"]
            width = told["dimension"]
        except (ValueError, KeyError, TypeError) as error:
            raise BadInputError(f"{current} cannot be read: restore a copy of the store") from error
        if width != self._dimension:
            raise BadInputError(
                f"memory store {self.folder} keeps vectors of {width} numbers, the embedder gives "
                f"{self._dimension}: use the embedder it was made for, or another path"
            )
        self._sweep()

    def _write_current(self) -> None:
        draft = self.folder / f"{_CURRENT}.draft"
        current = {
            "generation": self.generation,
            "version": self.version,
            "dimension": self._dimension,
        }
        with draft.open("w") as file:
            json.dump(current, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.folder / _CURRENT)
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _sweep(self) -> int:
        """Remove files of other generations: of older ones, or of one that was cut off."""
        gone = 0
        for kind in ("entries", "index", "log"):
            for path in self.folder.glob(f"{kind}-*"):
                if path.stem != f"{kind}-{self.generation}":
                    path.unlink()
                    gone += 1
        return gone

    def _path(self, kind: str, ending: str) -> Path:
        return self.folder / f"{kind}-{self.generation}.{ending}"

    def _whole_lines(self, path: Path) -> Iterator[tuple[Change, int]]:
        """Yield each line with where it ends, up to a last one that is torn."""
        end = 0
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    return
                end += len(line)
                try:
                    change = _change(json.loads(line))
                except (ValueError, KeyError, TypeError) as error:
                    raise BadInputError(
                        f"{path}: the line that ends at byte {end} cannot be read: restore a copy"
                    ) from error
                yield change, end


def _line(change: Change) -> bytes:
    told: dict[str, Any] = {"version": change.version}
    if change.put:
        told["put"] = [
            {**to_fields(entry), "vector": base64.b64encode(vector_bytes(entry.vector)).decode()}
            for entry in change.put
        ]
    if change.gone:
        told["gone"] = list(change.gone)
    return json.dumps(told, separators=(",", ":")).encode() + b"\n"


def _change(told: dict[str, Any]) -> Change:
    put = []
    for fields in told.get("put", ()):
        vector = bytes_vector(base64.b64decode(fields.pop("vector")))
        put.append(from_fields(fields, vector=vector))
    return Change(version=told["version"], put=put, gone=told.get("gone", ()))
