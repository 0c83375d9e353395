"""Delays: whose own time grew, once the waiting for others is taken out.

Two things are timed: what a service itself spent on a request, and what a call took beyond the
callee's answer (the way there, the queue, a starved caller). A service is suspect when all that
touches it became slow: the evidence of its parts is averaged by their traffic, so that a caller
that waits for one slow callee among many is not blamed for it.
"""

from typing import Final

import polars as pl

from tam_workbench.causal.ranking.visits import Visits

SPREAD: Final = 0.25
"""Least spread of a duration, on the scale of natural logarithms: a quarter more or less."""

SHAKE: Final = 0.3
"""Part of the spread that all requests of a few minutes share, and no number of them averages."""

QUICK_NS: Final = 500_000
"""Added to each duration, so that half a millisecond more or less is no evidence."""


def own_delays(before: Visits, after: Visits) -> pl.DataFrame:
    """Return how much evidence there is that a service became slow by itself.

    Columns: service, nats, entry (the one that tells most), grew (by which factor its own time).
    """
    return _suspects(before.table, after.table, by="service", part="entry", timed="own_ns")


def call_delays(before: Visits, after: Visits, *, role: str) -> pl.DataFrame:
    """Return the evidence that the calls of a service became slow, as ``caller`` or ``callee``.

    Columns: service, nats, and the other side of the call that tells most, with its factor
    ``grew``.
    """
    other = {"caller": "callee", "callee": "caller"}[role]
    found = _suspects(before.gaps, after.gaps, by=role, part=other, timed="gap_ns")
    return found.rename({role: "service"})


def _suspects(
    before: pl.DataFrame, after: pl.DataFrame, *, by: str, part: str, timed: str
) -> pl.DataFrame:
    """Compare medians of log durations part by part, then average by traffic.

    The median of n durations spreads by 1.25 s / sqrt(n) around the true one; a tail as of a
    Laplace distribution makes that sqrt(2) z nats.
    """
    log = (pl.col(timed) + QUICK_NS).log()
    middle = log.median()
    old = before.group_by(by, part).agg(
        n0=pl.col(timed).count(), m0=middle, s0=(log - middle).abs().median() * 1.4826
    )
    new = after.group_by(by, part).agg(n1=pl.col(timed).count(), m1=middle)
    several = 1.25**2 * (1 / pl.col("n0") + 1 / pl.col("n1")) + SHAKE**2
    young = 1.0 + 3.0 / pl.col("n0")
    spread = pl.max_horizontal(pl.col("s0"), pl.lit(SPREAD)) * young * several.sqrt()
    grew = pl.col("m1") - pl.col("m0")
    parts = (
        new.join(old, on=[by, part], how="inner")
        .filter((pl.col("n0") > 0) & (pl.col("n1") > 0))
        .with_columns(nats=(2**0.5 * grew / spread).clip(0.0), grew=grew.exp())
        .sort("nats", part, descending=[True, False])
    )
    if by == "caller":
        parts = parts.filter(pl.int_range(pl.len()).over(by) > 0)
    return (
        parts.group_by(by, maintain_order=True)
        .agg(
            nats=(pl.col("nats") * pl.col("n1")).sum() / pl.col("n1").sum(),
            **{part: pl.col(part).first(), "grew": pl.col("grew").first()},
        )
        .sort("nats", by, descending=[True, False])
    )
