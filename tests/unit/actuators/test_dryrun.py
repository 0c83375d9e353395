"""The dry run: says what it would do, and forgets the oldest."""

from datetime import UTC, datetime

from tam_workbench.adapters.actuators.dryrun import DryRunActuator
from tam_workbench.records import Proposal, Result

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def proposal(key, action="restart"):
    return Proposal(
        key=key,
        incident="i-1",
        action=action,
        target="cart",
        rationale="leak",
        confidence=0.8,
        blast_radius=1,
        proposed_at=NOW,
    )


def test_it_notes_what_it_would_do_once():
    actuator = DryRunActuator()
    for _ in range(2):
        assert actuator.act(proposal("k1"), now=NOW).result is Result.SKIPPED
    assert actuator.would_have_done() == (proposal("k1"),)


def test_its_actions_can_be_named():
    actuator = DryRunActuator(actions=("dance",))
    assert actuator.actions() == ("dance",)
    assert actuator.act(proposal("k1", "dance"), now=NOW).result is Result.SKIPPED
    failed = actuator.act(proposal("k2"), now=NOW)
    assert (failed.result, failed.detail) == (
        Result.FAILED,
        "no action 'restart' here; there are: dance",
    )
    assert len(actuator.would_have_done()) == 1


def test_its_memory_is_bounded():
    actuator = DryRunActuator()
    for number in range(10_050):
        actuator.act(proposal(f"k{number}"), now=NOW)
    assert len(actuator.would_have_done()) == 10_000
    assert actuator.outcome_of("k0") is None
    assert actuator.outcome_of("k10049") is not None
