"""The verbs of ``tam``, by subject; heavy guests load when a verb needs them."""

from collections.abc import Callable

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
from tam_workbench.cli.beginning import begun
from tam_workbench.cli.output import guarded

app = begun()

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
