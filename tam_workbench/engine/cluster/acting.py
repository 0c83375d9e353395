"""Acting: one actuator a cluster behind one face; a target says in which cluster it is."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from tam_workbench.ports import Actuator
from tam_workbench.records import Outcome, Proposal, Result


class PerCluster:
    """Acts in the cluster that stands before a target, never in another.

    Parameters
    ----------
    actuators
        By the name of the cluster that is watched. A target without a cluster is of the only one.
    """

    def __init__(self, actuators: Mapping[str, Actuator]) -> None:
        self._actuators = dict(actuators)
        self.name = next(iter(self._actuators.values())).name

    def actions(self) -> Sequence[str]:
        """Return the actions it can do."""
        return next(iter(self._actuators.values())).actions()

    def act(self, proposal: Proposal, *, now: datetime) -> Outcome:
        """Do it in its cluster, or say in which it may be done."""
        cluster = self._of(proposal.target)
        if cluster is None:
            can = ", ".join(self._actuators)
            why = f"{proposal.target[:80]!r} is in no cluster that may be acted on, only in: {can}"
            return Outcome(key=proposal.key, result=Result.FAILED, detail=why, finished_at=now)
        inside = proposal.target.removeprefix(f"{cluster}/")
        return self._actuators[cluster].act(replace(proposal, target=inside), now=now)

    def outcome_of(self, key: str) -> Outcome | None:
        """Return what came of ``key`` in any cluster, None when it was never begun."""
        found = (actuator.outcome_of(key) for actuator in self._actuators.values())
        return next((one for one in found if one is not None), None)

    def _of(self, target: str) -> str | None:
        named = [name for name in self._actuators if target.startswith(f"{name}/")]
        if named:
            return max(named, key=len)
        return next(iter(self._actuators)) if len(self._actuators) == 1 else None
