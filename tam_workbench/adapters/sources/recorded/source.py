"""The recorded source: a cluster's past, read as if it were watched."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

import polars as pl

from tam_workbench.adapters.clusterrows import ClusterRows
from tam_workbench.adapters.observing import decode, latest_stamp, seen, told_at
from tam_workbench.adapters.sources.recorded.documents import Document, documents
from tam_workbench.causal.manifests import is_sealed, sealed_config
from tam_workbench.errors import BadInputError
from tam_workbench.ports import Clock
from tam_workbench.records import REJECTS, Authentication, Batch, Change, Channel, Observation

__all__ = ["RecordedSource"]

_NAP_S: Final = 0.25
_REMEMBERED: Final = 16  # versions of an object: after a crash a recorder writes some anew
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class RecordedSource:
    """What was recorded of a cluster, in the order of the file.

    Parameters
    ----------
    address
        The file: JSON lines (observations, watch events or objects), YAML documents, or a list
        as ``kubectl get`` prints it; ``.gz`` may be appended.
    clock
        Paces a replay.
    cluster
        Name of the cluster, where the file does not say.
    salt
        Key of the hashes in place of configuration values. The default is no secret: it makes two
        replays the same, where a value that is easy to guess must not be kept, give your own.
    speed
        1.0 replays in real time, 60.0 a minute a second; ``None`` reads at full speed.
    batch_rows
        Most objects in a batch.

    Notes
    -----
    An object in a version that was just read is left out. Time is the file's: what
    it does not say is the latest that the object itself speaks of.
    """

    tick_s = 1.0

    def __init__(
        self,
        address: str | Path,
        *,
        clock: Clock,
        cluster: str = "recorded",
        salt: bytes = b"recorded",
        speed: float | None = None,
        batch_rows: int = 512,
    ) -> None:
        self._path = Path(address)
        if not self._path.is_file():
            raise BadInputError(f"{self._path} is not there or no file; name what was recorded")
        self.name = f"recorded:{self._path.name}"
        self._clock = clock
        self._speed = speed
        self._batch_rows = batch_rows
        self._make: Callable[[], _Reading] = lambda: _Reading(cluster, salt)
        self._reset()

    def _reset(self) -> None:
        self._taken = self._sequence = 0
        self._reading = self._make()
        self._rows = ClusterRows(self.name)
        self._documents = documents(self._path)
        self._next: Document | None = None
        self._began: tuple[float, datetime] | None = None

    def open(self, offset: str | None) -> None:
        """Start at the beginning, or after ``offset``: what was read before is read again."""
        self._reset()
        taken, sequence = self._offset(offset) if offset else (0, 0)
        while self._taken < taken:
            part = list(islice(self._documents, min(4096, taken - self._taken)))
            if not part:
                raise BadInputError(f"{self.name} is shorter than when it was read; start anew")
            self._take(part)
        self._sequence = sequence

    def channels(self) -> Sequence[Channel]:
        """Return one channel: local, since we opened the file ourselves."""
        return [Channel(name=self.name, authentication=Authentication.LOCAL)]

    def read(self) -> Batch | None:
        """Return the next objects, none of them when none is due, None at the end."""
        part = list(islice(self._upcoming(), self._batch_rows))
        if not part and self._next is None:
            return None
        return self._batch(part)

    def _upcoming(self) -> Iterator[Document]:
        while True:
            document = self._next or next(self._documents, None)
            self._next = document
            if document is None or not self._is_due(document):
                return
            self._next = None
            yield document

    def _is_due(self, document: Document) -> bool:
        if self._speed is None:
            return True
        now, at = self._clock.monotonic(), self._reading.at(document)
        if self._began is None:
            self._began = (now, at)
        wait = (at - self._began[1]).total_seconds() / self._speed - (now - self._began[0])
        if wait > 0:
            self._clock.sleep(min(wait, _NAP_S))
        return wait <= _NAP_S

    def _batch(self, part: Sequence[Document]) -> Batch:
        observations, logs, changes, rejects = self._take(part)
        sequence, self._sequence = self._sequence, self._sequence + 1
        return Batch(
            source=self.name,
            sequence=sequence,
            offset=json.dumps({"taken": self._taken, "sequence": self._sequence}),
            received_at=max(self._reading.now, _EPOCH),
            logs=logs,
            changes=changes,
            rejects=rejects,
            channels=tuple(self.channels()),
            observations=tuple(observations),
        )

    def _take(
        self, part: Sequence[Document]
    ) -> tuple[list[Observation], pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        self._taken += len(part)
        found: list[Observation] = []
        rejects: list[tuple[Any, ...]] = []
        for document in part:
            try:
                found += self._reading.read(document)
            except BadInputError as error:
                told = (str(error), document.excerpt)
                rejects.append((None, self.name, "changes", document.row, "document", *told))
        logs, changes = self._rows.take(found)
        return found, logs, changes, pl.DataFrame(rejects, schema=REJECTS, orient="row")

    def _offset(self, offset: str) -> tuple[int, int]:
        try:
            told = json.loads(offset)
            return int(told["taken"]), int(told["sequence"])
        except (ValueError, KeyError, TypeError) as error:
            raise BadInputError(
                f"{self.name}: {offset[:80]!r} is no offset of it; start anew without it"
            ) from error

    def acknowledge(self, offset: str) -> None:
        """Nothing to do: a file stays where it is."""

    def close(self) -> None:
        """Let go of the file."""
        self._documents = iter(())
        self._next = None


class _Reading:
    """Makes observations of documents, and knows which objects were there before."""

    def __init__(self, cluster: str, salt: bytes) -> None:
        self.now = _EPOCH
        self._cluster = cluster
        self._salt = salt
        self._versions: dict[str, tuple[tuple[str, bool], ...]] = {}

    def at(self, document: Document) -> datetime:
        """Return when a document was seen, as far as it says."""
        told = document.told
        if document.at is not None:
            return document.at
        if "change" in told:
            return decode(told).observed_at if _is_ours(told) else self.now
        found = told_at(told) if told.get("kind") == "Event" else latest_stamp(told)
        return found or self.now

    def read(self, document: Document) -> list[Observation]:
        """Return the observation of a document; none when nothing changed."""
        if document.fault:
            raise BadInputError(document.fault)
        if "change" in document.told:
            found = _sealed(decode(document.told), self._salt)
        else:
            found = self._of_object(document)
        self.now = max(self.now, found.observed_at)
        key, version = found.ref.key, found.resource_version
        if found.change is Change.GAP:
            return [found]
        known = self._versions.get(key, ())
        told = version, found.change is Change.DELETED  # an end may bear the last version's number
        if version and told in known:
            return []
        self._versions[key] = (*known[1 - _REMEMBERED :], told)
        return [found]

    def _of_object(self, document: Document) -> Observation:
        manifest = dict(document.told)
        if document.change in {"BOOKMARK", "ERROR"}:
            raise BadInputError(f"is a {document.change} of a watch, no object")
        if not isinstance(manifest.get("metadata"), Mapping) or not manifest.get("kind"):
            raise BadInputError("has no kind or no metadata")
        at = self.at(document)
        sealed = sealed_config(manifest, self._salt)
        found = seen(sealed, Change.ADDED, cluster=self._cluster, observed_at=at)
        if document.change == "DELETED":
            return replace(found, change=Change.DELETED)
        is_known = found.ref.key in self._versions
        return replace(found, change=Change.MODIFIED) if is_known else found


def _is_ours(told: Mapping[str, Any]) -> bool:
    try:
        decode(told)
    except BadInputError:
        return False
    return True


def _sealed(found: Observation, salt: bytes) -> Observation:
    """Seal what somebody may have written down open; what we recorded stays as it is."""
    if found.change is Change.GAP or not found.manifest:
        return found
    manifest = found.manifest
    if manifest.get("kind") == found.ref.kind and is_sealed(manifest):
        return found
    sealed = sealed_config({**manifest, "kind": found.ref.kind}, salt)
    return replace(found, manifest=sealed)
