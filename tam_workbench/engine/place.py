"""Place: in which folder a memory stands and which embedder made its vectors."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tam_workbench.errors import SettingsError

_FILE: Final = "memory.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the entries of one store lie; ``moving_to`` while they move to another embedder."""

    folder: str
    embedder: str
    moving_to: str = ""  # the embedder
    moving_folder: str = ""


def of(state: Path, store: str) -> Place | None:
    """Return where a store's entries lie, None when none were ever kept here.

    Raises
    ------
    SettingsError
        The file that says so cannot be read.
    """
    told = _all(state).get(store)
    return Place(**told) if told else None


def keep(state: Path, store: str, place: Place) -> None:
    """Say where a store's entries lie; all or nothing."""
    told = {**_all(state), store: asdict(place)}
    fresh = state / f"{_FILE}.new"
    with fresh.open("w") as file:
        json.dump(told, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(state / _FILE)


def _all(state: Path) -> dict[str, dict[str, str]]:
    file = state / _FILE
    if not file.exists():
        return {}
    try:
        told: dict[str, dict[str, str]] = json.loads(file.read_text())
    except ValueError as error:
        raise SettingsError(f"{file}: not JSON; restore it from a backup") from error
    return told
