"""Houses: a memory wired from plug-ins as the workbench wires it, on a clock that stands still."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

from tam_workbench.engine import plugins
from tam_workbench.engine.remembering import Around, Memory, MemoryRules, Shelf
from tam_workbench.ports import Embedder, Store
from tam_workbench.trust import Redactor

_SECRET: Final = b"tam bench memory"


class Hands:
    """A clock moved by hand."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._begun = start

    def now(self) -> datetime:
        """Return the time it was moved to."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds it was moved by."""
        return (self._now - self._begun).total_seconds()

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self._now += timedelta(seconds=seconds)


def plugin(kind: str, name: str) -> Callable[..., Any]:
    """Return the maker of a plug-in."""
    return cast("Callable[..., Any]", plugins.load(kind, name))


def lance(path: Path, *, dimension: int) -> Store:
    """Open the durable store of a folder."""
    return cast("Store", plugin("stores", "lance")(path, dimension=dimension))


def memory_at(
    clock: Hands,
    *,
    folder: Path | None = None,
    embedder: str = "hashing",
    rules: MemoryRules | None = None,
    note: Callable[..., None] | None = None,
) -> Memory:
    """Open a memory: durable with a hot copy in ``folder``, else in this process alone."""
    embed = cast("Embedder", plugin("embedders", embedder)())
    inmemory = plugin("stores", "inmemory")
    hot = inmemory(dimension=embed.dimension)
    store = hot if folder is None else lance(folder / "store", dimension=embed.dimension)
    documents = plugin("documents", "sql")(None if folder is None else folder / "documents.db")
    around = Around(
        documents=documents,
        graph=plugin("graphs", "embedded")(),
        clock=clock,
        redact=Redactor(_SECRET).texts,
        note=note or (lambda _kind, _body, _at: None),
        publish=lambda _receipts: None,
    )
    shelf = Shelf(store, hot=None if folder is None else hot)
    return Memory(shelf, embed, rules=rules or MemoryRules(), around=around)
