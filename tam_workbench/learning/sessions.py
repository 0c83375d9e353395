"""Strange sessions: sequences of log templates that belong together, and how odd each is.

Three questions are asked of a session, each answered by nothing but the sessions before it. How
odd is the number of times each template occurs, one that is missing included? How rare is that
mixture as a whole? How odd is the order? Each answer is held against its own usual tail.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from tam_workbench.errors import BadInputError
from tam_workbench.learning.base import State
from tam_workbench.learning.session_kernels import (
    BINS,
    KINDS,
    RING,
    SIGNALS,
    Memory,
    bin_of,
    score_sessions,
)
from tam_workbench.records import Floats

RARE: Final = 0.01
"""Share of sessions from which their contents are strange."""

DISORDERED: Final = 0.0001
"""Share of sessions from which their order is strange; far less, since parallel writers shuffle."""


class SessionScore:
    """How strange each session is, told online, without labels; above 1 is an alarm.

    - *counts*: the sum over all templates of -log P(as many as here), each template on its own;
    - *kind*: -log P(exactly these counts together);
    - *order*: the -log P(next template | this one) that a session costs beyond what is usual for
      its templates, over the square root of its length.

    A signal alarms beyond the point that an exponential tail through the median and the 90th
    percentile of the last 2,000 sessions exceeds with probability ``rare``. These two quantiles
    do not move while fewer than a tenth of sessions are strange, so strange ones in the past do
    not hide those to come. No signal alarms below -log ``rare``.

    Parameters
    ----------
    templates
        Numbers told apart; larger ones are one.
    rare
        Share of sessions from which counts and kind are strange.
    disordered
        Share of sessions from which the order is strange.
    memory
        Sessions after which the past counts half.

    Examples
    --------
    >>> score = SessionScore(templates=8)
    >>> usual = score.advance([[0, 1, 1, 2], [0, 1, 2]] * 100)
    >>> odd = score.advance([[0, 1, 1, 2], [0, 1], [0, 1, 2, 7]])
    >>> (odd > 1.0).tolist(), int((usual > 1.0).sum())
    ([False, True, True], 0)
    >>> score.why([0, 1])[0][0]
    2
    """

    def __init__(
        self,
        *,
        templates: int,
        rare: float = RARE,
        disordered: float = DISORDERED,
        memory: int = 20_000,
    ) -> None:
        self._templates = templates
        self._rates = np.array([rare, rare, disordered])
        self._half = float(memory)
        self._memory = _empty(templates)

    def advance(self, sessions: Sequence[Sequence[int]], trust: Floats | None = None) -> Floats:
        """Score each session by those before it, then learn it with its trust.

        Parameters
        ----------
        sessions
            Template numbers, at least 0, in the order they were written.
        trust
            Weight of each session in [0, 1]; None trusts all. One of no trust teaches nothing.
        """
        lengths = np.array([len(session) for session in sessions], dtype=np.int64)
        ends = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(lengths)))
        flat = np.empty(int(ends[-1]), dtype=np.int64)
        for at, session in enumerate(sessions):
            flat[ends[at] : ends[at + 1]] = session
        if flat.size and flat.min() < 0:
            raise BadInputError("a template number is negative; leave out lines without one")
        np.minimum(flat, self._templates - 1, out=flat)
        weight = np.ones(lengths.size) if trust is None else np.asarray(trust, dtype=np.float64)
        return score_sessions(flat, ends, weight, self._rates, self._half, self._memory)

    def why(self, session: Sequence[int]) -> list[tuple[int, float]]:
        """Return how odd the count of each template is, the oddest first; learns nothing."""
        held = np.minimum(np.asarray(session, dtype=np.int64), self._templates - 1)
        counts = np.bincount(held, minlength=self._templates)
        sessions = self._memory.sizes[0]
        odds = {
            template: -float(np.log((self._seen(template, int(count)) + 0.5) / (sessions + 1.0)))
            for template, count in enumerate(counts)
            if count or self._memory.counts[template].any()
        }
        return sorted(odds.items(), key=lambda item: (-item[1], item[0]))

    def _seen(self, template: int, count: int) -> float:
        row = self._memory.counts[template]
        return float(row[bin_of(count)] if count else self._memory.sizes[0] - row.sum())

    def state(self) -> State:
        """Return all that was counted."""
        return {name: array.copy() for name, array in self._memory._asdict().items()}

    def restore(self, state: State) -> None:
        """Become what `state` described; what follows is then the same to the bit."""
        self._memory = Memory(**{name: state[name].copy() for name in Memory._fields})


def _empty(templates: int) -> Memory:
    return Memory(
        sizes=np.zeros(3),
        counts=np.zeros((templates, BINS)),
        kinds=np.zeros(KINDS),
        steps=np.zeros((templates + 1, templates + 1)),
        cost=np.zeros((templates + 1, 2)),
        ring=np.zeros((SIGNALS, RING)),
        limits=np.full(SIGNALS, np.inf),
    )
