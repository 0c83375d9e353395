"""Rivals: simpler ways to find memories, on the same rows and with the same vectors.

The two columns are ours alone (BM25 and exact cosine of the in-memory store), so that what
fusing adds is told apart from what an index is worth. The others are what people reach for:
a LanceDB table with its hybrid query and RRF, FAISS HNSW, Qdrant in local mode. Each gets the
filter of the question in its own language.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tam_workbench.evaluation.remembering.corpus import Asked
from tam_workbench.evaluation.remembering.houses import plugin
from tam_workbench.records import MemoryEntry, Where

Vector = npt.NDArray[np.float32]
Search = Callable[[Asked, Vector, int], list[str]]
"""A question, its vector and k in; ids out, best first."""

HNSW: Final = (32, 80, 64)
"""Links, candidates at building and candidates at searching: FAISS's own benchmark values."""


def guest(name: str) -> Any:  # noqa: ANN401 - its types are its own business
    """Return a library that is measured here and not used: the house's own door is elsewhere."""
    return importlib.import_module(name)


def where_of(asked: Asked) -> Where:
    """Return the filter of a question."""
    return Where(services=asked.services, since=asked.since, until=asked.until)


def columns(entries: Sequence[MemoryEntry]) -> dict[str, Search]:
    """Return BM25 alone and vector alone, exact, on one in-memory store."""
    store = plugin("stores", "inmemory")(dimension=len(entries[0].vector))
    store.put(entries)

    def by_words(asked: Asked, _vector: Vector, k: int) -> list[str]:
        found = store.matching(asked.text, k=k, where=where_of(asked))
        return [hit.entry.id for hit in found]

    def by_vector(asked: Asked, vector: Vector, k: int) -> list[str]:
        return [hit.entry.id for hit in store.nearest(vector, k=k, where=where_of(asked))]

    return {"BM25": by_words, "vector": by_vector}


def lance_hybrid(entries: Sequence[MemoryEntry], folder: Path) -> Search:
    """Return LanceDB's own hybrid query with its RRF reranker, indexed for words."""
    rows = [
        {
            "id": entry.id,
            "text": entry.text,
            "service": entry.service,
            "at": entry.created_at.timestamp(),
            "vector": list(entry.vector),
        }
        for entry in entries
    ]
    table = guest("lancedb").connect(folder).create_table("rival", rows)
    table.create_index("text", config=guest("lancedb.index").FTS())
    reranker = guest("lancedb.rerankers").RRFReranker()

    def search(asked: Asked, vector: Vector, k: int) -> list[str]:
        query: Any = table.search(query_type="hybrid")
        query = query.vector(vector).text(_plain(asked.text))
        query = query.distance_type("cosine").rerank(reranker)
        if condition := _sql(asked):
            query = query.where(condition, prefilter=True)
        return [str(row["id"]) for row in query.limit(k).to_list()]

    return search


def faiss_hnsw(entries: Sequence[MemoryEntry]) -> Search:
    """Return FAISS's HNSW over unit vectors, filters by a selector of rows."""
    faiss = guest("faiss")
    matrix = np.array([entry.vector for entry in entries], np.float32)
    index = hnsw(matrix)
    services = np.array([entry.service for entry in entries])
    times = np.array([entry.created_at.timestamp() for entry in entries])

    def search(asked: Asked, vector: Vector, k: int) -> list[str]:
        fits = np.ones(len(entries), np.bool_)
        if asked.services:
            fits &= np.isin(services, asked.services)
        if asked.since is not None and asked.until is not None:
            fits &= (times >= asked.since.timestamp()) & (times < asked.until.timestamp())
        chosen: Any = {}
        if not fits.all():
            chosen = {"sel": faiss.IDSelectorBatch(np.flatnonzero(fits))}
        asked_of = faiss.SearchParametersHNSW(efSearch=HNSW[2], **chosen)
        _, found = index.search(vector[None], k, params=asked_of)
        return [entries[row].id for row in found[0].tolist() if row >= 0]

    return search


def hnsw(matrix: Vector) -> Any:  # noqa: ANN401 - a guest without types
    """Return a FAISS HNSW index of unit rows by inner product."""
    faiss = guest("faiss")
    index = faiss.IndexHNSWFlat(matrix.shape[1], HNSW[0], faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = HNSW[1]
    index.hnsw.efSearch = HNSW[2]
    index.add(matrix)
    return index


def qdrant_local(entries: Sequence[MemoryEntry]) -> Search:
    """Return Qdrant's local mode by cosine, filters on its payload."""
    from qdrant_client import QdrantClient, models

    client = QdrantClient(":memory:")
    size = len(entries[0].vector)
    params = models.VectorParams(size=size, distance=models.Distance.COSINE)
    client.create_collection("rival", vectors_config=params)
    points = [
        models.PointStruct(
            id=number,
            vector=list(entry.vector),
            payload={"service": entry.service, "at": entry.created_at.timestamp()},
        )
        for number, entry in enumerate(entries)
    ]
    client.upsert("rival", points)

    def search(asked: Asked, vector: Vector, k: int) -> list[str]:
        must: list[Any] = []
        if asked.services:
            match = models.MatchAny(any=list(asked.services))
            must.append(models.FieldCondition(key="service", match=match))
        if asked.since is not None and asked.until is not None:
            span = models.Range(gte=asked.since.timestamp(), lt=asked.until.timestamp())
            must.append(models.FieldCondition(key="at", range=span))
        found = client.query_points(
            "rival", query=vector.tolist(), limit=k, query_filter=models.Filter(must=must)
        )
        return [entries[int(point.id)].id for point in found.points]

    return search


def _plain(text: str) -> str:
    """Return a question without the signs that LanceDB's query language reads as orders."""
    return "".join(letter if letter.isalnum() else " " for letter in text)


def _sql(asked: Asked) -> str:
    told = []
    if asked.services:
        names = ", ".join(f"'{service}'" for service in asked.services)
        told.append(f"service IN ({names})")
    if asked.since is not None and asked.until is not None:
        told.append(f"at >= {asked.since.timestamp()} AND at < {asked.until.timestamp()}")
    return " AND ".join(told)


NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "BM25": "BM25 alone",
        "vector": "vector alone",
        "lance": "plain LanceDB hybrid",
        "faiss": "FAISS HNSW",
        "qdrant": "Qdrant local",
    }
)
"""Rivals as the table names them."""


def rivals(entries: Sequence[MemoryEntry], folder: Path) -> dict[str, Search]:
    """Return every rival, each filled with ``entries``."""
    return {
        **columns(entries),
        "lance": lance_hybrid(entries, folder),
        "faiss": faiss_hnsw(entries),
        "qdrant": qdrant_local(entries),
    }
