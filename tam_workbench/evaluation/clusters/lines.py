"""Lines: a stream as JSON lines, as ``tam k8s replay FILE`` reads them."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tam_workbench.records import Change, ObjectRef, Observation

_REF: Final = ("cluster", "kind", "namespace", "name", "uid")


def line_of(one: Observation) -> str:
    """Return an observation as a line of JSON, without its newline."""
    told: dict[str, Any] = {"change": one.change.value}
    told |= {name: getattr(one.ref, name) for name in _REF}
    told |= {"observed_at": one.observed_at.isoformat(), "resource_version": one.resource_version}
    told["manifest"] = one.manifest
    return json.dumps(told, separators=(",", ":"))


def observation_of(line: str) -> Observation:
    """Return the observation of a line."""
    told = json.loads(line)
    return Observation(
        change=Change(told["change"]),
        ref=ObjectRef(**{name: told.get(name, "") for name in _REF}),
        observed_at=datetime.fromisoformat(told["observed_at"]),
        resource_version=told["resource_version"],
        manifest=told["manifest"],
    )


def write(path: Path, observations: Iterable[Observation]) -> int:
    """Write a stream to a file; return how many lines it has."""
    lines = [line_of(one) for one in observations]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return len(lines)


def read(path: Path) -> Iterator[Observation]:
    """Yield the observations of a file."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield observation_of(line)
