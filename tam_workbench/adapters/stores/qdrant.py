"""Memory in Qdrant's local mode: in this process, or in a folder of SQLite files."""

import base64
import hashlib
import sqlite3
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from tam_workbench.adapters.purging import entries_holding, search_files
from tam_workbench.errors import BadInputError, MissingExtraError, PermanentError, TransientError
from tam_workbench.memory import check_vectors, top
from tam_workbench.memory.overlap import NamedWords
from tam_workbench.memory.packing import bytes_vector, from_fields, to_fields, vector_bytes
from tam_workbench.ports import EVERYTHING
from tam_workbench.records import Hit, MemoryEntry, PurgeProof, Where

if TYPE_CHECKING:
    from qdrant_client import QdrantClient
    from qdrant_client.models import Filter

_ENTRIES: Final = "tam_memory"
_COUNTER: Final = "tam_version"
_PAGE: Final = 1000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)
_EVER: Final = 9e15
"""Stands for an end that is open: microseconds up to the year 2255, exact as a float."""


class QdrantStore:
    """Keeps entries as points of a Qdrant collection, searched one by one.

    Local mode is Qdrant's own Python rewrite of its server: it loads everything into memory,
    and in a folder it commits point by point (about 10 ms each), so a put of many that is
    killed may leave the first of them. It is meant for tests and small memories. Points are
    pickled: open no folder that somebody else could have written.

    Parameters
    ----------
    path
        Folder of the store, made when missing; None keeps everything in this process.
    dimension
        Numbers in every vector: the embedder's ``dimension``.
    """

    name = "qdrant"

    def __init__(self, path: str | Path | None = None, *, dimension: int) -> None:
        self._path = None if path is None else Path(path)
        self._dimension = dimension
        self._lock = threading.RLock()
        self._is_open = True
        self._client = _opened(self._path, dimension)
        self._ids: set[str] = set()
        self._words = NamedWords()
        texts = {kept["id"]: kept["text"] for kept in self._payloads(None, ["id", "text"])}
        self._ids.update(texts)
        self._words.put(list(texts), list(texts.values()))

    def put(self, entries: Sequence[MemoryEntry]) -> None:
        """Insert or replace by id."""
        from qdrant_client import models

        latest = list({entry.id: entry for entry in entries}.values())
        vectors, ids = [entry.vector for entry in latest], [entry.id for entry in latest]
        matrix = check_vectors(vectors, ids, dimension=self._dimension)
        if not latest:
            return
        points = [
            models.PointStruct(id=_point(entry.id), vector=row, payload=_payload(entry))
            for entry, row in zip(latest, matrix.tolist(), strict=True)
        ]
        with self._lock:
            self._check_open()
            self._changed()
            self._client.upsert(_ENTRIES, points)
            self._ids.update(ids)
            self._words.put(ids, [entry.text for entry in latest])

    def get(self, ids: Sequence[str]) -> list[MemoryEntry]:
        """Return those that exist, in the order asked."""
        with self._lock:
            self._check_open()
            wanted = [_point(id_) for id_ in dict.fromkeys(ids) if id_ in self._ids]
            points = self._client.retrieve(_ENTRIES, wanted, with_payload=True)
        found = {entry.id: entry for entry in map(_entry, points)}
        return [found[id_] for id_ in ids if id_ in found]

    def nearest(
        self, vector: npt.NDArray[np.float32], *, k: int, where: Where = EVERYTHING
    ) -> list[Hit]:
        """Return the k most similar by cosine among those that ``where`` admits."""
        query = check_vectors(np.asarray(vector)[None, :], ["query"], dimension=self._dimension)[0]
        with self._lock:
            self._check_open()
            entries = self._candidates(query, k, where) if k > 0 else []
        vectors = np.array([entry.vector for entry in entries], np.float64)
        similarities = _cosine(vectors.reshape(-1, self._dimension), query)
        best = top(similarities, [entry.id for entry in entries], k=k)
        return [_hit(entries[at], float(similarities[at]), "similarity") for at in best]

    def matching(self, text: str, *, k: int, where: Where = EVERYTHING) -> list[Hit]:
        """Return the k best by words: BM25, an identifier whole and in its parts."""
        with self._lock:
            self._check_open()
            admitted = self._ids if where == EVERYTHING else self._admitted(where)
            scores = dict(self._words.best(text, k=k, admits=admitted.__contains__))
            entries = self.get(list(scores))
        return [_hit(entry, scores[entry.id], "words") for entry in entries]

    def scan(self, where: Where = EVERYTHING) -> Iterator[list[MemoryEntry]]:
        """Yield what ``where`` admits, page by page, in order of id."""
        with self._lock:
            self._check_open()
            ids = sorted(self._ids if where == EVERYTHING else self._admitted(where))
        for start in range(0, len(ids), _PAGE):
            if page := self.get(ids[start : start + _PAGE]):
                yield page

    def delete(self, ids: Sequence[str]) -> int:
        """Remove by id and return how many were there."""
        with self._lock:
            self._check_open()
            there = [id_ for id_ in dict.fromkeys(ids) if id_ in self._ids]
            if there:
                self._changed()
                self._client.delete(_ENTRIES, [_point(id_) for id_ in there])
                self._ids.difference_update(there)
                self._words.remove(there)
            return len(there)

    def purge(self, ids: Sequence[str], *, needles: Sequence[str]) -> PurgeProof:
        """Remove for good: the files are rewritten by SQLite while Qdrant has let go of them."""
        with self._lock:
            self._check_open()
            removed = self.delete(ids)
            if not removed:
                self._changed()
            rewritten, files, size = 0, 0, 0
            holding: tuple[str, ...] = ()
            if self._path is not None:
                self._client.close()
                rewritten = _rewritten(self._path)
                files, size, holding = search_files(self._path, needles)
                self._client = _opened(self._path, self._dimension)
            left = entries_holding(map(_entry, self._all(None, None)), needles)
        return PurgeProof(
            ids=tuple(dict.fromkeys(ids)),
            rows_removed=removed,
            files_rewritten=rewritten,
            versions_dropped=(),
            files_searched=files,
            bytes_searched=size,
            files_holding=(*holding, *(f"entry:{id_}" for id_ in left)),
        )

    def count(self) -> int:
        """Return how many entries are kept."""
        with self._lock:
            self._check_open()
            return len(self._ids)

    def version(self) -> int:
        """Return a number that grows with every change."""
        with self._lock:
            self._check_open()
            (point,) = self._client.retrieve(_COUNTER, [0], with_payload=True)
            return int((point.payload or {})["version"])

    def close(self) -> None:
        """Let go of the folder; may be called twice."""
        with self._lock:
            if self._is_open:
                self._is_open = False
                self._client.close()

    def _check_open(self) -> None:
        if not self._is_open:
            raise PermanentError("memory store 'qdrant' is closed: open a new one")

    def _changed(self) -> None:
        """Count a change before it is made: a crash between may count one that was not."""
        _count(self._client, self.version() + 1)

    def _candidates(
        self, query: npt.NDArray[np.float32], k: int, where: Where
    ) -> list[MemoryEntry]:
        """Return at least the k nearest, and all that tie with the last of them."""
        limit, asked = k + 16, _filter(where)
        while True:
            points = self._client.query_points(
                _ENTRIES, query=query.tolist(), limit=limit, query_filter=asked, with_payload=True
            ).points
            if len(points) < limit or points[k - 1].score - points[-1].score > 1e-5:
                return [_entry(point) for point in points]
            limit *= 4

    def _admitted(self, where: Where) -> set[str]:
        return {fields["id"] for fields in self._payloads(_filter(where), ["id"])}

    def _payloads(self, asked: "Filter | None", fields: list[str]) -> Iterator[dict[str, Any]]:
        for point in self._all(asked, fields):
            yield point.payload

    def _all(self, asked: "Filter | None", fields: list[str] | None) -> Iterator[Any]:
        """Yield every admitted point, with some fields of its entry or with all."""
        offset = None
        while True:
            points, offset = self._client.scroll(
                _ENTRIES,
                scroll_filter=asked,
                limit=_PAGE,
                offset=offset,
                with_payload=fields or True,
            )
            yield from points
            if offset is None:
                return


def _opened(path: Path | None, dimension: int) -> "QdrantClient":
    try:
        from qdrant_client import QdrantClient, models
    except ImportError as error:
        raise MissingExtraError("stores", "qdrant", extra="stores") from error
    try:
        client = QdrantClient(":memory:") if path is None else QdrantClient(path=str(path))
    except RuntimeError as error:
        raise TransientError(
            f"memory store {path}: another process has it open; stop that one, or wait"
        ) from error
    except (OSError, ValueError, sqlite3.Error) as error:
        said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise BadInputError(f"memory store {path}: {said}: choose another path") from error
    if not client.collection_exists(_ENTRIES):
        params = models.VectorParams(size=dimension, distance=models.Distance.COSINE)
        client.create_collection(_ENTRIES, vectors_config=params)
        counter = models.VectorParams(size=1, distance=models.Distance.DOT)
        client.create_collection(_COUNTER, vectors_config=counter)
        _count(client, 0)
    kept = client.get_collection(_ENTRIES).config.params.vectors
    width = getattr(kept, "size", 0)
    if width != dimension:
        client.close()
        raise BadInputError(
            f"memory store {path} keeps vectors of {width} numbers, the embedder gives "
            f"{dimension}: use the embedder it was made for, or another path"
        )
    return client


def _count(client: "QdrantClient", version: int) -> None:
    from qdrant_client import models

    point = models.PointStruct(id=0, vector=[1.0], payload={"version": version})
    client.upsert(_COUNTER, [point])


def _rewritten(path: Path) -> int:
    """Rewrite every SQLite file so that no page keeps what was deleted; return how many."""
    files = sorted(path.rglob("*.sqlite"))
    for file in files:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("VACUUM")
    return len(files)


def _point(id_: str) -> str:
    told = id_.encode("utf-8", "surrogatepass")
    return str(uuid.UUID(bytes=hashlib.blake2b(told, digest_size=16).digest()))


def _payload(entry: MemoryEntry) -> dict[str, Any]:
    """Return the entry with what is filtered on: times in microseconds since 1970.

    The vector is kept as well, since Qdrant scales its own to unit length.
    """
    return {
        **to_fields(entry),
        "vector": base64.b64encode(vector_bytes(entry.vector)).decode(),
        "seen": _ticks(entry.created_at, 0.0),
        "true_from": _ticks(entry.valid_from or entry.created_at, -_EVER),
        "true_to": _ticks(entry.valid_to, _EVER),
        "told_from": _ticks(entry.known_from, -_EVER),
        "told_to": _ticks(entry.known_to, _EVER),
    }


_OURS: Final = ("vector", "seen", "true_from", "true_to", "told_from", "told_to")


def _entry(point: Any) -> MemoryEntry:  # noqa: ANN401 - a record or a scored point
    fields = dict(point.payload)
    vector = bytes_vector(base64.b64decode(fields["vector"]))
    return from_fields({k: v for k, v in fields.items() if k not in _OURS}, vector=vector)


def _filter(where: Where) -> "Filter | None":
    from qdrant_client import models

    listed = {
        "kind": where.kinds,
        "service": where.services,
        "tier": tuple(tier.value for tier in where.tiers),
    }
    must: list[Any] = [
        models.FieldCondition(key=key, match=models.MatchAny(any=list(values)))
        for key, values in listed.items()
        if values
    ]
    must += [
        models.FieldCondition(key="labels", match=models.MatchValue(value=label))
        for label in where.labels
    ]
    must += [models.FieldCondition(key=key, range=bounds) for key, bounds in _ranges(where)]
    if not where.with_quarantined:
        match = models.MatchValue(value=False)
        must.append(models.FieldCondition(key="is_quarantined", match=match))
    return models.Filter(must=must) if must else None


def _ranges(where: Where) -> Iterator[tuple[str, Any]]:
    from qdrant_client.models import Range

    if where.min_trust > 0.0:
        yield "trust", Range(gte=where.min_trust)
    if where.since is not None:
        yield "seen", Range(gte=_ticks(where.since, 0.0))
    if where.until is not None:
        yield "seen", Range(lt=_ticks(where.until, 0.0))
    for at, start, end in (
        (where.as_of, "true_from", "true_to"),
        (where.known_at, "told_from", "told_to"),
    ):
        if at is not None:
            yield start, Range(lte=_ticks(at, 0.0))
            yield end, Range(gt=_ticks(at, 0.0))


def _ticks(at: datetime | None, otherwise: float) -> float:
    return otherwise if at is None else float((at - _EPOCH) // _TICK)


def _hit(entry: MemoryEntry, score: float, part: str) -> Hit:
    return Hit(entry=entry, score=score, parts={part: score})


def _cosine(
    vectors: npt.NDArray[np.float64], query: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    asked = query.astype(np.float64)
    norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(asked)
    return np.asarray(vectors @ asked / norms, np.float64)
