"""Trust between channels that report the same: who leaves the other is noticed."""

import math
import random
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from telemetry_rows import at, batch, change, log

from tam_workbench.trust import Trust, TrustRules


def twins(until, *, services=("shop", "cart", "till"), bias=lambda t: 0.0):
    """Two replicas a service through two channels; the second of the shop is bent by ``bias``."""
    rng = random.Random(3)
    rows = []
    for t in range(until):
        load = 10 + 2 * math.sin(t / 150)  # the tide falls while the lie rises
        for service in services:
            for n, source in enumerate("ab"):
                bent = 1 + bias(t) * (n == 1 and service == "shop")
                value = load * (1 + rng.gauss(0, 0.05)) * bent
                rows.append((at(t), f"{service}-{n}", service, source, t, "cpu", value))
    return rows


def slowly(t):
    return max(t - 300, 0) / 600


def believed(rows, values, source, *, service="shop", since=0):
    of = [(r[2], r[3]) == (service, source) and r[4] >= since for r in rows]
    return (values[of] >= 0.5).mean()


def test_a_metric_that_slowly_leaves_its_twin_is_noticed_and_nobody_else_is():
    rows = twins(900, bias=slowly)
    values = Trust(TrustRules(), tick_s=1.0).score(batch(metrics=rows)).values["metrics"]
    assert believed(rows, values, "b", since=450) < 0.05
    assert believed(rows, values, "a") > 0.99
    assert min(believed(rows, values, s, service="cart") for s in "ab") == 1.0
    straight = Trust(TrustRules(), tick_s=1.0).score(batch(metrics=twins(900)))
    assert straight.values["metrics"].min() > 0.5


def test_of_two_who_part_alone_in_the_world_neither_is_silenced():
    """Nobody can tell the liar from the honest one: both weigh less."""
    rows = twins(900, bias=slowly, services=("shop",))
    values = Trust(TrustRules(), tick_s=1.0).score(batch(metrics=rows)).values["metrics"]
    for source in "ab":
        assert believed(rows, values, source) > 0.95
    assert np.median(values[-200:]) < 0.7


def test_twins_that_move_together_are_believed_however_far():
    moved = [(*row[:6], row[6] * (1 + slowly(row[4]))) for row in twins(900)]
    values = Trust(TrustRules(), tick_s=1.0).score(batch(metrics=moved)).values["metrics"]
    assert (values < 0.5).mean() < 0.01


@pytest.mark.parametrize("together", [False, True])
def test_a_few_errors_a_tick_that_only_one_of_two_channels_logs_are_noticed(together):
    calm = [log(t, source=s) for t in range(200) for s in "ab"]
    few = [log(t, 17) for t in range(200, 260)]
    few += [log(t, 17, source="b") for t in range(200, 260)] if together else []
    few += [log(t, source=s) for t in range(200, 260) for s in "ab"]
    trust = Trust(TrustRules(), tick_s=1.0)
    trust.score(batch(logs=calm, changes=[change(t, "restart") for t in range(200, 260, 3)]))
    frame = sorted(few, key=lambda row: (row[4], row[3]))
    values = trust.score(batch(logs=frame)).values["logs"]
    his = [v for row, v in zip(frame, values, strict=True) if row[3] == "a" and row[5] == 17]
    assert (np.mean(his[5:]) >= 0.5) == together
