"""Opened: what may be asked of the clusters in a state folder; loads nothing that turns a loop."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

from tam_workbench.engine import plugins
from tam_workbench.engine.cluster import ClusterQuestions, ClusterShelf, kept_view
from tam_workbench.engine.cluster.asking import Recall
from tam_workbench.errors import BadInputError
from tam_workbench.ports import Documents
from tam_workbench.records import Hit

_SETTING: Final = "TAM_DOCUMENTS"


def open_cluster(folder: Path, *, recall: Recall | None = None) -> ClusterQuestions:
    """Return what may be asked of the clusters that a loop has watched in ``folder``.

    Parameters
    ----------
    folder
        Where the loop works or worked.
    recall
        Returns memories like a text; without it none are named.

    Raises
    ------
    BadInputError
        If no cluster was watched there.
    """
    shelf = shelf_at(_place(folder), folder)
    view = kept_view(shelf)
    shelf.close()
    if view.newest is None:
        raise BadInputError(f"{folder}: no cluster was watched here; see 'tam k8s watch --help'")
    return ClusterQuestions(view, recall=recall or _nothing)


def shelf_at(place: str, state: Path | None) -> ClusterShelf:
    """Return where clusters are kept: nowhere without a folder or a database."""
    file = state / "cluster.sqlite" if state else None
    where = place or file
    if where is None:
        return ClusterShelf(None)
    return ClusterShelf(
        lambda: _documents(where),
        is_begun=lambda: bool(place) or (file is not None and file.exists()),
    )


def _place(folder: Path) -> str:
    """Return the database that settings name; they are read only where one may be named."""
    if not any(name.upper() == _SETTING for name in os.environ) and not Path("tam.toml").exists():
        return ""
    from tam_workbench.engine.settings import read

    return read(state_dir=folder).documents


def _documents(place: Path | str) -> Documents:
    made: Any = plugins.load("documents", "sql")
    return cast("Documents", made(place=place))


def _nothing(_text: str, _service: str) -> Sequence[Hit]:
    return ()
