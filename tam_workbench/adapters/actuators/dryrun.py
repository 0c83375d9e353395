"""Dry run: says what would be done, and does nothing."""

from collections.abc import Sequence
from datetime import datetime

from tam_workbench.records import Outcome, Proposal, Result


class DryRunActuator:
    """Remembers what it was asked to do; every action is SKIPPED, with the words for it.

    >>> DryRunActuator(["restart"]).actions()
    ('restart',)
    """

    name = "dryrun"

    def __init__(self, actions: Sequence[str] = ("restart", "scale", "rollback")) -> None:
        self._actions = tuple(actions)
        self._done: dict[str, Outcome] = {}

    def actions(self) -> tuple[str, ...]:
        """Return the actions it can pretend to do."""
        return self._actions

    def act(self, proposal: Proposal, *, now: datetime) -> Outcome:
        """Return what would have been done; the same key gives the same outcome."""
        detail = f"dry run: would {proposal.action} {proposal.target}"
        outcome = Outcome(key=proposal.key, result=Result.SKIPPED, detail=detail, finished_at=now)
        return self._done.setdefault(proposal.key, outcome)

    def outcome_of(self, key: str) -> Outcome | None:
        """Return what came of ``key``, None when it was never asked for."""
        return self._done.get(key)
