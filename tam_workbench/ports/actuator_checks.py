"""What every actuator promises, as a function that anyone can run against their own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from tam_workbench.errors import PromiseBrokenError, TamError
from tam_workbench.ports.protocols import Actuator
from tam_workbench.records import Outcome, Proposal, Result

_AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
_HOSTILE: Final = (
    "; rm -rf /",
    "$(reboot)",
    "`id`",
    "--help",
    "../../etc/passwd",
    "a\nb",
    "a\x00b",
    "{target}",
    "",
    "x" * 100_000,
)


def check_actuator(
    make: Callable[[], Actuator],
    *,
    target: str = "checkout",
    survives_restart: bool = False,
    is_strict: bool = True,
) -> None:
    """Check an actuator against every promise of its port. It will act, several times.

    Parameters
    ----------
    make
        Makes the actuator; with ``survives_restart`` on the same durable state each time.
    target
        Something that its actions may really be done to.
    survives_restart
        Whether a second actuator on the same state must know what the first one did.
    is_strict
        Whether a hostile target must end as FAILED; an actuator that only takes notes may
        take note of it.

    Raises
    ------
    PromiseBrokenError
        Naming the first promise that is not kept.
    """
    actuator = make()
    actions = _check_actions(actuator)
    _check_once(actuator, actions[0], target)
    _check_unknown(actuator, target)
    _check_hostile(actuator, actions[0], is_strict=is_strict)
    if survives_restart:
        known = actuator.outcome_of("check-once")
        again = make()
        _promise(again.outcome_of("check-once") == known, "outcomes survive a restart")
        repeated = again.act(_proposal("check-once", actions[0], target), now=_AT)
        _promise(repeated == known, "a key done before a restart is not done again")


def _check_actions(actuator: Actuator) -> tuple[str, ...]:
    actions = tuple(actuator.actions())
    _promise(bool(actuator.name), "it has a name")
    _promise(bool(actions), "it can do something")
    _promise(len(set(actions)) == len(actions), "no action is listed twice")
    _promise(tuple(actuator.actions()) == actions, "actions stay the same")
    return actions


def _check_once(actuator: Actuator, action: str, target: str) -> None:
    proposal = _proposal("check-once", action, target)
    _promise(actuator.outcome_of("check-once") is None, "a key never begun has no outcome")
    first = _acted(actuator, proposal)
    _promise(first.result is not Result.FAILED, f"{action} on {target} works: {first.detail}")
    _promise(first.helped is None, "whether it helped is not for the actuator to say")
    _promise(actuator.outcome_of("check-once") == first, "outcome_of tells what act returned")
    later = replace(proposal, target=f"{target}-other", rationale="again")
    _promise(_acted(actuator, later) == first, "a key done before returns its first outcome")
    second = _acted(actuator, _proposal("check-twice", action, target))
    _promise(second.key == "check-twice", "another key is another action")


def _check_unknown(actuator: Actuator, target: str) -> None:
    outcome = _acted(actuator, _proposal("check-unknown", "no_such_action", target))
    _promise(outcome.result is Result.FAILED, "an action it does not know is FAILED")
    _promise("no_such_action" in outcome.detail, "and the detail names that action")


def _check_hostile(actuator: Actuator, action: str, *, is_strict: bool) -> None:
    for number, target in enumerate(_HOSTILE):
        outcome = _acted(actuator, _proposal(f"check-hostile-{number}", action, target))
        if is_strict:
            failed = outcome.result is Result.FAILED
            _promise(failed, f"target {target[:20]!r} is refused as FAILED")


def _acted(actuator: Actuator, proposal: Proposal) -> Outcome:
    try:
        outcome = actuator.act(proposal, now=_AT)
    except TamError as error:
        raise PromiseBrokenError(
            f"actuator {actuator.name}: what goes wrong is an Outcome, not {error!r}"
        ) from error
    _promise(outcome.key == proposal.key, "an outcome has the key of its proposal")
    _promise(outcome.finished_at.tzinfo is not None, "finished_at is aware")
    _promise(outcome.finished_at >= _AT, "nothing is finished before it began")
    return outcome


def _proposal(key: str, action: str, target: str) -> Proposal:
    return Proposal(
        key=key,
        incident="check",
        action=action,
        target=target,
        rationale="check_actuator",
        confidence=1.0,
        blast_radius=1,
        proposed_at=_AT,
    )


def _promise(holds: bool, promise: str) -> None:
    if not holds:
        raise PromiseBrokenError(f"actuator: {promise}")
