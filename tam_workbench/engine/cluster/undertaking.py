"""Undertaking: an act on a cluster from the rule that proposes it to the check of its effect."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tam_workbench.records import ObjectRef, Outcome, Proposal, Result

if TYPE_CHECKING:
    from tam_workbench.engine.remembering import Memory

ACTS: Final = "cluster_act"
"""Kind of document under which undertakings are kept."""

TIMES: Final = ("acted_at", "check_at", "expires_at")

STANDS: Final = frozenset(
    {
        "asked",  # waits for a person
        "held",  # a freeze, a rate or a cool-down holds it back; asked about again
        "refused",  # by the gate, a person, the actuator, or because nobody answered
        "escalated",  # it came too often: a person must look
        "acting",  # begun, outcome unknown
        "failed",
        "skipped",  # a dry run
        "checking",  # done; its effect is not known yet
        "helped",
        "did_not_help",
        "done",  # an act that takes another back
    }
)

FINAL: Final = STANDS - {"asked", "acting", "checking", "did_not_help"}
"""Where an act stands when nothing more comes of it; one that did not help may be taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undertaking:
    """An act on a cluster, where it stands and why."""

    rule: str
    proposal: Proposal
    kind: str  # of the trouble
    stands: str
    workload: ObjectRef | None = None  # of the incident
    reasons: tuple[str, ...] = ()
    outcome: Outcome | None = None
    check_after_s: float = 0.0
    is_rolled_back: bool = True
    acted_at: datetime | None = None
    check_at: datetime | None = None
    expires_at: datetime | None = None  # of the request

    def told(self) -> dict[str, Any]:
        """Return it in JSON's types."""
        row = asdict(self)
        row["reasons"] = list(self.reasons)
        for name in TIMES:
            row[name] = row[name].isoformat() if row[name] else None
        row["proposal"]["proposed_at"] = self.proposal.proposed_at.isoformat()
        row["proposal"]["arguments"] = dict(self.proposal.arguments)
        if self.outcome is not None:
            row["outcome"]["finished_at"] = self.outcome.finished_at.isoformat()
            row["outcome"]["result"] = self.outcome.result.value
        return row


def undertaking_of(row: Mapping[str, Any]) -> Undertaking:
    """Return what `Undertaking.told` wrote down."""
    known = {one.name: row[one.name] for one in fields(Undertaking) if one.name in row}
    proposal, outcome = dict(row["proposal"]), row["outcome"]
    proposal["proposed_at"] = datetime.fromisoformat(proposal["proposed_at"])
    if outcome is not None:
        outcome = dict(outcome)
        outcome["finished_at"] = datetime.fromisoformat(outcome["finished_at"])
        outcome["result"] = Result(outcome["result"])
    workload = row.get("workload")
    times = {name: datetime.fromisoformat(row[name]) if row[name] else None for name in TIMES}
    return Undertaking(
        **{
            **known,
            **times,
            "reasons": tuple(row["reasons"]),
            "workload": ObjectRef(**workload) if workload else None,
            "proposal": Proposal(**proposal),
            "outcome": Outcome(**outcome) if outcome else None,
        }
    )


def remember(under: Undertaking, memory: "Memory") -> None:
    """Keep in memory what an act came to, so that the like is answered with what helped."""
    from tam_workbench.engine.remembering import Draft

    outcome, proposal = under.outcome, under.proposal
    if outcome is None:
        return
    came = "helped" if outcome.helped else "did not help"
    name = proposal.target.rpartition("/")[2]
    text = f"{under.kind} of {proposal.target}: {proposal.action} {came}. {proposal.rationale}"
    draft = Draft(
        text=text.replace("_", " "),
        kind="outcome",
        service=name,
        at=under.acted_at,
        occurrence=proposal.key,
        action=proposal.action,
        helped=outcome.helped,
    )
    memory.store(draft)
