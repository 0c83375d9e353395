"""Verbs that go back in memory, carry it elsewhere, or embed it anew."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from tam_workbench.cli.digests import memory_app
from tam_workbench.cli.output import guarded, say, show
from tam_workbench.cli.remembering import (
    DEFAULT_STATE,
    AsJson,
    State,
    change,
    kept_in,
    tell,
)
from tam_workbench.engine import presence, wiring
from tam_workbench.engine.remembering import exchange

__all__ = ["memory_app"]


@memory_app.command("versions")
@guarded
def memory_versions(*, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """List the versions that can still be read, with their tags."""
    versions = kept_in(state).memory.versions
    names: dict[int, list[str]] = {}
    for tag, number in versions.tags().items():
        names.setdefault(number, []).append(tag)
    rows = [
        {
            "version": number,
            "made": f"{at:%Y-%m-%d %H:%M:%S}",
            "tags": ", ".join(names.get(number, [])),
        }
        for number, at in sorted(versions.kept().items(), reverse=True)
    ]
    show(rows, as_json=as_json, empty="no version is kept")


@memory_app.command("snapshot")
@guarded
def memory_snapshot(name: str, *, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Name the memory as it is now."""
    change("snapshot", state, {"name": name},
        lambda m, _: m.snapshot(name), as_json=as_json)  # fmt: skip


@memory_app.command("restore")
@guarded
def memory_restore(version: str, *, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Make a past memory the present one, by version or tag; this too can be undone."""
    change("restore", state, {"name": version},
        lambda m, _: m.restore(version), as_json=as_json)  # fmt: skip


@memory_app.command("diff")
@guarded
def memory_diff(
    before: str,
    after: Annotated[str, typer.Argument(help="Version or tag; empty is now.")] = "",
    *,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Show what changed between two versions."""
    frame = kept_in(state).memory.versions.diff(
        _version(before), _version(after) if after else None
    )
    show(frame.to_dicts(), as_json=as_json, empty="nothing changed")


@memory_app.command("export")
@guarded
def memory_export(folder: Path, *, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Write everything remembered, tags included, into a folder."""
    memory = kept_in(state).memory
    tell(exchange.export(memory.shelf, folder, now=datetime.now(UTC)), as_json=as_json)


@memory_app.command("import")
@guarded
def memory_import(folder: Path, *, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Add what 'export' wrote; ids, times and tags stay."""
    with presence.alone(state):
        memory = kept_in(state).memory
        tell(exchange.take_in(memory.shelf, folder, now=datetime.now(UTC)), as_json=as_json)


@memory_app.command("migrate")
@guarded
def memory_migrate(
    embedder: Annotated[str, typer.Argument(help="Embedder to move to: minilm, hashing ...")],
    *,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Embed everything anew with another model; says what recall was worth before and after.

    It may be cut off and goes on where it stood; until then both models are asked.
    """
    report = wiring.migrate(state, embedder)
    if as_json:
        show([asdict(report)], as_json=True)
        return
    rows = [
        {"embedder": f"{found.embedder} {when}", "finds again": found.hit_at_1,
         "in first 5": found.hit_at_5, "mrr": found.mrr}
        for when, found in (("before", report.before), ("now", report.after))
    ]  # fmt: skip
    show(rows, as_json=False, title="known entries, by half of their words")
    say(
        f"moved {report.moved} of {report.entries} entries; of the old model's five nearest the "
        f"new one finds {100 * report.agreement:.0f} %"
    )


def _version(text: str) -> int | str:
    return int(text) if text.isdigit() else text
