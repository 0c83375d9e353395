"""Verbs of memory: ask it, look at it, change it, and undo that."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from tam_workbench.cli.output import FINDING, guarded, say, show
from tam_workbench.engine import inbox, presence, wiring
from tam_workbench.engine.kept import Kept
from tam_workbench.engine.remembering import Draft, Memory, stats
from tam_workbench.errors import BadInputError
from tam_workbench.records import Hit, MemoryEntry, Receipt, Tier, Where

State = Annotated[
    Path, typer.Option("--state", envvar="TAM_STATE_DIR", help="Folder the loop works in.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")]
Ids = Annotated[list[str], typer.Argument(help="Entry ids, or their beginnings.")]
Reason = Annotated[str, typer.Option(help="Why; it goes into the ledger.")]
Service = Annotated[str | None, typer.Option(help="Only this service.")]
DEFAULT_STATE = Path(".tam")

memory_app = typer.Typer(no_args_is_help=True, help="Ask what is remembered, change it, undo that.")


def recall(  # noqa: PLR0913 - each is an option of the command
    text: Annotated[str, typer.Argument(help="What you see, in words.")],
    *,
    service: Service = None,
    k: Annotated[int, typer.Option("-k", help="How many.")] = 5,
    as_of: Annotated[str, typer.Option(help="What was true then (ISO 8601).")] = "",
    known_at: Annotated[str, typer.Option(help="What we knew then (ISO 8601).")] = "",
    version: Annotated[str, typer.Option(help="Ask a past memory, by version or tag.")] = "",
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Find what was most like this, and what helped then."""
    memory = wiring.open_kept(state, version=version).memory
    where = Where(
        services=(service,) if service else (), as_of=moment_of(as_of), known_at=moment_of(known_at)
    )
    found = memory.recall(text, k=k, where=where)
    rows = [_whole_hit(hit) if as_json else _hit(hit) for hit in found.hits]
    show(rows, as_json=as_json, empty="nothing like it is remembered")
    if found.hits and not as_json:
        verdict = "new to me; the nearest are shown" if found.is_abstained else "seen before"
        say(
            f"{verdict}: confidence {found.confidence:.2f}, {len(found.columns)} columns agree "
            f"{found.consensus:.2f}, memory version {found.version}"
        )


@memory_app.command("stats")
@guarded
def memory_stats(*, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Count what is remembered, and what it takes on disk."""
    found = stats(kept_in(state).memory)
    rows = [found] if as_json else [{"figure": k, "value": v} for k, v in found.items()]
    show(rows, as_json=as_json)


@memory_app.command("list")
@guarded
def memory_list(  # noqa: PLR0913 - each is an option of the command
    *,
    state: State = DEFAULT_STATE,
    limit: Annotated[int, typer.Option(help="How many.")] = 50,
    tier: Annotated[Tier | None, typer.Option(help="Only this tier.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only this kind.")] = None,
    service: Service = None,
    hidden: Annotated[
        bool, typer.Option("--hidden", help="Forgotten and quarantined too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List remembered entries, the ones seen last first."""
    where = Where(
        tiers=(tier,) if tier else (),
        kinds=(kind,) if kind else (),
        services=(service,) if service else (),
        with_quarantined=hidden,
    )
    entries = kept_in(state).memories(limit, where=where, with_forgotten=hidden)
    rows = [_whole(e) if as_json else _row(e) for e in entries]
    show(rows, as_json=as_json, empty="nothing is remembered yet")


@memory_app.command("explain")
@guarded
def memory_explain(entry: str, *, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Say where a memory comes from, why it stands where it stands, and what hangs on it."""
    kept = kept_in(state)
    found = kept.memory.explain(_one(kept, entry))
    if as_json:
        body = asdict(found)
        body["entry"].pop("vector")
        show([{**body, "sources": [source.id for source in found.sources]}], as_json=True)
        return
    say(found.entry.text)
    show([{"what": line} for line in found.lines], as_json=False, title=found.entry.id)


@memory_app.command("store")
@guarded
def memory_store(
    text: Annotated[str, typer.Argument(help="What to remember.")],
    *,
    kind: Annotated[str, typer.Option(help="note, fact, rule, incident ...")] = "note",
    service: Annotated[str, typer.Option(help="Service it is about.")] = "",
    label: Annotated[list[str] | None, typer.Option(help="Label; may be given often.")] = None,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Remember something; the gate may refuse it and says why."""
    draft = Draft(text=text, kind=kind, service=service, labels=tuple(label or ()))
    arguments = {"text": text, "kind": kind, "service": service}
    change("store", state, arguments, lambda memory, _: memory.store(draft), as_json=as_json)


@memory_app.command("update")
@guarded
def memory_update(
    entry: str,
    *,
    text: Annotated[str, typer.Option(help="New text.")],
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Correct a text; what was known before can still be asked for."""
    arguments = {"ids": json.dumps([entry]), "text": text}
    change("update", state, arguments, lambda m, ids: m.update(ids[0], text=text), as_json=as_json)


def _verb(name: str, summary: str, act: Callable[[Memory, Sequence[str], str], Receipt]) -> None:
    """Add a verb that takes ids."""

    def command(
        ids: Ids,
        *,
        reason: Reason = "",
        state: State = DEFAULT_STATE,
        dry_run: DryRun = False,
        as_json: AsJson = False,
    ) -> None:
        if dry_run:
            found = kept_in(state).matching(ids)
            say(f"{name} would take {len(found)}: {', '.join(one[:12] for one in found)}")
            return
        arguments = {"ids": json.dumps(list(ids)), "reason": reason}
        change(name, state, arguments, lambda m, found: act(m, found, reason), as_json=as_json)

    command.__doc__ = summary
    memory_app.command(name)(guarded(command))


_verb(
    "forget",
    "Stop knowing entries; 'remember-again' undoes it.",
    lambda m, ids, why: m.forget(ids, reason=why),
)
_verb("remember-again", "Undo 'forget'.", lambda m, ids, _: m.remember_again(ids))
_verb("pin", "Keep entries whatever the budget.", lambda m, ids, _: m.pin(ids))
_verb("unpin", "Let pinned entries go like others.", lambda m, ids, _: m.pin(ids, is_pinned=False))
_verb("quarantine", "Hide entries from recalls.", lambda m, ids, _: m.quarantine(ids))
_verb(
    "release",
    "Show quarantined entries again.",
    lambda m, ids, _: m.quarantine(ids, is_quarantined=False),
)
_verb("graduate", "Move entries to long-term memory.", lambda m, ids, _: m.graduate(ids))
_verb("purge", "Remove entries for good, with what cites them, and prove it.",
      lambda m, ids, why: m.purge(ids, reason=why))  # fmt: skip


def change(
    verb: str,
    state: Path,
    arguments: dict[str, str],
    act: Callable[[Memory, Sequence[str]], Receipt],
    *,
    as_json: bool,
) -> None:
    """Change memory here, or leave word for the loop that works in the folder."""
    kept = kept_in(state)
    ids = kept.matching(json.loads(arguments["ids"])) if "ids" in arguments else []
    if presence.is_taken(state):
        told = {**arguments, "verb": verb, **({"ids": json.dumps(ids)} if ids else {})}
        inbox.send(state, "memory", told)
        say(f"{verb}: left for the loop that works in {state}; see 'tam audit show --kind memory'")
        return
    with presence.alone(state):
        receipt = act(kept.memory, ids)
        kept.close()
    tell(receipt, as_json=as_json)
    if receipt.refused or (receipt.proof and receipt.proof.files_holding):
        raise typer.Exit(FINDING)


def tell(receipt: Receipt, *, as_json: bool) -> None:
    """Say what a verb did, and what it refused."""
    if as_json:
        show([asdict(receipt)], as_json=True)
        return
    steps = f"version {receipt.version_before} to {receipt.version_after}"
    if receipt.ids:
        say(f"{receipt.verb}: {len(receipt.ids)} entries, {steps}")
    else:
        say(f"{receipt.verb}: {steps} {receipt.detail}".rstrip())
    for entry_id, why in receipt.refused.items():
        say(f"refused {entry_id[:12]}: {why}")
    if receipt.proof is not None:
        proof = receipt.proof
        if proof.versions_dropped:
            say(f"dropped versions and tags that held it: {', '.join(proof.versions_dropped)}")
        verdict = "none holds the text" if not proof.files_holding else "STILL HELD by: "
        say(
            f"searched {proof.files_searched} files, {proof.bytes_searched:,} bytes: {verdict}"
            + ", ".join(_holder(name) for name in proof.files_holding)
        )


def _holder(name: str) -> str:
    """Return a file's name, or which other memory quotes the text."""
    kind, _, entry_id = name.partition(":")
    return f"memory {entry_id[:12]}, which quotes it" if kind == "entry" else name


def _whole_hit(hit: Hit) -> dict[str, object]:
    entry = hit.entry
    return {
        "id": entry.id,
        "score": hit.score,
        "parts": dict(hit.parts),
        "kind": entry.kind,
        "service": entry.service,
        "tier": entry.tier.value,
        "action": entry.action,
        "helped": entry.helped,
        "times": entry.count,
        "text": entry.text,
    }


def _hit(hit: Hit) -> dict[str, object]:
    entry = hit.entry
    helped = {True: "helped", False: "did not help", None: ""}[entry.helped]
    return {
        "id": entry.id[:8],
        "score": hit.score,
        "alike": hit.parts.get("similarity", 0.0),
        "what was done": f"{entry.action} {helped}".strip() or "-",
        "times": entry.count,
        "text": entry.text.replace("\n", "; ")[:160],
    }


def _whole(entry: MemoryEntry) -> dict[str, object]:
    body = asdict(entry)
    body.pop("vector")
    return body


def _row(entry: MemoryEntry) -> dict[str, object]:
    return {
        "id": entry.id[:8],
        "what": f"{entry.kind} {entry.service}".strip(),
        "tier": entry.tier.value,
        "times": entry.count,
        "text": entry.text.replace("\n", "; ")[:80],
    }


def kept_in(state: Path) -> Kept:
    """Return what a loop kept in a folder."""
    return wiring.open_kept(state)


def _one(kept: Kept, beginning: str) -> str:
    found = kept.matching([beginning])
    if len(found) > 1:
        raise BadInputError(f"{len(found)} memories begin with {beginning!r}: give more of the id")
    return found[0]


def moment_of(text: str) -> datetime | None:
    """Return the time that was typed, None for nothing."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInputError(f"time {text!r}: write it like 2026-01-10T23:19:42Z") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)
