"""The widgets: what travels, what they do with a decision, when their thread ends."""

import gc
import json
import sys
import threading
import warnings
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "surfaces"))
from fake_workbench import FakeWorkbench

from tam_workbench import widgets
from tam_workbench.widgets.pulling import Puller

KINDS = [getattr(widgets, name) for name in widgets.__all__]


@pytest.fixture
def wb():
    return FakeWorkbench(interval_s=30.0).advance(400)


@pytest.mark.parametrize("kind", KINDS)
def test_a_widget_has_a_static_twin(kind, wb):
    widget = kind(wb)
    bundle, _ = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert ET.fromstring(bundle["image/svg+xml"]).get("aria-label")
    assert kind.__name__ in bundle["text/plain"]
    assert len(json.dumps(bundle)) < 100_000
    widget.close()


@pytest.mark.parametrize("kind", KINDS)
def test_what_travels_is_strict_json_and_small(kind, wb):
    widget = kind(wb)
    state = {k: v for k, v in widget.get_state().items() if k not in {"_esm", "_css", "layout"}}
    assert len(json.dumps(state, allow_nan=False)) < 60_000
    widget.close()


def test_live_telemetry_takes_what_is_new(wb):
    widget = widgets.LiveTelemetry(wb, ticks=50)
    first = widget.columns["time"][-1]
    wb.advance(3)
    widget.pull()
    assert widget.columns["time"][-1] == first + 3000
    assert len(widget.columns["trust"]) == 50
    assert set(widget.columns["band"]) <= {0, 1, 2}


def test_the_ribbon_shows_poison(wb):
    widget = widgets.TrustRibbon(wb)
    assert 2 not in widget.bands
    wb.inject("spoofed")
    wb.advance(5)
    widget.pull()
    assert widget.bands[-1] == 2
    assert "distrusted" in widget.summary


def test_a_decision_reaches_the_workbench(wb):
    widget = widgets.ApprovalCard(wb)
    key = widget.card["key"]
    widget._hear(widget, {"kind": "decide", "decision": "approve", "key": key, "reason": "ok"}, [])
    assert wb.said == [("approve", key, "ok")]
    assert key in widget.said


@pytest.mark.parametrize(
    "message",
    [
        {"kind": "decide", "decision": "approve", "key": "another", "reason": ""},
        {"kind": "decide", "decision": "explode", "key": "", "reason": ""},
        {"kind": "else"},
        "text",
    ],
)
def test_a_stale_or_strange_message_does_nothing(wb, message):
    widget = widgets.ApprovalCard(wb)
    widget._hear(widget, message, [])
    assert wb.said == []


def test_a_refusal_by_the_engine_is_shown(wb):
    widget = widgets.ApprovalCard(wb)
    key = widget.card["key"]
    wb._incidents.clear()
    widget._hear(widget, {"kind": "decide", "decision": "reject", "key": key, "reason": "x"}, [])
    assert "no proposal" in widget.said


def test_closing_ends_the_thread(wb):
    wb.start()
    widget = widgets.TrustRibbon(wb)
    assert widget.is_live
    widget.close()
    assert not widget.is_live
    wb.stop()


def test_a_stopped_workbench_is_not_followed(wb):
    widget = widgets.TrustRibbon(wb)
    assert not widget.is_live
    wb.start()
    widget._repr_mimebundle_()
    assert widget.is_live
    widget.close()
    wb.stop()


class Counter:
    def __init__(self, until):
        self.until, self.count, self.reached = until, 0, threading.Event()

    def pull(self):
        self.count += 1
        if self.count >= self.until:
            self.reached.set()


def test_the_thread_pulls_and_ends_when_the_loop_has_ended(wb):
    wb.start()
    counter = Counter(3)
    puller = Puller(counter, wb, period_s=0.001)
    puller.start()
    assert counter.reached.wait(5)
    wb.stop()
    puller._thread.join(5)
    assert not puller.is_running


def test_a_widget_that_nobody_keeps_ends_its_thread(wb):
    wb.start()
    counter = Counter(1)
    puller = Puller(counter, wb, period_s=0.001)
    puller.start()
    assert counter.reached.wait(5)
    del counter
    gc.collect()
    puller._thread.join(5)
    assert not puller.is_running
    wb.stop()


def test_all_is_complete():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert widgets.__all__ == sorted(widgets.__all__)
