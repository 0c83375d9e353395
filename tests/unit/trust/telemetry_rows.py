"""Rows of telemetry and batches of them, and a trust that has seen a quiet minute."""

import random
from datetime import UTC, datetime, timedelta

import polars as pl

from tam_workbench.records import (
    CHANGES,
    LOGS,
    METRICS,
    SPANS,
    TRUST_REASONS,
    Authentication,
    Batch,
    Channel,
)
from tam_workbench.trust import Trust, TrustRules

START = datetime(2026, 1, 1, tzinfo=UTC)
SCHEMAS = {"metrics": METRICS, "logs": LOGS, "spans": SPANS, "changes": CHANGES}


def at(tick):
    return START + timedelta(seconds=tick)


def batch(*, channels=("a", "b"), proof=Authentication.LOCAL, **rows):
    frames = {
        signal: pl.DataFrame(found, schema=SCHEMAS[signal], orient="row")
        for signal, found in rows.items()
        if found
    }
    known = tuple(Channel(name=name, authentication=proof) for name in channels)
    return Batch(source="t", sequence=0, offset="", received_at=START, channels=known, **frames)


def metric(tick, value, *, name="latency", service="shop", source="a"):
    return (at(tick), f"{service}-0", service, source, tick, name, value)


def log(tick, severity=9, *, service="shop", source="a", body="hello"):
    return (at(tick), f"{service}-0", service, source, tick, severity, body, None)


def span(tick, *, service="shop", parent=None, seconds=0.1, error=False, source="a"):
    where = (at(tick), f"{service}-0", service, source, tick)
    return (*where, "op", "t", "s", parent, seconds, error)


def change(tick, kind, *, service="shop", source="b"):
    return (at(tick), f"{service}-0", service, source, tick, kind, "", "")


def quiet(until, *, start=0, service="shop", source="a"):
    rng = random.Random(5)
    return {
        "metrics": [
            metric(t, rng.gauss(10, 1), service=service, source=source) for t in range(start, until)
        ],
        "logs": [log(t, service=service, source=source) for t in range(start, until)],
    }


def taught(**extra):
    trust = Trust(TrustRules(), tick_s=1.0)
    trust.score(batch(**quiet(60), **extra))
    return trust


def reasons(byte):
    return {name for bit, name in enumerate(TRUST_REASONS) if int(byte) >> bit & 1}
