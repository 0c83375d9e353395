"""Every actuator keeps its promises, and the suite finds those that do not."""

from dataclasses import replace

import pytest

from tam_workbench.adapters.actuators.dryrun import DryRunActuator
from tam_workbench.adapters.actuators.plant import PlantActuator
from tam_workbench.adapters.actuators.runbook import Command, RunbookActuator
from tam_workbench.errors import PromiseBrokenError, UnreachableError
from tam_workbench.plant import PlantSpec
from tam_workbench.plant.simulation import Plant
from tam_workbench.ports.actuator_checks import check_actuator
from tam_workbench.records import Outcome, Result

BOOK = {"restart": Command(argv=("/bin/echo", "restart", "{target}"))}


def test_dryrun():
    check_actuator(DryRunActuator, is_strict=False)


def test_runbook(tmp_path):
    check_actuator(lambda: RunbookActuator(BOOK, tmp_path), survives_restart=True)


def test_plant():
    check_actuator(lambda: PlantActuator(Plant(PlantSpec(), seed=1)))


class Repeating(DryRunActuator):
    """Does it again."""

    def act(self, proposal, *, now):
        self._outcomes.clear()
        return super().act(proposal, now=now)


class Raising(DryRunActuator):
    """Raises instead of telling."""

    def act(self, proposal, *, now):
        if proposal.action not in self.actions():
            raise UnreachableError("gone")
        return super().act(proposal, now=now)


class Obliging(DryRunActuator):
    """Claims to do anything."""

    def act(self, proposal, *, now):
        return replace(super().act(proposal, now=now), result=Result.SUCCEEDED)

    def outcome_of(self, key):
        known = super().outcome_of(key)
        return known and replace(known, result=Result.SUCCEEDED)


class Boasting(DryRunActuator):
    """Says that it helped."""

    def act(self, proposal, *, now):
        return Outcome(
            key=proposal.key, result=Result.SUCCEEDED, detail="", finished_at=now, helped=True
        )


class Idle(DryRunActuator):
    """Can do nothing."""

    def actions(self):
        return ()


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (Repeating, "returns its first outcome"),
        (Raising, "is an Outcome"),
        (Obliging, "does not know is FAILED"),
        (Boasting, "not for the actuator to say"),
        (Idle, "it can do something"),
    ],
)
def test_a_broken_actuator_is_found_out(broken, promise):
    with pytest.raises(PromiseBrokenError, match=promise):
        check_actuator(broken, is_strict=False)


def test_one_that_takes_any_target_is_found_out():
    with pytest.raises(PromiseBrokenError, match="is refused as FAILED"):
        check_actuator(DryRunActuator)


def test_one_that_forgets_is_found_out():
    with pytest.raises(PromiseBrokenError, match="survive a restart"):
        check_actuator(DryRunActuator, survives_restart=True, is_strict=False)
