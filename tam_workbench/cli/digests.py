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
    kept_in,
    memory_app,
    moment_of,
)
from tam_workbench.engine.remembering import digest
from tam_workbench.records import Tier

__all__ = ["memory_app"]


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
