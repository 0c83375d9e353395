"""The actuator that does nothing and says what it would have done."""

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from tam_workbench.records import Outcome, Proposal, Result

ACTIONS: Final = ("restart", "scale", "rollback", "clear_disk", "block", "undo")
_KEPT: Final = 10_000


class DryRunActuator:
    """Records what it would do; every outcome is SKIPPED, so that nobody learns from it.

    Parameters
    ----------
    actions
        What it says it can do.

    Examples
    --------
    >>> from datetime import UTC
    >>> now = datetime(2026, 1, 1, tzinfo=UTC)
    >>> proposal = Proposal(key="k1", incident="i-1", action="restart", target="cart",
    ...     rationale="leak", confidence=0.8, blast_radius=1, proposed_at=now)
    >>> actuator = DryRunActuator()
    >>> actuator.act(proposal, now=now).detail
    'dry run: would restart cart'
    """

    name = "dryrun"

    def __init__(self, *, actions: Sequence[str] = ACTIONS) -> None:
        self._actions = tuple(actions)
        self._outcomes: dict[str, Outcome] = {}
        self._would: deque[Proposal] = deque(maxlen=_KEPT)

    def actions(self) -> Sequence[str]:
        """Return the actions it can do."""
        return self._actions

    def act(self, proposal: Proposal, *, now: datetime) -> Outcome:
        """Note it, or return the first outcome when this key was noted before."""
        known = self._outcomes.get(proposal.key)
        if known is not None:
            return known
        result, detail = Result.SKIPPED, f"dry run: would {proposal.action} {proposal.target}"
        if proposal.action in self._actions:
            self._would.append(proposal)
        else:
            can = ", ".join(self._actions)
            result, detail = Result.FAILED, f"no action {proposal.action!r} here; there are: {can}"
        outcome = Outcome(key=proposal.key, result=result, detail=detail, finished_at=now)
        self._outcomes[proposal.key] = outcome
        if len(self._outcomes) > _KEPT:
            del self._outcomes[next(iter(self._outcomes))]
        return outcome

    def outcome_of(self, key: str) -> Outcome | None:
        """Return what came of ``key``, None when it was never begun."""
        return self._outcomes.get(key)

    def would_have_done(self) -> tuple[Proposal, ...]:
        """Return what it would have done, the oldest first; the last 10,000."""
        return tuple(self._would)
