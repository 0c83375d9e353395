"""Broken sequences: where traces first leave the paths that they took before.

Each service answers each kind of request by one of a few chains of steps. A code fault breaks a
chain: a step is left out, an answer comes early, a line never written before appears. Its callers
break too, but later. So of each trace only the first break counts.
"""

from typing import Final

import numpy as np
import polars as pl

from tam_workbench.causal.ranking.visits import Visits
from tam_workbench.records import Floats

LEAST_NATS: Final = 4.0
"""Evidence below which a step that became more frequent is chance: odds of about 1 in 55."""

_KEYS: Final = ("service", "entry", "chain", "before")


def broken_steps(before: Visits, after: Visits) -> pl.DataFrame:
    """Return the steps that follow their predecessor more often than they did before.

    One row a step: service, entry, chain, before (its predecessor), step, count (after), share
    before and after, and ``nats``, the log-likelihood ratio of "its share changed" against "it
    did not" (the G test, Wilks 1938). Predecessors never seen before tell nothing.

    Parameters
    ----------
    before, after
        Visits of the quiet stretch and of the one under question.
    """
    old, new = _counted(before), _counted(after)
    merged = new.join(old, on=[*_KEYS, "step"], how="left", suffix="_old")
    known = old.group_by(_KEYS).agg(pl.col("of").first().alias("known"))
    merged = merged.drop("of_old").join(known, on=_KEYS, how="inner")
    k1, n1 = merged["count"].to_numpy(), merged["of"].to_numpy()
    k0, n0 = merged["count_old"].fill_null(0).to_numpy(), merged["known"].to_numpy()
    nats = _gain(k1, n1, k0, n0)
    grown = k1 / n1 > k0 / n0
    return (
        merged.select(*_KEYS, "step", "count")
        .with_columns(
            share_before=pl.Series(k0 / n0),
            share_after=pl.Series(k1 / n1),
            nats=pl.Series(np.where(grown, nats, 0.0)),
        )
        .filter(pl.col("nats") > LEAST_NATS)
        .sort("nats", "service", "entry", "step", descending=[True, False, False, False])
    )


def first_breaks(before: Visits, after: Visits) -> pl.DataFrame:
    """Return the evidence of each broken step, cut to the traces where it was the first.

    Columns as of `broken_steps`, and ``first``, in how many traces it came first; ``nats`` is
    scaled by the share of its occurrences that were.
    """
    broken = broken_steps(before, after)
    hits = _told(after).join(broken, on=[*_KEYS, "step"], how="inner")
    first = (
        hits.sort("trace", "at_ns", "start_ns", descending=[False, False, True])
        .group_by("trace", maintain_order=True)
        .first()
        .group_by([*_KEYS, "step"])
        .agg(first=pl.len(), blamed=pl.col("blamed").mode().sort().first())
    )
    return (
        broken.join(first, on=[*_KEYS, "step"], how="inner", maintain_order="left")
        .with_columns(nats=pl.col("nats") * (pl.col("first") / pl.col("count")).clip(0, 1))
        .sort("nats", "service", "step", descending=[True, False, False])
    )


def _told(visits: Visits) -> pl.DataFrame:
    table = visits.table.select("trace", "service", "entry", "start_ns").with_row_index("visit")
    return visits.steps.join(
        table.with_columns(pl.col("visit").cast(pl.Int64)), on="visit", how="inner"
    )


def _counted(visits: Visits) -> pl.DataFrame:
    told = _told(visits)
    counts = told.group_by([*_KEYS, "step"]).agg(count=pl.col("trace").n_unique())
    of = told.group_by(_KEYS).agg(of=pl.col("trace").n_unique())
    return counts.join(of, on=_KEYS)


def _gain(k1: Floats, n1: Floats, k0: Floats, n0: Floats) -> Floats:
    """Return the G statistic halved, in nats, of two shares k1/n1 and k0/n0."""
    k0, n0 = k0 + 0.5, n0 + 1.0  # a step never seen may still have been possible
    together = (k1 + k0) / (n1 + n0)

    def fit(k: Floats, n: Floats, p: Floats) -> Floats:
        p = np.clip(p, 1e-9, 1.0 - 1e-9)
        return k * np.log(p) + (n - k) * np.log1p(-p)

    return fit(k1, n1, k1 / n1) + fit(k0, n0, k0 / n0) - fit(k1 + k0, n1 + n0, together)
