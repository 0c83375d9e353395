"""The gate: the ladder, every bound from both sides, approvals, one permission per key."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from tam_workbench.errors import CheckpointError, PermanentError
from tam_workbench.gate import FINAL, TRANSITIONS, Gate, GateRules, Standing, Step
from tam_workbench.records import Autonomy, Outcome, Permission, Proposal, Result

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ALLOW, ASK, DENY = Permission.ALLOW, Permission.NEEDS_APPROVAL, Permission.DENY


def after(seconds):
    return NOW + timedelta(seconds=seconds)


def proposal(key="k1", **changes):
    made = Proposal(
        key=key,
        incident="i-1",
        action="restart",
        target="cart",
        rationale="leak",
        confidence=0.8,
        blast_radius=1,
        proposed_at=NOW,
    )
    return replace(made, **changes)


def decide(gate, case, *, now=NOW, trust=0.9, autonomy=Autonomy.ACT, breaker_allows=True):
    return gate.decide(case, now=now, trust=trust, autonomy=autonomy, breaker_allows=breaker_allows)


def grant(gate, case, *, now=NOW):
    verdict = decide(gate, case, now=now)
    assert verdict.permission is ALLOW
    gate.record(case, verdict, now=now)


def ask(gate, case, *, now=NOW):
    verdict = decide(gate, case, now=now, autonomy=Autonomy.CONFIRM)
    assert verdict.permission is ASK
    gate.record(case, verdict, now=now)
    return verdict


def done(key="k1", result=Result.SUCCEEDED):
    return Outcome(key=key, result=result, detail="", finished_at=NOW)


def test_actions_need_permission_by_default():
    verdict = Gate(GateRules()).decide(proposal(), now=NOW, trust=1.0)
    assert verdict.permission is ASK
    assert verdict.expires_at == after(900)


@pytest.mark.parametrize(
    ("autonomy", "permission"),
    [
        (Autonomy.OBSERVE, DENY),
        (Autonomy.SUGGEST, DENY),
        (Autonomy.CONFIRM, ASK),
        (Autonomy.ACT, ALLOW),
    ],
)
def test_the_ladder(autonomy, permission):
    verdict = decide(Gate(GateRules()), proposal(), autonomy=autonomy)
    assert verdict.permission is permission
    assert autonomy.name in verdict.reasons[0]


@pytest.mark.parametrize(
    ("general", "own", "permission"),
    [
        (Autonomy.CONFIRM, Autonomy.ACT, ALLOW),
        (Autonomy.ACT, Autonomy.CONFIRM, ASK),
        (Autonomy.ACT, Autonomy.OBSERVE, DENY),
        (Autonomy.SUGGEST, Autonomy.ACT, DENY),
        (Autonomy.OBSERVE, Autonomy.ACT, DENY),
    ],
)
def test_an_action_may_have_its_own_autonomy_but_not_past_hands_off(general, own, permission):
    gate = Gate(GateRules(action_autonomy={"restart": own}))
    assert decide(gate, proposal(), autonomy=general).permission is permission
    other = proposal(action="scale")
    expected = {Autonomy.CONFIRM: ASK, Autonomy.ACT: ALLOW}.get(general, DENY)
    assert decide(gate, other, autonomy=general).permission is expected


@pytest.mark.parametrize(
    ("changes", "trust", "permission", "word"),
    [
        ({"blast_radius": 2}, 0.9, ALLOW, "within"),
        ({"blast_radius": 3}, 0.9, ASK, "blast radius"),
        ({"blast_radius": 10}, 0.9, ASK, "blast radius"),
        ({"blast_radius": 11}, 0.9, DENY, "blast radius"),
        ({"confidence": 0.5}, 0.9, ALLOW, "within"),
        ({"confidence": 0.49}, 0.9, ASK, "confidence"),
        ({"confidence": 0.1}, 0.9, ASK, "confidence"),
        ({"confidence": 0.09}, 0.9, DENY, "confidence"),
        ({"confidence": float("nan")}, 0.9, DENY, "confidence"),
        ({}, 0.5, ALLOW, "within"),
        ({}, 0.49, ASK, "trust"),
        ({}, 0.1, ASK, "trust"),
        ({}, 0.09, DENY, "trust"),
        ({}, float("nan"), DENY, "trust"),
    ],
)
def test_every_bound_from_both_sides(changes, trust, permission, word):
    rules = GateRules(
        min_confidence=0.1, act_confidence=0.5, min_trust=0.1, act_trust=0.5, act_blast_radius=2
    )
    verdict = decide(Gate(rules), proposal(**changes), trust=trust)
    assert verdict.permission is permission
    assert word in verdict.reasons[0]


def test_every_reason_is_given():
    verdict = decide(
        Gate(GateRules()),
        proposal(blast_radius=99, confidence=0.0),
        trust=0.0,
        autonomy=Autonomy.OBSERVE,
        breaker_allows=False,
    )
    words = [reason.split(":")[0] for reason in verdict.reasons]
    assert words == ["autonomy OBSERVE", "blast radius", "confidence", "trust", "breaker"]


def test_the_breaker_denies():
    assert decide(Gate(GateRules()), proposal(), breaker_allows=False).permission is DENY


def test_deciding_changes_nothing():
    gate = Gate(GateRules())
    before = gate.state()
    assert decide(gate, proposal()) == decide(gate, proposal())
    assert gate.state() == before


def test_a_denial_leaves_no_trace():
    gate = Gate(GateRules())
    verdict = decide(gate, proposal(), breaker_allows=False)
    gate.record(proposal(), verdict, now=NOW)
    assert decide(gate, proposal()).permission is ALLOW


def test_cool_down_is_per_action_and_target_and_begins_again_with_the_outcome():
    gate = Gate(GateRules(cooldown_s=100.0))
    grant(gate, proposal())
    gate.record(proposal(), done(), now=after(50))
    assert decide(gate, proposal("k2"), now=after(149)).permission is DENY
    assert "rests 1 s more" in decide(gate, proposal("k2"), now=after(149)).reasons[0]
    assert decide(gate, proposal("k2"), now=after(150)).permission is ALLOW
    assert decide(gate, proposal("k2", target="db"), now=after(51)).permission is ALLOW
    assert decide(gate, proposal("k2", action="scale"), now=after(51)).permission is ALLOW


def test_the_rate_of_an_hour():
    gate = Gate(GateRules(max_per_hour=2, cooldown_s=0.0))
    for number in range(2):
        case = proposal(f"k{number}")
        grant(gate, case, now=after(number * 60))
        gate.record(case, done(case.key), now=after(number * 60))
    assert "rate" in decide(gate, proposal("k9"), now=after(3599)).reasons[0]
    assert decide(gate, proposal("k9"), now=after(3600)).permission is ALLOW


def test_concurrency_ends_with_the_outcome():
    gate = Gate(GateRules(max_concurrent=1))
    grant(gate, proposal())
    other = proposal("k2", target="db")
    assert "concurrency" in decide(gate, other).reasons[0]
    gate.record(proposal(), done(), now=NOW)
    assert decide(gate, other).permission is ALLOW


@pytest.mark.parametrize("ending", ["grant", "done", "ask", "reject", "expire"])
def test_a_key_is_permitted_once_whatever_became_of_it(ending):
    gate = Gate(GateRules(cooldown_s=0.0))
    if ending in {"grant", "done"}:
        grant(gate, proposal())
    else:
        ask(gate, proposal())
    if ending == "done":
        gate.record(proposal(), done(), now=NOW)
    if ending == "reject":
        gate.reject("k1", by="ana", reason="no", now=NOW)
    if ending == "expire":
        gate.expire(after(900))
    verdict = decide(gate, proposal(), now=after(9999))
    assert verdict.permission is DENY
    assert verdict.reasons[0].startswith("key: already")


def test_recording_a_second_permission_is_an_error():
    gate = Gate(GateRules(cooldown_s=0.0))
    verdict = decide(gate, proposal())
    gate.record(proposal(), verdict, now=NOW)
    with pytest.raises(PermanentError, match="grant cannot follow"):
        gate.record(proposal(), verdict, now=NOW)


def test_an_outcome_without_permission_is_an_error():
    gate = Gate(GateRules())
    ask(gate, proposal())
    with pytest.raises(PermanentError, match=r"k1.* is asked"):
        gate.record(proposal(), done(), now=NOW)


def test_an_outcome_from_before_the_checkpoint_is_taken_in():
    gate = Gate(GateRules(cooldown_s=0.0))
    gate.record(proposal(), done(), now=NOW)
    gate.record(proposal(), done(), now=NOW)
    assert gate.standing("k1") is Standing.DONE


def test_approval():
    gate = Gate(GateRules())
    ask(gate, proposal())
    assert gate.pending() == ("k1",)
    verdict = gate.approve("k1", by="ana", reason="seen before", now=after(899))
    assert verdict.permission is ALLOW
    assert verdict.decided_by == "ana"
    assert verdict.reasons == ("approved by ana: seen before",)
    assert gate.pending() == ()
    assert "cool-down" in decide(gate, proposal("k2"), now=after(900)).reasons[0]


def test_rejection():
    gate = Gate(GateRules())
    ask(gate, proposal())
    verdict = gate.reject("k1", by="ana", reason="deploy runs", now=NOW)
    assert (verdict.permission, verdict.decided_by) == (DENY, "ana")
    assert gate.approve("k1", by="bob", reason="", now=NOW).reasons == ("key: already rejected",)


def test_nobody_answers_an_unknown_key():
    verdict = Gate(GateRules()).approve("k?", by="ana", reason="", now=NOW)
    assert verdict.permission is DENY
    assert "nothing waits" in verdict.reasons[0]


def test_requests_expire_to_the_second():
    gate = Gate(GateRules())
    ask(gate, proposal())
    ask(gate, proposal("k2"), now=after(10))
    assert gate.expire(after(899)) == []
    (verdict,) = gate.expire(after(900))
    assert (verdict.key, verdict.permission) == ("k1", DENY)
    assert gate.expire(after(900)) == []
    assert gate.pending() == ("k2",)


def test_an_approval_that_comes_too_late_is_refused():
    gate = Gate(GateRules())
    ask(gate, proposal())
    verdict = gate.approve("k1", by="ana", reason="", now=after(900))
    assert verdict.permission is DENY
    assert "expired" in verdict.reasons[0]
    assert gate.standing("k1") is Standing.EXPIRED


def _standing_at(standing):
    gate = Gate(GateRules(cooldown_s=0.0))
    if standing in {Standing.GRANTED, Standing.DONE}:
        grant(gate, proposal())
    elif standing is not None:
        ask(gate, proposal())
    if standing is Standing.DONE:
        gate.record(proposal(), done(), now=NOW)
    if standing is Standing.REJECTED:
        gate.reject("k1", by="ana", reason="", now=NOW)
    if standing is Standing.EXPIRED:
        gate.expire(after(900))
    assert gate.standing("k1") is standing
    return gate


@pytest.mark.parametrize(("standing", "step"), list(product([None, *Standing], Step)))
def test_the_table_is_walked(standing, step):
    gate = _standing_at(standing)
    following = TRANSITIONS.get((standing, step))
    if following is None:
        with pytest.raises(PermanentError, match="cannot follow"):
            gate._step("k1", step, "restart", "cart")
        assert gate.standing("k1") is standing
    else:
        gate._step("k1", step, "restart", "cart")
        assert gate.standing("k1") is following


def test_nothing_follows_what_is_final():
    assert {standing for standing, _ in TRANSITIONS}.isdisjoint(FINAL)
    assert set(TRANSITIONS.values()) == set(Standing)


def test_a_restart_keeps_cool_downs_requests_and_used_keys():
    gate, again = Gate(GateRules()), Gate(GateRules())
    grant(gate, proposal())
    ask(gate, proposal("k2", target="db"))
    again.restore(gate.state())
    assert again.state() == gate.state()
    assert decide(again, proposal()) == decide(gate, proposal())
    third = proposal("k3")
    assert "cool-down" in decide(again, third, now=after(119)).reasons[0]
    assert decide(again, third, now=after(121)).permission is ALLOW
    assert again.approve("k2", by="ana", reason="", now=after(1)).permission is ALLOW


def test_an_unreadable_state_is_one_clear_error():
    with pytest.raises(CheckpointError, match="gate"):
        Gate(GateRules()).restore({"tickets": {}})


def test_memory_is_bounded_and_waiting_keys_are_never_let_go():
    gate = Gate(GateRules(keys_kept=50, cooldown_s=0.0, max_per_hour=10**6))
    ask(gate, proposal("waits"))
    for number in range(200):
        case = proposal(f"k{number}")
        grant(gate, case)
        gate.record(case, done(case.key), now=NOW)
    assert len(gate.state()["tickets"]) == 50
    assert gate.pending() == ("waits",)
    assert gate.standing("k199") is Standing.DONE
