"""The plain policy: the first remedy of the leading symptom, every time."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from tam_workbench.policy.base import Attempts, Choice, made, remedies
from tam_workbench.policy.rules import PolicyRules
from tam_workbench.policy.symptoms import diagnose
from tam_workbench.records import Hit, Incident, Proposal


class ThresholdPolicy:
    """Takes the likeliest remedy of the symptom table, the next one when that did not help.

    It learns nothing across incidents and reads no memory: the rule that learning must beat.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from tam_workbench.records import Phase
    >>> at = datetime(2026, 1, 1, tzinfo=UTC)
    >>> incident = Incident(id="i-1", service="cart", opened_at=at, opened_tick=7,
    ...     phase=Phase.OPEN, probability=0.9, anomaly=0.9, trust=0.9)
    >>> proposal = ThresholdPolicy(PolicyRules()).propose(incident, [],
    ...     actions=("restart", "scale"), evidence={"cpu.deviation": 7.0}, now=at,
    ...     memory_version=0)
    >>> proposal.action, proposal.target, proposal.confidence
    ('scale', 'cart', 0.65)
    """

    def __init__(self, rules: PolicyRules) -> None:
        self._rules = rules
        self._attempts = Attempts()

    def propose(  # noqa: PLR0913 - all that a decision rests on, by name
        self,
        incident: Incident,
        hits: Sequence[Hit],  # noqa: ARG002 - every policy is asked alike; this one has no memory
        *,
        actions: Sequence[str],
        evidence: Mapping[str, float],
        now: datetime,
        memory_version: int,
        attempt: int | None = None,
    ) -> Proposal | None:
        """Return the likeliest untried remedy, None when none is likely enough.

        ``attempt`` numbers the proposals of an incident from 0; by default it is the number of
        those known to have failed.
        """
        rules = self._rules
        failed = self._attempts.failed(incident)
        number = len(failed) if attempt is None else attempt
        diagnosis = diagnose(evidence, actions=tuple(actions), threshold=rules.symptom_deviation)
        prior = diagnosis.prior
        choices = remedies(rules, diagnosis, failed, number)
        choices = [action for action in choices if prior[action] >= rules.min_expected]
        if not choices:
            return None
        action = max(choices, key=lambda a: prior[a])
        why = f"By the symptom table {action} helps in {prior[action]:.0%} of such cases."
        return made(
            rules,
            incident,
            diagnosis,
            Choice(
                action=action, confidence=prior[action], why=why, odds={action: 1.0}, expected=prior
            ),
            failed=failed,
            attempt=number,
            now=now,
            memory_version=memory_version,
        )

    def learn(
        self,
        incident: Incident,
        action: str,
        *,
        evidence: Mapping[str, float],  # noqa: ARG002 - every policy is told alike
        helped: bool,
        weight: float = 1.0,  # noqa: ARG002
    ) -> None:
        """Remember, for this incident only, that an action did not help."""
        if not helped:
            self._attempts.note(incident.id, action)

    def state(self) -> dict[str, object]:
        """Return what was tried, in plain containers."""
        return {"attempts": self._attempts.state()}

    def restore(self, state: Mapping[str, object]) -> None:
        """Go back to a state."""
        self._attempts.restore(state.get("attempts"))
