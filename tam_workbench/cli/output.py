"""How the command line speaks: tables for people, JSON for programs, one line for errors."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Final, ParamSpec

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tam_workbench.errors import (
    MissingExtraError,
    PermanentError,
    TamError,
    UnreachableError,
)
from tam_workbench.records import plain

OK: Final = 0
FINDING: Final = 1
BAD: Final = 3
MISSING: Final = 4
UNREACHABLE: Final = 5
INTERRUPTED: Final = 130

Row = Mapping[str, object]
Arguments = ParamSpec("Arguments")


def console() -> Console:
    """Return the console for data; plain when it is not a terminal."""
    return Console(no_color=bool(os.environ.get("NO_COLOR")), highlight=False)


def say(message: str) -> None:
    """Print a message to stderr."""
    typer.echo(message, err=True)


def show(rows: Sequence[Row], *, as_json: bool, title: str = "", empty: str = "nothing") -> None:
    """Print rows as a table, or as JSON."""
    if as_json:
        typer.echo(json.dumps([plain(row) for row in rows], indent=1, ensure_ascii=False))
        return
    if not rows:
        say(empty)
        return
    table = Table(title=title or None, title_justify="left", show_lines=False)
    for at, name in enumerate(rows[0]):
        table.add_column(str(name), overflow="fold", no_wrap=at == 0)
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    console().print(table)


def show_figures(rows: Sequence[Row], *, as_json: bool, title: str) -> None:
    """Print figures, what stands beside each in a line under its name, or as JSON."""
    if as_json:
        show(rows, as_json=True)
        return
    table = Table(title=title, title_justify="left", show_lines=True)
    for name, share in (("figure, and beside it", 5), ("measured", 3), ("goal", 2), ("holds", 1)):
        table.add_column(name, ratio=share, overflow="fold", no_wrap=name == "holds")
    for row in rows:
        told = Text(str(row["name"]))
        if row["peer"]:
            told.append(f"\n{row['peer']}", style="dim")
        measured = f"{_cell(row['value'])} {row['unit']}"
        table.add_row(told, measured, str(row["goal"] or "-"), _cell(row["holds"]))
    console().print(table)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    return f"{value:,}" if isinstance(value, int) else str(plain(value))


def guarded(command: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Turn our errors into one line on stderr and the exit code they stand for."""

    @wraps(command)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except TamError as error:
            if "--debug" in sys.argv:
                raise
            say(f"tam: {error}")
            raise typer.Exit(_code(error)) from None

    return run


def _code(error: TamError) -> int:
    if isinstance(error, MissingExtraError):
        return MISSING
    if isinstance(error, UnreachableError):
        return UNREACHABLE
    return BAD if isinstance(error, PermanentError) else FINDING
