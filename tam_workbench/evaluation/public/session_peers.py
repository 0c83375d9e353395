"""Who flags sessions of log templates: rarity of what a session holds, and what costs nothing."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import numpy as np

from tam_workbench.evaluation.scorers.skab import Flags

Session = Sequence[int]
TEMPLATES: Final = 256
"""Template numbers told apart, whatever the system."""

SEEN: Final = 3
"""Times a session's contents must have been seen before they are ordinary."""


class SessionDetector(Protocol):
    """Flags sessions in order by nothing but those before, then learns them; no labels."""

    def advance(self, sessions: Sequence[Session]) -> Flags:
        """Return whether each session is anomalous."""


class Ours:
    """The learning room's session score; above 1 it alarms by itself."""

    def __init__(self) -> None:
        from tam_workbench.learning.sessions import SessionScore

        self._score = SessionScore(templates=TEMPLATES)

    def advance(self, sessions: Sequence[Session]) -> Flags:
        """Flag, then learn."""
        found: Flags = self._score.advance(sessions) > 1.0
        return found


class Rarity:
    """A session is strange if its counts by template were seen fewer than three times."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[tuple[int, int], ...]] = Counter()

    def advance(self, sessions: Sequence[Session]) -> Flags:
        """Flag, then count."""
        found = np.zeros(len(sessions), dtype=np.bool_)
        for at, session in enumerate(sessions):
            key = tuple(sorted(Counter(session).items()))
            found[at] = self._seen[key] < SEEN
            self._seen[key] += 1
        return found


class RareTemplate:
    """A session is strange if it holds a template that under 1 % of sessions held so far."""

    def __init__(self) -> None:
        self._held: Counter[int] = Counter()
        self._sessions = 0

    def advance(self, sessions: Sequence[Session]) -> Flags:
        """Flag, then count."""
        found = np.zeros(len(sessions), dtype=np.bool_)
        for at, session in enumerate(sessions):
            kinds = set(session)
            found[at] = any(self._held[kind] < 0.01 * self._sessions for kind in kinds)
            self._held.update(kinds)
            self._sessions += 1
        return found


class Draw:
    """Flags a share of sessions by chance: 1 always, 0 never."""

    def __init__(self, share: float, *, seed: int) -> None:
        self._share = share
        self._rng = np.random.default_rng(seed)

    def advance(self, sessions: Sequence[Session]) -> Flags:
        """Draw for each."""
        found: Flags = self._rng.random(len(sessions)) < self._share
        return found


def with_labels(sessions: Sequence[Session], is_anomalous: Flags) -> Flags:
    """Return what a classifier says that was told the labels: how much the counts hold at all.

    A random forest on counts by template, cross-fitted in five parts; the threshold is the best
    on the very sessions it is scored on, which nobody could choose beforehand.
    """
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import precision_recall_curve
    from sklearn.model_selection import cross_val_predict

    counts = np.array([np.bincount(session, minlength=TEMPLATES) for session in sessions])
    forest = RandomForestClassifier(200, random_state=0)
    odds = cross_val_predict(forest, counts, is_anomalous, cv=5, method="predict_proba")[:, 1]
    precision, recall, borders = precision_recall_curve(is_anomalous, odds)
    f1 = 2.0 * precision * recall / np.maximum(precision + recall, 1e-12)
    found: Flags = odds >= borders[min(int(np.argmax(f1)), len(borders) - 1)]
    return found


def peers() -> Mapping[str, tuple[str, Callable[[int], SessionDetector]]]:
    """Return name -> (kind, maker from a seed)."""
    return {
        "sessions": ("ours", lambda _: Ours()),
        "rarity": ("peer", lambda _: Rarity()),
        "rare_template": ("peer", lambda _: RareTemplate()),
        "never": ("trivial", lambda seed: Draw(0.0, seed=seed)),
        "always": ("trivial", lambda seed: Draw(1.0, seed=seed)),
        "random": ("trivial", lambda seed: Draw(0.5, seed=seed)),
    }
