"""How far the cells of the hot index must be searched, measured on its own rows."""

from typing import Final

import numpy as np

from tam_workbench.memory.hot_cells import CellBook
from tam_workbench.memory.hot_kernels import Exact, Singles
from tam_workbench.records import Floats, Ints

SAMPLES: Final = 64
"""Rows that serve as queries, half of them blurred by noise of a quarter of their length."""

NEIGHBOURS: Final = 10
COVERED: Final = 0.95
"""Share of true neighbours whose cell must be reached."""

_PAGE: Final = 16_384


def needed_reach(x: Exact, book: CellBook, *, size: int, rng: np.random.Generator) -> float:
    """Return the reach with which the cells of ``COVERED`` of true neighbours are looked at.

    A cell with centre c and mean square residual e is looked at for query q while
    q.c + reach sqrt(e) |q - c| is at least the similarity of the k-th neighbour; so each true
    neighbour says which reach its cell needs.
    """
    alive = np.flatnonzero(book.seat[0][:size] >= 0)
    chosen = rng.choice(alive, min(SAMPLES, len(alive)), replace=False)
    queries = x.vectors[chosen] * x.inverse[chosen, None]
    noise = rng.normal(size=queries.shape).astype(np.float32)
    noise *= np.float32(0.25) / np.linalg.norm(noise, axis=1, keepdims=True)
    noise[::2] = 0
    queries += noise
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    near, rows = _nearest(x, alive, queries)
    rotated = book.rotate(queries)
    needed = []
    for at in range(len(chosen)):
        kept = rows[at] != chosen[at]
        homes = book.seat[0][rows[at][kept]]
        centres, energy = book.cells.centre[homes], book.cells.energy[homes]
        gaps = np.linalg.norm(centres - rotated[at], axis=1)
        short = near[at][kept].min() - centres @ rotated[at]
        needed.append(short / np.maximum(np.sqrt(energy) * gaps, 1e-9))
    return float(max(0.0, np.quantile(np.concatenate(needed), COVERED)))


def _nearest(x: Exact, alive: Ints, queries: Singles) -> tuple[Floats, Ints]:
    """Return the similarities and rows of each query's nearest, itself perhaps among them."""
    best = np.full((len(queries), NEIGHBOURS + 1), -np.inf)
    found = np.zeros(best.shape, np.int64)
    for start in range(0, len(alive), _PAGE):
        page = alive[start : start + _PAGE]
        near = (queries @ x.vectors[page].T) * x.inverse[page]
        near = np.concatenate([best, near], axis=1)
        names = np.concatenate([found, np.broadcast_to(page, (len(queries), len(page)))], axis=1)
        order = np.argpartition(-near, NEIGHBOURS, axis=1)[:, : NEIGHBOURS + 1]
        best = np.take_along_axis(near, order, axis=1)
        found = np.take_along_axis(names, order, axis=1)
    return best, found
