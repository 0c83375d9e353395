"""Benches on small streams: what they count is what went through, and a lost ratio is a finding."""

import json

import numpy as np
import pytest

from tam_workbench.errors import BadInputError
from tam_workbench.evaluation.benches import growth, latency, regression, stage_speed

ROWS = [
    {"name": "  ratio to the plain River loop", "value": 20.0, "unit": "x"},
    {"name": "events/s", "value": 1e6, "unit": "events/s"},
]


def test_only_ratios_are_kept_and_those_of_other_benches_stay(tmp_path):
    path = tmp_path / "ratios.json"
    path.write_text(json.dumps({"other": 3.0}))
    regression.keep(path, ROWS)
    assert regression.kept(path) == {"other": 3.0, "ratio to the plain River loop": 20.0}


@pytest.mark.parametrize(("value", "lines"), [(17.1, 0), (16.9, 1), (25.0, 0)])
def test_a_ratio_may_lose_fifteen_percent(value, lines):
    now = regression.ratios([{**ROWS[0], "value": value}])
    found = regression.regressions(now, regression.ratios(ROWS))
    assert len(found) == lines


def test_a_file_without_ratios_is_one_line(tmp_path):
    with pytest.raises(BadInputError, match="--keep"):
        regression.kept(tmp_path / "none.json")


def test_events_wait_at_least_for_their_turn_and_slower_streams_not_longer():
    waited = latency.latencies(rate=2_000, turns=12)
    assert waited.min() > 0.0
    a_tick = waited.max()  # at this rate a turn takes one tick, whose first event waits longest
    assert a_tick > 100 / 2_000
    assert np.median(waited) < a_tick


def test_the_wide_stream_is_scored_whole():
    batches = list(growth._wide(10, 3))
    rows = sum(batch.rows_in for batch in batches)
    assert rows == growth._ROWS // 30_000 * 30_000
    cost, size = growth._spread(10, names=3)
    assert cost > 0.0
    assert size > 0.0


@pytest.mark.slow
def test_kernels_and_reading_are_part_of_the_loop():
    told = stage_speed._loop(ticks=1024)
    assert 0.0 < told["kernels"] < told["loop"]
    assert 0.0 < told["reading"] < told["loop"]
    stages = sum(told[name] for name in ("screen", "redact", "trust", "features", "learn"))
    assert stages > told["kernels"] / 2
