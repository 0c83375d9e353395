"""The verbs of ``tam``, by subject; heavy guests load when a verb needs them."""

from collections.abc import Callable
from typing import Annotated

import typer

import tam_workbench
from tam_workbench.cli import (
    boards,
    context,
    evidence,
    figures,
    material,
    remembering,
    running,
    versions,
)
from tam_workbench.cli.output import guarded

app = typer.Typer(
    name="tam",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Telemetry as a memory that learns, remembers, explains and acts.",
    epilog="Start with:  tam demo   ·   tam run scenario:faults --ticks 600   ·   tam doctor",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(tam_workbench.__version__)
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    """Watch, learn, remember, explain and act on telemetry."""


VERBS: dict[str, Callable[..., None]] = {
    "demo": running.demo,
    "run": running.run,
    "serve": running.serve,
    "recall": remembering.recall,
    "explain": evidence.explain,
    "incidents": evidence.incidents,
    "approve": evidence.approve,
    "reject": evidence.reject,
    "eval": boards.evaluate,
    "bench": figures.bench,
    "doctor": material.doctor,
    "info": material.info,
    "mcp": context.mcp,
}
for name, verb in VERBS.items():
    app.command(name)(guarded(verb))

for name, group in {
    "audit": evidence.audit_app,
    "memory": versions.memory_app,
    "k8s": context.k8s_app,
    "datasets": material.datasets_app,
    "notebook": material.notebook_app,
    "config": material.config_app,
}.items():
    app.add_typer(group, name=name)


def main() -> None:
    """Run the command line."""
    app()
