"""Announcements of maintenance: who is heard, for how long, and what an end ends."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from tam_workbench.engine.maintenance import Maintenance, MaintenanceRules
from tam_workbench.records import CHANGES, Batch, TrustScores

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
AT = int(NOON.timestamp())


def heard(maintenance, *details, trust=1.0):
    rows = [(NOON, "db-0", "db", "hr", n, "maintenance", "db", d) for n, d in enumerate(details)]
    changes = pl.DataFrame(rows, schema=CHANGES, orient="row")
    batch = Batch(source="t", sequence=0, offset="", received_at=NOON, changes=changes)
    scores = TrustScores(values={"changes": np.full(len(rows), trust)}, reasons={})
    return maintenance.hear(batch, scores)


def silent(maintenance, *seconds):
    covered = maintenance.covers(("web", "db"), np.array([AT + s for s in seconds]))
    assert covered is None or not covered[:, 0].any()
    return [] if covered is None else covered[:, 1].tolist()


@pytest.fixture
def maintenance():
    return Maintenance(MaintenanceRules(), tick_s=1.0)


@pytest.mark.parametrize("detail", ["600s", "10m", "for 10m", "until 2026-01-01T12:10:00Z"])
def test_a_window_covers_its_time_and_its_service_only(maintenance, detail):
    assert heard(maintenance, detail) == ["db: 600 s"]
    assert silent(maintenance, -1, 0, 599, 600) == [False, True, True, False]


def test_a_begin_lasts_until_its_end_or_four_hours(maintenance):
    heard(maintenance, "begin")
    assert silent(maintenance, 14_399, 14_400) == [True, False]
    heard(maintenance, "end")
    assert silent(maintenance, 0, 1) == [False, False]


def test_who_is_not_trusted_is_not_heard(maintenance):
    assert "not believed" in heard(maintenance, "10m", trust=0.79)[0]
    assert silent(maintenance, 1) == []
    assert heard(maintenance, "10m", trust=0.81) == ["db: 600 s"]


def test_windows_survive_a_restart(maintenance):
    heard(maintenance, "10m")
    again = Maintenance(MaintenanceRules(), tick_s=1.0)
    again.restore(maintenance.state())
    assert silent(again, 5) == [True]
