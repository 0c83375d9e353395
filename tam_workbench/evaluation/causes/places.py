"""Where the boards' data lies."""

from pathlib import Path

from tam_workbench.engine import datasets
from tam_workbench.errors import BadInputError


def folder(name: str, inside: str) -> Path:
    """Return the folder of a set: as the registry has it, else beside Nezha's.

    Raises
    ------
    BadInputError
        When it is not on this machine.
    """
    try:
        return datasets.folder(name)
    except BadInputError:
        beside = datasets.folder("nezha").parent / inside
        if not beside.is_dir():
            raise
        return beside
