"""Facts: corrected, never erased; true for a time, known for a time."""

from datetime import UTC, datetime, timedelta

import pytest

from tam_workbench.adapters.embedders.hashing import HashingEmbedder
from tam_workbench.adapters.stores.lance import LanceStore
from tam_workbench.engine.remembering import telling
from tam_workbench.engine.remembering.orders import obey
from tam_workbench.memory import Claim, holds

MAY = datetime(2024, 5, 1, tzinfo=UTC)
JUNE, JULY = MAY + timedelta(days=31), MAY + timedelta(days=61)


def limit(memory, what, since, *, now):
    claim = Claim(subject="orders", predicate="has limit", object=what, since=since)
    return telling.tell(memory, claim, service="orders", now=now)


def believed(memory, *, as_of, known_at):
    found = telling.facts(memory, service="orders")
    return {f.attributes["object"] for f in found if holds(f, as_of=as_of, known_at=known_at)}


@pytest.fixture(params=["inmemory", "lance"])
def memory(request, house, tmp_path):
    size = HashingEmbedder().dimension
    store = LanceStore(tmp_path, dimension=size) if request.param == "lance" else None
    return house.memory(store)


def test_a_correction_keeps_both_answers(memory):
    limit(memory, "80", MAY, now=MAY)
    limit(memory, "120", JUNE, now=JULY)  # we hear in July what holds since June
    assert believed(memory, as_of=JUNE, known_at=JUNE) == {"80"}  # what we thought then
    assert believed(memory, as_of=JUNE, known_at=JULY) == {"120"}  # what was true then
    assert believed(memory, as_of=MAY, known_at=JULY) == {"80"}


def test_saying_it_again_adds_no_row(memory):
    limit(memory, "80", MAY, now=MAY)
    before = len(telling.facts(memory))
    receipt = limit(memory, "80", MAY, now=MAY)
    assert len(telling.facts(memory)) == before
    assert receipt.detail == "known already" or receipt.ids


def test_secrets_are_redacted_and_orders_are_obeyed(memory):
    told = {"verb": "tell", "subject": "gateway", "predicate": "is run by",
            "object": "ann@example.com", "since": MAY.isoformat()}  # fmt: skip
    receipt = obey(memory, told)
    [fact] = telling.facts(memory)
    assert receipt.verb == "tell"
    assert "ann@example.com" not in fact.text + str(fact.attributes)
