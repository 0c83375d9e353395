"""Observations survive being written down, and a broken line says what is wrong with it."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tam_workbench.adapters.observing import decode, encode, latest_stamp, seen, stamp, told_at
from tam_workbench.errors import BadInputError
from tam_workbench.records import Change, ObjectRef, Observation

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
texts = st.text(max_size=20)
manifests = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)


@given(
    change=st.sampled_from(Change),
    names=st.tuples(texts, texts, texts, texts, texts),
    at=st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5))])),
    version=texts,
    manifest=st.dictionaries(texts, manifests, max_size=4),
)
def test_a_line_gives_back_what_was_seen(change, names, at, version, manifest):
    cluster, kind, name, namespace, uid = names
    ref = ObjectRef(cluster=cluster, kind=kind, name=name, namespace=namespace, uid=uid)
    told = Observation(
        change=change, ref=ref, observed_at=at, resource_version=version, manifest=manifest
    )
    line = encode(told)
    assert "\n" not in line
    assert line.isascii()
    assert decode(line) == told
    assert decode(line.encode()) == told


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("{", "not JSON"),
        ("[]", "no mapping"),
        ("[" * 100_000, "not JSON"),
        ('{"change": 1}', "change is no text"),
        ('{"change": "LOST", "kind": "Pod"}', "'LOST' is none of ours"),
        ('{"change": "ADDED", "observed_at": "2026-01-01T00:00:00"}', "no time with a zone"),
        ('{"change": "ADDED", "observed_at": "2026-01-01T00:00:00Z", "manifest": 3}', "manifest"),
    ],
)
def test_a_broken_line_says_what_is_wrong(line, wrong):
    with pytest.raises(BadInputError, match=wrong) as caught:
        decode(line)
    assert "\n" not in str(caught.value)


def test_who_and_which_version_come_from_the_metadata():
    pod = {"kind": "Pod", "metadata": {"name": "a", "namespace": "n", "resourceVersion": "7"}}
    told = seen(pod, Change.ADDED, cluster="c", observed_at=AT)
    assert told.ref.path == "n/Pod/a"
    assert told.resource_version == "7"


@pytest.mark.parametrize("text", ["", "soon", "2026-01-01T00:00:00", None, 3, "9999-99-99T00:00Z"])
def test_what_is_no_stamp_is_none(text):
    assert stamp(text) is None


def test_zones_are_told_apart():
    assert stamp("2026-01-01T07:00:00-05:00") == AT


@pytest.mark.parametrize(
    "event",
    [
        {"lastTimestamp": "2026-01-01T12:00:00Z", "firstTimestamp": "2026-01-01T11:00:00Z"},
        {"lastTimestamp": None, "eventTime": "2026-01-01T12:00:00.000000Z"},
        {"series": {"lastObservedTime": "2026-01-01T12:00:00Z"}, "eventTime": "2026-01-01T11:00Z"},
        {"deprecatedLastTimestamp": "2026-01-01T12:00:00Z"},
        {"metadata": {"creationTimestamp": "2026-01-01T12:00:00Z"}},
    ],
)
def test_an_event_tells_its_time_by_old_and_new_fields(event):
    assert told_at(event) == AT


def test_an_object_was_seen_no_earlier_than_it_speaks_of_and_not_in_its_future():
    pod = {
        "metadata": {
            "creationTimestamp": "2026-01-01T10:00:00Z",
            "deletionTimestamp": "2026-01-01T13:00:00Z",
        },
        "spec": {"notAfter": "2027-01-01T00:00:00Z"},
        "status": {"conditions": [{"lastTransitionTime": "2026-01-01T12:00:00Z"}]},
    }
    assert latest_stamp(pod) == AT
    assert latest_stamp({"metadata": {}}) is None
