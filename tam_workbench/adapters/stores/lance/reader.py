"""Reading: get, nearest, matching, scan and count over one table, present or past."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn, cast

import numpy as np
import numpy.typing as npt

from tam_workbench.adapters.stores.lance.filters import IDS_AT_ONCE, among, sql_of
from tam_workbench.adapters.stores.lance.rows import cosine, entries_of, vectors_of
from tam_workbench.adapters.stores.lance.table import WORDS_INDEX, door, index_names, retried
from tam_workbench.errors import PermanentError
from tam_workbench.memory import check_vectors, top
from tam_workbench.ports import EVERYTHING
from tam_workbench.records import Hit, MemoryEntry, PurgeProof, Where

if TYPE_CHECKING:
    import pyarrow as pa
    from lancedb.query import LanceFtsQueryBuilder, LanceVectorQueryBuilder
    from lancedb.table import Table

_PAGE: Final = 1000
"""Entries of one page of a scan."""
_MOST_TIES: Final = 5000
"""Rows fetched at most to settle equally good ones by their id."""
_PROBES: Final = 8
"""Partitions of the vector index that a search looks into."""
_BREADTH: Final = 1024
"""Neighbours that a search of the graphs keeps in sight, at least.

Must be at least k times ``_REFINE``. Where vectors have no clusters, 256 misses many.
"""
_REFINE: Final = 4
"""Times k that are compared exactly after the index has found them roughly."""
_WORD: Final = re.compile(r"[^\W_]+")


class LanceReader:
    """Reads one table and writes nothing: a past version, or the reading half of the store.

    Parameters
    ----------
    path
        Where it is, for messages.
    table
        The open table, checked out where it shall be read.
    version
        The version's number when the table itself would say another; None asks the table.
    """

    name = "lance"

    def __init__(self, path: Path, table: "Table", *, version: int | None = None) -> None:
        self._path = path
        self._open_table: Table | None = table
        self._numbered = version
        self._dimension = int(table.schema.field("vector").type.list_size)

    def get(self, ids: Sequence[str]) -> list[MemoryEntry]:
        """Return those that exist, in the order asked."""
        wanted = list(dict.fromkeys(ids))
        found: dict[str, MemoryEntry] = {}
        for start in range(0, len(wanted), IDS_AT_ONCE):
            rows = self._select(among(wanted[start : start + IDS_AT_ONCE]))
            found.update((entry.id, entry) for entry in entries_of(rows))
        return [found[id_] for id_ in ids if id_ in found]

    def nearest(
        self, vector: npt.NDArray[np.float32], *, k: int, where: Where = EVERYTHING
    ) -> list[Hit]:
        """Return the k most similar by cosine among those that ``where`` admits."""
        query = check_vectors(np.asarray(vector)[None, :], ["query"], dimension=self._dimension)[0]
        if k <= 0:
            return []

        def search(limit: int) -> "pa.Table":
            found = cast(
                "LanceVectorQueryBuilder", self._table.search(query, vector_column_name="vector")
            )
            found = (
                found.distance_type("cosine").nprobes(_PROBES).ef(max(_BREADTH, _REFINE * limit))
            )
            found = found.refine_factor(_REFINE)
            condition = self._condition(where)
            if condition:
                found = found.where(condition, prefilter=True)
            return found.limit(limit).to_arrow()

        with self._door("search"):
            rows = self._beyond_ties(search, "_distance", k)
        return _hits(rows, cosine(vectors_of(rows), query), k=k, part="similarity")

    def matching(self, text: str, *, k: int, where: Where = EVERYTHING) -> list[Hit]:
        """Return the k best by BM25 over words that share any word with ``text``."""
        words = _WORD.findall(text)
        if k <= 0 or not words:
            return []

        def search(limit: int) -> "pa.Table":
            found = cast(
                "LanceFtsQueryBuilder",
                self._table.search(" ".join(words), query_type="fts", fts_columns="text"),
            )
            condition = self._condition(where)
            if condition:
                found = found.where(condition, prefilter=True)
            return found.limit(limit).to_arrow()

        with self._door("search"):
            if WORDS_INDEX not in index_names(self._table):
                return self._flat_matching(words, k, where)
            rows = self._beyond_ties(search, "_score", k)
        scores = np.asarray(rows.column("_score").to_numpy(), np.float64)
        return _hits(rows, scores, k=k, part="words")

    def scan(self, where: Where = EVERYTHING) -> Iterator[list[MemoryEntry]]:
        """Yield what ``where`` admits, page by page, in order of id."""
        ids = sorted(self._select(self._condition(where), columns=["id"]).column("id").to_pylist())
        for start in range(0, len(ids), _PAGE):
            if page := self.get(ids[start : start + _PAGE]):
                yield page

    def count(self) -> int:
        """Return how many entries are kept."""
        with self._door("count"):
            return retried(lambda: int(self._table.count_rows()))

    def version(self) -> int:
        """Return the table's version: it grows with every change and every compaction."""
        with self._door("read"):
            now = int(self._table.version)
        return now if self._numbered is None else self._numbered

    def put(self, entries: Sequence[MemoryEntry]) -> None:
        """Refuse: the past is to read only."""
        self._refuse("put", entries)

    def delete(self, ids: Sequence[str]) -> int:
        """Refuse: the past is to read only."""
        self._refuse("delete", ids)

    def purge(self, ids: Sequence[str], *, needles: Sequence[str]) -> PurgeProof:
        """Refuse: purge the present store, it reaches its past."""
        self._refuse("purge", (ids, needles))

    def close(self) -> None:
        """Let go of the table; may be called twice."""
        self._open_table = None

    @property
    def _table(self) -> "Table":
        if self._open_table is None:
            raise PermanentError(f"memory store {self._path} is closed: open a new one")
        return self._open_table

    @contextmanager
    def _door(self, verb: str) -> Iterator[None]:
        with door(verb, self._path):
            yield

    def _refuse(self, verb: str, _given: object) -> NoReturn:
        raise PermanentError(
            f"cannot {verb} in version {self.version()} of {self._path}: the past is to read "
            "only; branch it to try something else, or use the present store"
        )

    def _condition(self, where: Where) -> str:
        return sql_of(where, self._table.schema.names)

    def _select(self, condition: str, *, columns: Sequence[str] | None = None) -> "pa.Table":
        def select() -> "pa.Table":
            found = self._table.search()
            if condition:
                found = found.where(condition)
            if columns is not None:
                found = found.select(list(columns))
            return found.limit(None).to_arrow()

        with self._door("read"):
            return retried(select)

    def _beyond_ties(self, search: Callable[[int], "pa.Table"], column: str, k: int) -> "pa.Table":
        """Return at least the k best rows, and those that tie with the last of them."""
        limit = k + 16
        while True:
            rows = retried(partial(search, limit))
            marks = rows.column(column).to_numpy()
            if rows.num_rows < limit or abs(marks[-1] - marks[k - 1]) > 1e-5 or limit > _MOST_TIES:
                return rows
            limit *= 4

    def _flat_matching(self, words: Sequence[str], k: int, where: Where) -> list[Hit]:
        """Rank by the share of words where a version has no index of words."""
        asked = {word.lower() for word in words}
        rows = self._select(self._condition(where), columns=["id", "text"]).to_pydict()
        texts = [{word.lower() for word in _WORD.findall(text)} for text in rows["text"]]
        found = {
            id_: len(asked & kept) / float(np.sqrt(len(asked) * len(kept)))
            for id_, kept in zip(rows["id"], texts, strict=True)
            if asked & kept
        }
        ids = list(found)
        best = [ids[at] for at in top(np.array([found[id_] for id_ in ids]), ids, k=k)]
        return [
            Hit(entry=entry, score=found[entry.id], parts={"words": found[entry.id]})
            for entry in self.get(best)
        ]


def _hits(rows: "pa.Table", scores: npt.NDArray[np.float64], *, k: int, part: str) -> list[Hit]:
    if not rows.num_rows:
        return []
    best = top(scores, rows.column("id").to_pylist(), k=k)
    return [
        Hit(entry=entry, score=float(scores[at]), parts={part: float(scores[at])})
        for at, entry in zip(best, entries_of(rows.take(best)), strict=True)
    ]
