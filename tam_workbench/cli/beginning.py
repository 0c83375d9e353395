"""The beginning of ``tam``: its name and the options before any verb; loads no verb itself."""

from typing import Annotated

import typer

import tam_workbench


def begun() -> typer.Typer:
    """Return ``tam`` without verbs."""
    app = typer.Typer(
        name="tam",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Telemetry as a memory that learns, remembers, explains and acts.",
        epilog=("Start with:  tam demo   ·   tam run scenario:faults --ticks 600   ·   tam doctor"),
    )
    app.callback()(common)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(tam_workbench.__version__)
        raise typer.Exit


def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    """Watch, learn, remember, explain and act on telemetry."""
