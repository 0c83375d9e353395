"""Rehearsal: signing and both ways of finding run once on next to nothing, so that no turn waits.

A compiled kernel is loaded when it is first called, which takes tens of milliseconds; without
this the first incident would pay for it.
"""

from datetime import UTC, datetime

import numpy as np

from tam_workbench.memory.blocks import Series, Window, sign
from tam_workbench.memory.hot_memory import HotMemory
from tam_workbench.records import MemoryEntry, Tier, Where


def rehearse() -> None:
    """Load the kernels of signing and of recall.

    Examples
    --------
    >>> rehearse()
    """
    past, now = np.zeros((1, 8)), np.ones((1, 4))
    sign(Window(service="none", ticks=4, metrics={"none": Series(before=past, now=now)}))
    memory = HotMemory(dimension=2)
    entry = MemoryEntry(
        id="none",
        kind="note",
        text="nothing at all",
        vector=(1.0, 0.0),
        tier=Tier.WORKING,
        service="none",
        created_at=datetime(2000, 1, 1, tzinfo=UTC),
        trust=1.0,
    )
    memory.put([entry])
    memory.matching("nothing", k=1, where=Where())
    memory.nearest(np.array([1.0, 0.0], np.float32), k=1, where=Where())
