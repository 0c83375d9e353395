"""The watch over a stream: quiet minutes teach, a lasting change opens an incident, a spike not."""

import numpy as np
import polars as pl

from tam_workbench.causal.ranking import SPAN_COLUMNS
from tam_workbench.evaluation.causes.train_ticket import Day, Tick
from tam_workbench.evaluation.causes.watching import CLOSES_S, Watch

SPANS = pl.DataFrame(schema=dict.fromkeys(SPAN_COLUMNS, pl.Int64))
LOGS = pl.DataFrame(
    schema={"span": pl.Int64, "at_ns": pl.Int64, "service": pl.String, "body": pl.String}
)
COLUMNS = (("web", "cpu"), ("cart", "cpu"), ("web", "mem"), ("cart", "mem"))


def _day(change, minutes=150):
    rows = np.random.default_rng(0).normal([5, 5, 300, 300], [1, 1, 3, 3], (minutes, 4))
    change(rows)
    ticks = tuple(
        Tick(at_s=60.0 * minute, metrics=row[None, :], spans=SPANS, logs=LOGS)
        for minute, row in enumerate(rows)
    )
    return Day(name="d", columns=COLUMNS, quiet=(SPANS, LOGS), ticks=ticks, faults=())


def _lasting(rows):
    rows[120:, 1] = 500.0


def _spike(rows):
    rows[120, 1] = 500.0


def test_a_lasting_change_opens_an_incident_that_names_its_service():
    watch = Watch()
    reports = watch.run([_day(_lasting)])
    assert 120 * 60.0 <= reports[0].alarmed_at_s <= 123 * 60.0
    assert reports[0].suspects[0].service == "cart"
    assert "cpu went from" in reports[0].suspects[0].why[0]


def test_a_spike_of_one_minute_opens_none():
    assert Watch().run([_day(_spike)]) == []


def test_an_incident_closes_and_what_lasts_becomes_usual():
    watch = Watch()
    watch.run([_day(_lasting, minutes=400)])
    assert len(watch.alarms) < 0.5 * (400 - 120) * 60.0 / CLOSES_S


def test_the_same_stream_gives_the_same_reports():
    assert Watch().run([_day(_lasting)]) == Watch().run([_day(_lasting)])
