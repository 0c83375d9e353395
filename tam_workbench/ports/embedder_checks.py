"""What every `Embedder` promises, as a function that anyone can run on one of their own."""

from collections.abc import Callable
from typing import Final

import numpy as np

from tam_workbench.errors import PromiseBrokenError
from tam_workbench.ports.protocols import Embedder

_TEXTS: Final = (
    "service checkout\nmetrics: memory.usage very high\nlogs: OutOfMemoryError: heap space",
    "service checkout\nmetrics: heap usage very high\nlogs: process ran out of memory",
    "service search\nmetrics: request rate low\nlogs: certificate of <*> has expired",
)
"""The first two tell of one thing in two ways, the third of another."""

_AWKWARD: Final = (
    "",
    " \n\t",
    "täm → 数据 🙂",
    "\x00\x01",
    "42",
    "x" * 200_000,
    "lone \ud800 half",
)


def check_embedder(make: Callable[[], Embedder]) -> None:
    """Run every promise of the `Embedder` port on embedders that ``make`` gives.

    Raises
    ------
    PromiseBrokenError
        The first promise that is not kept.
    """
    embedder = make()
    for promise in (_shape, _norm, _same_whatever_the_company, _paraphrase):
        promise(embedder)
    again = make().embed(_TEXTS)
    _demand(np.allclose(embedder.embed(_TEXTS), again, atol=1e-5), "a second one gives the same")


def _demand(kept: object, promise: str) -> None:
    if not kept:
        raise PromiseBrokenError(f"embedder: {promise}")


def _shape(embedder: Embedder) -> None:
    _demand(embedder.name and embedder.dimension > 0, "it has a name and a dimension")
    for texts in ((), _TEXTS[:1], _TEXTS):
        vectors = embedder.embed(texts)
        _demand(vectors.shape == (len(texts), embedder.dimension), "one row a text, also for none")
        _demand(vectors.dtype == np.float32, "rows are float32")


def _norm(embedder: Embedder) -> None:
    vectors = embedder.embed((*_TEXTS, *_AWKWARD))
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1)
    _demand(np.allclose(norms, 1.0, atol=1e-3), "every row has norm 1, whatever the text")


def _same_whatever_the_company(embedder: Embedder) -> None:
    together = embedder.embed(_TEXTS)
    alone = np.vstack([embedder.embed([text]) for text in _TEXTS])
    backwards = embedder.embed(_TEXTS[::-1])[::-1]
    _demand(np.allclose(together, alone, atol=1e-4), "a text alone gives what it gives in a batch")
    _demand(np.allclose(together, backwards, atol=1e-4), "order does not matter")


def _paraphrase(embedder: Embedder) -> None:
    one, same, other = embedder.embed(_TEXTS)
    _demand(one @ same > max(one @ other, same @ other) + 0.1, "a paraphrase is nearer than others")
