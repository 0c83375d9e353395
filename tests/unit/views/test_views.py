"""The views: what they say, what they escape, what they do with nothing."""

import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "surfaces"))
from fake_workbench import FakeWorkbench

from tam_workbench import views
from tam_workbench.records import Drift
from tam_workbench.views import incident, markup, svg
from tam_workbench.views.assets import MODULES
from tam_workbench.views.columns import MARKER_COLUMNS, PULSE_COLUMNS
from tam_workbench.views.theme import DARK, LIGHT, page_variables


@pytest.fixture(scope="module")
def wb():
    return FakeWorkbench().advance(420)


@pytest.fixture(scope="module")
def pulses(wb):
    return wb.bus.read("pulse", 0, 600)[0]


def test_all_is_complete():
    assert sorted(views.__all__) == sorted(set(views.__all__))
    assert all(hasattr(views, name) for name in views.__all__)


def test_esm_files_exist_are_small_and_ask_nobody():
    for name in MODULES:
        text = views.esm_path(name).read_text("utf-8")
        assert text.count("\n") < 300
        assert "export default" in text
        assert "import " not in text
        assert "https://" not in text


def test_pulse_columns_have_the_declared_names_and_one_length(pulses):
    columns = views.pulse_columns(pulses, headline="cpu utilisation", tick_s=1.0)
    assert tuple(columns) == PULSE_COLUMNS
    assert {len(values) for values in columns.values()} == {len(pulses)}


def test_ribbon_cells_touch_but_do_not_bridge_long_gaps(pulses):
    some = [pulses[0], pulses[1], pulses[100]]
    columns = views.pulse_columns(some, headline="", tick_s=1.0)
    assert columns["left"][1] == columns["time"][0]
    assert columns["left"][2] == columns["time"][2] - 8000.0
    more = views.pulse_columns(pulses[5:6], headline="", tick_s=1.0, previous_ms=columns["time"][1])
    assert more["left"][0] == columns["time"][1]


def test_lines_break_where_no_tick_came_for_long_also_between_two_streams(pulses):
    some = [pulses[0], pulses[1], pulses[100]]
    columns = views.pulse_columns(some, headline="", tick_s=1.0)
    drawn = views.broken(columns, tick_s=1.0)
    assert tuple(drawn) == PULSE_COLUMNS
    assert {len(values) for values in drawn.values()} == {4}
    assert drawn["time"][2] == columns["time"][1] + 1000.0
    assert np.isnan(drawn["probability"][2])
    assert drawn["reasons"][2] == ""
    later = views.pulse_columns(pulses[100:101], headline="", tick_s=1.0)
    drawn = views.broken(later, tick_s=1.0, previous_ms=columns["time"][1])
    assert [np.isnan(value) for value in drawn["trust"]] == [True, False]
    drawn = views.broken(later, tick_s=1.0, previous_ms=later["time"][0] - 8000.0)
    assert len(drawn["time"]) == 1


@pytest.mark.parametrize(
    ("trust", "band"), [(0.95, "trusted"), (0.6, "doubtful"), (0.1, "distrusted")]
)
def test_each_tick_is_in_exactly_one_band(pulses, trust, band):
    columns = views.pulse_columns([replace(pulses[0], trust=trust)], headline="", tick_s=1.0)
    assert [name for name in ("trusted", "doubtful", "distrusted") if columns[name] == [1.0]] == [
        band
    ]


def test_a_drift_is_placed_by_the_latest_tick(pulses):
    drift = Drift(tick=pulses[-1].tick - 10, detector="ADWIN", statistic=0.3, response="halved")
    columns = views.marker_columns([drift], tick_s=2.0, latest=pulses[-1])
    assert tuple(columns) == MARKER_COLUMNS
    assert columns["time"] == [views.milliseconds(pulses[-1].time) - 20_000]


def test_what_comes_from_outside_is_escaped(wb):
    lines = wb.bus.read("log", 0, 600)[0]
    assert any("<script>" in line.body for line in lines)
    assert "<script>" not in markup.log_ticker(lines)
    frame = pl.DataFrame({"body": ["<img src=x onerror=alert(1)>"]})
    assert "<img" not in markup.table(frame, label='a"b')
    bad = replace(wb.incidents()[0], service="<b>x", evidence=("<i>e",), explanation="<u>")
    assert "<b>x" not in incident.alert(bad)
    assert "<i>e" not in incident.evidence(bad)


@pytest.mark.parametrize(
    "empty",
    [
        lambda: markup.log_ticker([]),
        lambda: markup.reputations([]),
        lambda: markup.bars({}, label="x"),
        lambda: markup.table(views.pulse_frame([]), label="x"),
        lambda: incident.similar([]),
    ],
)
def test_an_empty_state_says_why_in_words(empty):
    assert 'class="empty"' in empty()


def test_every_picture_is_wellformed_svg_with_a_label(wb, pulses):
    columns = {
        name: [float(v) for v in values]
        for name, values in views.pulse_columns(
            pulses, headline="cpu utilisation", tick_s=1.0
        ).items()
        if name in ("trust", "value", "probability", "baseline", "anomaly")
    }
    update = wb.updates()[0]
    pictures = [
        views.ribbon_svg([0.9, 0.6, 0.1]),
        views.telemetry_svg(columns, headline="a<b"),
        views.telemetry_svg({name: [] for name in columns}, headline=""),
        views.waterfall_svg(wb.explain()),
        views.waterfall_svg(None),
        views.card_svg(["a<b", "c"]),
        svg.before_after_svg(update.features, update.before, update.after),
        svg.interval_svg(wb.reputations()[0]),
        svg.histogram_svg([0.1, 0.6, 0.9, 1.0]),
    ]
    for picture in pictures:
        root = ET.fromstring(picture)
        assert root.get("aria-label")


def test_waterfall_ends_at_the_log_odds(wb):
    card = views.explanation_card(wb.explain())
    total = card["base"] + sum(step["weight"] for step in card["steps"])
    explanation = wb.explain()
    assert total == pytest.approx(explanation.base + sum(explanation.attributions), abs=1e-3)


def test_a_nan_leaves_a_gap_not_a_zero():
    line = svg.polyline([1.0, float("nan"), 2.0, 3.0], box=(0, 0, 10, 10), color="red")
    assert line.count("<polyline") == 2


def test_approval_card_asks_only_while_it_waits(wb):
    waiting = wb.pending()[0]
    assert views.approval_card(waiting)["pending"] is True
    wb.reject(waiting.id, reason="no")
    assert views.approval_card(wb.incident(waiting.id))["pending"] is False
    assert views.approval_lines(views.approval_card(None))[0] == "No approval waits"


def test_frames_have_rows_and_no_vectors(wb, pulses):
    assert views.pulse_frame(pulses).height == len(pulses)
    assert views.service_frame(pulses[-1])["probability"].is_sorted(descending=True)
    assert views.service_frame(None).is_empty()
    assert "vector" not in views.memory_frame(wb.memory_entries()).columns
    assert views.incident_frame(wb.incidents()).height == len(wb.incidents())
    assert views.ledger_frame(wb.audit_entries())["number"].is_sorted(descending=True)
    assert views.hit_frame(wb.recall("x")).height == 5
    assert views.update_frame(wb.updates()).height == len(wb.updates())
    assert views.reputation_frame(wb.reputations())["mean"].is_sorted()
    assert views.event_frame(wb.bus.read("log", 0, 5)[0]).height == 5


def _luminance(color):
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one, other):
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_keeps_the_contrast_of_wcag_aa(theme):
    for name in (
        "--tam-text",
        "--tam-muted",
        "--tam-good",
        "--tam-warn",
        "--tam-bad",
        "--tam-accent",
    ):
        for ground in ("--tam-surface", "--tam-raised"):
            assert _contrast(theme[name], theme[ground]) >= 4.5, (name, ground)


@pytest.mark.parametrize("is_dark", [False, True])
def test_series_are_seen_on_both_grounds(is_dark):
    variables = page_variables(is_dark=is_dark)
    for name in (
        "--tam-learner",
        "--tam-baseline",
        "--tam-anomaly",
        "--tam-trusted",
        "--tam-distrusted",
    ):
        assert _contrast(variables[name], variables["--tam-surface"]) >= 3.0, name


def test_update_cards_hits_and_effects_tell_the_outcome(wb):
    shown = "".join(markup.update_card(update) for update in wb.updates())
    assert "committed" in shown
    assert "refused" in shown
    hits = "".join(markup.hit_card(hit) for hit in wb.recall("checkout"))
    assert "helped" in hits
    assert "did not help" in hits
    assert "likeness" in hits
    assert "rank_" not in hits
    assert "Did it work" in incident.effect(wb.incidents()[0])
