"""The verbs of ``tam``: where each is, and the sentence that tells of it before it is loaded."""

from collections.abc import Iterable
from importlib import import_module
from typing import Final, NamedTuple

import typer

from tam_workbench.cli.beginning import begun


class Verb(NamedTuple):
    """A verb or a group of verbs: its module and name there, and its own first sentence."""

    module: str
    name: str
    says: str
    is_group: bool = False


VERBS: Final = {
    "demo": Verb(
        "running",
        "demo",
        "Watch this machine live in the dashboard; add ``--source scenario:demo`` to inject "
        "faults.",
    ),
    "run": Verb(
        "running", "run", "Run the loop headless until the source ends, then print what it saw."
    ),
    "serve": Verb("running", "serve", "Serve the dashboard on a running loop."),
    "recall": Verb("remembering", "recall", "Find what was most like this, and what helped then."),
    "explain": Verb(
        "evidence",
        "explain",
        "Say why an incident was raised: evidence, attributions, what was recalled and done.",
    ),
    "incidents": Verb("evidence", "incidents", "List incidents, newest first."),
    "approve": Verb(
        "evidence",
        "approve",
        "Let a waiting proposal be carried out by the loop that runs in ``--state``.",
    ),
    "reject": Verb("evidence", "reject", "Drop a waiting proposal."),
    "eval": Verb(
        "boards",
        "evaluate",
        "Score the loop or a detector on a board, beside trivial baselines, with intervals.",
    ),
    "bench": Verb("figures", "bench", "Measure speed beside a peer in the same run."),
    "doctor": Verb(
        "material",
        "doctor",
        "Say what is installed, what is missing and the command that installs it.",
    ),
    "info": Verb("material", "info", "Print versions and the plug-ins that were found."),
    "mcp": Verb(
        "context",
        "mcp",
        "Answer a model's client over MCP; every tool reads, none changes anything.",
    ),
    "audit": Verb("evidence", "audit_app", "Show, verify and export the ledger.", is_group=True),
    "memory": Verb(
        "versions", "memory_app", "Ask what is remembered, change it, undo that.", is_group=True
    ),
    "k8s": Verb(
        "context", "k8s_app", "What Kubernetes forgets: watch, replay, ask.", is_group=True
    ),
    "datasets": Verb(
        "material", "datasets_app", "Find and fetch data sets by name.", is_group=True
    ),
    "notebook": Verb("material", "notebook_app", "List and run the notebooks.", is_group=True),
    "config": Verb("material", "config_app", "Show the effective settings.", is_group=True),
}


def loaded(words: Iterable[str]) -> typer.Typer:
    """Return ``tam`` with some of its verbs, whole."""
    from tam_workbench.cli.output import guarded

    app = begun()
    for word in words:
        verb = VERBS[word]
        found = getattr(import_module(f"tam_workbench.cli.{verb.module}"), verb.name)
        if verb.is_group:
            app.add_typer(found, name=word)
        else:
            app.command(word)(guarded(found))
    return app


def told() -> typer.Typer:
    """Return ``tam`` with all its verbs' names and sentences, and none of their code."""
    app = begun()
    for word, verb in VERBS.items():
        app.command(word, help=verb.says)(_nothing)
    return app


def _nothing() -> None:
    """Stand for a verb in a list."""
