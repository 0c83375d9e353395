"""Log templates: what a line says once its numbers, ids and paths are taken out.

Lines are masked all at once; only masked lines that were never seen reach drain3, one by one.
"""

from hashlib import blake2b
from typing import Any, Final

import numpy as np
import polars as pl

from tam_workbench.features.tree import dump, load
from tam_workbench.records import Ints, Template

WILDCARD: Final = "<*>"

VARYING: Final = "|".join(
    (
        r"<[A-Z_]+:[0-9a-f]+>",  # our own pseudonyms
        r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b",
        r"\b0x[0-9a-fA-F]+",
        r"\b[0-9a-fA-F]{12,}\b",
        r"(?:/[\w.\-]+){2,}/?",  # paths
        r"-?\b\d[\w.:%\-]*",  # numbers, times, addresses, whatever starts with a digit
    )
)
"""What is masked: pseudonyms, uuids, hexadecimals, paths, and words that start with a digit."""

_LONGEST = 1000


class Templates:
    """A bounded table of log templates, numbered in the order they were first seen.

    The id is a hash of the text at first sight, so it is the same in every run and process even
    if drain3 later widens the text. When the table is full, lines that fit no template are
    `other`, so that a flood of odd lines costs no memory.

    Examples
    --------
    >>> table = Templates(limit=10, lines=100, similarity=0.6)
    >>> bodies = pl.Series(["GET /api/cart/7 took 9 ms", "GET /api/cart/9 took 3 ms", "cache miss"])
    >>> table.number(bodies).tolist()
    [0, 0, 1]
    >>> [template.text for template in table.known]
    ['GET <*> took <*> ms', 'cache miss']
    """

    def __init__(self, *, limit: int, lines: int, similarity: float) -> None:
        self.limit = limit
        self.known: list[Template] = []
        self.overflow = 0
        self._lines = lines
        self._similarity = similarity
        self._number: dict[str, int] = {}
        self._of_cluster: dict[int, int] = {}
        self._of_line: dict[str, int] = {}
        self._drain: Any = None

    @property
    def other(self) -> int:
        """The number of lines that fit no template of a full table."""
        return self.limit

    def number(self, bodies: pl.Series) -> Ints:
        """Return the template number of every line, learning templates never seen."""
        if bodies.len() == 0:
            return np.empty(0, dtype=np.int64)
        hashes = bodies.hash().to_numpy()
        _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
        order = np.argsort(first)
        lines = bodies.gather(first[order]).fill_null("")
        masked = mask(lines).to_list()
        found = np.empty(first.size, dtype=np.int64)
        for place, line in enumerate(masked):
            number = self._of_line.get(line)
            if number is None:
                number = self._learn(line, example=lines[place])
            found[order[place]] = number
        self.overflow += int((found[inverse] == self.other).sum())
        return found[inverse]

    def find(self, body: str) -> Template | None:
        """Return the template of a line, None when it fits none; learns nothing."""
        line = str(mask(pl.Series([body]))[0])
        number = self._of_line.get(line)
        if number is None:
            cluster = self._miner().match(line)
            number = None if cluster is None else self._of_cluster.get(cluster.cluster_id)
        return None if number is None or number == self.other else self.known[number]

    def _miner(self) -> Any:  # noqa: ANN401 - drain3 has no types
        if self._drain is None:
            from drain3.drain import Drain

            self._drain = Drain(sim_th=self._similarity, param_str=WILDCARD)
        return self._drain

    def _learn(self, line: str, *, example: str) -> int:
        drain = self._miner()
        if len(self.known) < self.limit:
            cluster, _ = drain.add_log_message(line)
        else:
            cluster = drain.match(line)
        number = self.other
        if cluster is not None:
            number = self._of_cluster.get(cluster.cluster_id, -1)
            if number < 0:
                number = self._enter(cluster.get_template(), example)
                self._of_cluster[cluster.cluster_id] = number
        if len(self._of_line) >= self._lines:
            del self._of_line[next(iter(self._of_line))]
        self._of_line[line] = number
        return number

    def _enter(self, text: str, example: str) -> int:
        key = template_id(text)
        number = self._number.get(key)
        if number is None:
            number = self._number[key] = len(self.known)
            self.known.append(Template(id=key, text=text, example=example[:200]))
        return number

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs, in plain containers."""
        return {
            "known": [[t.id, t.text, t.example] for t in self.known],
            "overflow": self.overflow,
            "clusters": list(self._of_cluster.items()),
            "lines": list(self._of_line.items()),
            "drain": None if self._drain is None else dump(self._drain),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Become what `state` described."""
        self.known = [Template(id=i, text=text, example=line) for i, text, line in state["known"]]
        self.overflow = state["overflow"]
        self._number = {template.id: n for n, template in enumerate(self.known)}
        self._of_cluster = dict(state["clusters"])
        self._of_line = dict(state["lines"])
        self._drain = None
        if state["drain"] is not None:
            load(self._miner(), state["drain"])


def mask(lines: pl.Series) -> pl.Series:
    """Return lines with all that varies replaced by ``<*>``, at most 1000 characters each.

    Examples
    --------
    >>> mask(pl.Series(["node1 10.0.0.7:80 id 0x1f -3.5 /var/log/app.log"]))[0]
    'node1 <*> id <*> <*> <*>'
    """
    return lines.str.slice(0, _LONGEST).str.replace_all(VARYING, WILDCARD)


def template_id(text: str) -> str:
    """Return the stable id of a template's text.

    Examples
    --------
    >>> template_id("ERROR timeout") == template_id("ERROR timeout")
    True
    """
    return "t" + blake2b(text.encode(), digest_size=6).hexdigest()


def bucket_of(template: str, buckets: int) -> int:
    """Return the column that a template id is counted in.

    Examples
    --------
    >>> bucket_of(template_id("cache miss"), 12) in range(12)
    True
    """
    return int(template[1:9], 16) % buckets
