"""Embeddings, each computed once."""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Embed = Callable[[Sequence[str]], npt.NDArray[np.float32]]
"""What an embedder does: texts in, one unit row each out."""


class EmbeddingCache:
    """The vectors of the ``capacity`` texts used last, keyed by the hash of the text.

    Meant for log templates and incident windows, of which a system repeats few. For one
    thread; 4,096 vectors of 256 numbers are 4 MB.

    Examples
    --------
    >>> cache = EmbeddingCache(lambda texts: np.ones((len(texts), 1), np.float32))
    >>> cache.embed(["disk full", "disk full", "oom"]).shape, cache.computed
    ((3, 1), 2)
    >>> _ = cache.embed(["oom"])
    >>> cache.computed
    2
    """

    def __init__(self, embed: Embed, *, capacity: int = 4096) -> None:
        self._embed = embed
        self._capacity = capacity
        self._kept: dict[bytes, npt.NDArray[np.float32]] = {}
        self._computed = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def computed(self) -> int:
        """Texts that had to be embedded so far."""
        return self._computed

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return an array (len(texts), dimension); only unknown texts reach the embedder."""
        keys = [
            hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()
            for text in texts
        ]
        found = {key: self._kept[key] for key in keys if key in self._kept}
        unknown = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if unknown or not texts:
            rows = self._embed(list(unknown.values()))
            if not texts:
                return rows
            found.update({key: row.copy() for key, row in zip(unknown, rows, strict=True)})
            self._computed += len(unknown)
        self._keep(found)
        return np.stack([found[key] for key in keys])

    def clear(self) -> None:
        """Forget every vector."""
        self._kept = {}

    def _keep(self, used: dict[bytes, npt.NDArray[np.float32]]) -> None:
        for key, row in used.items():
            self._kept.pop(key, None)
            self._kept[key] = row
        for key in list(self._kept)[: max(0, len(self._kept) - self._capacity)]:
            self._kept.pop(key, None)


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()
