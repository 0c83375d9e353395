"""Boards and benches by name, for ``tam eval`` and ``tam bench``."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from tam_workbench.evaluation.figures import Figure

Rows = list[dict[str, object]]


def _rows(figures: list[Figure]) -> Rows:
    return [figure.row() for figure in figures]


def _scenarios(seeds: int) -> Rows:
    from tam_workbench.evaluation import closing

    return _rows(closing.figures("faults", seeds=seeds))


def _legacy(seeds: int) -> Rows:
    from tam_workbench.evaluation import anchors

    return _rows(anchors.figures(seeds))


def _loop() -> Rows:
    from tam_workbench.evaluation import speed

    return _rows(speed.loop_figures())


def _start() -> Rows:
    from tam_workbench.evaluation import speed

    return _rows(speed.start_figures())


BOARDS: Final[Mapping[str, Callable[[int], Rows]]] = MappingProxyType(
    {"scenarios": _scenarios, "legacy": _legacy}
)
BENCHES: Final[Mapping[str, Callable[[], Rows]]] = MappingProxyType(
    {"loop": _loop, "start": _start}
)
