"""What rules propose and do about clusters: the card that asks, and a line for each act."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from tam_workbench.engine.cluster import Undertaking
from tam_workbench.views.causal import spoken
from tam_workbench.views.markup import badge, clock, empty

STANDINGS: Final = {
    "asked": ("warn", "◆ waits for you"),
    "held": ("muted", "‖ held back"),
    "refused": ("muted", "✗ not done"),
    "escalated": ("bad", "▲ a person must look"),
    "acting": ("accent", "▶ being done"),
    "failed": ("bad", "✗ failed"),
    "skipped": ("muted", "dry run"),
    "checking": ("accent", "◌ done, being checked"),
    "helped": ("good", "✓ helped"),
    "did_not_help": ("bad", "✗ did not help"),
    "done": ("muted", "↺ taken back"),
}
"""Tone and words for where an act stands."""

NO_RULES: Final = (
    "Nothing was proposed. Acts come from rules (setting cluster_rulebook); without any, a cluster "
    "is only watched."
)
_SHOWN: Final = 4


def waiting(acts: Sequence[Undertaking], incident: str = "") -> Undertaking | None:
    """Return the act that is asked for first, one about ``incident`` before others."""
    asked = [one for one in acts if one.stands == "asked"]
    mine = [one for one in asked if one.proposal.incident == incident]
    return next(iter(mine or asked), None)


def act_card(under: Undertaking | None) -> Mapping[str, Any]:
    """Return what the approval card shows of an act on a cluster, as plain JSON.

    >>> act_card(None)["pending"]
    False
    """
    if under is None:
        return {"pending": False, "key": "", "why": "No act on a cluster waits."}
    proposal = under.proposal
    return {
        "pending": under.stands == "asked",
        "key": proposal.key,
        "incident": proposal.incident,
        "service": proposal.target,
        "action": proposal.action.replace("_", " "),
        "target": proposal.target,
        "rationale": proposal.rationale,
        "confidence": round(proposal.confidence, 3),
        "blast_radius": f"{proposal.blast_radius} pods" if proposal.blast_radius > 1 else "1 pod",
        "rollback": proposal.rollback or "nothing undoes it",
        "arguments": ", ".join(f"{name}={value}" for name, value in proposal.arguments.items()),
        "permission": "" if under.stands == "asked" else under.stands,
        "reasons": list(under.reasons),
        "expires": clock(under.expires_at) if under.expires_at else "",
        "why": "",
    }


def undertaken(acts: Sequence[Undertaking]) -> str:
    """Return what was done about clusters, asked for or refused, the newest first."""
    if not acts:
        return empty(NO_RULES)
    rows = "".join(_line(one) for one in list(reversed(acts))[:_SHOWN])
    more = len(acts) - _SHOWN
    return rows + (f'<p class="muted">and {more} earlier</p>' if more > 0 else "")


def _line(one: Undertaking) -> str:
    tone, word = STANDINGS.get(one.stands, ("muted", one.stands))
    proposal = one.proposal
    why = one.outcome.detail if one.outcome and one.outcome.detail else "; ".join(one.reasons)
    return (
        f'<div class="log">{badge(word, tone)} <b>{escape(spoken(proposal.action))}</b> '
        f"{escape(proposal.target)} "
        f'<span class="muted">{proposal.proposed_at:%m-%d %H:%M}, for {escape(spoken(one.kind))}. '
        f"{escape(why[:160])}</span></div>"
    )
