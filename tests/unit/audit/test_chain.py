"""The ledger's links and where a chain is said to break."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tam_workbench.audit import GENESIS, link, verify
from tam_workbench.errors import LedgerError

AT = datetime(2026, 1, 1, tzinfo=UTC)


def chain(length):
    entries = []
    for number in range(length):
        last = entries[-1] if entries else None
        entries.append(link(last, kind="turn", body={"n": number}, at=AT))
    return entries


def test_begins_at_one_with_genesis():
    first = link(None, kind="start", body={}, at=AT)
    assert (first.number, first.previous) == (1, GENESIS)


def test_body_is_canonical_whatever_the_order_of_keys():
    one = link(None, kind="k", body={"b": 1, "a": {"d": 1, "c": "ä"}}, at=AT)
    two = link(None, kind="k", body={"a": {"c": "ä", "d": 1}, "b": 1}, at=AT)
    assert one == two
    assert json.loads(one.body) == {"a": {"c": "ä", "d": 1}, "b": 1}


def test_the_zone_of_the_time_does_not_matter():
    east = AT.astimezone(timezone(timedelta(hours=2)))
    assert link(None, kind="k", body={}, at=AT).hash == link(None, kind="k", body={}, at=east).hash


@pytest.mark.parametrize("body", [{"x": float("nan")}, {"x": float("inf")}, {"x": object()}])
def test_a_body_that_is_no_json_is_refused(body):
    with pytest.raises(LedgerError, match="no JSON"):
        link(None, kind="k", body=body, at=AT)


def test_naive_time_and_two_line_kind_are_refused():
    with pytest.raises(LedgerError, match="zone"):
        link(None, kind="k", body={}, at=datetime(2026, 1, 1))
    with pytest.raises(LedgerError, match="one line"):
        link(None, kind="a\nb", body={}, at=AT)


def test_a_part_of_a_chain_verifies_after_its_predecessor():
    entries = chain(5)
    assert verify(entries[2:], after=entries[1]).checked == 3
    assert verify(entries[2:]).broken_at == 1


def test_an_empty_chain_holds():
    assert verify([]).holds


def test_entries_cut_off_at_the_end_are_found_by_the_known_head():
    entries = chain(5)
    assert verify(entries, head=entries[-1].hash).holds
    assert verify(entries[:3]).holds  # nothing inside the chain can tell
    assert verify(entries[:3], head=entries[-1].hash).broken_at == 4


def test_fields_cannot_be_shifted_into_each_other():
    entry = link(None, kind="a", body={"x": 1}, at=AT)
    assert not verify([replace(entry, kind="a\n" + AT.isoformat())]).holds
