"""The kernels are compiled once, whatever a batch looks like."""

from datetime import UTC, datetime

import polars as pl

from tam_workbench.records import LOGS, METRICS, Batch
from tam_workbench.trust import Trust, TrustRules
from tam_workbench.trust.kernels import score_ticks
from tam_workbench.trust.likelihood import arrive

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_full_empty_and_unsorted_batches_share_one_compiled_version():
    trust = Trust(TrustRules(), tick_s=1.0)
    metric = (START, "r", "s", "a", 0, "cpu", 1.0)
    late = (START.replace(second=9), "r", "s", "a", 0, "cpu", None)
    log = (START, "r", "s", "a", 0, None, None, None)
    for rows, lines in (([], []), ([metric], []), ([late, metric], [log]), ([metric], [log] * 3)):
        metrics = pl.DataFrame(rows, schema=METRICS, orient="row")
        logs = pl.DataFrame(lines, schema=LOGS, orient="row")
        trust.score(
            Batch(
                source="t",
                sequence=0,
                offset="",
                received_at=START,
                metrics=metrics,
                logs=logs,
            )
        )
    assert len(score_ticks.signatures) == 1
    assert len(arrive.signatures) == 1
