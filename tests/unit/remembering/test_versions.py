"""Versions: a past that can be named, asked, compared, branched and made present again."""

import pytest

from tam_workbench.adapters.stores.lance import LanceStore
from tam_workbench.engine.remembering import Draft
from tam_workbench.errors import BadInputError
from tam_workbench.ports import EVERYTHING

OLD, NEW = "orders runs on node seven", "orders runs on node nine"


@pytest.fixture
def past(house, tmp_path):
    memory = house.memory(LanceStore(tmp_path / "store", dimension=256))
    [first] = memory.store(Draft(text=OLD, kind="fact")).ids
    memory.snapshot("calm")
    house.clock.sleep(60.0)
    memory.update(first, text=NEW)
    memory.store(Draft(text="cart lost its cache"))
    return memory


def texts(memory, words="orders node"):
    return [hit.entry.text for hit in memory.recall(words, k=5).hits]


def test_a_tag_is_asked_as_it_was(past):
    assert NEW in texts(past)
    assert texts(past.past("calm")) == [OLD]
    assert past.versions.tags().keys() == {"calm"}
    assert past.versions.tags()["calm"] in past.versions.kept()
    assert NEW in texts(past)


def test_a_diff_names_what_was_added_and_changed(past):
    rows = past.versions.diff("calm").rows(named=True)
    assert {row["after"] for row in rows if row["change"] == "added"} == {
        NEW,
        "cart lost its cache",
    }
    [changed] = [row for row in rows if row["change"] == "changed"]
    assert (changed["field"], changed["before"]) == ("known_to", "None")
    assert changed["after"].startswith("2026-01-10T12:01")
    back = past.versions.diff(past.shelf.version, "calm")
    assert set(back["change"]) == {"removed", "changed"}
    assert past.versions.diff("calm", "calm").is_empty()


def test_restoring_brings_the_past_back_and_keeps_the_present(past):
    present = past.shelf.version
    receipt = past.restore("calm")
    assert receipt.version_before == present
    assert receipt.version_after > present
    assert texts(past) == [OLD]
    past.restore(str(present))
    assert NEW in texts(past)


def test_a_branch_changes_nothing_here(past):
    before = past.shelf.count()
    branch = past.versions.branch("what-if", version="calm")
    [entry] = [e for page in branch.scan(EVERYTHING) for e in page]
    branch.delete([entry.id])
    assert branch.count() == 0
    assert past.shelf.count() == before
    branch.close()


def test_a_store_without_a_past_says_so(memory):
    with pytest.raises(BadInputError, match="keeps no versions: use store 'lance'"):
        memory.snapshot("now")
