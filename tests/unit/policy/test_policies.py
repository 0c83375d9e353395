"""Both policies: attempts, keys, memory, learning and their limits."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from tam_workbench.errors import CheckpointError
from tam_workbench.policy import CONTEXT, BanditPolicy, PolicyRules, ThresholdPolicy, numbers_in
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
    policy.learn(incident(2), "scale", evidence=CPU, helped=True)
    before = policy.state()
    assert propose(policy, incident()) == propose(policy, incident())
    np.testing.assert_equal(policy.state(), before)


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
    unlike = {"http.server.latency_p95.deviation": 9.0}  # restart 0.4, scale 0.35 by the table
    rules = PolicyRules(prior_strength=1.0)
    chosen = {
        propose(BanditPolicy(rules, seed=seed), incident(), evidence=unlike).action
        for seed in range(40)
    }
    assert len(chosen) > 1
    chosen = {
        propose(BanditPolicy(rules, seed=7), incident(number), evidence=unlike).action
        for number in range(40)
    }
    assert len(chosen) > 1


def test_the_odds_in_a_proposal_are_those_by_which_it_was_drawn():
    policy = BanditPolicy(PolicyRules(exploration_width=0.5, prior_strength=1.0), seed=7)
    made = [propose(policy, incident(number)) for number in range(2000)]
    odds = [numbers_in(proposal.arguments["odds"]) for proposal in made]
    assert all(sum(told.values()) == pytest.approx(1.0, abs=1e-4) for told in odds)
    for action in ("restart", "scale", "rollback"):
        share = np.mean([proposal.action == action for proposal in made])
        told = np.mean([numbers[action] for numbers in odds])
        assert told > 0.05
        assert share == pytest.approx(told, abs=4.0 * (told / 2000) ** 0.5)


@pytest.mark.parametrize(("least", "floor"), [(0.0, 0.0), (0.2, 0.2 / 5)])
def test_no_action_worth_considering_is_left_without_a_chance(least, floor):
    rules = PolicyRules(exploration=least, min_expected=0.0, exploration_width=0.0)
    proposal = propose(BanditPolicy(rules, seed=7), incident())
    odds = numbers_in(proposal.arguments["odds"])
    assert min(odds.values()) == pytest.approx(floor)
    assert max(odds.values()) == pytest.approx(1.0 - 4 * floor)


def test_a_rule_has_no_doubt_about_what_it_takes():
    proposal = propose(ThresholdPolicy(RULES), incident())
    assert numbers_in(proposal.arguments["odds"]) == {"restart": 1.0}
    assert numbers_in(proposal.arguments["expected"])["restart"] == pytest.approx(0.7)


def test_it_tells_troubles_apart_that_have_one_name():
    """Two troubles look like latency; only the idle processor of the second gives it away."""
    common = {"http.server.latency_p95.deviation": 10.0, "http.server.error_ratio.deviation": 6.0}
    idle = {**common, "container.cpu.utilization.deviation": -9.0}
    policy = BanditPolicy(PolicyRules(), seed=7)
    for number in range(40):
        for evidence, remedy in ((common, "restart"), (idle, "scale")):
            for action in ("restart", "scale"):
                policy.learn(incident(number), action, evidence=evidence, helped=action == remedy)
    means = policy.expected(common, [], actions=ACTIONS)
    assert max(means, key=means.get) == "restart"
    means = policy.expected(idle, [], actions=ACTIONS)
    assert max(means, key=means.get) == "scale"


def test_outcomes_may_come_late_and_in_any_order_where_nothing_is_forgotten():
    told = [(CPU, "scale", True), (MEMORY, "restart", False), (CPU, "restart", False)]
    means = []
    for order in (told, told[::-1]):
        policy = BanditPolicy(PolicyRules(forgetting=0.0), seed=7)
        for number, (evidence, action, helped) in enumerate(order):
            policy.learn(incident(number), action, evidence=evidence, helped=helped, weight=0.7)
        means.append(list(policy.expected(CPU, [], actions=ACTIONS).values()))
    assert means[0] == pytest.approx(means[1], abs=1e-12)


def test_a_recalled_outcome_counts_like_one_seen_here():
    """The rank-one shortcut equals learning the outcome and asking again."""
    rules = PolicyRules(forgetting=0.0)
    asked = BanditPolicy(rules, seed=7).expected(
        MEMORY, [hit(1, "scale", True, score=0.8)], actions=ACTIONS
    )
    taught = BanditPolicy(rules, seed=7)
    taught.learn(incident(), "scale", evidence=MEMORY, helped=True, weight=0.8)
    assert asked == pytest.approx(taught.expected(MEMORY, [], actions=ACTIONS))


def test_what_it_keeps_does_not_grow():
    policy = BanditPolicy(PolicyRules(), seed=7)
    for number in range(300):
        evidence = {f"made.up.{number}.deviation": 9.0, "cpu.deviation": number % 10}
        policy.learn(incident(number), "scale", evidence=evidence, helped=True)
    learnt = policy.state()["learnt"]["scale"]
    assert learnt["precision"].shape == (CONTEXT, CONTEXT)


def test_a_checkpoint_of_before_there_were_contexts_begins_at_the_table():
    policy = BanditPolicy(RULES, seed=7)
    policy.learn(incident(), "scale", evidence=MEMORY, helped=True)
    old = {"counts": {"memory": {"restart": [1.0, 2.0]}}, "attempts": {"i": ["scale"]}}
    policy.restore(old)
    assert policy.state() == {"learnt": {}, "attempts": {"i": ["scale"]}}
    wrong = {"scale": {"precision": np.eye(3), "pull": np.zeros(3)}}
    with pytest.raises(CheckpointError, match="another size"):
        policy.restore({"learnt": wrong, "attempts": {}})


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
    np.testing.assert_equal(new.state(), old.state())
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
