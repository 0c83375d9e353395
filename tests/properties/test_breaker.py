"""The breaker never passes while it rests, and lets exactly one probe through."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tam_workbench.resilience import Backoff, Breaker, BreakerRules, BreakerState, Signal

RULES = st.builds(
    BreakerRules,
    failure_limit=st.integers(1, 4),
    rest=st.builds(
        Backoff,
        base_s=st.floats(1.0, 60.0),
        factor=st.floats(1.0, 3.0),
        cap_s=st.floats(60.0, 300.0),
        jitter=st.floats(0.0, 0.9),
    ),
    probes_to_close=st.integers(1, 3),
    probe_timeout_s=st.just(1e12),
)
STEPS = st.lists(
    st.tuples(st.sampled_from(["ask", "SUCCESS", "FAILURE", "restart"]), st.floats(0.0, 100.0)),
    max_size=60,
)


def _told(breaker, step, now, rng):
    if step == "restart":
        return Breaker.from_state(breaker.to_state(), rules=breaker.rules)
    if step == "ask":
        return breaker.after(Signal.STARTED, now=now) if breaker.allows(now=now) else breaker
    return breaker.after(Signal[step], now=now, rng=rng)


@given(RULES, STEPS, st.integers(0, 99))
def test_whatever_happens_it_rests_and_probes_one_at_a_time(rules, steps, seed):
    breaker, now, rng = Breaker(rules=rules), 0.0, np.random.default_rng(seed)
    probes_out = 0
    for step, elapsed in steps:
        now += elapsed
        was = breaker
        breaker = _told(was, step, now, rng)
        if step == "restart":
            assert breaker == was
        elif step == "ask" and was.allows(now=now) and was.state is not BreakerState.CLOSED:
            assert was.state is BreakerState.HALF_OPEN or now >= was.opened_at + was.rest_s
            probes_out += 1
        elif step != "ask" and was.state is BreakerState.HALF_OPEN:
            probes_out = 0
        assert probes_out <= 1
        assert not (probes_out and breaker.allows(now=now))
        assert breaker.rest_s <= rules.rest.cap_s


@given(RULES, st.integers(0, 6))
def test_while_it_rests_nothing_passes_however_often_one_asks(rules, failed_probes):
    breaker, now = Breaker(rules=rules), 0.0
    for _ in range(rules.failure_limit):
        breaker = breaker.after(Signal.FAILURE, now=now)
    for _ in range(failed_probes):
        now = breaker.opened_at + breaker.rest_s
        breaker = breaker.after(Signal.STARTED, now=now).after(Signal.FAILURE, now=now)
    inside = np.linspace(0.0, breaker.rest_s, 50, endpoint=False)
    assert not any(breaker.allows(now=breaker.opened_at + float(s)) for s in inside[:-1])
    assert breaker.allows(now=breaker.opened_at + breaker.rest_s)
