"""Sizes: how long a recall of the hot index takes among many memories, beside FAISS HNSW.

384-d vectors in loose clusters, as embeddings are; questions are rows blurred by noise of half
their length. The filter is a service (one of twenty) and both clocks, as every recall has.
recall@10 is against an exact search of the same rows. The ratio is index against index, ids
only, without a filter: FAISS gets one thread, and its efSearch is doubled until it finds as much
as is asked of us. Times are CPU time, all threads summed: they say the same on a busy machine.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from time import process_time
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tam_workbench.evaluation.figures import Figure
from tam_workbench.evaluation.remembering.corpus import BEGIN
from tam_workbench.evaluation.remembering.costs import WIDTH, synthetic
from tam_workbench.evaluation.remembering.houses import plugin
from tam_workbench.evaluation.remembering.rivals import hnsw
from tam_workbench.memory.hot import HotIndex
from tam_workbench.records import Where

MOST_MS: Final = {100_000: 5.0, 1_000_000: 15.0}
LEAST_RECALL: Final = 0.95
MOST_RATIO: Final = 1.5
_ASKED: Final = 200
_CHECKED: Final = 50
_AMONG: Final = 10
_PAGE: Final = 5_000
_WARM: Final = 20

Vectors = npt.NDArray[np.float32]


def clustered(rows: int, *, seed: int = 11) -> Vectors:
    """Return unit rows around one centre for each 200 of them."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(max(1, rows // 200), WIDTH)).astype(np.float32)
    matrix = rng.normal(scale=0.8, size=(rows, WIDTH)).astype(np.float32)
    matrix += centres[rng.integers(len(centres), size=rows)]
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    return matrix


def questions(matrix: Vectors, *, seed: int = 12) -> Vectors:
    """Return rows blurred by noise of half their length."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(_ASKED, WIDTH)).astype(np.float32)
    noise *= np.float32(0.5) / np.linalg.norm(noise, axis=1, keepdims=True)
    asked = matrix[rng.integers(len(matrix), size=_ASKED)] + noise
    return np.asarray(asked / np.linalg.norm(asked, axis=1, keepdims=True), np.float32)


def size_figures(rows: int = 100_000, *, with_faiss: bool = True) -> list[Figure]:
    """Return p95 with a filter, recall@10, and the ratio to FAISS HNSW."""
    matrix = clustered(rows)
    asked = questions(matrix)
    store = _filled(matrix)
    at = BEGIN + timedelta(days=1)
    where = Where(services=("service-7",), as_of=at, known_at=at)
    open_ms, found = _timed(lambda q: store.nearest(q, k=_AMONG, where=Where()), asked)
    gated_ms, gated = _timed(lambda q: store.nearest(q, k=_AMONG, where=where), asked)
    gate = np.arange(rows) % _PAGE % 20 == 7
    both = [
        _recall(_ids(found), matrix, asked, np.ones(rows, np.bool_)),
        _recall(_ids(gated), matrix, asked, gate),
    ]
    goal = MOST_MS.get(rows)
    p95, least = float(np.quantile(gated_ms, 0.95)), min(both)
    figures = [
        Figure(
            name=f"recall among {rows:,} memories with a filter, p95",
            value=p95,
            unit="ms of CPU",
            peer=f"median {np.median(gated_ms):.2f}; without a filter median "
            f"{np.median(open_ms):.2f}, p95 {np.quantile(open_ms, 0.95):.2f}",
            goal=f"< {goal:g}" if goal else "",
            holds=p95 < goal if goal else None,
        ),
        Figure(
            name=f"  recall@10 against exact search, {rows:,}",
            value=least,
            unit="share",
            peer=f"no filter {both[0]:.3f}, filter {both[1]:.3f}",
            goal=f">= {LEAST_RECALL}",
            holds=least >= LEAST_RECALL,
        ),
    ]
    return [*figures, beside_faiss(matrix, asked)] if with_faiss else figures


def beside_faiss(matrix: Vectors, asked: Vectors) -> Figure:
    """Return the time of our index as a multiple of FAISS HNSW's, on the same vectors."""
    import faiss

    hot = HotIndex(matrix.shape[1])
    for begin in range(0, len(matrix), _PAGE):
        page = matrix[begin : begin + _PAGE]
        hot.put(np.arange(begin, begin + len(page)), page)
    ours, _ = _timed(lambda q: hot.search(q, k=_AMONG), asked)
    index = hnsw(matrix)
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    every = np.ones(len(matrix), np.bool_)
    while True:
        spent, found = _timed(lambda q: index.search(q[None], _AMONG)[1][0].tolist(), asked)
        reached = _recall(found, matrix, asked, every)
        if reached >= LEAST_RECALL or index.hnsw.efSearch >= 1024:
            break
        index.hnsw.efSearch *= 2
    faiss.omp_set_num_threads(threads)
    ratio = float(np.median(ours) / np.median(spent))
    return Figure(
        name=f"  ratio to FAISS HNSW, no filter, {len(matrix):,}",
        value=ratio,
        unit="x its median",
        peer=f"ours {np.median(ours):.2f} ms, FAISS {np.median(spent):.2f} ms, "
        f"recall {reached:.3f} at efSearch {index.hnsw.efSearch}",
        goal=f"<= {MOST_RATIO}",
        holds=ratio <= MOST_RATIO,
    )


def _filled(matrix: Vectors) -> Any:  # noqa: ANN401 - a plug-in
    store = plugin("stores", "inmemory")(dimension=WIDTH)
    frame = synthetic(min(_PAGE, len(matrix)), seed=1, width=1)
    for begin in range(0, len(matrix), _PAGE):
        page = matrix[begin : begin + _PAGE].tolist()
        store.put(
            [
                replace(entry, id=f"{begin + n:032x}", vector=tuple(row))
                for n, (entry, row) in enumerate(zip(frame, page, strict=False))
            ]
        )
    return store


def _timed(ask: Callable[[Vectors], Any], asked: Vectors) -> tuple[list[float], list[Any]]:
    for query in asked[:_WARM]:
        ask(query)
    spent, found = [], []
    for query in asked:
        begun = process_time()
        found.append(ask(query))
        spent.append(1000.0 * (process_time() - begun))
    return spent, found


def _ids(found: list[Any]) -> list[list[int]]:
    return [[int(hit.entry.id, 16) for hit in hits] for hits in found]


def _recall(
    found: list[list[int]], matrix: Vectors, asked: Vectors, gate: npt.NDArray[np.bool_]
) -> float:
    rows = np.flatnonzero(gate)
    near = asked[:_CHECKED] @ matrix[rows].T
    best = rows[np.argpartition(-near, _AMONG - 1, axis=1)[:, :_AMONG]]
    shares = [
        len(set(names) & set(right)) / _AMONG
        for names, right in zip(found[:_CHECKED], best.tolist(), strict=True)
    ]
    return float(np.mean(shares))
