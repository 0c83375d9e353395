"""What every policy is, and what they share: attempts, keys and the making of a proposal."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tam_workbench.errors import CheckpointError
from tam_workbench.policy.rules import PolicyRules
from tam_workbench.policy.symptoms import Diagnosis
from tam_workbench.records import Hit, Incident, Proposal, Result

_INCIDENTS_KEPT = 1000


class Policy(Protocol):
    """Proposes actions and learns from what came of them."""

    def propose(  # noqa: PLR0913 - all that a decision rests on, by name
        self,
        incident: Incident,
        hits: Sequence[Hit],
        *,
        actions: Sequence[str],
        evidence: Mapping[str, float],
        now: datetime,
        memory_version: int,
        attempt: int | None = None,
    ) -> Proposal | None:
        """Return the next action to take, None when there is none worth taking; changes nothing."""

    def learn(
        self,
        incident: Incident,
        action: str,
        *,
        evidence: Mapping[str, float],
        helped: bool,
        weight: float = 1.0,
    ) -> None:
        """Take in that ``action`` did or did not help; weight 0 teaches nothing."""

    def state(self) -> dict[str, object]:
        """Return everything learnt, in plain containers."""

    def restore(self, state: Mapping[str, object]) -> None:
        """Go back to a state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An action chosen, how likely it is to help, and why it was chosen.

    ``odds`` is the probability that each action had of being chosen, ``expected`` how likely
    each was believed to help; both go into the proposal, so that another policy can be judged
    by what this one did (see `off_policy`).
    """

    action: str
    confidence: float
    why: str
    odds: Mapping[str, float]
    expected: Mapping[str, float]


class Attempts:
    """What was tried for which incident without success, the last 1,000 incidents."""

    def __init__(self) -> None:
        self._failed: dict[str, list[str]] = {}

    def failed(self, incident: Incident) -> tuple[str, ...]:
        """Return the actions that did not help this incident, the first first."""
        failed = list(self._failed.get(incident.id, ()))
        proposal, outcome = incident.proposal, incident.outcome
        if proposal is None or outcome is None or proposal.action in failed:
            return tuple(failed)
        if outcome.helped is False or outcome.result is Result.FAILED:
            failed.append(proposal.action)
        return tuple(failed)

    def note(self, incident_id: str, action: str) -> None:
        """Note that an action did not help."""
        failed = self._failed.pop(incident_id, [])
        self._failed[incident_id] = failed if action in failed else [*failed, action]
        if len(self._failed) > _INCIDENTS_KEPT:
            del self._failed[next(iter(self._failed))]

    def state(self) -> dict[str, list[str]]:
        """Return it in plain containers."""
        return {incident: list(actions) for incident, actions in self._failed.items()}

    def restore(self, state: object) -> None:
        """Go back to a state."""
        if not isinstance(state, Mapping):
            raise CheckpointError("checkpoint has no policy attempts: start from an older one")
        self._failed = {str(incident): list(actions) for incident, actions in state.items()}


def proposal_key(incident: str, action: str, target: str, attempt: int) -> str:
    """Return the idempotency key: the same proposal made again has the same key.

    >>> proposal_key("inc-cart-7", "restart", "cart", 0)
    'act-a8cffcac91dd850b'
    """
    parts = "\x1f".join((incident, action, target, str(attempt)))
    return "act-" + hashlib.sha256(parts.encode()).hexdigest()[:16]


def made(  # noqa: PLR0913 - internal to this room
    rules: PolicyRules,
    incident: Incident,
    diagnosis: Diagnosis,
    choice: Choice,
    *,
    failed: Sequence[str],
    attempt: int,
    now: datetime,
    memory_version: int,
) -> Proposal:
    """Return the proposal of a choice."""
    action = choice.action
    target = diagnosis.targets.get(action, incident.service)
    before = f" Tried before without success: {', '.join(failed)}." if failed else ""
    rationale = (
        f"{incident.service} looks like {diagnosis.signature} ({diagnosis.because}). "
        f"{choice.why}{before}"
    )
    return Proposal(
        key=proposal_key(incident.id, action, target, attempt),
        incident=incident.id,
        action=action,
        target=target,
        rationale=rationale,
        confidence=choice.confidence,
        blast_radius=rules.blast_radius.get(action, 1),
        proposed_at=now,
        rollback=rules.undo.get(action, ""),
        arguments={
            "signature": diagnosis.signature,
            "service": incident.service,
            "odds": _listed(choice.odds),
            "expected": _listed(choice.expected),
        },
        memory_version=memory_version,
    )


def _listed(numbers: Mapping[str, float]) -> str:
    """Return numbers by action as words, which `numbers_in` reads back."""
    return " ".join(f"{action}={value:.6g}" for action, value in sorted(numbers.items()))


def numbers_in(words: str) -> dict[str, float]:
    """Return the numbers by action that a proposal's argument ``odds`` or ``expected`` lists.

    >>> numbers_in("restart=0.75 scale=0.25")
    {'restart': 0.75, 'scale': 0.25}
    """
    pairs = (word.rpartition("=") for word in words.split())
    return {action: float(value) for action, _, value in pairs}


def remedies(
    rules: PolicyRules, diagnosis: Diagnosis, failed: Sequence[str], attempt: int
) -> list[str]:
    """Return the actions that are still worth considering, in the order of the actuator."""
    if attempt >= rules.max_attempts:
        return []
    barred = {*failed, *rules.reserved}
    return [action for action in diagnosis.prior if action not in barred]
