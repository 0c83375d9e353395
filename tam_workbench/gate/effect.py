"""Whether an action helped, and whether to take it back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from tam_workbench.records import Proposal


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectRules:
    """When an action has helped."""

    min_ticks: int = 5
    """Ticks needed before and after the action; with fewer nothing is said."""

    recovered_below: float = 0.5
    """Incident probability (or share of ticks in breach) that counts as recovered."""

    min_drop: float = 0.5
    """Part by which the trouble must have fallen to count as help though it is not over."""


def effect_check(
    before: Sequence[float], after: Sequence[float], *, rules: EffectRules
) -> bool | None:
    """Return whether the trouble fell after an action, None when there is too little to say.

    The median of the ticks before is compared with the median of the later half of those after,
    so that the time an action takes does not count against it. It cannot tell help from
    trouble that passed by itself; that takes a comparison with doing nothing.

    Examples
    --------
    >>> rules = EffectRules()
    >>> effect_check([0.9] * 8, [0.9, 0.8, 0.5, 0.3, 0.2, 0.1], rules=rules)
    True
    >>> effect_check([0.9] * 8, [0.9] * 8, rules=rules), effect_check([0.9] * 8, [], rules=rules)
    (False, None)
    """
    if len(before) < rules.min_ticks or len(after) < rules.min_ticks:
        return None
    was, now = median(before), median(after[len(after) // 2 :])
    if was < rules.recovered_below:
        return None  # nothing was wrong, so nothing can be said to have helped
    return now < rules.recovered_below or now <= (1.0 - rules.min_drop) * was


def rollback_is_due(proposal: Proposal, *, helped: bool | None) -> bool:
    """Return whether an action that was checked did not help and can be undone."""
    return helped is False and bool(proposal.rollback)


def rollback_of(proposal: Proposal, *, now: datetime) -> Proposal:
    """Return the proposal that undoes ``proposal``; it passes the gate like any other.

    Its key follows from the first one's, so it too is done at most once. ``arguments`` names
    what is undone by ``undoes`` (the action) and ``undoes_key``.
    """
    return Proposal(
        key=f"{proposal.key}-undo",
        incident=proposal.incident,
        action=proposal.rollback,
        target=proposal.target,
        rationale=f"{proposal.action} on {proposal.target} did not help and is taken back.",
        confidence=1.0,
        blast_radius=proposal.blast_radius,
        proposed_at=now,
        arguments={
            **proposal.arguments,
            "undoes": proposal.action,
            "undoes_key": proposal.key,
        },
        memory_version=proposal.memory_version,
    )
