"""Verbs that sum memory up: summaries, insights and the audit; each figure with its sources."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from tam_workbench.cli.output import guarded, show
from tam_workbench.cli.remembering import (
    DEFAULT_STATE,
    AsJson,
    Service,
    State,
    change,
    kept_in,
    memory_app,
    moment_of,
)
from tam_workbench.engine.remembering import digest, telling
from tam_workbench.memory import holds
from tam_workbench.records import Tier

__all__ = ["memory_app"]


@memory_app.command("tell")
@guarded
def memory_tell(  # noqa: PLR0913 - each is an argument of the command
    subject: str,
    predicate: str,
    what: Annotated[str, typer.Argument(metavar="OBJECT")],
    *,
    since: Annotated[str, typer.Option(help="True from then on (ISO 8601); now.")] = "",
    until: Annotated[str, typer.Option(help="True until then (ISO 8601); still.")] = "",
    service: Annotated[str, typer.Option(help="Service it is about.")] = "",
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Remember a fact; what was believed otherwise is closed, and can still be asked for."""
    begins, ends = moment_of(since) or datetime.now(UTC), moment_of(until)
    arguments = {"subject": subject, "predicate": predicate, "object": what, "service": service}
    arguments |= {"since": begins.isoformat(), "until": ends.isoformat() if ends else ""}
    claim = telling.claim_of(arguments)
    change(
        "tell", state, arguments,
        lambda m, _: telling.tell(m, claim, service=service, now=m.now()), as_json=as_json,
    )  # fmt: skip


@memory_app.command("facts")
@guarded
def memory_facts(
    *,
    as_of: Annotated[str, typer.Option(help="What was true then (ISO 8601); now.")] = "",
    known_at: Annotated[str, typer.Option(help="What we knew then (ISO 8601); now.")] = "",
    service: Annotated[str, typer.Option(help="Service it is about.")] = "",
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """List facts that are true now, or were then, as far as was known."""
    now = datetime.now(UTC)
    moment, known = moment_of(as_of) or now, moment_of(known_at) or now
    found = telling.facts(kept_in(state).memory, service=service)
    rows = [
        {
            **{part: fact.attributes[part] for part in ("subject", "predicate", "object")},
            "since": f"{fact.valid_from or fact.created_at:%Y-%m-%d %H:%M}",
            "until": f"{fact.valid_to:%Y-%m-%d %H:%M}" if fact.valid_to else "",
            "id": fact.id[:8],
        }
        for fact in found
        if holds(fact, as_of=moment, known_at=known)
    ]
    show(rows, as_json=as_json, empty="no fact held then")


@memory_app.command("summarize")
@guarded
def memory_summarize(
    *,
    tier: Annotated[Tier | None, typer.Option(help="Only this tier.")] = None,
    since: Annotated[str, typer.Option(help="From then on (ISO 8601).")] = "",
    service: Service = None,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Say what a tier and a time were about, in sentences that cite their sources."""
    found = digest.summarize(
        kept_in(state).memory, tier=tier, since=moment_of(since), service=service or ""
    )
    rows = [
        {"weight": said.weight, "says": said.text, "from": ", ".join(i[:12] for i in said.ids[:5])}
        for said in found.sentences
    ]
    show(rows, as_json=as_json, empty="nothing is remembered of that")


@memory_app.command("insights")
@guarded
def memory_insights(*, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Say what recurs, what helped, what never did, and whether it gets worse."""
    found = digest.insights(kept_in(state).memory, now=datetime.now(UTC))
    if as_json:
        show([asdict(found)], as_json=True)
        return
    rows = [{"what": "incidents of", "says": f"{s}: {n}"} for s, n in found.by_service.items()]
    rows += [
        {"what": "recurs", "says": f"{r.service}, {r.count} times, every {r.every_s / 3600:.1f} h"}
        for r in found.recurring
    ]
    for word, remedies in (("helped", found.helped), ("never helped", found.never_helped)):
        rows += [
            {
                "what": word,
                "says": f"{r.action}: {r.helped} of {r.tried} [{r.low:.2f}, {r.high:.2f}]",
            }
            for r in remedies
        ]
    show(rows, as_json=False, empty="nothing is remembered yet")


@memory_app.command("audit")
@guarded
def memory_audit(*, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Look for junk, loops, orphans, secrets and waste; changes nothing."""
    frame = digest.audit(kept_in(state).memory, now=datetime.now(UTC))
    rows = [{**row, "evidence": ", ".join(i[:12] for i in row["evidence"][:3])} for row in
            frame.to_dicts()]  # fmt: skip
    show(frame.to_dicts() if as_json else rows, as_json=as_json)
