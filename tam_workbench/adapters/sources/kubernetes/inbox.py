"""The inbox: what the watchers put in and the source takes out, never more than fits."""

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from tam_workbench.adapters.sources.kubernetes.following import Cursor
from tam_workbench.records import Observation

__all__ = ["Inbox", "Letter"]

_MOST: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What a watcher has to say."""

    stream: str
    cluster: str
    cursor: Cursor | None = None  # where its stream goes on after this
    observations: tuple[Observation, ...] = ()
    is_new: bool = True  # False for what was told before a restart
    trouble: str | None = None  # a line for people; empty when it is over
    lines: tuple[str, ...] = field(default=())  # of the log of the pod observed


class Inbox:
    """A queue that holds about as many observations as it may; who brings more waits.

    Parameters
    ----------
    most
        Observations that may wait; a page of a list goes in whole.
    """

    def __init__(self, *, most: int = _MOST) -> None:
        self._most = most
        self._letters: deque[Letter] = deque()
        self._weight = 0
        self._changed = threading.Condition()
        self._is_closed = False

    def put(self, letter: Letter) -> bool:
        """Put a letter in as soon as there is room; False when nobody will read it any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._weight < self._most or self._is_closed)
            if self._is_closed:
                return False
            self._letters.append(letter)
            self._weight += _weight(letter)
            self._changed.notify_all()
            return True

    def take(self, *, most: int, wait_s: float) -> list[Letter]:
        """Return the letters that are there, up to ``most`` observations; wait for the first."""
        with self._changed:
            self._changed.wait_for(lambda: self._letters or self._is_closed, timeout=wait_s)
            taken: list[Letter] = []
            weight = 0
            while self._letters and weight < most:
                taken.append(self._letters.popleft())
                weight += _weight(taken[-1])
            self._weight -= weight
            self._changed.notify_all()
            return taken

    def close(self) -> None:
        """Let everybody go who waits."""
        with self._changed:
            self._is_closed = True
            self._letters.clear()
            self._weight = 0
            self._changed.notify_all()


def _weight(letter: Letter) -> int:
    return max(1, len(letter.observations))
