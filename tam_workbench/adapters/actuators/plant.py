"""Acts on a simulated plant."""

from collections.abc import Sequence
from datetime import datetime

from tam_workbench.errors import SettingsError
from tam_workbench.plant import ACTIONS, Plant
from tam_workbench.records import Outcome, Proposal, Result

_KEPT = 10_000  # outcomes; the oldest are forgotten


class PlantActuator:
    """Does what a proposal says to a plant, once per key; the effect shows in later ticks.

    >>> from datetime import UTC, datetime
    >>> from tam_workbench.plant import scenario
    >>> now = datetime(2026, 1, 1, tzinfo=UTC)
    >>> actuator = PlantActuator(Plant(scenario("calm"), seed=1))
    >>> proposal = Proposal(key="k", incident="i", action="restart", target="cart",
    ...     rationale="", confidence=1.0, blast_radius=1, proposed_at=now)
    >>> actuator.act(proposal, now=now).detail
    'restarting cart-0, cart-1'
    """

    name = "plant"

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self._done: dict[str, Outcome] = {}

    def actions(self) -> Sequence[str]:
        """Return restart, scale, rollback, clear_disk, block and undo."""
        return ACTIONS

    def act(self, proposal: Proposal, *, now: datetime) -> Outcome:
        """Do it, or return the first outcome when this key was done before."""
        before = self._done.get(proposal.key)
        if before is not None:
            return before
        try:
            detail = self._plant.act(proposal.action, proposal.target)
            result = Result.SUCCEEDED
        except SettingsError as error:  # no such action or target: it failed, the loop goes on
            detail, result = str(error), Result.FAILED
        outcome = Outcome(key=proposal.key, result=result, detail=detail, finished_at=now)
        self._done[proposal.key] = outcome
        while len(self._done) > _KEPT:
            del self._done[next(iter(self._done))]
        return outcome

    def outcome_of(self, key: str) -> Outcome | None:
        """Return what came of ``key``, None when it was never begun."""
        return self._done.get(key)
