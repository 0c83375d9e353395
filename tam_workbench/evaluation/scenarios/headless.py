"""The engine's own loop, turned without a screen, one turn at a time."""

from collections.abc import Iterator

from tam_workbench.engine.loop import Turn
from tam_workbench.engine.runner import Runner


def turns(runner: Runner) -> Iterator[Turn]:
    """Read, turn and yield until the source ends, then make everything durable.

    The runner stays open, so that its ledger can be asked afterwards; the caller closes it.
    """
    runner.open()
    while (batch := runner.source.read()) is not None:
        if batch.rows_in:
            yield runner.loop.turn(batch, tick_s=runner.source.tick_s)
    runner.commit()
