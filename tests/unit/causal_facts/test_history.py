"""The state of any object at any time, against a list that forgets nothing."""

import random
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tam_workbench.causal import History
from tam_workbench.errors import BadInputError
from tam_workbench.records import Change, ObjectRef, Observation
from tests.unit.causal_facts.seen import START, at, deployment, event, pod, running


def version(number, seconds, *, name="web", uid="u", change=Change.MODIFIED, **state):
    ref = ObjectRef(cluster="c", kind="Pod", namespace="shop", name=name, uid=uid)
    return Observation(
        change=change,
        ref=ref,
        observed_at=at(seconds),
        resource_version=str(number),
        manifest={"spec": {"n": number}, "metadata": {"resourceVersion": str(number)}, **state},
    )


def test_a_living_object_has_a_state_at_every_moment():
    """The seed kept pods at their deletion only: of what lives it knew nothing."""
    history = History()
    for number in (1, 2, 3):
        history.put(version(number, number * 10))
    assert history.at("c/u", at(5)) is None
    assert history.at("c/u", at(10))["spec"] == {"n": 1}
    assert history.at("c/u", at(29.999))["spec"] == {"n": 2}
    assert history.at("shop/Pod/web", at(9999))["spec"] == {"n": 3}


def test_a_moment_is_a_moment_in_any_zone():
    """Defect 5: a query with another zone gave a snapshot of four hours later."""
    history = History()
    history.put(version(1, 0))
    history.put(version(2, 100))
    east = timezone(timedelta(hours=5))
    assert history.at("c/u", at(50).astimezone(east))["spec"] == {"n": 1}
    with pytest.raises(BadInputError, match="has no zone"):
        history.at("c/u", datetime(2026, 3, 1, 12, 0))


def test_what_is_deleted_is_gone_from_then_on_and_not_before():
    history = History()
    history.put(version(1, 0))
    history.put(version(1, 50, change=Change.DELETED))  # as a relist tells it: the same version
    assert history.at("c/u", at(49))["spec"] == {"n": 1}
    assert history.at("c/u", at(50)) is None
    assert history.last("c/u")["spec"] == {"n": 1}
    assert [ref.name for ref in history.alive(at(49))] == ["web"]
    assert history.alive(at(51)) == []


def test_a_name_means_whoever_had_it_then():
    history = History()
    history.put(version(1, 0, uid="u1"))
    history.put(version(2, 50, uid="u1", change=Change.DELETED))
    history.put(version(3, 60, uid="u2"))
    assert history.at("shop/Pod/web", at(10))["spec"] == {"n": 1}
    assert history.at("shop/Pod/web", at(55)) is None
    assert history.at("shop/Pod/web", at(70))["spec"] == {"n": 3}
    named = ObjectRef(cluster="c", kind="Pod", namespace="shop", name="web")
    assert history.at(named, at(70))["spec"] == {"n": 3}
    other = ObjectRef(cluster="other", kind="Pod", namespace="shop", name="web")
    assert history.at(other, at(70)) is None


def test_what_arrives_swapped_stands_as_it_was():
    history = History()
    history.put(version(1, 0))
    history.put(version(3, 10))
    history.put(version(2, 11))  # overtaken on the way
    assert history.at("c/u", at(60))["spec"] == {"n": 3}
    assert len(history) == 3


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 400), st.booleans()), min_size=1, max_size=60, unique=True),
    st.randoms(use_true_random=False),
    st.integers(2, 7),
)
def test_it_agrees_with_a_plain_list_in_any_order(steps, rng, length):
    marks = sorted(dict(steps).items())
    versions = [
        version(n, n, change=Change.DELETED if gone else Change.MODIFIED, text="x" * (n % 9))
        for n, gone in marks
    ]
    shuffled = versions * 2
    rng.shuffle(shuffled)
    history = History(length=length)
    for one in shuffled:
        history.put(one)
    assert len(history) == len(versions)
    other = History(length=length)
    other.restore(history.segments())
    for moment in range(0, 402, 3):
        upto = [one for one in versions if one.observed_at <= at(moment)]
        expected = None
        if upto and upto[-1].change is not Change.DELETED:
            expected = upto[-1].manifest
        assert history.at("c/u", at(moment)) == expected
        assert other.at("c/u", at(moment)) == expected


def test_segments_are_only_those_that_changed():
    history = History(length=4)
    for number in range(1, 11):
        history.put(version(number, number))
    history.put(version(1, 1, name="db", uid="d"))
    assert sorted(history.segments()) == ["c/d#0", "c/u#0", "c/u#1", "c/u#2"]
    assert history.segments() == {}
    history.put(version(11, 11))
    assert sorted(history.segments()) == ["c/u#2"]


def test_a_new_version_writes_no_old_block_anew():
    history = History()
    for number in range(1, 21):
        history.put(version(number, number))
    parts = history.segments()
    assert sorted(parts) == ["c/u#0", "c/u#0.1", "c/u#0.2"]
    history.put(version(21, 21))
    assert sorted(history.segments()) == ["c/u#0.2"]
    late = version(5, 5, uid="u")
    history.put(late)  # known: nothing is to be written
    assert history.segments() == {}
    del parts["c/u#0.1"]
    with pytest.raises(BadInputError, match="misses"):
        History().restore(parts)


def test_a_late_version_writes_all_blocks_after_it_anew():
    history, held = History(), {}
    for number in [*range(1, 12), *range(13, 31)]:
        history.put(version(number, number))
    held |= history.segments()
    history.put(version(12, 12))
    again = history.segments()
    assert sorted(again) == ["c/u#0.1", "c/u#0.2", "c/u#0.3"]
    other = History()
    other.restore(held | again)
    assert [other.at("c/u", at(s))["spec"]["n"] for s in (11, 12, 13, 30)] == [11, 12, 13, 30]
    assert len(other) == 30


def test_a_broken_segment_says_what_to_do():
    history = History()
    history.put(version(1, 1))
    ((key, whole),) = history.segments().items()
    for broken in (whole[:-1], b"nothing", whole[: len(whole) // 3]):
        with pytest.raises(BadInputError, match="relist"):
            History().restore({key: broken})


def test_what_was_forgotten_is_only_what_lies_before():
    history = History(length=3)
    for number in range(1, 11):
        history.put(version(number, number * 10))
    history.put(version(1, 5, name="gone", uid="g"))
    history.put(version(2, 6, name="gone", uid="g", change=Change.DELETED))
    states = {s: history.at("c/u", at(s)) for s in range(65, 120, 5)}
    gone = history.forget(at(65))
    assert gone == ["c/u#0", "c/g#0"]
    assert {s: history.at("c/u", at(s)) for s in states} == states
    assert history.at("c/u", at(15)) is None
    assert history.at("c/g", at(5.5)) is None
    history.put(version(11, 111))
    restored = History(length=3)
    restored.restore(history.segments())
    assert restored.at("c/u", at(111))["spec"] == {"n": 11}


def test_a_diff_names_the_paths():
    history = History()
    history.put(deployment(0, image="web:1"))
    history.put(deployment(60, image="web:2", replicas=5, generation=2))
    told = history.diff("c/dep", at(1), at(61))
    diff = {path: (old, new) for path, old, new in told}
    assert diff == {
        "metadata.generation": (1, 2),
        "spec.replicas": (2, 5),
        "spec.template.spec.containers[app].image": ("web:1", "web:2"),
    }


def test_what_changed_between_two_moments():
    history = History()
    history.put(deployment(0, image="web:1"))
    history.put(pod(5, name="old", state=running(1)))
    history.put(deployment(60, image="web:2", generation=2))
    history.put(pod(70, name="new", state=running(66)))
    history.put(pod(80, name="old", change=Change.DELETED))
    history.put(pod(61, name="brief"))
    history.put(pod(65, name="brief", change=Change.DELETED))
    told = [(one.ref.name, one.change.name) for one in history.between(at(10), at(100), "shop")]
    assert told == [
        ("web", "MODIFIED"),
        ("brief", "DELETED"),
        ("new", "ADDED"),
        ("old", "DELETED"),
    ]
    assert history.between(at(10), at(100), "elsewhere") == []
    assert [one.ref.name for one in history.between(at(10), at(100), kind="Deployment")] == ["web"]


def test_events_and_gaps_are_no_state():
    history = History()
    history.put(event(1, "Killing", "Stopping container app"))
    assert len(history) == 0
    assert history.moments("shop/Event/web-1.Killing.1") == []


def test_moments_are_when_versions_were_seen():
    history = History()
    for number in (1, 2):
        history.put(version(number, number))
    assert history.moments("c/u") == [at(1), at(2)]
    assert history.moments("c/u")[0].tzinfo is UTC


def test_it_is_compact_and_reads_without_walking():
    """A version of a pod of 3 kB costs under 300 bytes on disk, and any is read alike."""
    rng = random.Random(5)
    history = History()
    for number in range(300):
        one = pod(number * 10, state=running(number), restarts=number, version=str(number + 1))
        one.manifest["spec"]["containers"][0]["args"] = [str(rng.random()) for _ in range(120)]
        rng.seed(5)
        history.put(one)
    size = sum(len(one) for one in history.segments().values())
    assert size / 300 < 300
    assert history.at("shop/Pod/web-1", START + timedelta(seconds=1495))["status"] is not None
