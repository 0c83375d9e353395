"""Rows that wait for their label: as many as may, in order, however the batches come."""

from itertools import pairwise

import numpy as np
import pytest

from tam_workbench.learning.labels import LabelBook
from tam_workbench.learning.rules import LearningRules
from tam_workbench.learning.schedule import Delay
from tam_workbench.records import Labels, Observations


def seen(first, last):
    ticks = np.arange(first, last)
    return Observations(
        ticks=ticks,
        resources=np.zeros(ticks.size, np.int64),
        values=np.column_stack((ticks, -ticks)).astype(float),
        trust=np.linspace(0.5, 1.0, ticks.size) if ticks.size else np.empty(0),
        resource_names=("pod",),
        service_names=("web",),
        feature_names=("a", "b"),
    )


def wait(cuts, *, rows, horizon=7, restart_at=None):
    delay, book = Delay(2, experts=3), LabelBook()
    rules = LearningRules(horizon=horizon, pending_rows=rows)
    learnt = []
    for first, last in pairwise(cuts):
        book.add(Labels(services=(), ticks=np.empty(0, np.int64), known_until=last - 1))
        services = np.zeros(last - first, np.int64)
        line = delay.timeline(seen(first, last), services=services, book=book, rules=rules)
        line.probability[line.starts[0] : line.starts[-1]] = np.arange(first, last) / 1e3
        line.said[line.starts[0] : line.starts[-1]] = 1.0
        learnt += line.X[: line.matured[-1], 0].tolist()
        assert line.y.size == line.is_asked.size == line.matured[-1]
        delay.keep(line, rows=rules.pending_rows)
        if first == restart_at:
            state, delay = delay.state(), Delay(2, experts=3)
            delay.restore(state)
    return learnt, delay


@pytest.mark.parametrize("cuts", [(0, 100), range(101), (0, 3, 50, 51, 52, 100), (0, 1, 99, 100)])
def test_rows_wait_for_their_horizon_however_they_come(cuts):
    learnt, delay = wait(list(cuts), rows=1000)
    assert learnt == list(range(93))
    state = delay.state()
    assert state["ticks"].tolist() == list(range(93, 100))
    assert state["X"].tolist() == [[t, -t] for t in range(93, 100)]
    assert state["probability"].tolist() == [t / 1e3 for t in range(93, 100)]
    assert delay.oldest == 93


def test_the_oldest_rows_are_dropped_beyond_the_bound():
    _, delay = wait(list(range(0, 101, 4)), rows=5, horizon=50)
    assert delay.state()["ticks"].tolist() == [95, 96, 97, 98, 99]


def test_a_restart_changes_nothing():
    cuts = [0, 3, 20, 21, 40, 60]
    assert wait(cuts, rows=99)[0] == wait(cuts, rows=99, restart_at=21)[0]
