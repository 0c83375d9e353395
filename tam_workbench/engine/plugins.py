"""Plug-ins: sources, stores, embedders, actuators by entry point, with a kind error."""

from importlib.metadata import EntryPoint, entry_points
from typing import Final

from tam_workbench.errors import MissingExtraError, SettingsError

EXTRAS: Final = {
    "bolt": "graph",
    "faiss": "stores",
    "lance": "memory",
    "minilm": "embeddings",
    "kubernetes": "kubernetes",
    "qdrant": "stores",
    "sealed": "encryption",
    "sql": "sql",
}
"""The extra that each built-in plug-in of ours needs; a stranger's is named in its own package."""


def names(kind: str) -> list[str]:
    """Return the names registered for a kind such as ``sources``.

    >>> "host" in names("sources")
    True
    """
    return sorted(entry.name for entry in _registered(kind))


def load(kind: str, name: str) -> object:
    """Return the plug-in class registered as ``name``."""
    for entry in _registered(kind):
        if entry.name == name:
            try:
                found: object = entry.load()
            except ImportError as error:
                raise MissingExtraError(kind, name, extra=EXTRAS.get(name, name)) from error
            return found
    known = ", ".join(names(kind)) or "none"
    raise SettingsError(f"no {kind} plug-in is named {name!r}; registered are: {known}")


def _registered(kind: str) -> list[EntryPoint]:
    return list(entry_points(group=f"tam_workbench.{kind}"))
