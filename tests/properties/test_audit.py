"""The ledger verifies, or says where it broke."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tam_workbench.audit import link, verify

AT = datetime(2026, 1, 1, tzinfo=UTC)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
BODIES = st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=3), min_size=2, max_size=8)


def chain(bodies):
    entries = []
    for number, body in enumerate(bodies):
        last = entries[-1] if entries else None
        at = AT + timedelta(seconds=number)
        entries.append(link(last, kind="turn", body=body, at=at))
    return entries


@given(BODIES)
def test_an_honest_chain_holds(bodies):
    entries = chain(bodies)
    verification = verify(entries, head=entries[-1].hash)
    assert verification.holds
    assert verification.checked == len(entries)


@given(
    BODIES,
    st.data(),
    st.sampled_from(["number", "kind", "at", "body", "previous", "hash"]),
)
def test_any_changed_field_is_found_where_it_is(bodies, data, field):
    entries = chain(bodies)
    place = data.draw(st.integers(0, len(entries) - 1))
    old = entries[place]
    new = {
        "number": old.number + data.draw(st.sampled_from([-1, 1, 10])),
        "kind": old.kind + data.draw(st.text(min_size=1, max_size=3)),
        "at": old.at + timedelta(microseconds=data.draw(st.sampled_from([-1, 1]))),
        "body": old.body + data.draw(st.text(min_size=1, max_size=3)),
        "previous": "f" * 64,
        "hash": "e" * 64,
    }[field]
    entries[place] = replace(old, **{field: new})
    verification = verify(entries)
    assert (verification.holds, verification.broken_at) == (False, place + 1)
    assert verification.checked == place
    assert verification.reason


@given(BODIES, st.data())
def test_a_dropped_entry_is_found(bodies, data):
    entries = chain(bodies)
    head = entries[-1].hash
    place = data.draw(st.integers(0, len(entries) - 1))
    del entries[place]
    assert verify(entries, head=head).broken_at == place + 1


@given(BODIES, st.data())
def test_an_inserted_entry_is_found(bodies, data):
    entries = chain(bodies)
    head = entries[-1].hash
    place = data.draw(st.integers(0, len(entries)))
    before = entries[place - 1] if place else None
    entries.insert(place, link(before, kind="forged", body={}, at=AT))
    # a well-formed forgery at `place` breaks the link of what follows it
    assert verify(entries, head=head).broken_at == place + 2


@given(BODIES, st.data())
def test_reordered_entries_are_found(bodies, data):
    entries = chain(bodies)
    one = data.draw(st.integers(0, len(entries) - 2))
    two = data.draw(st.integers(one + 1, len(entries) - 1))
    entries[one], entries[two] = entries[two], entries[one]
    assert verify(entries).broken_at == one + 1
