"""Maintenance: announced work opens no incident, unless nobody believes the announcement."""

from dataclasses import replace
from datetime import timedelta

import polars as pl

from tam_workbench.engine import settings, wiring
from tam_workbench.engine.workbench import Workbench
from tam_workbench.plant import Fault, Plant, scenario
from tam_workbench.records import CHANGES, Autonomy

FAULT = Fault(kind="cpu_saturation", service="inventory", at=200)


class Announcing:
    """A source that says once, at a tick, that a service is under maintenance."""

    def __init__(self, inner, *, at, detail, channel):
        self._inner, self._at, self._detail, self._channel = inner, at, detail, channel
        self._ticks = 0

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def read(self):
        batch = self._inner.read()
        before, self._ticks = self._ticks, self._ticks + 4
        if batch is None or not before <= self._at < self._ticks:
            return batch
        time = batch.metrics["time"].max() - timedelta(milliseconds=100)
        row = (time, "inventory-0", "inventory", self._channel, 10**9, "maintenance",
               "inventory", self._detail)  # fmt: skip
        told = pl.DataFrame([row], schema=CHANGES, orient="row")
        return replace(batch, changes=pl.concat([batch.changes, told]))


def run(*, detail=None, channel="kube-events", ticks=300, **arguments):
    chosen = settings.read(
        source="scenario:calm", ticks=ticks, seed=3, batch_ticks=4, autonomy=Autonomy.OBSERVE,
        **arguments,
    )  # fmt: skip
    plant = Plant(replace(scenario("calm"), faults=(FAULT,), ticks=ticks), seed=3)
    runner = wiring.assemble(chosen, plant=plant).runner
    if detail is not None:
        runner.source = Announcing(runner.source, at=180, detail=detail, channel=channel)
    wb = Workbench(runner, name="scenario:calm", plant=plant)
    wb.run()
    return wb, [i for i in wb.incidents() if i.service == "inventory"]


def said(wb):
    return [e.body for e in wb.audit_entries(limit=10_000) if e.kind == "maintenance"]


def test_announced_work_opens_nothing():
    wb, told = run(detail="until 2030-01-01T00:00:00Z")
    assert not told
    assert said(wb) == ['{"said":"inventory: 14400 s"}']


def test_when_the_window_is_over_the_trouble_is_an_incident():
    wb, told = run(detail="70s")  # the fault shows itself at about tick 232
    first = min(i.opened_at for i in told)
    begun = wb.trust()["time"].min()
    assert (first - begun).total_seconds() > 249


def test_a_stranger_silences_nobody():
    wb, told = run(detail="20m", channel="stranger")
    assert told
    assert "not believed" in said(wb)[0]
