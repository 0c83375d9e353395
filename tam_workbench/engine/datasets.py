"""Data sets by name: from the folder that TAM_DATASETS names, else downloaded with a checksum."""

import difflib
import os
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

import polars as pl

from tam_workbench.errors import BadInputError, UnreachableError

__all__ = ["DataSet", "find", "folder", "listing"]

_FOLDER: Final = "TAM_DATASETS"
_CACHE: Final = "tam-workbench"
_REPOSITORY: Final = Path(__file__).parents[2] / "datasets"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """One entry of the registry; ``url`` is empty when it cannot be downloaded."""

    name: str
    path: str  # inside the folder that TAM_DATASETS names
    url: str
    sha256: str
    licence: str
    about: str


def find(name: str) -> Path:
    """Return the file of a data set, downloading it when it is not on this machine.

    Looked up in the folder that the environment variable ``TAM_DATASETS`` names, then in the
    repository's own ``datasets/``, then in the download cache.
    """
    known = _registry()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
        hint = f"did you mean {', '.join(close)}?" if close else "see: tam datasets list"
        raise BadInputError(f"no file and no data set is called {name!r}; {hint}")
    entry = known[name]
    here = _here(entry)
    if here is not None:
        return here
    if not entry.url:
        message = f"data set {name!r} cannot be downloaded ({entry.path} was repacked)"
        raise BadInputError(f"{message}; set {_FOLDER} to a folder that holds it")
    return _fetch(entry)


def folder(name: str) -> Path:
    """Return the folder of a whole collection such as ``nab``, as it lies on this machine.

    Looked up like a file of `find`, but never downloaded: who asks for a folder takes all that
    lies in it, also files that the registry does not know.
    """
    told = {each["name"]: Path(each["folder"]).parts[0] for each in _collections()}
    if name not in told:
        raise BadInputError(f"no data set is called {name!r}; there are: {', '.join(told)}")
    named = os.environ.get(_FOLDER)
    for root in (Path(named) if named else None, _REPOSITORY):
        if root is not None and (root / told[name]).is_dir():
            return root / told[name]
    message = f"data set {name!r} is not on this machine"
    raise BadInputError(f"{message}; set {_FOLDER} to a folder that holds {told[name]}/")


def listing() -> pl.DataFrame:
    """Return every data set with its licence, and where it is on this machine.

    >>> listing().filter(pl.col("name") == "loghub/Apache")["licence"].item()
    'research only'
    """
    rows = []
    for entry in _registry().values():
        here = _here(entry)
        rows.append(
            {
                "name": entry.name,
                "licence": entry.licence,
                "here": here is not None,
                "path": str(here) if here else "",
                "url": entry.url,
                "about": entry.about,
            }
        )
    schema = dict.fromkeys(("name", "licence", "here", "path", "url", "about"), pl.String())
    return pl.DataFrame(rows, schema={**schema, "here": pl.Boolean()})


def _collections() -> list[dict[str, Any]]:
    text = resources.files("tam_workbench.engine").joinpath("datasets.toml").read_text("utf-8")
    told: list[dict[str, Any]] = tomllib.loads(text)["collection"]
    return told


def _registry() -> dict[str, DataSet]:
    entries = [_entry(each, name) for each in _collections() for name in each["files"]]
    return {entry.name: entry for entry in entries}


def _entry(collection: dict[str, Any], name: str) -> DataSet:
    told = collection["files"][name]
    base = collection.get("url", "")
    return DataSet(
        name=f"{collection['name']}/{name}",
        path=f"{collection['folder']}/{told['path']}",
        url=f"{base}/{told['path']}" if base else "",
        sha256=told.get("sha256", ""),
        licence=collection["licence"],
        about=collection["about"],
    )


def _here(entry: DataSet) -> Path | None:
    folder = os.environ.get(_FOLDER)
    for root in (Path(folder) if folder else None, _REPOSITORY):
        if root is not None and (root / entry.path).is_file():
            return root / entry.path
    cached = _cache(entry) / Path(entry.path).name
    return cached if cached.is_file() else None


def _cache(entry: DataSet) -> Path:
    import pooch

    return Path(pooch.os_cache(_CACHE)) / Path(entry.path).parent


def _fetch(entry: DataSet) -> Path:
    import pooch

    try:
        path = pooch.retrieve(
            entry.url,
            known_hash=f"sha256:{entry.sha256}",
            fname=Path(entry.path).name,
            path=_cache(entry),
        )
    except ValueError as error:
        message = f"{entry.url} is not what it was: its checksum differs"
        raise BadInputError(f"{message}; set {_FOLDER} to a folder with a good copy") from error
    except OSError as error:
        message = f"cannot download data set {entry.name!r} from {entry.url}"
        raise UnreachableError(f"{message}; set {_FOLDER} to a folder that holds it") from error
    return Path(path)
