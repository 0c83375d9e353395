"""Deferring: a store on disk that is opened when there is something to read or to write."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tam_workbench.ports import Store
    from tam_workbench.records import MemoryEntry, Where

_OWN: Final = frozenset({"name", "count", "version", "scan", "get", "close"})


class DeferredStore:
    """A store that loads its guest at first use; until then it is as empty as its folder.

    Whatever else is asked of it, versions and tags too, is asked of the store itself.

    Parameters
    ----------
    name
        Of the store.
    open_store
        Opens it.
    is_begun
        Tells whether anything was ever kept in it.
    """

    def __init__(
        self, name: str, open_store: "Callable[[], Store]", *, is_begun: Callable[[], bool]
    ) -> None:
        self.name = name
        self._open_store = open_store
        self._is_begun = is_begun
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._is_closed = False

    def count(self) -> int:
        """Return how many entries are kept."""
        return self._opened().count() if self._has_any() else 0

    def version(self) -> int:
        """Return a number that grows with every change."""
        return self._opened().version() if self._has_any() else 0

    def scan(self, *where: "Where") -> "Iterator[list[MemoryEntry]]":
        """Yield what ``where`` admits, page by page."""
        if self._has_any():
            yield from self._opened().scan(*where)

    def get(self, ids: "Sequence[str]") -> "list[MemoryEntry]":
        """Return those that exist, in the order asked."""
        return self._opened().get(ids) if self._has_any() else []

    def close(self) -> None:
        """Let go of it."""
        self._is_closed = True
        if self._store is not None:
            self._store.close()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the store has
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._opened(), name)

    def _has_any(self) -> bool:
        return self._store is not None or self._is_closed or self._is_begun()

    def _opened(self) -> "Store":
        with self._lock:
            if self._store is None:
                self._store = self._open_store()
                if self._is_closed:
                    self._store.close()
            return self._store
