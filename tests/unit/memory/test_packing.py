"""Whatever an entry holds comes back from its line of JSON."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tam_workbench.memory.packing import bytes_vector, from_fields, pack, unpack, vector_bytes
from tam_workbench.records import MemoryEntry, Origin, Tier

TEXTS = st.text(st.characters(codec=None), max_size=20)
TIMES = st.datetimes(
    min_value=datetime(1, 1, 2),
    max_value=datetime(9999, 12, 30),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]),
)
NUMBERS = st.floats(allow_nan=False)
ENTRIES = st.builds(
    MemoryEntry,
    id=TEXTS,
    kind=TEXTS,
    text=TEXTS,
    vector=st.lists(st.floats(width=32, allow_nan=False), max_size=4).map(tuple),
    tier=st.sampled_from(Tier),
    service=TEXTS,
    created_at=TIMES,
    trust=NUMBERS,
    action=TEXTS,
    helped=st.none() | st.booleans(),
    count=st.integers(),
    attributes=st.dictionaries(TEXTS, TEXTS, max_size=3),
    valid_from=st.none() | TIMES,
    valid_to=st.none() | TIMES,
    known_from=st.none() | TIMES,
    known_to=st.none() | TIMES,
    origin=st.sampled_from(Origin),
    labels=st.lists(TEXTS, max_size=3).map(tuple),
    source_ids=st.lists(TEXTS, max_size=3).map(tuple),
    surprise=NUMBERS,
    stability=NUMBERS,
    is_pinned=st.booleans(),
    is_quarantined=st.booleans(),
    embedder=TEXTS,
)


@given(ENTRIES)
def test_every_field_comes_back(entry):
    line = pack(entry)
    assert line.isascii()
    assert "\n" not in line
    vector = bytes_vector(vector_bytes(entry.vector))
    assert unpack(line, vector=vector) == entry


def test_no_field_is_forgotten():
    entry = MemoryEntry(
        id="a",
        kind="note",
        text="",
        vector=(),
        tier=Tier.WORKING,
        service="",
        created_at=datetime(2024, 1, 1, tzinfo=UTC),
        trust=1.0,
    )
    packed = pack(replace(entry, surprise=0.5))
    assert all(f'"{field.name}"' in packed for field in fields(entry) if field.name != "vector")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"id":"a"}'])
def test_what_is_no_entry_is_refused(text):
    with pytest.raises((ValueError, KeyError, TypeError)):
        unpack(text)


def test_unknown_fields_are_refused():
    with pytest.raises((KeyError, TypeError)):
        from_fields({"id": "a", "colour": "red"})
