"""Shelving: opens the memory that settings describe, on the stores that are registered."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from tam_workbench.engine import place, plugins
from tam_workbench.engine.deferring import DeferredStore
from tam_workbench.engine.place import Place
from tam_workbench.engine.recollection import Recollection
from tam_workbench.engine.remembering import Around, Memory, Shelf, Upkeep
from tam_workbench.engine.remembering.drafts import Redact
from tam_workbench.engine.remembering.migration import Migration, MigrationReport
from tam_workbench.engine.remembering.rules import Moving
from tam_workbench.engine.settings import Settings
from tam_workbench.errors import SettingsError
from tam_workbench.ports import Clock, Documents, Embedder, GraphStore, Store
from tam_workbench.records import Receipt, Where

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
    """Open the store, its hot copy and its side tables.

    Raises
    ------
    SettingsError
        What is kept was embedded by another model than ``settings`` name.
    """
    stands = _stands(settings, state)
    embedder = _embedder(stands.embedder)
    moving = _moving(settings, state, stands) if state else None
    around = Around(
        documents=_documents(settings, state),
        graph=cast("GraphStore", _made("graphs", "embedded")),
        clock=house.clock,
        redact=house.redact,
        note=house.note,
        publish=house.publish,
        moving=moving,
    )
    store = _store(settings, state, embedder.dimension, folder=stands.folder)
    hot = (
        None
        if store.name == "inmemory"
        else _made("stores", "inmemory", dimension=embedder.dimension)
    )
    shelf = Shelf(store, hot=hot, hot_rows=settings.memory.hot_rows)
    return Memory(shelf, embedder, rules=settings.memory, around=around)


def migrate(settings: Settings, state: Path, to: str) -> MigrationReport:
    """Embed everything anew with the embedder ``to``, and let it answer from now on.

    It may be cut off: the old vectors go on answering, together with those that are moved, and
    the same call goes on where it stood. The old folder goes when all is moved.
    """
    name = _name(settings, state)
    stands = place.of(state, name) or Place(folder=_folder(name), embedder=settings.embedder)
    if name not in ON_DISK or to == stands.embedder:
        raise SettingsError(f"nothing to move: {name} is embedded by {stands.embedder!r} already")
    moving = replace(stands, moving_to=to, moving_folder=f"{_folder(name)}-{to}")
    if stands.moving_to not in {"", to}:
        raise SettingsError(f"entries move to {stands.moving_to!r}: finish that first")
    before, after = _embedder(stands.embedder), _embedder(to)
    place.keep(state, name, moving)
    old = _store(settings, state, before.dimension, folder=stands.folder)
    new = _store(settings, state, after.dimension, folder=moving.moving_folder)
    report = Migration(old, new, before=before, after=after).run()
    old.close()
    new.close()
    place.keep(state, name, Place(folder=moving.moving_folder, embedder=to))
    shutil.rmtree(state / stands.folder)
    return report


def _stands(settings: Settings, state: Path | None) -> Place:
    name = _name(settings, state)
    asked = Place(folder=_folder(name), embedder=settings.embedder)
    if state is None or name not in ON_DISK:
        return asked
    found = place.of(state, name)
    if found is None:
        place.keep(state, name, asked)
        return asked
    if found.embedder != settings.embedder and "embedder" in settings.model_fields_set:
        raise SettingsError(
            f"memory in {state} is embedded by {found.embedder!r}, settings say "
            f"{settings.embedder!r}: run 'tam memory migrate {settings.embedder}'"
        )
    return found


def _moving(settings: Settings, state: Path, stands: Place) -> Moving | None:
    if not stands.moving_to:
        return None
    after = _embedder(stands.moving_to)
    store = _store(settings, state, after.dimension, folder=stands.moving_folder)

    def ask(text: str, k: int, where: Where) -> list[str]:
        hits = store.nearest(after.embed([text])[0], k=k, where=where) if store.count() else []
        return [hit.entry.id for hit in hits]

    return ask


def _name(settings: Settings, state: Path | None) -> str:
    return settings.store or ("lance" if state else "inmemory")


def _folder(name: str) -> str:
    return "memory" if name == "lance" else f"memory-{name}"


def _embedder(name: str) -> Embedder:
    return cast("Embedder", _made("embedders", name))


def _store(settings: Settings, state: Path | None, dimension: int, *, folder: str) -> Store:
    name = _name(settings, state)
    if name not in ON_DISK:
        return cast("Store", _made("stores", name, dimension=dimension))
    if state is None:
        raise SettingsError(f"store {name!r} keeps its entries on disk; set state_dir")
    if not settings.encrypt:
        return _plain_store(name, state / folder, dimension)
    inner = _made("stores", name, path=state / folder, dimension=SEALED_DIMENSION)
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


def _plain_store(name: str, path: Path, dimension: int) -> Store:
    """Open a store; LanceDB, which loads for seconds, only when there is something in it."""

    def opened() -> Store:
        return cast("Store", _made("stores", name, path=path, dimension=dimension))

    if name != "lance" or path.exists() or find_spec("lancedb") is None:
        return opened()
    return cast("Store", DeferredStore(name, opened, is_begun=path.exists))


def _documents(settings: Settings, state: Path | None) -> Documents:
    place = settings.documents or (state / "documents.sqlite" if state else None)
    return cast("Documents", _made("documents", "sql", place=place))


def _made(kind: str, plugin: str, **arguments: object) -> Any:  # noqa: ANN401 - by name
    made: Any = plugins.load(kind, plugin)
    return made(**arguments)
