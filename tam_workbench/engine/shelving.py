"""Shelving: opens the memory that settings describe, on the stores that are registered."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from tam_workbench.engine import plugins
from tam_workbench.engine.recollection import Recollection
from tam_workbench.engine.remembering import Around, Memory, Shelf, Upkeep
from tam_workbench.engine.remembering.drafts import Redact
from tam_workbench.engine.settings import Settings
from tam_workbench.errors import SettingsError
from tam_workbench.ports import Clock, Documents, Embedder, GraphStore, Store
from tam_workbench.records import Receipt

ON_DISK = ("lance", "qdrant", "faiss")
"""Stores that need a folder."""

SEALED_DIMENSION = 2
"""Numbers of the vector that an encrypted row shows, which is the same for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What memory is wired to."""

    clock: Clock
    redact: Redact
    note: Callable[[str, Mapping[str, object], datetime], None]
    publish: Callable[[Sequence[Receipt]], None]


def open_recollection(settings: Settings, state: Path | None, house: House) -> Recollection:
    """Open memory as ``settings`` say and wrap it in the loop's words."""
    memory = open_memory(settings, state, house)
    return Recollection(memory, Upkeep(memory, rules=settings.upkeep))


def open_memory(settings: Settings, state: Path | None, house: House) -> Memory:
    """Open the store, its hot copy and its side tables."""
    embedder = cast("Embedder", _made("embedders", settings.embedder))
    around = Around(
        documents=_documents(settings, state),
        graph=cast("GraphStore", _made("graphs", "embedded")),
        clock=house.clock,
        redact=house.redact,
        note=house.note,
        publish=house.publish,
    )
    store = _store(settings, state, embedder.dimension)
    hot = (
        None
        if store.name == "inmemory"
        else _made("stores", "inmemory", dimension=embedder.dimension)
    )
    shelf = Shelf(store, hot=hot, hot_rows=settings.memory.hot_rows)
    return Memory(shelf, embedder, rules=settings.memory, around=around)


def _store(settings: Settings, state: Path | None, dimension: int) -> Store:
    name = settings.store or ("lance" if state else "inmemory")
    if name not in ON_DISK:
        return cast("Store", _made("stores", name, dimension=dimension))
    if state is None:
        raise SettingsError(f"store {name!r} keeps its entries on disk; set state_dir")
    folder = state / ("memory" if name == "lance" else f"memory-{name}")
    if not settings.encrypt:
        return cast("Store", _made("stores", name, path=folder, dimension=dimension))
    inner = _made("stores", name, path=folder, dimension=SEALED_DIMENSION)
    sealed = _made(
        "stores",
        "sealed",
        inner=inner,
        make_front=lambda: _made("stores", "inmemory", dimension=dimension),
        key_file=state / "memory.key",
        dimension=dimension,
        inner_dimension=SEALED_DIMENSION,
    )
    return cast("Store", sealed)


def _documents(settings: Settings, state: Path | None) -> Documents:
    place = settings.documents or (state / "documents.sqlite" if state else None)
    return cast("Documents", _made("documents", "sql", place=place))


def _made(kind: str, plugin: str, **arguments: object) -> Any:  # noqa: ANN401 - by name
    made: Any = plugins.load(kind, plugin)
    return made(**arguments)
