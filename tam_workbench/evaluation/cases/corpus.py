"""The recorded cases: what kubectl printed of ill clusters, and what a right diagnosis says.

57 are named in the collection's notes, 14 are in its file. Half of them, by a hash of their name,
were open while the knowledge was written (``design``); the rest were held back.

72 more were written for this project by somebody who did not see the knowledge, in four sittings,
each before what the last one showed was mended: a and b by subject, c as people meet them, d of
what comes once a year.
"""

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tam_workbench.engine import datasets
from tam_workbench.errors import BadInputError

_FILE: Final = "holmes_cases.jsonl"
_COLLECTION: Final = "k8s"
_WRITTEN: Final = "cases"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One recorded case; only the scorer may look at ``expected``."""

    name: str
    question: str
    expected: tuple[str, ...]
    artefacts: Mapping[str, str]

    @property
    def is_design(self) -> bool:
        """Return whether the case was open while the knowledge was written.

        >>> Case(name="a", question="", expected=(), artefacts={}).is_design
        True
        """
        return hashlib.sha256(self.name.encode()).digest()[0] % 2 == 0


def written() -> dict[str, list[Case]]:
    """Return the cases that were written for this project, by sitting; none where none lie."""
    try:
        folder = datasets.folder(_WRITTEN)
    except BadInputError:
        return {}
    files = sorted(folder.glob("written_*.jsonl.gz"))
    return {file.name.partition(".")[0]: cases(file) for file in files}


def cases(path: Path | None = None) -> list[Case]:
    """Return the cases of a file; of the collection on this machine by default.

    Raises
    ------
    BadInputError
        When the file is not there; with what to do.
    """
    file = path or datasets.folder(_COLLECTION) / _FILE
    if not file.is_file():
        raise BadInputError(f"{file} is missing; set TAM_DATASETS to a whole copy of the data set")
    told = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    rows = [json.loads(line) for line in told.decode("utf-8").split("\n") if line]
    return [
        Case(
            name=row["case"],
            question=row["question"] or "",
            expected=tuple(row["expected_cause"]),
            artefacts=row["artefacts"],
        )
        for row in rows
    ]
