"""Overlap: the index of words with names instead of rows, for stores that have none."""

from collections.abc import Callable, Sequence

import numpy as np

from tam_workbench.memory.selection import top
from tam_workbench.memory.words import WordIndex


class NamedWords:
    """Finds the names of texts that share words with a query, best BM25 first.

    Examples
    --------
    >>> words = NamedWords()
    >>> words.put(["b", "a", "c"], ["disk full on node", "disk full on node", "cache cold"])
    >>> [name for name, score in words.best("disk", k=1)]
    ['a']
    >>> [name for name, score in words.best("disk cold", k=9, admits=lambda name: name > "a")]
    ['c', 'b']
    """

    def __init__(self) -> None:
        self._index = WordIndex()
        self._names: list[str] = []  # row by row, those that are gone too
        self._rows: dict[str, int] = {}

    def put(self, names: Sequence[str], texts: Sequence[str]) -> None:
        """Add texts, or replace those of the same names; a name comes once."""
        for name in names:
            if name not in self._rows:
                self._rows[name] = len(self._names)
                self._names.append(name)
        self._index.put([self._rows[name] for name in names], texts)

    def remove(self, names: Sequence[str]) -> None:
        """Forget texts; an unknown name is passed over."""
        rows = [self._rows[name] for name in names if name in self._rows]
        if rows:
            self._index.remove(rows)

    def best(
        self, text: str, *, k: int, admits: Callable[[str], bool] | None = None
    ) -> list[tuple[str, float]]:
        """Return the k best names, with their scores; equals (to 1e-6) in order of name.

        Parameters
        ----------
        text
            The query.
        k
            How many at most.
        admits
            Which names may be found; None is all. Asked for the best first, until k are found.
        """
        wide = k
        while k > 0:
            rows, scores = self._index.contenders(text, k=wide)
            names = [self._names[row] for row in rows.tolist()]
            kept = [at for at, name in enumerate(names) if admits is None or admits(name)]
            if len(kept) >= k or len(rows) < wide:
                chosen = top(np.asarray(scores)[kept], [names[at] for at in kept], k=k)
                return [(names[kept[at]], float(scores[kept[at]])) for at in chosen]
            wide *= 4
        return []
