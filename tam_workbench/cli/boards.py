"""The verb ``eval``: a board by name, as a table, as JSON or as a report with plots."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tam_workbench.cli import report as reports
from tam_workbench.cli.output import FINDING, console, say, show, show_figures
from tam_workbench.errors import BadInputError

Rows = list[dict[str, Any]]
OUT = Path(".tam/eval")
"""What a result depends on: in JSON and reports, not on the terminal."""

_RIM, _BARE, _INTERVAL = 3, 7, 20  # characters of a table's cells


def evaluate(  # noqa: PLR0913 - a verb's options
    board: Annotated[
        str,
        typer.Argument(
            help="scenarios, legacy, poison, drift, prediction, recall, policies, "
            "explanations, clusters, rca, cases; metrics (nab, smd, "
            "asd, skab) or logs (loghub, hdfs), or one of these alone."
        ),
    ] = "scenarios",
    *,
    only: Annotated[str | None, typer.Option("--board", help="Only this one of a set.")] = None,
    detector: Annotated[
        list[str] | None, typer.Option(help="Score this one; again for another.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="How many seeds; 30, on published boards 1.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of finished files; they resume.")] = OUT,
    batch: Annotated[
        bool,
        typer.Option(
            "--batch", help="Show each file to a detector before it scores it; adds batch peers."
        ),
    ] = False,
    history: Annotated[
        bool, typer.Option("--history", help="Stream what comes before, unlabelled (ASD).")
    ] = False,
    peers: Annotated[bool, typer.Option(help="Run the slow peers too.")] = True,
    report: Annotated[Path | None, typer.Option(help="Write FILE.html or FILE.md.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 if a figure falls short.")] = False,
) -> None:
    """Score the loop or a detector on a board, beside trivial baselines, with intervals.

    Example: tam eval metrics --board nab --report nab.html
    """
    from tam_workbench.evaluation import boards
    from tam_workbench.evaluation.public.lines import Asked
    from tam_workbench.evaluation.public.streaming import Protocol

    names = boards.published_boards(board, only)
    if not names:
        rows = boards.own_board(board, seeds=30 if seeds is None else seeds)
        show_figures(rows, as_json=as_json, title=f"tam eval {board}")
    else:
        asked = Asked(
            detectors=tuple(detector or ()),
            seeds=1 if seeds is None else seeds,
            protocol=Protocol(is_batch=batch, has_history=history),
            out=out,
            tell=say,
            has_peers=peers,
        )
        rows = _published(names, asked)
        _print(rows, as_json=as_json)
    if report is not None:
        reports.write(report, rows, title=f"tam eval {board}")
        say(f"report: {report}")
    if check and not all(row["holds"] in {True, None} for row in rows):
        raise typer.Exit(FINDING)


def _published(names: Sequence[str], asked: Any) -> Rows:  # noqa: ANN401 - loads late
    """Run the boards one by one; one whose data is missing is told in a line and left out."""
    from tam_workbench.evaluation import boards

    found: Rows = []
    missing: BadInputError | None = None
    for name in names:
        try:
            found += boards.lines(name, asked)
        except BadInputError as error:
            missing = error
            say(f"tam: board {name!r} is left out: {error}")
    if not found and missing is not None:
        raise missing
    return found


def _print(rows: Rows, *, as_json: bool) -> None:
    if as_json:
        show(rows, as_json=True)
        return
    has_more = False
    for name in dict.fromkeys(row["board"] for row in rows):
        here = [row for row in rows if row["board"] == name]
        goals = {row["measure"]: row["goal"] for row in here if row["goal"] is not None}
        goal = ", ".join(f"{measure} above {value:g}" for measure, value in goals.items())
        measures, has_intervals = _fitting(here, list(goals), width=console().width)
        has_more |= not has_intervals or len(measures) < len({row["measure"] for row in here})
        table = reports.pivot(here, measures=measures, has_intervals=has_intervals)
        show(table, as_json=False, title=f"{name} (goal: {goal or '-'})")
    if has_more:
        say("more measures and intervals: --json, --report FILE.html, or a wider terminal")


def _fitting(rows: Rows, goals: Sequence[str], *, width: int) -> tuple[list[str], bool]:
    """Return the measures there is room for, those with a goal first, and whether intervals fit."""
    names = [len(row["detector"]) + len(row["kind"]) + len(row["mode"]) for row in rows]
    told = dict.fromkeys(row["measure"] for row in rows)
    beside = [m for m in told if m.removesuffix("_chance").partition(", ")[0] in goals]
    measures = list(dict.fromkeys([*goals, *beside, *told]))
    room = width - max(names, default=0) - _RIM
    wide = [max(_INTERVAL, len(measure)) + _RIM for measure in measures]
    has_intervals = sum(wide[: max(len(goals), 1)]) <= room
    costs = wide if has_intervals else [max(_BARE, len(measure)) + _RIM for measure in measures]
    shown = [m for at, m in enumerate(measures) if sum(costs[: at + 1]) <= room]
    return shown or measures[:1], has_intervals
