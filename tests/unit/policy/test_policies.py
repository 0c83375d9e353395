"""Both policies: attempts, keys, memory, learning and their limits."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tam_workbench.errors import CheckpointError
from tam_workbench.policy import BanditPolicy, PolicyRules, ThresholdPolicy
from tam_workbench.records import Hit, Incident, MemoryEntry, Outcome, Phase, Result, Tier

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACTIONS = ("restart", "scale", "rollback", "clear_disk", "block", "undo")
MEMORY = {"memory.usage.deviation": 9.0}
CPU = {"cpu.deviation": 9.0}
RULES = PolicyRules(prior_strength=4.0)


def incident(number=1, **changes):
    made = Incident(
        id=f"inc-cart-{number}",
        service="cart",
        opened_at=NOW,
        opened_tick=number,
        phase=Phase.OPEN,
        probability=0.9,
        anomaly=0.9,
        trust=0.9,
    )
    return replace(made, **changes)


def hit(number, action, helped, score=0.9):
    entry = MemoryEntry(
        id=f"mem-{number}",
        kind="incident",
        text="t",
        vector=(1.0,),
        tier=Tier.EPISODIC,
        service="cart",
        created_at=NOW,
        trust=1.0,
        action=action,
        helped=helped,
    )
    return Hit(entry=entry, score=score, parts={"similarity": score})


def propose(policy, case, hits=(), *, evidence=MEMORY, attempt=None, actions=ACTIONS):
    return policy.propose(
        case,
        hits,
        actions=actions,
        evidence=evidence,
        now=NOW,
        memory_version=3,
        attempt=attempt,
    )


def policies(rules=None):
    rules = rules or RULES
    return [ThresholdPolicy(rules), BanditPolicy(rules, seed=7)]


@pytest.mark.parametrize("policy", policies(), ids=lambda p: type(p).__name__)
def test_asking_twice_gives_the_same_answer_and_changes_nothing(policy):
    before = policy.state()
    assert propose(policy, incident()) == propose(policy, incident())
    assert policy.state() == before


@pytest.mark.parametrize("policy", policies(), ids=lambda p: type(p).__name__)
def test_a_proposal_says_what_why_and_how_to_undo_it(policy):
    proposal = propose(policy, incident(), evidence=CPU, actions=("scale",))
    assert (proposal.action, proposal.target, proposal.rollback) == ("scale", "cart", "undo")
    assert "cpu.deviation +9.0" in proposal.rationale
    assert proposal.memory_version == 3
    assert proposal.arguments["signature"] == "saturation"
    assert 0.0 < proposal.confidence < 1.0


@pytest.mark.parametrize("policy", policies(), ids=lambda p: type(p).__name__)
def test_a_second_attempt_avoids_what_failed_and_has_another_key(policy):
    one = propose(policy, incident())
    policy.learn(incident(), one.action, evidence=MEMORY, helped=False)
    two = propose(policy, incident())
    assert two.action != one.action
    assert two.key != one.key
    assert f"without success: {one.action}" in two.rationale
    policy.learn(incident(), two.action, evidence=MEMORY, helped=False)
    three = propose(policy, incident())
    assert three.action not in {one.action, two.action}


def test_a_failure_that_only_the_incident_tells_counts_too():
    policy = ThresholdPolicy(PolicyRules())
    first = propose(policy, incident())
    outcome = Outcome(key=first.key, result=Result.FAILED, detail="", finished_at=NOW)
    assert propose(policy, incident(proposal=first, outcome=outcome)).action != first.action
    unchecked = replace(outcome, result=Result.SUCCEEDED)
    assert propose(policy, incident(proposal=first, outcome=unchecked)).action == first.action


@pytest.mark.parametrize("policy", policies(), ids=lambda p: type(p).__name__)
def test_it_ends_after_the_last_attempt_and_with_no_action_left(policy):
    assert propose(policy, incident(), attempt=3) is not None
    assert propose(policy, incident(), attempt=4) is None
    assert propose(policy, incident(), actions=()) is None
    assert propose(policy, incident(), actions=("undo",)) is None


@pytest.mark.parametrize(("least", "is_proposed"), [(0.69, True), (0.71, False)])
def test_an_unlikely_remedy_is_not_proposed(least, is_proposed):
    for policy in policies(PolicyRules(min_expected=least)):
        proposal = propose(policy, incident(), actions=("restart",))
        assert (proposal is not None) is is_proposed


def test_the_attempt_is_part_of_the_key():
    policy = ThresholdPolicy(PolicyRules())
    keys = {propose(policy, incident(), attempt=n).key for n in range(3)}
    assert len(keys) == 3


def test_memory_of_what_helped_turns_the_choice_and_is_cited():
    policy = BanditPolicy(RULES, seed=7)
    hits = [hit(n, "rollback", True) for n in range(8)] + [
        hit(n, "restart", False) for n in range(8, 16)
    ]
    means = policy.expected(MEMORY, hits, actions=ACTIONS)
    assert max(means, key=means.get) == "rollback"
    chosen = [propose(policy, incident(n), hits) for n in range(30)]
    rollbacks = [p for p in chosen if p.action == "rollback"]
    assert len(rollbacks) > 20
    assert "helped in 8 of 8 similar incidents (mem-0, mem-1" in rollbacks[0].rationale


def test_memory_without_an_outcome_and_unlike_memory_move_little():
    policy = BanditPolicy(RULES, seed=7)
    before = policy.expected(MEMORY, [], actions=ACTIONS)
    unknown = [hit(n, "rollback", None) for n in range(50)]
    assert policy.expected(MEMORY, unknown, actions=ACTIONS) == before
    unlike = [hit(n, "rollback", True, score=0.0) for n in range(50)]
    assert policy.expected(MEMORY, unlike, actions=ACTIONS) == before


def test_outcomes_teach_about_their_symptom_only():
    policy = BanditPolicy(RULES, seed=7)
    cpu = policy.expected(CPU, [], actions=ACTIONS)
    for number in range(30):
        policy.learn(incident(number), "scale", evidence=MEMORY, helped=True)
        policy.learn(incident(number), "restart", evidence=MEMORY, helped=False)
    means = policy.expected(MEMORY, [], actions=ACTIONS)
    assert means["scale"] > 0.8
    assert means["restart"] < 0.3
    assert policy.expected(CPU, [], actions=ACTIONS) == cpu


def test_zero_weight_teaches_nothing():
    policy = BanditPolicy(RULES, seed=7)
    policy.learn(incident(), "scale", evidence=MEMORY, helped=True)
    before = policy.expected(MEMORY, [], actions=ACTIONS)
    for helped in (True, False):
        policy.learn(incident(), "restart", evidence=MEMORY, helped=helped, weight=0.0)
    assert policy.expected(MEMORY, [], actions=ACTIONS) == before


def test_it_forgets_so_that_a_changed_world_is_learnt_again():
    policy = BanditPolicy(PolicyRules(forgetting=0.1, prior_strength=4.0), seed=7)
    for number in range(500):
        policy.learn(incident(number), "restart", evidence=MEMORY, helped=True)
    for number in range(25):
        policy.learn(incident(number), "restart", evidence=MEMORY, helped=False)
    assert policy.expected(MEMORY, [], actions=("restart",))["restart"] < 0.4


def test_other_seeds_and_incidents_explore_otherwise():
    chosen = {propose(BanditPolicy(RULES, seed=seed), incident()).action for seed in range(40)}
    assert len(chosen) > 1


def test_no_prior_at_all_still_works():
    policy = BanditPolicy(PolicyRules(prior_strength=0.0, min_expected=0.0), seed=1)
    assert propose(policy, incident()) is not None


def test_it_beats_the_rule_where_the_rule_is_wrong():
    """In this world memory trouble is helped by rollback only."""
    wins = {}
    for policy in policies():
        wins[type(policy).__name__] = 0
        for number in range(100):
            proposal = propose(policy, incident(number))
            helped = proposal.action == "rollback"
            policy.learn(incident(number), proposal.action, evidence=MEMORY, helped=helped)
            wins[type(policy).__name__] += helped
    assert wins["ThresholdPolicy"] == 0
    assert wins["BanditPolicy"] > 70


@pytest.mark.parametrize("make", [0, 1])
def test_restored_it_goes_on_as_if_nothing_had_been(make):
    old, new = policies()[make], policies()[make]
    for number in range(20):
        old.learn(incident(number), "restart", evidence=MEMORY, helped=number % 3 == 0)
    new.restore(old.state())
    assert new.state() == old.state()
    for number in range(40):
        assert propose(new, incident(number)) == propose(old, incident(number))


def test_what_was_tried_is_bounded():
    policy = ThresholdPolicy(PolicyRules())
    for number in range(1500):
        policy.learn(incident(number), "restart", evidence=MEMORY, helped=False)
    attempts = policy.state()["attempts"]
    assert len(attempts) == 1000
    assert "inc-cart-1499" in attempts


@pytest.mark.parametrize("policy", policies(), ids=lambda p: type(p).__name__)
def test_an_unreadable_state_is_one_clear_error(policy):
    with pytest.raises(CheckpointError, match="policy"):
        policy.restore({})
