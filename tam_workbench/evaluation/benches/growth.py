"""What an event costs as the stream grows longer, the resources more and the features more."""

import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

import numpy as np
import polars as pl
import psutil

from tam_workbench.engine import settings, wiring
from tam_workbench.engine.runner import Runner
from tam_workbench.evaluation.figures import Figure
from tam_workbench.plant import START
from tam_workbench.records import METRICS, Batch, Channel

MARKS: Final = (10_000, 100_000, 1_000_000, 10_000_000)
RESOURCES: Final = (10, 100, 1_000, 10_000)
METRIC_NAMES: Final = (4, 16, 64)
_ROWS: Final = 600_000
_FLAT: Final = 1.5
"""Most that an event may cost at the far end, as a multiple of the cheapest mark before it."""


def length_figures(*, seed: int = 7) -> list[Figure]:
    """Return the cost of an event and the size of the process at 10^4 to 10^7 events."""
    chosen = settings.read(
        source="scenario:throughput", ticks=10**9, batch_ticks=64, seed=seed, checkpoint_s=1e9
    )
    runner = wiring.assemble(chosen).runner
    runner.open()
    runner.loop.prepare()
    costs, sizes, rows, spent, counted = [], [], 0, 0.0, 0
    for mark in MARKS:
        while rows < mark:
            batch = runner.source.read()
            assert batch is not None
            took = _turn(runner, batch)
            rows += batch.rows_in
            if rows > mark / 2:  # the latter half tells of this length, the former of shorter ones
                spent, counted = spent + took, counted + batch.rows_in
            if runner.loop.tally.batches % 50 == 0:
                runner.commit()
        costs.append(1e6 * spent / counted)
        sizes.append(psutil.Process().memory_info().rss / 2**20)
        spent, counted = 0.0, 0
    runner.close()
    return _told([f"{mark:,} events" for mark in MARKS], costs, sizes, first=2)


def resource_figures() -> list[Figure]:
    """Return the cost of a metric row with 10 to 10,000 resources."""
    measured = [_spread(count, names=3) for count in RESOURCES]
    names = [f"{count:,} resources" for count in RESOURCES]
    return _told(names, [cost for cost, _ in measured], [size for _, size in measured], first=1)


def feature_figures() -> list[Figure]:
    """Return the cost of a metric row with 4 to 64 metrics a resource."""
    measured = [_spread(20, names=count) for count in METRIC_NAMES]
    names = [f"{count} metrics a resource" for count in METRIC_NAMES]
    return _told(names, [cost for cost, _ in measured], [size for _, size in measured], first=1)


def growth_figures() -> list[Figure]:
    """Return all three."""
    return [*length_figures(), *resource_figures(), *feature_figures()]


def _turn(runner: Runner, batch: Batch) -> float:
    begun = time.process_time()
    runner.archive.add(runner.loop.turn(batch, tick_s=1.0))
    return time.process_time() - begun


def _spread(count: int, *, names: int) -> tuple[float, float]:
    """Return microseconds of CPU a row, and MiB, for ``count`` resources of so many metrics."""
    changes: dict[str, Any] = {"features": {"max_resources": count + 16, "max_metrics": names}}
    chosen = settings.read(source="scenario:calm", checkpoint_s=1e9, **changes)
    runner = wiring.assemble(chosen).runner
    runner.open()
    spent, rows = 0.0, 0
    for batch in _wide(count, names):
        took = _turn(runner, batch)
        if batch.sequence >= 2:
            spent, rows = spent + took, rows + batch.rows_in
    size = psutil.Process().memory_info().rss / 2**20
    runner.close()
    return 1e6 * spent / rows, size


def _wide(count: int, names: int) -> Iterator[Batch]:
    """Yield batches of a plain random stream: every metric of every resource at every tick."""
    rng = np.random.default_rng(3)
    a_tick = count * names
    ticks = max(1, 30_000 // a_tick)
    who = pl.Series([f"pod-{i}" for i in range(count)], dtype=pl.Categorical())
    whose = pl.Series([f"service-{i // 10 % 100}" for i in range(count)], dtype=pl.Categorical())
    what = pl.Series([f"metric.{i}" for i in range(names)], dtype=pl.Categorical())
    resource = np.tile(np.repeat(np.arange(count), names), ticks)
    name = np.tile(np.arange(names), ticks * count)
    size = ticks * a_tick
    for sequence in range(max(4, _ROWS // size)):
        first = sequence * ticks
        stamps = np.repeat(np.arange(first, first + ticks), a_tick) * 1_000_000
        metrics = pl.DataFrame(
            {
                "time": pl.Series(stamps).cast(pl.Datetime("us", "UTC")).dt.offset_by("56y"),
                "resource": who.gather(resource),
                "service": whose.gather(resource),
                "source": pl.repeat("main", size, dtype=pl.Categorical(), eager=True),
                "row": np.arange(first * a_tick, first * a_tick + size),
                "name": what.gather(name),
                "value": rng.normal(50.0, 5.0, size),
            }
        )
        yield Batch(
            source="wide",
            sequence=sequence,
            offset="",
            received_at=START + timedelta(seconds=first + ticks),
            metrics=metrics.select(list(METRICS)).cast(METRICS),
            channels=(Channel(name="main"),),
        )


def _told(
    names: list[str],
    costs: Sequence[float],
    sizes: Sequence[float],
    *,
    first: int,
) -> list[Figure]:
    """Return one figure a mark; ``first`` marks are too short to hold the last one against."""
    rows = []
    for at, (name, cost, size) in enumerate(zip(names, costs, sizes, strict=True)):
        is_last = at == len(names) - 1
        flattest = min(costs[: at or 1]) if at < first else min(costs[first - 1 : at])
        rows.append(
            Figure(
                name=f"cost at {name}",
                value=cost,
                unit="us of CPU an event",
                peer=f"{size:,.0f} MiB",
                goal=f"<= {_FLAT} x the marks before" if is_last else "",
                holds=cost <= _FLAT * flattest if is_last else None,
            )
        )
    return rows
