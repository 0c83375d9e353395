"""Verbs that print measured figures: ``eval`` and ``bench``."""

from typing import Annotated

import typer

from tam_workbench.cli.output import FINDING, show
from tam_workbench.errors import SettingsError

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Check = Annotated[bool, typer.Option("--check", help="Exit 1 if a figure falls short.")]


def evaluate(
    board: Annotated[str, typer.Argument(help="scenarios or legacy.")] = "scenarios",
    *,
    seeds: Annotated[int, typer.Option(help="How many seeds.")] = 30,
    as_json: AsJson = False,
    check: Check = False,
) -> None:
    """Score the loop on a board, beside trivial baselines, with confidence intervals."""
    from tam_workbench.evaluation import boards

    if board not in boards.BOARDS:
        raise SettingsError(f"no board {board!r}; there are: {', '.join(boards.BOARDS)}")
    _print(boards.BOARDS[board](seeds), title=f"tam eval {board}", as_json=as_json, check=check)


def bench(
    what: Annotated[str, typer.Argument(help="loop, ui, start or explain.")] = "loop",
    *,
    as_json: AsJson = False,
    check: Check = False,
) -> None:
    """Measure speed beside a peer in the same run."""
    from tam_workbench.evaluation import boards

    benches = {**boards.BENCHES, "ui": _ui}
    if what not in benches:
        raise SettingsError(f"no bench {what!r}; there are: {', '.join(benches)}")
    _print(benches[what](), title=f"tam bench {what}", as_json=as_json, check=check)


def _ui() -> list[dict[str, object]]:
    from tam_workbench.api import Workbench
    from tam_workbench.dashboard import bench as screens

    return screens.figures(lambda: Workbench.from_source("scenario:calm", batch_ticks=1))


def _print(rows: list[dict[str, object]], *, title: str, as_json: bool, check: bool) -> None:
    show(rows, as_json=as_json, title=title)
    if check and not all(row["holds"] in {True, None} for row in rows):
        raise typer.Exit(FINDING)
