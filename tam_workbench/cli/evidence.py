"""Verbs that ask what was kept: incidents, explanations, the ledger; and approvals."""

import json
from pathlib import Path
from typing import Annotated

import typer

from tam_workbench.cli.output import FINDING, guarded, say, show
from tam_workbench.engine import inbox, wiring
from tam_workbench.engine.kept import Kept
from tam_workbench.records import Incident

State = Annotated[
    Path, typer.Option("--state", envvar="TAM_STATE_DIR", help="Folder the loop works in.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Reason = Annotated[str, typer.Option(help="Why; it goes into the ledger.")]
DEFAULT_STATE = Path(".tam")

audit_app = typer.Typer(no_args_is_help=True, help="Show, verify and export the ledger.")


def _kept(state: Path) -> Kept:
    return wiring.open_kept(state)


def incidents(*, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """List incidents, newest first."""
    rows = [_incident_row(incident) for incident in _kept(state).incidents()]
    show(rows, as_json=as_json, empty="no incident so far")


def _incident_row(incident: Incident) -> dict[str, object]:
    proposal, outcome = incident.proposal, incident.outcome
    return {
        "id": incident.id,
        "service": incident.service,
        "opened": f"{incident.opened_at:%Y-%m-%d %H:%M:%S}",
        "phase": incident.phase.value,
        "p": round(incident.probability, 3),
        "proposal": f"{proposal.action} {proposal.target}" if proposal else "-",
        "helped": outcome.helped if outcome else None,
    }


def explain(
    incident: Annotated[str, typer.Argument(help="Incident id.")],
    *,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Say why an incident was raised: evidence, attributions, what was recalled and done."""
    found = _kept(state).incident(incident)
    rows = [
        {"what": "evidence", "says": ", ".join(found.evidence)},
        {
            "what": "attributions (log-odds)",
            "says": found.explanation or "none: raised by a breach",
        },
        {"what": "similar before", "says": ", ".join(found.similar) or "nothing: new to us"},
        {"what": "proposal", "says": found.proposal.rationale if found.proposal else "none"},
        {"what": "gate", "says": "; ".join(found.verdict.reasons) if found.verdict else "-"},
        {"what": "outcome", "says": found.outcome.detail if found.outcome else "-"},
    ]
    show(rows, as_json=as_json, title=found.id)


def approve(key: str, *, reason: Reason = "approved", state: State = DEFAULT_STATE) -> None:
    """Let a waiting proposal be carried out by the loop that runs in ``--state``."""
    _kept(state).waiting(key)
    inbox.send(state, "approve", {"key": key, "reason": reason})
    say(f"{key}: approval left for the loop; see 'tam incidents'")


def reject(key: str, *, reason: Reason = "rejected", state: State = DEFAULT_STATE) -> None:
    """Drop a waiting proposal."""
    _kept(state).waiting(key)
    inbox.send(state, "reject", {"key": key, "reason": reason})
    say(f"{key}: rejection left for the loop; see 'tam incidents'")


@audit_app.command("show")
@guarded
def audit_show(
    *,
    state: State = DEFAULT_STATE,
    kind: Annotated[str | None, typer.Option(help="Only this kind of line.")] = None,
    last: Annotated[int, typer.Option(help="How many of the newest.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Print the newest lines of the ledger."""
    entries = [e for e in _kept(state).ledger() if kind in {None, e.kind}][-last:]
    rows = [
        {
            "number": e.number,
            "at": e.at.isoformat(),
            "kind": e.kind,
            "body": e.body,
            "hash": e.hash[:12],
        }
        for e in entries
    ]
    show(rows, as_json=as_json, empty="the ledger is empty")


@audit_app.command("verify")
@guarded
def audit_verify(*, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Prove the ledger, or say where it broke (exit code 1)."""
    found = _kept(state).verify()
    if as_json:
        show(
            [
                {
                    "holds": found.holds,
                    "checked": found.checked,
                    "broken_at": found.broken_at,
                    "reason": found.reason,
                }
            ],
            as_json=True,
        )
    elif found.holds:
        say(f"the ledger holds: {found.checked:,} lines, every link checked")
    else:
        say(f"the ledger is BROKEN at line {found.broken_at}: {found.reason}")
    if not found.holds:
        raise typer.Exit(FINDING)


@audit_app.command("export")
@guarded
def audit_export(*, state: State = DEFAULT_STATE) -> None:
    """Print the whole ledger as JSON lines."""
    for e in _kept(state).ledger():
        typer.echo(
            json.dumps(
                {
                    "number": e.number,
                    "kind": e.kind,
                    "at": e.at.isoformat(),
                    "body": json.loads(e.body),
                    "previous": e.previous,
                    "hash": e.hash,
                }
            )
        )
