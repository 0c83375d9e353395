"""What the world said, kept until every row that waits for it has its label."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tam_workbench.learning.base import State
from tam_workbench.records import Floats, Ints, Labels

Flags = npt.NDArray[np.bool_]

_SPAN = 1 << 44  # ticks per service in a key; ticks of a millisecond since 1970 fit
_JUDGEMENTS = 256


class LabelBook:
    """Breaches by service and tick, and people's judgements that overrule them.

    >>> book = LabelBook()
    >>> book.add(Labels(services=("web",), ticks=np.array([5]), known_until=9))
    >>> web = book.codes(("web", "web"))
    >>> book.answers(web, np.array([4, 5]), horizon=3)
    array([1., 0.])
    """

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._asked: tuple[Sequence[str], Ints] = ((), np.empty(0, dtype=np.int64))
        self._keys: Ints = np.empty(0, dtype=np.int64)
        self._judgements: list[tuple[int, int, int, float]] = []
        self.known_until: int | None = None

    def codes(self, services: Sequence[str]) -> Ints:
        """Return this book's number for each service; asked alike again, it need not look."""
        if services is self._asked[0]:
            return self._asked[1]
        self._asked = services, self._look_up(services)
        return self._asked[1]

    def _look_up(self, services: Sequence[str]) -> Ints:
        known = self._codes
        distinct = dict.fromkeys(services)
        for name in distinct:
            known.setdefault(name, len(known))
        if len(distinct) == 1:
            return np.full(len(services), known[services[0]], dtype=np.int64)
        return np.array([known[name] for name in services], dtype=np.int64)

    def add(self, labels: Labels) -> None:
        """Take in breaches; those known already change nothing."""
        if len(labels.services):
            fresh = self.codes(labels.services) * _SPAN + np.asarray(labels.ticks, np.int64)
            self._keys = np.unique(np.concatenate((self._keys, fresh)))
        if self.known_until is None or labels.known_until > self.known_until:
            self.known_until = int(labels.known_until)

    def judge(self, service: str, *, tick_from: int, tick_to: int, y: float) -> None:
        """Keep a person's word on rows of a service, for those that still wait."""
        code = int(self.codes((service,))[0])
        self._judgements = [*self._judgements, (code, tick_from, tick_to, y)][-_JUDGEMENTS:]

    def answers(self, codes: Ints, ticks: Ints, *, horizon: int) -> Floats:
        """Return 1.0 where the service is in breach in (tick, tick + horizon], else 0.0."""
        keys = codes * _SPAN + ticks
        after = np.searchsorted(self._keys, keys + horizon, side="right")
        y = (after > np.searchsorted(self._keys, keys, side="right")).astype(np.float64)
        for code, first, last, said in self._judgements:
            y[(codes == code) & (ticks >= first) & (ticks <= last)] = said
        return y

    def breached(self, codes: Ints, ticks: Ints) -> Flags:
        """Return where the service is in breach at the tick itself."""
        keys = codes * _SPAN + ticks
        at = np.searchsorted(self._keys, keys)
        at[at == len(self._keys)] = 0
        return self._keys[at] == keys if len(self._keys) else np.zeros(len(keys), np.bool_)

    def forget(self, *, before: int) -> None:
        """Drop breaches and judgements that no row at or after ``before`` can ask for."""
        if len(self._keys):
            self._keys = self._keys[self._keys % _SPAN >= before]
        if not self._judgements:
            return
        self._judgements = [word for word in self._judgements if word[2] >= before]

    def state(self) -> State:
        """Return the breaches by service name, and the judgements."""
        return {
            "services": list(self._codes),
            "keys": self._keys.copy(),
            "judgements": [list(word) for word in self._judgements],
            "known_until": self.known_until,
        }

    def restore(self, state: State) -> None:
        """Become what `state` described."""
        self._codes = {name: code for code, name in enumerate(state["services"])}
        self._asked = (), np.empty(0, dtype=np.int64)
        self._keys = state["keys"].copy()
        self._judgements = [(c, first, last, y) for c, first, last, y in state["judgements"]]
        self.known_until = state["known_until"]
