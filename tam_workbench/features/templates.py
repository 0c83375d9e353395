"""Log templates: what a line says once its numbers, ids and paths are taken out.

Lines are masked all at once; only masked lines that were never seen are looked at one by one.
"""

from hashlib import blake2b
from typing import Any

import numpy as np
import polars as pl

from tam_workbench.features.masks import mask
from tam_workbench.features.shapes import shapes_of
from tam_workbench.features.template_merging import Patterns
from tam_workbench.features.template_words import words_of
from tam_workbench.records import Ints, Template

_SHAPES = 32_768  # shapes whose masked line is remembered


class Templates:
    """A bounded table of log templates, numbered in the order they were first seen.

    The id is a hash of the text at first sight, so it is the same in every run and process, and
    a line once numbered keeps its number. Templates that turn out to be one are merged on the
    side: `resolve` says into which. When the table is full, lines that fit no template are
    `other`, so that a flood of odd lines costs no memory.

    Parameters
    ----------
    limit
        Templates kept.
    lines
        Masked lines whose template is remembered; the oldest makes room.
    similarity
        Share of constant words that a template keeps when templates are merged into it.

    Examples
    --------
    >>> table = Templates(limit=10, lines=100, similarity=0.5)
    >>> bodies = pl.Series(["GET /api/cart/7 took 9 ms", "GET /api/cart/9 took 3 ms", "cache miss"])
    >>> table.number(bodies).tolist()
    [0, 0, 1]
    >>> [template.text for template in table.known]
    ['GET <*> took <*> ms', 'cache miss']
    >>> late = table.number(pl.Series(["lost node", "lost 7"]))
    >>> late.tolist(), table.resolve(late).tolist()
    ([2, 3], [2, 2])
    """

    def __init__(self, *, limit: int, lines: int, similarity: float) -> None:
        self.limit = limit
        self.known: list[Template] = []
        self.overflow = 0
        self._lines = lines
        self._patterns = Patterns(limit=limit, constant=similarity)
        self._of_line: dict[str, int] = {}
        self._of_shape: dict[int, str] = {}  # only spares work, so it is no part of the state

    @property
    def other(self) -> int:
        """The number of lines that fit no template of a full table."""
        return self.limit

    def number(self, bodies: pl.Series) -> Ints:
        """Return the template number of every line, learning templates never seen."""
        if bodies.len() == 0:
            return np.empty(0, dtype=np.int64)
        if bodies.null_count():
            bodies = bodies.fill_null("")
        shapes, first, which = shapes_of(bodies)
        lines = self._masked_lines(bodies, shapes.tolist(), first)
        found = np.empty(first.size, dtype=np.int64)
        for place, line in enumerate(lines):
            number = self._of_line.get(line)
            if number is None:
                number = self._learn(line, example=bodies[int(first[place])])
            found[place] = number
        numbers = found[which]
        if len(self.known) == self.limit:
            self.overflow += int(np.count_nonzero(numbers == self.other))
        return numbers

    def _masked_lines(self, bodies: pl.Series, shapes: list[int], first: Ints) -> list[str]:
        """Return the masked line of each shape; ``first`` says which body has it."""
        known = self._of_shape
        new = [place for place, shape in enumerate(shapes) if shape not in known]
        if new:
            if len(known) > _SHAPES:
                known.clear()
                new = list(range(len(shapes)))
            masked = mask(bodies.gather(first[new])).to_list()
            known.update(zip([shapes[place] for place in new], masked, strict=True))
        return [known[shape] for shape in shapes]

    def find(self, body: str) -> Template | None:
        """Return the template of a line, None when it fits none; learns nothing."""
        line = str(mask(pl.Series([body]))[0])
        number = self._of_line.get(line)
        if number is None:
            number = self._patterns.find(words_of(line))
        return None if number is None or number == self.other else self.known[number]

    def resolve(self, numbers: Ints) -> Ints:
        """Return the numbers of the templates that these have been merged into by now."""
        return self._patterns.resolve(numbers)

    def text(self, number: int) -> str:
        """Return what the lines of a template, and of all merged with it, have in common.

        Examples
        --------
        >>> table = Templates(limit=10, lines=100, similarity=0.5)
        >>> table.text(int(table.number(pl.Series(["lost node", "lost 7"]))[0]))
        'lost <*>'
        """
        return "" if number == self.other else "".join(self._patterns.words(number))

    def _learn(self, line: str, *, example: str) -> int:
        words = words_of(line)
        number = self._patterns.find(words)
        if number is None and len(self.known) < self.limit:
            number = len(self.known)
            text = "".join(words)
            self.known.append(Template(id=template_id(text), text=text, example=example[:200]))
            self._patterns.add(words, number)
        if number is None:
            number = self.other
        if len(self._of_line) >= self._lines:
            del self._of_line[next(iter(self._of_line))]
        self._of_line[line] = number
        return number

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs, in plain containers."""
        return {
            "known": [[t.id, t.text, t.example] for t in self.known],
            "overflow": self.overflow,
            "lines": list(self._of_line.items()),
            **self._patterns.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Become what `state` described."""
        self.known = [Template(id=i, text=text, example=line) for i, text, line in state["known"]]
        self.overflow = state["overflow"]
        self._of_line = dict(state["lines"])
        self._patterns.restore(state)


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
