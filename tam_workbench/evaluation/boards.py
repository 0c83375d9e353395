"""Boards and benches by name, for ``tam eval`` and ``tam bench``."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import tam_workbench
from tam_workbench.errors import SettingsError
from tam_workbench.evaluation.figures import Figure
from tam_workbench.evaluation.public.lines import Asked

Rows = list[dict[str, object]]


def _rows(figures: list[Figure]) -> Rows:
    return [figure.row() for figure in figures]


def _scenarios(seeds: int) -> Rows:
    from tam_workbench.evaluation.scenarios import closing

    return _rows(closing.figures("faults", seeds=seeds))


def _legacy(seeds: int) -> Rows:
    from tam_workbench.evaluation.scenarios import anchors

    return _rows(anchors.figures(seeds))


def _poison(seeds: int) -> Rows:
    from tam_workbench.evaluation.scenarios import poison_board

    return _rows(poison_board.figures(seeds))


def _prediction(seeds: int) -> Rows:
    from tam_workbench.evaluation.scenarios import prediction_board

    return _rows(prediction_board.figures(seeds))


def _drift(seeds: int) -> Rows:
    from tam_workbench.evaluation.scenarios import drifting

    return _rows(drifting.figures(seeds, processes=2))


def _policies(seeds: int) -> Rows:
    from tam_workbench.evaluation.scenarios import policies

    return _rows(policies.figures(seeds))


def _recall(seeds: int) -> Rows:
    from tam_workbench.evaluation.scenarios import recall

    return _rows(recall.recall_figures(seeds, processes=2))


def _explanations(seeds: int) -> Rows:
    from tam_workbench.evaluation.scenarios import explaining

    return _rows(explaining.figures(seeds))


def _cases(seeds: int) -> Rows:  # noqa: ARG001 - there is no chance in it
    from tam_workbench.evaluation import cases

    return _rows(cases.case_figures())


def _rca(seeds: int) -> Rows:  # noqa: ARG001 - there is no chance in it
    from tam_workbench.evaluation.causes import rca_figures

    return _rows(rca_figures())


def _clusters(seeds: int) -> Rows:
    from tam_workbench.evaluation.clusters import board

    first = board.HELD_OUT[0]
    return _rows(board.figures(range(first, first + seeds)))


def _causal() -> Rows:
    from tam_workbench.evaluation import clusters

    return _rows(clusters.cost_figures())


def _causal_million() -> Rows:
    from tam_workbench.evaluation import clusters

    return _rows(clusters.cost_figures(large=1_000_000))


def _loop() -> Rows:
    from tam_workbench.evaluation.benches import speed

    return _rows(speed.loop_figures())


def _stages() -> Rows:
    from tam_workbench.evaluation.benches import stage_speed

    return _rows(stage_speed.stage_figures())


def _latency() -> Rows:
    from tam_workbench.evaluation.benches import latency

    return _rows(latency.latency_figures())


def _growth() -> Rows:
    from tam_workbench.evaluation.benches import growth

    return _rows(growth.growth_figures())


def memory_bench(seeds: int = 30) -> Rows:
    """Run the bench of memory over so many seeds."""
    from tam_workbench.evaluation import remembering

    return _rows(remembering.figures(seeds))


def _memory_million() -> Rows:
    from tam_workbench.evaluation import remembering

    return _rows(remembering.size_figures(1_000_000))


def _memory_minilm() -> Rows:
    from tam_workbench.evaluation import remembering

    return _rows(remembering.retrieval_figures(5, embedder="minilm"))


def _start() -> Rows:
    from tam_workbench.evaluation.benches import speed

    return _rows(speed.start_figures())


BOARDS: Final[Mapping[str, Callable[[int], Rows]]] = MappingProxyType(
    {
        "scenarios": _scenarios,
        "legacy": _legacy,
        "poison": _poison,
        "prediction": _prediction,
        "drift": _drift,
        "policies": _policies,
        "explanations": _explanations,
        "recall": _recall,
        "cases": _cases,
        "clusters": _clusters,
        "rca": _rca,
    }
)
"""Boards on our own plant, over seeds."""

SETS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"metrics": ("nab", "smd", "asd", "skab"), "logs": ("loghub", "hdfs")}
)
"""Published boards by what they are made of; each can also be asked for alone."""

BENCHES: Final[Mapping[str, Callable[[], Rows]]] = MappingProxyType(
    {
        "loop": _loop,
        "stages": _stages,
        "latency": _latency,
        "growth": _growth,
        "start": _start,
        "memory": memory_bench,
        "causal": _causal,
        "causal-million": _causal_million,
        "memory-million": _memory_million,
        "memory-minilm": _memory_minilm,
    }
)


def published_boards(name: str, only: str | None = None) -> tuple[str, ...]:
    """Return the published boards behind a name; empty for a board of our own plant.

    >>> published_boards("metrics"), published_boards("metrics", "nab"), published_boards("nab")
    (('nab', 'smd', 'asd', 'skab'), ('nab',), ('nab',))
    """
    single = [board for boards in SETS.values() for board in boards]
    found = SETS.get(name, (name,) if name in single else ())
    if not found and name not in BOARDS:
        known = ", ".join([*BOARDS, *SETS, *single])
        raise SettingsError(f"no board {name!r}; there are: {known}")
    if only is None:
        return found
    if only not in found:
        raise SettingsError(f"{name!r} has no board {only!r}; it has: {', '.join(found) or 'none'}")
    return (only,)


def own_board(name: str, *, seeds: int) -> Rows:
    """Run a board on our own plant; every row says what it depends on."""
    origin: dict[str, object] = {
        "version": tam_workbench.__version__,
        "seeds": seeds,
        "settings": "defaults",
        "data_sha256": "",  # the plant makes its data from the seed
    }
    return [{**row, **origin} for row in BOARDS[name](seeds)]


def lines(board: str, asked: Asked) -> Rows:
    """Run one published board and return its table.

    Raises
    ------
    BadInputError
        When the data set is not on this machine.
    """
    from tam_workbench.evaluation.public import log_boards, metric_tables

    if board in SETS["metrics"]:
        return [line.row() for line in metric_tables.metric_lines(board, asked)]
    run = {"loghub": log_boards.loghub_lines, "hdfs": log_boards.hdfs_lines}[board]
    return [line.row() for line in run(asked)]
