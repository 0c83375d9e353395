"""The incident page's columns, from the alert to the check whether it worked."""

from collections.abc import Mapping, Sequence
from html import escape
from textwrap import shorten
from typing import Any

from tam_workbench.records import Hit, Incident, Permission, Phase
from tam_workbench.views.markup import badge, clock, empty, trust_badge

SIGNS = {
    Phase.OPEN: ("●", "bad"),
    Phase.PROPOSED: ("◆", "warn"),
    Phase.ACTING: ("▶", "accent"),
    Phase.CHECKING: ("◌", "accent"),
    Phase.RESOLVED: ("✓", "good"),
    Phase.UNRESOLVED: ("✗", "bad"),
}
"""Sign and tone of each phase."""


ICONS = {
    Phase.OPEN: "error",
    Phase.PROPOSED: "pending_actions",
    Phase.ACTING: "play_circle",
    Phase.CHECKING: "hourglass_top",
    Phase.RESOLVED: "check_circle",
    Phase.UNRESOLVED: "cancel",
}
"""Material icon of each phase."""


def strength(incident: Incident) -> str:
    """Return what spoke loudest when the incident opened: probability or anomaly."""
    if incident.anomaly > incident.probability:
        return f"anomaly {incident.anomaly:.2f}"
    return f"p {incident.probability:.2f}"


def title(incident: Incident) -> str:
    """Return an incident in one line for a list."""
    return f"{incident.service} · {incident.phase.value}"


def alert(incident: Incident) -> str:
    """Return what raised the alarm."""
    sign, tone = SIGNS[incident.phase]
    label = {
        "real": badge("a person says: real", "bad"),
        "false_alarm": badge("false alarm", "good"),
    }
    closed = f"<dt>closed</dt><dd>{clock(incident.closed_at)}</dd>" if incident.closed_at else ""
    return (
        f"<h2>1 Alert</h2><p>{badge(f'{sign} {incident.phase.value}', tone)} "
        f"{label.get(incident.label or '', '')}</p><dl><dt>service</dt><dd><b>"
        f"{escape(incident.service)}</b></dd><dt>opened</dt><dd>{clock(incident.opened_at)}</dd>"
        f"{closed}<dt>probability</dt><dd>{incident.probability:.2f}</dd><dt>anomaly</dt>"
        f"<dd>{incident.anomaly:.2f}</dd><dt>trust</dt><dd>{trust_badge(incident.trust)}</dd>"
        f"<dt>id</dt><dd class='mono'>{escape(incident.id)}</dd></dl>"
    )


def evidence(incident: Incident) -> str:
    """Return what speaks for it, and the explanation in words."""
    if not incident.evidence and not incident.explanation:
        return "<h2>2 Evidence</h2>" + empty("Nothing was written down as evidence.")
    rows = "".join(
        f"<tr><td>{_breakable(name)}</td><td class='num'>{escape(amount)}</td></tr>"
        for name, _, amount in (item.rpartition(" ") for item in incident.evidence)
    )
    return (
        f"<h2>2 Evidence</h2><table aria-label='evidence'><tbody>{rows}</tbody></table>"
        f"<p class='muted'>{_breakable(incident.explanation)}</p>"
    )


def _breakable(names: str) -> str:
    """Return escaped text whose dotted names may break after a dot or an underscore."""
    return escape(names).replace(".", ".<wbr>").replace("_", "_<wbr>")


def similar(hits: Sequence[Hit]) -> str:
    """Return similar incidents and what helped."""
    if not hits:
        return "<h2>3 Seen before</h2>" + empty("Nothing like it is remembered: this one is new.")
    words = {True: badge("✓ helped", "good"), False: badge("✗ did not help", "bad"), None: ""}
    cards = "".join(
        f"<p><b>{hit.score:.2f}</b> {escape(shorten(hit.entry.text, 110, placeholder=' …'))}<br>"
        + (f"{badge(hit.entry.action, 'accent')} " if hit.entry.action else "")
        + f"{words[hit.entry.helped]}</p>"
        for hit in hits
    )
    return f"<h2>3 Seen before</h2>{cards}"


def effect(incident: Incident) -> str:
    """Return whether the action worked."""
    head = "<h2>5 Did it work?</h2>"
    if incident.outcome is None:
        waits = incident.verdict and incident.verdict.permission is Permission.NEEDS_APPROVAL
        why = "The proposal waits for approval." if waits else "No action was taken so far."
        return head + empty(why)
    outcome = incident.outcome
    helped = {
        True: badge("✓ checked: it helped", "good"),
        False: badge("✗ checked: no help", "bad"),
        None: badge("◌ being checked", "accent"),
    }
    return (
        f"{head}<p>{badge(outcome.result.value)}</p><p>{helped[outcome.helped]}</p>"
        f"<p>{escape(outcome.detail)}</p><p class='muted'>{clock(outcome.finished_at)}</p>"
    )


def approval_card(incident: Incident | None) -> Mapping[str, Any]:
    """Return what the approval card shows, as plain JSON; ``pending`` says whether it asks.

    >>> approval_card(None)["pending"]
    False
    """
    if incident is None or incident.proposal is None:
        return {"pending": False, "key": "", "why": "No action is proposed."}
    proposal, verdict = incident.proposal, incident.verdict
    asks = verdict is not None and verdict.permission is Permission.NEEDS_APPROVAL
    expires = verdict.expires_at if verdict else None
    return {
        "pending": bool(asks and incident.outcome is None and incident.closed_at is None),
        "key": proposal.key,
        "incident": incident.id,
        "service": incident.service,
        "action": proposal.action,
        "target": proposal.target,
        "rationale": proposal.rationale,
        "confidence": round(proposal.confidence, 3),
        "blast_radius": proposal.blast_radius,
        "rollback": proposal.rollback or "nothing undoes it",
        "arguments": ", ".join(f"{k}={v}" for k, v in proposal.arguments.items()),
        "permission": f"{verdict.permission.value}, says {verdict.decided_by}" if verdict else "",
        "reasons": list(verdict.reasons) if verdict else [],
        "expires": clock(expires) if expires else "",
        "why": "",
    }


def approval_lines(card: Mapping[str, Any]) -> list[str]:
    """Return the card in plain lines, for a static picture."""
    if not card["key"]:
        return ["No approval waits", str(card["why"])]
    head = (
        "waits for approval"
        if card["pending"]
        else str(card["permission"]).partition(",")[0].replace("_", " ")
    )
    return [
        f"{card['action']} {card['target']}: {head}",
        f"incident {card['incident']} in {card['service']}, confidence {card['confidence']:.2f}",
        f"touches {card['blast_radius']}; rollback: {card['rollback']}",
        str(card["rationale"])[:90],
    ]
