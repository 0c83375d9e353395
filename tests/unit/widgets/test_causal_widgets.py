"""Why it happened and how it stood then, in a notebook cell."""

import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "surfaces"))
from fake_workbench import FakeWorkbench

from tam_workbench import widgets

DEPLOYMENT = "shop/Deployment/api"


@pytest.fixture(scope="module")
def wb():
    return FakeWorkbench()


def test_a_chain_says_the_root_its_links_and_how_sure(wb):
    widget = widgets.CausalChain(wb, wb.cluster.incidents()[0].facts[-1])
    kinds = [step["kind"] for step in widget.chain["steps"]]
    assert kinds[0] == "rolled out"
    assert kinds[-1] == "endpoints lost"
    assert len(kinds) >= 3
    assert "rolled out" in widget.snapshot()
    assert (
        ET.fromstring(widget.snapshot())
        .get("aria-label")
        .startswith("Root cause of endpoints lost")
    )
    assert widget.describe().endswith(("Confidence > 0.99.", "Confidence 0.99."))


def test_the_front_end_asks_and_the_same_again_is_told_again(wb):
    widget = widgets.CausalChain(wb)
    assert "name an object" in widget.describe()
    told = []
    widget.observe(lambda change: told.append(change["new"]), "chain")
    for number in (1, 2):
        widget.asked = {"what": DEPLOYMENT, "number": number}
    assert len(told) == 2
    assert widget.chain["steps"][-1]["object"].startswith("shop/")
    widget.asked = {"what": "Pod/nobody", "number": 3}
    assert "no object" in widget.describe()
    assert "no object" in widget.snapshot()


def test_a_new_incident_renews_picks_and_chain(wb):
    widget = widgets.CausalChain(wb, DEPLOYMENT)
    widget.picks = []
    before = widget.chain
    widget.pull()
    assert len(widget.picks) == 4
    assert widget.chain == before


def test_the_state_then_differs_from_the_state_before(wb):
    root = widgets.CausalChain(wb, DEPLOYMENT).chain["steps"][0]
    widget = widgets.StateAt(wb, DEPLOYMENT, root["seen"])
    changed = {path: (a, b) for path, a, b in widget.state["changed"]}
    assert ("256Mi", "64Mi") in changed.values()
    assert "256Mi" in widget.snapshot()
    assert "changes in the 60 s before" in widget.describe()
    widget.asked = {"what": DEPLOYMENT, "at": widget.span["from"], "ago_s": 600}
    assert not widget.state["changed"] or widget.state["ago_s"] == 600
    widget.asked = {"what": DEPLOYMENT, "at": "soon"}
    assert "soon" in widget.describe()


def test_what_was_not_there_is_said(wb):
    widget = widgets.StateAt(wb, DEPLOYMENT, "2020-01-01T00:00:00Z")
    assert widget.describe() == f"{DEPLOYMENT} was not there at 2020-01-01 00:00:00."
    assert not widget.state["rows"]
    assert "name an object" in widgets.StateAt(wb).describe()
