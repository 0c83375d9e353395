"""The verb ``bench``: speed beside a peer in the same run."""

from pathlib import Path
from typing import Annotated

import typer

from tam_workbench.cli.output import FINDING, say, show_figures
from tam_workbench.errors import SettingsError

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Check = Annotated[bool, typer.Option("--check", help="Exit 1 if a figure falls short.")]
Keep = Annotated[Path | None, typer.Option(help="Write the ratios to peers into this file.")]
Seeds = Annotated[int | None, typer.Option(help="Seeds of the bench 'memory', 30 by default.")]
Against = Annotated[
    Path | None, typer.Option(help="Exit 1 if a ratio lost over 15 % of what this file says.")
]


def bench(
    what: Annotated[
        str,
        typer.Argument(
            help="loop, stages, latency, growth, start, memory, memory-million, memory-minilm, "
            "causal, causal-million, ui or explain."
        ),
    ] = "loop",
    *,
    as_json: AsJson = False,
    check: Check = False,
    keep: Keep = None,
    against: Against = None,
    seeds: Seeds = None,
) -> None:
    """Measure speed beside a peer in the same run."""
    from tam_workbench.evaluation import boards
    from tam_workbench.evaluation.benches import regression

    benches = {**boards.BENCHES, "ui": _ui}
    if seeds is not None:
        benches["memory"] = lambda: boards.memory_bench(seeds)
    if what not in benches:
        raise SettingsError(f"no bench {what!r}; there are: {', '.join(benches)}")
    before = regression.kept(against) if against else {}
    rows = benches[what]()
    _print(rows, title=f"tam bench {what}", as_json=as_json, check=check)
    if keep:
        regression.keep(keep, rows)
    lost = regression.regressions(regression.ratios(rows), before)
    for line in lost:
        say(line)
    if lost:
        raise typer.Exit(FINDING)


def _ui() -> list[dict[str, object]]:
    from tam_workbench.api import Workbench
    from tam_workbench.dashboard import bench as screens

    return screens.figures(lambda: Workbench.from_source("scenario:calm", batch_ticks=1))


def _print(rows: list[dict[str, object]], *, title: str, as_json: bool, check: bool) -> None:
    show_figures(rows, as_json=as_json, title=title)
    if check and not all(row["holds"] in {True, None} for row in rows):
        raise typer.Exit(FINDING)
