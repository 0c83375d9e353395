"""Ratios to a peer kept from one bench run to the next: a drop is a finding."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tam_workbench.errors import BadInputError

TOLERANCE: Final = 0.15
"""Share of a kept ratio that may be lost; the same run's peer takes the machine's noise out."""

_UNIT: Final = "x"


def ratios(rows: Sequence[Mapping[str, object]]) -> dict[str, float]:
    """Return the figures that are ratios to a peer, by name; more is better.

    >>> ratios([{"name": " beside River", "value": 21.0, "unit": "x"}, {"name": "a", "unit": "ms"}])
    {'beside River': 21.0}
    """
    return {
        str(row["name"]).strip(): float(str(row["value"])) for row in rows if row["unit"] == _UNIT
    }


def kept(path: Path) -> dict[str, float]:
    """Return the ratios in a file that `keep` wrote."""
    try:
        told = json.loads(path.read_text("utf-8"))
        return {str(name): float(value) for name, value in told.items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise BadInputError(
            f"no ratios in {path} ({error}); write them with: tam bench loop --keep {path}"
        ) from error


def keep(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write the ratios of a run, beside those of other benches that the file holds."""
    before = kept(path) if path.exists() else {}
    after = {**before, **{name: round(value, 2) for name, value in ratios(rows).items()}}
    path.write_text(json.dumps(after, indent=2, sort_keys=True) + "\n", "utf-8")


def regressions(now: Mapping[str, float], before: Mapping[str, float]) -> list[str]:
    """Return a line for each ratio that lost more than 15 % of what it was.

    >>> regressions({"a": 8.4, "b": 10.0}, {"a": 10.0, "b": 10.0, "c": 1.0})
    ['a: 8.4x, was 10x: 16 % lost']
    """
    lost = {
        name: 100 * (1.0 - value / before[name])
        for name, value in now.items()
        if name in before and value < (1.0 - TOLERANCE) * before[name]
    }
    return [
        f"{name}: {now[name]:.3g}x, was {before[name]:.3g}x: {share:.0f} % lost"
        for name, share in lost.items()
    ]
