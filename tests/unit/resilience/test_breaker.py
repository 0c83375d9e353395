"""The one circuit breaker: its table, its rest, its one probe."""

from itertools import product

import numpy as np
import pytest

from tam_workbench.errors import CheckpointError, PermanentError
from tam_workbench.resilience import (
    TRANSITIONS,
    Backoff,
    Breaker,
    BreakerRules,
    BreakerState,
    Move,
    Signal,
)

RULES = BreakerRules(
    failure_limit=3, rest=Backoff(base_s=60.0, factor=2.0, cap_s=200.0), probe_timeout_s=30.0
)
SUITABLE = {  # a breaker in each state, and signals that make each legal move
    (BreakerState.CLOSED, Move.LIMIT): (Breaker(rules=RULES, failures=2), Signal.FAILURE, 0.0),
    (BreakerState.OPEN, Move.COOLED): (
        Breaker(rules=RULES, state=BreakerState.OPEN, rest_s=60.0),
        Signal.STARTED,
        60.0,
    ),
    (BreakerState.HALF_OPEN, Move.HEALED): (
        Breaker(rules=RULES, state=BreakerState.HALF_OPEN, probing_since=0.0),
        Signal.SUCCESS,
        1.0,
    ),
    (BreakerState.HALF_OPEN, Move.LIMIT): (
        Breaker(rules=RULES, state=BreakerState.HALF_OPEN, probing_since=0.0),
        Signal.FAILURE,
        1.0,
    ),
}


def tripped(now=0.0):
    breaker = Breaker(rules=RULES)
    for _ in range(3):
        breaker = breaker.after(Signal.STARTED, now=now).after(Signal.FAILURE, now=now)
    return breaker


@pytest.mark.parametrize(("state", "move"), list(product(BreakerState, Move)))
def test_every_legal_move_is_made_and_no_other_is_in_the_table(state, move):
    assert set(SUITABLE) == set(TRANSITIONS)
    if (state, move) in TRANSITIONS:
        breaker, signal, now = SUITABLE[state, move]
        assert breaker.state is state
        assert breaker.after(signal, now=now).state is TRANSITIONS[state, move]


def test_a_success_in_between_starts_the_count_again():
    breaker = Breaker(rules=RULES)
    for signal in (Signal.FAILURE, Signal.FAILURE, Signal.SUCCESS, Signal.FAILURE, Signal.FAILURE):
        breaker = breaker.after(signal, now=0.0)
    assert breaker.state is BreakerState.CLOSED
    assert breaker.after(Signal.FAILURE, now=0.0).state is BreakerState.OPEN


def test_it_rests_to_the_second():
    breaker = tripped()
    assert not breaker.allows(now=59.999)
    assert breaker.resting_s(now=50.0) == pytest.approx(10.0)
    assert breaker.allows(now=60.0)
    assert breaker.resting_s(now=60.0) == 0.0


def test_starting_while_it_rests_is_an_error():
    with pytest.raises(PermanentError, match="rests for 60 s"):
        tripped().after(Signal.STARTED, now=0.0)


def test_one_probe_and_no_second():
    probing = tripped().after(Signal.STARTED, now=60.0)
    assert probing.state is BreakerState.HALF_OPEN
    assert not probing.allows(now=60.0)
    assert not probing.allows(now=89.0)


def test_failed_probes_rest_longer_up_to_the_cap_and_closing_forgets_them():
    breaker, rests, now = tripped(), [], 0.0
    for _ in range(3):
        rests.append(breaker.rest_s)
        now += breaker.rest_s
        breaker = breaker.after(Signal.STARTED, now=now).after(Signal.FAILURE, now=now)
    assert [*rests, breaker.rest_s] == [60.0, 120.0, 200.0, 200.0]
    now += breaker.rest_s
    breaker = breaker.after(Signal.STARTED, now=now).after(Signal.SUCCESS, now=now)
    assert breaker == Breaker(rules=RULES)


def test_a_late_answer_while_it_rests_changes_nothing():
    breaker = tripped()
    assert breaker.after(Signal.SUCCESS, now=1.0) == breaker
    assert breaker.after(Signal.FAILURE, now=1.0) == breaker


def test_a_restart_does_not_end_the_rest():
    breaker = tripped(now=1000.0)
    again = Breaker.from_state(breaker.to_state(), rules=RULES)
    assert again == breaker
    assert not again.allows(now=1059.0)
    probing = again.after(Signal.STARTED, now=1060.0)
    assert not Breaker.from_state(probing.to_state(), rules=RULES).allows(now=1061.0)


def test_a_probe_whose_process_was_killed_is_given_up():
    probing = tripped().after(Signal.STARTED, now=60.0)
    assert not probing.allows(now=89.9)
    assert probing.allows(now=90.0)
    assert not probing.after(Signal.STARTED, now=90.0).allows(now=91.0)


def test_more_probes_may_be_asked_for():
    rules = BreakerRules(failure_limit=1, rest=Backoff(base_s=1.0), probes_to_close=2)
    breaker = Breaker(rules=rules).after(Signal.FAILURE, now=0.0)
    breaker = breaker.after(Signal.STARTED, now=1.0).after(Signal.SUCCESS, now=1.0)
    assert breaker.state is BreakerState.HALF_OPEN
    breaker = breaker.after(Signal.STARTED, now=1.0).after(Signal.SUCCESS, now=1.0)
    assert breaker.state is BreakerState.CLOSED


def test_a_clock_that_was_set_back_does_not_rest_for_ever():
    breaker = tripped(now=1e9)
    assert not breaker.allows(now=1000.0)
    corrected = breaker.corrected(now=1000.0)
    assert not corrected.allows(now=1059.0)
    assert corrected.allows(now=1060.0)
    assert tripped(now=5.0).corrected(now=10.0) == tripped(now=5.0)


def test_jitter_shortens_the_rest_reproducibly():
    rules = BreakerRules(failure_limit=1, rest=Backoff(base_s=100.0, jitter=0.5))
    rests = {
        Breaker(rules=rules).after(Signal.FAILURE, now=0.0, rng=np.random.default_rng(7)).rest_s
        for _ in range(2)
    }
    assert len(rests) == 1
    assert 50.0 <= rests.pop() < 100.0


def test_an_unreadable_state_is_one_clear_error():
    with pytest.raises(CheckpointError, match="breaker"):
        Breaker.from_state({"state": "ajar"}, rules=RULES)
