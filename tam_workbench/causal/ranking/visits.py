"""Visits: what a service did each time a request came in, read from spans and log lines.

A visit is a service's share of one trace between being called and answering. It has a chain of
steps in order (log templates, inner spans, calls to others) and a time of its own: how long it
took less what it waited for others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from tam_workbench.errors import BadInputError
from tam_workbench.records import Ints

SPAN_COLUMNS: Final = ("trace", "span", "parent", "service", "operation", "start_ns", "duration_ns")
"""Columns of a frame of spans; ``parent`` is null or an unknown span for a root."""

LOG_COLUMNS: Final = ("span", "at_ns", "template")
"""Columns of a frame of log lines; ``template`` is what the line says without its values."""

ENDED: Final = "(answered)"
"""The last step of every chain."""

NO_ANSWER: Final = "no answer from "
"""How a step begins that is a call which nobody answered."""

_NOBODY: Final = -1
_PLACES: Final = 8  # calls of a visit that are told apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Visits:
    """Visits of some stretch of time, and their steps.

    ``table`` has one row a visit: trace, service, entry (operation), start_ns, end_ns, own_ns,
    total_ns. ``steps`` has one row a step, ordered within visit and chain: visit (row number of
    ``table``), chain (``logs`` or ``spans``), step, at_ns, before (the step before it), blamed
    (whose doing it is). ``gaps`` has one row a call: caller, callee, gap_ns, what the call took
    beyond the callee's answer. ``routes`` says who is usually called: caller, entry,
    place, operation, callee, count.
    """

    table: pl.DataFrame
    steps: pl.DataFrame
    gaps: pl.DataFrame
    routes: pl.DataFrame


def visits_of(
    spans: pl.DataFrame, logs: pl.DataFrame, *, routes: pl.DataFrame | None = None
) -> Visits:
    """Gather the spans of each service in each trace into visits.

    A call that nobody answered has no span of a callee. Whom it was meant for is told by the
    calls that were answered at the same place, here and in ``routes``.

    Parameters
    ----------
    spans
        One row a finished span, with `SPAN_COLUMNS`; order does not matter, and a span told
        twice counts once.
    logs
        Log lines written within these spans, with `LOG_COLUMNS`; may be empty.

    Raises
    ------
    BadInputError
        When a column is missing.
    """
    _require(spans, SPAN_COLUMNS, "spans")
    _require(logs, LOG_COLUMNS, "log lines")
    spans = spans.select(SPAN_COLUMNS).unique("span", keep="first").sort("start_ns", "span")
    up = _rows_of(spans["span"], spans["parent"])
    _, service = np.unique(spans["service"].cast(pl.String).to_numpy(), return_inverse=True)
    is_entry = (up == _NOBODY) | (service != service[up])
    entry = _entries(up, is_entry)
    rows = np.flatnonzero(is_entry)
    number = np.full(spans.height, _NOBODY)
    number[rows] = np.arange(rows.size)
    spans = spans.with_columns(
        pl.col("service", "operation").cast(pl.String), visit=pl.Series(number[entry])
    )
    calls = _calls(spans, up, is_entry, routes)
    calls, told = _with_callees(calls, spans["operation"].gather(rows), routes)
    table = _table(spans, rows, calls)
    return Visits(
        table=table,
        steps=_steps(spans, logs, calls=calls, table=table),
        gaps=calls.select(
            "caller",
            "callee",
            gap_ns=pl.when("waits").then((pl.col("took_ns") - pl.col("answered_ns")).clip(0)),
        ),
        routes=told,
    )


def _require(frame: pl.DataFrame, columns: Sequence[str], what: str) -> None:
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise BadInputError(f"the frame of {what} has no column {', '.join(missing)}")


def _rows_of(keys: pl.Series, wanted: pl.Series) -> Ints:
    """Return at which row each wanted key stands, -1 where it stands nowhere."""
    known = pl.DataFrame({"key": keys, "row": np.arange(keys.len())})
    asked = pl.DataFrame({"key": wanted.cast(keys.dtype)})
    found = asked.join(known, on="key", how="left", maintain_order="left")["row"]
    return found.fill_null(_NOBODY).to_numpy()


def _entries(up: Ints, is_entry: npt.NDArray[np.bool_]) -> Ints:
    """Return the row of the entry span of each span, by doubling the jumps upwards."""
    jump = np.where(is_entry, np.arange(up.size), up)
    for _ in range(max(int(up.size).bit_length(), 1)):
        further = jump[jump]
        if np.array_equal(further, jump):
            break
        jump = further
    return jump


def _calls(
    spans: pl.DataFrame,
    up: Ints,
    is_entry: npt.NDArray[np.bool_],
    routes: pl.DataFrame | None,
) -> pl.DataFrame:
    """Return the calls between services: the caller's waiting span and what it waited for.

    A span without inner spans of its own service that has a child in another one waits for it;
    where the caller's library records no such span, the callee's entry stands for the call. A
    span of the same service and operation as one that waits, but without a child, waited for an
    answer that never came: its callee is null.
    """
    callee_rows = np.flatnonzero(is_entry & (up != _NOBODY))
    parents = up[callee_rows]
    has_inner = np.zeros(up.size, dtype=np.bool_)
    has_inner[up[~is_entry]] = True
    waits = ~has_inner[parents] & ~is_entry[parents]
    duration = spans["duration_ns"].to_numpy()
    answered = (
        pl.DataFrame(
            {
                "row": np.where(waits, parents, callee_rows),
                "from": parents,
                "waits": waits,
                "callee": spans["service"].gather(callee_rows),
                "answered_ns": duration[callee_rows],
            }
        )
        .group_by("row", maintain_order=True)
        .agg(pl.col("from", "waits", "callee").first(), pl.col("answered_ns").sum())
    )
    leaf = ~has_inner & ~is_entry
    leaf[parents] = False
    kinds = _waiting_kinds(spans, answered, routes)
    alone = spans.with_row_index("row").filter(pl.Series(leaf))
    row = pl.col("row").cast(pl.Int64)
    lost = alone.join(kinds, on=["service", "operation"], how="semi").select(
        row, row.alias("from"), waits=True, answered_ns=pl.lit(0, pl.Int64)
    )
    calls = pl.concat([answered, lost], how="diagonal")
    at = spans.select("start_ns", "operation", caller="service", took_ns="duration_ns")
    return pl.concat([calls, at[calls["row"]]], how="horizontal").with_columns(
        visit=spans["visit"].gather(calls["from"]),
        caller=spans["service"].gather(calls["from"]),
    )


def _waiting_kinds(
    spans: pl.DataFrame, answered: pl.DataFrame, routes: pl.DataFrame | None
) -> pl.DataFrame:
    """Return the (service, operation) of spans that mostly wait for others, here or before."""
    key = ["service", "operation"]
    waiting = spans[answered.filter("waits")["row"]].group_by(key).agg(waits=pl.len())
    all_of = spans.group_by(key).agg(count=pl.len())
    mostly = waiting.join(all_of, on=key).filter(2 * pl.col("waits") > pl.col("count")).select(key)
    if routes is None:
        return mostly
    known = routes.select(service="caller", operation="operation")
    return pl.concat([mostly, known]).drop_nulls().unique()


def _with_callees(
    calls: pl.DataFrame, entries: pl.Series, routes: pl.DataFrame | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the calls with the callees that were meant, and who is called at which place.

    A place is the so-manieth call of a visit of one entry.
    """
    ordinal = pl.col("start_ns").rank("ordinal").over("visit").clip(upper_bound=_PLACES)
    placed = calls.with_columns(entry=entries.gather(calls["visit"]), place=ordinal.cast(pl.Int64))
    key = ["caller", "entry", "place"]
    route = [*key, "operation", "callee"]
    told = (
        placed.drop_nulls("callee")
        .with_columns(operation=pl.when("waits").then("operation"))
        .group_by(route)
        .agg(count=pl.len().cast(pl.Int64))
    )
    if routes is not None:
        told = pl.concat([told, routes]).group_by(route).agg(pl.col("count").sum())
    usual = (
        told.sort("count", "callee", descending=[True, False])
        .group_by(key, maintain_order=True)
        .agg(meant=pl.col("callee").first())
    )
    known = placed.join(usual, on=key, how="left", maintain_order="left").with_columns(
        is_answered=pl.col("callee").is_not_null(), callee=pl.coalesce("callee", "meant")
    )
    return known.drop("entry", "place", "meant"), told


def _table(spans: pl.DataFrame, rows: Ints, calls: pl.DataFrame) -> pl.DataFrame:
    waited = np.zeros(rows.size, dtype=np.int64)
    np.add.at(waited, calls["visit"].to_numpy(), calls["took_ns"].to_numpy())
    return (
        spans[rows]
        .select(
            "trace",
            "service",
            "start_ns",
            entry="operation",
            end_ns=pl.col("start_ns") + pl.col("duration_ns"),
            total_ns="duration_ns",
        )
        .with_columns(own_ns=(pl.col("total_ns") - pl.Series(waited)).clip(0))
    )


def _steps(
    spans: pl.DataFrame, logs: pl.DataFrame, *, calls: pl.DataFrame, table: pl.DataFrame
) -> pl.DataFrame:
    """Return every chain, each begun by nothing and closed by `ENDED`."""
    named = calls.select(
        pl.col("row").cast(pl.Int64),
        said=pl.when("is_answered")
        .then("call " + pl.col("callee"))
        .otherwise(NO_ANSWER + pl.col("callee").fill_null("anyone")),
        blamed=pl.when(~pl.col("is_answered")).then("callee"),
    )
    inner = (
        spans.select(
            "visit", "operation", pl.col("service"), at_ns="start_ns", chain=pl.lit("spans")
        )
        .with_row_index("row")
        .with_columns(pl.col("row").cast(pl.Int64))
        .join(named, on="row", how="left", maintain_order="left")
        .select("visit", "at_ns", "chain", "blamed", step=pl.coalesce("said", "operation"))
    )
    at = _rows_of(spans["span"], logs["span"])
    told = pl.DataFrame(
        {
            "visit": np.append(spans["visit"].to_numpy(), _NOBODY)[at],
            "step": logs["template"].cast(pl.String),
            "at_ns": logs["at_ns"],
        }
    ).filter(pl.col("visit") != _NOBODY)
    ends = table.select(step=pl.lit(ENDED), at_ns="end_ns").with_row_index("visit")
    ends = ends.with_columns(pl.col("visit").cast(pl.Int64), is_end=True)
    steps = pl.concat(
        [
            inner.with_columns(is_end=False),
            told.with_columns(chain=pl.lit("logs"), is_end=False),
            *(ends.with_columns(chain=pl.lit(chain)) for chain in ("logs", "spans")),
        ],
        how="diagonal",
    )
    ordered = steps.sort("visit", "chain", "is_end", "at_ns", maintain_order=True)
    before = pl.col("step").shift(1).over("visit", "chain").fill_null("")
    blamed = pl.coalesce("blamed", table["service"].gather(ordered["visit"]))
    return ordered.with_columns(before=before, blamed=blamed).drop("is_end")
