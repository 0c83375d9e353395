"""The dashboard without a browser: sessions, screens, access, the proxy entry."""

import gc
import subprocess
import sys
import weakref
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "surfaces"))
from bokeh.document import Document
from fake_workbench import FakeWorkbench
from panel.io.state import set_curdoc

from tam_workbench import dashboard
from tam_workbench.dashboard.app import KINDS, open_session
from tam_workbench.dashboard.charts import LEFT_BORDER, ROLLOVER, strip
from tam_workbench.dashboard.proxy import server
from tam_workbench.dashboard.session import SCREENS
from tam_workbench.errors import SettingsError


@pytest.fixture
def wb():
    return FakeWorkbench().advance(300)


@pytest.fixture
def session(wb):
    with set_curdoc(Document()):
        yield open_session(wb)[0]


def show(session, name):
    session.screen = name
    session.show()
    return session._built[name]


def test_every_screen_has_a_class_a_title_and_an_icon():
    assert tuple(KINDS) == SCREENS
    assert all(kind.title and kind.icon for kind in KINDS.values())


@pytest.mark.parametrize("name", SCREENS)
def test_every_screen_draws_a_full_and_an_empty_workbench(name, session):
    assert show(session, name).view is not None
    with set_curdoc(Document()):
        bare = open_session(FakeWorkbench())[0]
        show(bare, name)
        for _ in range(10):
            bare.tick()


def test_only_the_visible_screen_is_updated(session, wb):
    live = show(session, "live")
    drawn = len(live._strip.pulses.data["time"])
    show(session, "trust")
    wb.advance(5)
    session.tick()
    assert len(live._strip.pulses.data["time"]) == drawn
    show(session, "live")
    assert len(live._strip.pulses.data["time"]) == drawn + 5


def test_nothing_is_streamed_twice(session, wb):
    live = show(session, "live")
    for _ in range(4):
        wb.advance(3)
        session.tick()
    times = live._strip.pulses.data["time"]
    assert list(times) == sorted(set(times))
    assert len(times) == 312


def test_the_browser_keeps_a_bounded_history(session, wb):
    live = show(session, "live")
    wb.advance(ROLLOVER)
    session.tick()
    assert len(live._strip.pulses.data["time"]) == ROLLOVER
    assert len(live._pulses) == ROLLOVER


def test_a_paused_view_stands_still_and_catches_up(session, wb):
    live = show(session, "live")
    live._pause.value = True
    wb.advance(4)
    session.tick()
    assert len(live._strip.pulses.data["time"]) == 300
    live._pause.value = False
    session.tick()
    assert len(live._strip.pulses.data["time"]) == 304


def test_markers_show_drift_change_and_incident_once(session, wb):
    live = show(session, "live")
    kinds = list(live._strip.markers.data["kind"])
    assert set(kinds) == {"drift", "change", "incident"}
    assert kinds.count("incident") == len(wb.incidents())


def test_another_headline_redraws_the_same_ticks(session):
    live = show(session, "live")
    before = list(live._strip.pulses.data["value"])
    live._choice.value = "requests / s"
    after = list(live._strip.pulses.data["value"])
    assert len(after) == len(before)
    assert after != before


def test_injecting_reaches_the_workbench(session, wb):
    live = show(session, "live")
    live._fault.value = "spoofed"
    live._inject(None)
    assert wb.said == [("inject", "spoofed", None)]
    assert "spoofed" in session.notice.object


def test_approving_and_rejecting_reach_the_workbench(session, wb):
    page = show(session, "incident")
    key = wb.pending()[0].proposal.key
    assert page._approval.card["key"] == key
    page._approval.decided = {"decision": "approve", "key": key, "reason": "fits", "number": 1}
    assert wb.said == [("approve", key, "fits")]
    page._approval.decided = {"decision": "reject", "key": "gone", "reason": "x", "number": 2}
    assert "no proposal &#x27;gone&#x27;" in session.notice.object


def test_banning_releasing_and_snapshots_reach_the_workbench(session, wb):
    trust = show(session, "trust")
    trust._source.value, trust._why.value = "edge-gateway", "sends NaN"
    trust._ban()
    trust._free()
    learning = show(session, "learning")
    learning._keep()
    assert [word for word, _, _ in wb.said] == ["block", "release", "snapshot"]
    assert wb.said[0] == ("block", "edge-gateway", "sends NaN")


def test_recall_shows_hits(session):
    memory = show(session, "memory")
    memory._asked.value = "checkout times out"
    assert "likeness" in memory._hits.object
    assert "Seen before" in memory._verdict.object
    memory._asked.value = "penguins waddle across the ice"
    assert "New to me" in memory._verdict.object


def test_the_ledger_is_proved(session):
    audit = show(session, "audit")
    audit._prove()
    assert "every link fits" in audit._proof.object


def test_time_range_moves_the_shared_range(session):
    live = show(session, "live")
    session.range = "1h"
    assert live._strip.span.follow_interval == 3_600_000
    session.range = "all"
    assert live._strip.span.follow is None


def test_stacked_charts_share_range_and_left_border():
    made = strip(keys=("telemetry", "trust"))
    figures = [figure for chart in made.charts.values() for figure in chart.children]
    assert {figure.min_border_left for figure in figures} == {LEFT_BORDER}
    assert {figure.x_range.id for figure in figures} == {made.span.id}


def test_the_page_does_not_follow_the_busy_light(wb):
    """Panel's busy state changes at every callback and each change walks the document."""
    from panel.io.state import state

    with set_curdoc(Document()):
        watched = len(state._param__private.watchers["busy"]["value"])
        session, page = open_session(wb)
        followed = page._param__private.refs["busy"]
    assert followed.owner is session
    assert len(state._param__private.watchers["busy"]["value"]) == watched


def test_a_session_that_was_closed_is_forgotten(wb):
    """Panel's global state once kept the page of every session for ever."""
    with set_curdoc(Document()):
        kept = weakref.ref(open_session(wb)[0])
    for _ in range(3):
        gc.collect()
    assert kept() is None


def test_the_network_needs_a_password(wb):
    with pytest.raises(SettingsError, match="password"):
        dashboard.serve(wb, port=1, address="0.0.0.0")
    dashboard.check_access("0.0.0.0", "secret")
    dashboard.check_access("::1", None)


def test_the_proxy_entry_is_what_jupyter_server_proxy_reads():
    entry = server()
    assert "{port}" in entry["command"]
    assert entry["launcher_entry"]["enabled"] is True


MEASURE = """
import sys; sys.path.insert(0, sys.argv[1])
from fake_workbench import FakeWorkbench
from tam_workbench.dashboard.measure import measure_session
wb = FakeWorkbench().advance(600)
print(measure_session(wb, between=lambda: wb.advance(1), turns=100).server_ms)
"""


@pytest.mark.slow
def test_a_session_costs_at_most_16_ms_a_turn():
    """In its own process: pytest's capture of the log costs more than the screen."""
    surfaces = str(Path(__file__).parents[2] / "surfaces")
    told = subprocess.run(
        [sys.executable, "-c", MEASURE, surfaces], capture_output=True, text=True, check=True
    )
    assert 0.0 < float(told.stdout) < 16.0


GROWTH = """
import sys; sys.path.insert(0, sys.argv[1])
from fake_workbench import FakeWorkbench
from tam_workbench.dashboard.bench import session_growth
print(session_growth(FakeWorkbench().advance(600)))
"""


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_fifty_sessions_are_not_leaked():
    """A leaked session weighs almost 2 MB, forty of them 75; 22 were seen without a leak."""
    surfaces = str(Path(__file__).parents[2] / "surfaces")
    told = subprocess.run(
        [sys.executable, "-c", GROWTH, surfaces], capture_output=True, text=True, check=True
    )
    assert float(told.stdout) < 40.0
