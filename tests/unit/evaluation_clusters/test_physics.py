"""The simulated cluster behaves as Kubernetes does, and its book says what it did."""

from collections import defaultdict
from datetime import datetime, timedelta

import pytest

from tam_workbench.evaluation.clusters import FAULTS, Weather, ancestors, labelled
from tam_workbench.evaluation.clusters.clockwork import Clockwork
from tam_workbench.evaluation.clusters.watching import watched
from tam_workbench.records import Change

SEEDS = [0, 1, 2, 5, 11]


@pytest.fixture(scope="module", params=SEEDS)
def one(request):
    return labelled(request.param)


def test_no_effect_is_before_its_cause_and_the_book_has_no_cycle(one):
    told = one.truth.happenings
    for effect in told:
        for cause in effect.because[: effect.opened_with]:
            assert told[cause].at <= effect.at + timedelta(seconds=1e-3)
    for with_preconditions in (True, False):
        above = ancestors(one.truth, with_preconditions=with_preconditions)
        assert all(number not in causes for number, causes in enumerate(above))


def test_a_seed_is_a_cluster(one):
    seed = int(one.name.rpartition("-")[2])
    again = labelled(seed)
    assert again.observations == one.observations
    assert again.truth == one.truth
    assert labelled(seed + 1).observations != one.observations


def test_stamps_of_any_two_components_are_within_the_skew():
    import numpy as np

    for seed in range(20):
        clock = Clockwork(np.random.default_rng(seed))
        shown = [clock.shown(f"component {number}") for number in range(40)]
        assert max(shown) - min(shown) <= timedelta(seconds=4.0)  # a stamp cuts up to 1 s more
        assert max(shown) - min(shown) > timedelta(seconds=1.0)


def test_questions_have_roots_that_nothing_caused(one):
    assert one.truth.questions
    for question in one.truth.questions:
        assert question.roots or question.about == "nothing"
        assert question.asks in one.truth.seen
        assert all(not one.truth.happenings[root].because for root in question.roots)


def test_back_off_doubles_from_ten_seconds_to_five_minutes():
    one = labelled(3, faults=["oom_after_rollout"], herrings=0)
    waits = defaultdict(list)
    for seen in one.observations:
        for status in seen.manifest.get("status", {}).get("containerStatuses", ()):
            waiting = status["state"].get("waiting", {})
            if waiting.get("reason") == "CrashLoopBackOff":
                text = waiting["message"].split()[1]
                if text not in waits[seen.ref.uid]:
                    waits[seen.ref.uid].append(text)
    longest = max(waits.values(), key=len)
    assert longest[:4] == ["10s", "20s", "40s", "80s"]
    assert set(longest) <= {"10s", "20s", "40s", "80s", "160s", "300s"}


def test_out_of_memory_is_told_by_the_reason_and_not_always_by_137():
    codes = set()
    for seed in range(4):
        for seen in labelled(seed, faults=["base_killed"], herrings=0).observations:
            for status in seen.manifest.get("status", {}).get("containerStatuses", ()):
                over = status["state"].get("terminated", {})
                if over.get("reason") == "OOMKilled":
                    codes.add(over["exitCode"])
    assert codes == {1, 137}


def test_names_are_used_again_with_another_uid():
    found = 0
    for seed in range(12):
        uids = defaultdict(set)
        for seen in labelled(seed, faults=["drained", "node_pressed"]).observations:
            if seen.ref.kind == "Pod":
                uids[seen.ref.path].add(seen.ref.uid)
        found += sum(len(held) > 1 for held in uids.values())
    assert found


def test_no_secret_value_is_in_any_manifest(one):
    for seen in one.observations:
        if seen.ref.kind in {"ConfigMap", "Secret"}:
            assert "data" not in seen.manifest
            assert all(len(value) == 32 for value in seen.manifest["hashes"].values())


def test_resource_versions_tell_two_states_of_an_object_apart(one):
    states = {}
    for seen in one.observations:
        if seen.change is not Change.GAP:
            key = (seen.ref.key, seen.resource_version)
            assert states.setdefault(key, seen.manifest) == seen.manifest


def test_a_gap_hides_what_happened_in_it_and_says_so():
    rough = Weather(gaps=1, gap_s=(200.0, 300.0), duplicates=0.0, relists=0.0)
    hidden = 0
    for seed in range(3):
        names = ["crash_after_rollout", "oom_after_rollout", "bad_mount"]
        whole = labelled(seed, faults=names, weather=Weather(duplicates=0.0, relists=0.0))
        holed = labelled(seed, faults=names, weather=rough)
        gaps = [seen for seen in holed.observations if seen.change is Change.GAP]
        assert len(gaps) == len(rough.gap_kinds)
        for seen in gaps:
            began = datetime.fromisoformat(seen.manifest["began_at"])
            ended = datetime.fromisoformat(seen.manifest["ended_at"])
            assert timedelta(seconds=200) <= ended - began <= timedelta(seconds=300)
        assert holed.truth.seen <= whole.truth.seen
        hidden += len(whole.truth.seen) - len(holed.truth.seen)
    assert hidden


def test_duplicates_and_lists_show_nothing_new():
    plain = labelled(4, weather=Weather(duplicates=0.0, relists=0.0))
    noisy = labelled(4, weather=Weather(duplicates=0.5, relists=1.0))
    assert len(noisy.observations) > 1.3 * len(plain.observations)
    assert noisy.truth.seen == plain.truth.seen
    versions = {(seen.ref.key, seen.resource_version) for seen in plain.observations}
    assert {(seen.ref.key, seen.resource_version) for seen in noisy.observations} == versions


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_every_fault_has_effects_that_a_watcher_can_ask_about(name):
    asked = 0
    for seed in range(3):
        one = labelled(seed, faults=[name], herrings=0)
        asked += sum(question.about == name for question in one.truth.questions)
    assert asked


def test_a_quiet_cluster_has_no_trouble():
    one = labelled(8, faults=[], herrings=0)
    assert not one.truth.questions
    trouble = {"oom_killed", "container_terminated", "endpoints_lost", "pod_evicted"}
    kinds = {told.kinds[0] for told in one.truth.happenings}
    assert not trouble & kinds
    late = [told for told in one.truth.happenings if told.at.timestamp() > _watch_begin(one)]
    assert not late


def _watch_begin(one):
    return one.observations[0].observed_at.timestamp() - 5.0


def test_ours_makes_one_fact_of_one_thing(one):
    guess = watched(one)
    assert len(guess.facts) == len({fact.id for fact in guess.facts.values()})
