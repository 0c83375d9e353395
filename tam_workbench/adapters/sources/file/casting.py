"""Casting: raw columns to the declared schemas; a row that will not go is set aside, with why."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl

from tam_workbench.adapters.sources.file.shapes import Origin, Shape, service_of
from tam_workbench.adapters.sources.file.slices import LINE, no_rejects, rejects_of
from tam_workbench.records import SIGNALS, TIME

__all__ = ["cast_table", "cast_times", "categorical"]

_FORMATS: Final = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
)
_ZONED: Final = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%d/%b/%Y:%H:%M:%S %z")
_LATEST_US: Final = 7_258_118_400_000_000  # the year 2200

_LEVELS: Final = {
    "trace": 1, "debug": 5, "info": 9, "notice": 10, "warn": 13, "warning": 13,
    "error": 17, "err": 17, "severe": 17, "fatal": 21, "critical": 21,
}  # fmt: skip
_TRUTHS: Final = {
    "true": True, "1": True, "yes": True, "error": True,
    "false": False, "0": False, "no": False, "ok": False,
}  # fmt: skip

_REQUIRED: Final[Mapping[str, Mapping[str, str]]] = {
    "metrics": {"time": "is not a time", "value": "is not a finite number", "name": "is missing"},
    "logs": {"time": "is not a time", "severity_number": "is no severity", "body": "is missing"},
    "spans": {
        "time": "is not a time",
        "name": "is missing",
        "duration_s": "is not a finite number",
        "error": "is neither true nor false",
    },
    "changes": {"time": "is not a time", "kind": "is missing"},
}


def cast_times(raw: pl.Series) -> pl.Series:
    """Return UTC stamps of texts, dates or epoch numbers (s, ms, us or ns); null where it is none.

    >>> cast_times(pl.Series(["2014-02-14 14:27:00", "1392388020", "soon"])).dt.epoch("s").to_list()
    [1392388020, 1392388020, None]
    """
    if raw.dtype == pl.String:
        return _in_range(_text_times(raw))
    if raw.dtype.is_numeric():
        return _in_range(_epochs(raw))
    if isinstance(raw.dtype, pl.Datetime):
        utc = raw if raw.dtype.time_zone else raw.dt.replace_time_zone("UTC")
        return utc.dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    if raw.dtype == pl.Date:
        return raw.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return pl.Series([None], dtype=TIME).new_from_index(0, len(raw))


def _text_times(raw: pl.Series) -> pl.Series:
    text = raw.str.strip_chars() if bool(raw.str.contains(r"^\s|\s$").any()) else raw
    done = text.str.to_datetime(_FORMATS[0], strict=False, time_unit="us", time_zone="UTC")
    for pattern in _FORMATS[1:]:
        if done.null_count() == text.null_count():
            return done
        more = text.str.to_datetime(pattern, strict=False, time_unit="us", time_zone="UTC")
        done = _coalesce(done, more)
    for pattern in _ZONED:
        if done.null_count() > text.null_count():
            more = text.str.to_datetime(pattern, strict=False, time_unit="us")
            done = _coalesce(done, more.dt.convert_time_zone("UTC"))
    if done.null_count() > text.null_count():
        whole = text.cast(pl.Int64, strict=False)
        done = _coalesce(done, _epochs(whole))
        done = _coalesce(done, _epochs(text.cast(pl.Float64, strict=False)))
    return done


def _epochs(raw: pl.Series) -> pl.Series:
    """Read epoch numbers; the magnitude tells the unit."""
    number = pl.col("t")
    if raw.dtype.is_float():
        raw = pl.select(pl.when(raw.is_finite()).then(raw)).to_series()
        seconds, milli, micro = number * 1_000_000, number * 1000, number
    else:
        raw = raw.cast(pl.Int64, strict=False)
        seconds, milli, micro = number * 1_000_000, number * 1000, number
    size = number.abs()
    us = (
        pl.when(size < 1e11)
        .then(seconds)
        .when(size < 1e14)
        .then(milli)
        .when(size < 1e17)
        .then(micro)
        .otherwise(number // 1000)
    )
    frame = pl.DataFrame({"t": raw}).select(us.round() if raw.dtype.is_float() else us)
    return (
        frame.to_series()
        .cast(pl.Int64, strict=False)
        .cast(pl.Datetime("us"))
        .dt.replace_time_zone("UTC")
    )


def _in_range(times: pl.Series) -> pl.Series:
    us = times.to_physical()
    lowest, highest = us.min(), us.max()
    if lowest is None or (int(lowest) >= 0 and int(highest) < _LATEST_US):  # type: ignore[arg-type]
        return times
    frame = pl.DataFrame({"t": times, "us": us})
    return frame.select(pl.when(pl.col("us").is_between(0, _LATEST_US)).then("t")).to_series()


def _coalesce(first: pl.Series, second: pl.Series) -> pl.Series:
    return pl.select(pl.coalesce(first, second)).to_series()


def categorical(text: str | None, height: int) -> pl.Series:
    """Return a column that says the same thing in every row."""
    return pl.Series([text], dtype=pl.Categorical()).new_from_index(0, height)


def cast_table(
    raw: pl.DataFrame, shape: Shape, origin: Origin
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """Return typed frames per signal and the rejects, of raw columns that carry `LINE`."""
    if shape.wide:
        return _cast_wide(raw, shape, origin)
    if shape.signal is not None:
        good, bad = _cast_signal(shape.signal, raw, shape, origin)
        return {shape.signal: good}, bad
    frames, rejects = {}, []
    told = raw[shape.columns["signal"]].cast(pl.String).fill_null("")
    for signal in SIGNALS:
        rows = raw.filter(told == signal)
        if rows.height:
            frames[signal], bad = _cast_signal(signal, rows, shape, origin)
            rejects.append(bad)
    unknown = raw.filter(~told.is_in(list(SIGNALS)))
    if unknown.height:
        reason = "is none of metrics, logs, spans, changes"
        rejects.append(_set_aside(unknown, "unknown", "signal", reason, origin))
    return frames, pl.concat(rejects) if rejects else no_rejects()


def _cast_wide(
    raw: pl.DataFrame, shape: Shape, origin: Origin
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """Make a metric of every column; an empty cell is no measurement, so no row.

    In a typed column NaN means empty too; the text "NaN" is set aside like any other.
    """
    width, height = len(shape.wide), raw.height
    stamps = cast_times(raw[shape.columns["time"]])
    if not stamps.null_count():
        raw = raw.with_columns(stamps.alias(shape.columns["time"]))
    index = [LINE, *shape.columns.values()]
    tall = raw.unpivot(on=shape.wide, index=index, variable_name="metric", value_name="number")
    number = np.repeat(np.arange(width), height)
    tall = tall.with_columns(pl.Series("_cell", number)).sort(LINE, "_cell", maintain_order=True)
    given = pl.col("number").is_not_null()
    if tall["number"].dtype == pl.String:
        given &= pl.col("number") != ""
    elif tall["number"].dtype.is_float():
        given &= pl.col("number").is_not_nan()  # how Parquet writers say "not measured"
    tall = tall.filter(given)
    columns = {**shape.columns, "name": "metric", "value": "number"}
    long = Shape(signal="metrics", columns=columns)
    good, bad = _cast_signal("metrics", tall, long, origin)
    names = pl.DataFrame({"name": pl.Series(shape.wide).cast(pl.Categorical())}).with_row_index(
        "_j"
    )
    cell = good.select("name").join(names, on="name", maintain_order="left")["_j"].cast(pl.Int64)
    return {"metrics": good.with_columns(row=pl.col(LINE) * width + cell)}, bad


def _cast_signal(
    signal: str, raw: pl.DataFrame, shape: Shape, origin: Origin
) -> tuple[pl.DataFrame, pl.DataFrame]:
    cells = {name: _cell(name, dtype, raw, shape) for name, dtype in SIGNALS[signal].items()}
    cells = _fill(cells, raw, signal, shape, origin)
    typed = pl.DataFrame({**cells, LINE: raw[LINE]})
    required = _REQUIRED[signal]
    if not any(typed[name].null_count() for name in required):
        return typed, no_rejects()
    return _split(typed, raw, signal, origin)


def _cell(name: str, dtype: pl.DataType, raw: pl.DataFrame, shape: Shape) -> pl.Series:
    theirs = shape.columns.get(name)
    if theirs is None or theirs not in raw.columns:
        return pl.Series([None], dtype=dtype).new_from_index(0, raw.height)
    column = raw[theirs]
    if name == "time":
        return cast_times(column)
    if dtype == pl.Float64():
        return _numbers(column)
    if name == "severity_number":
        return _severities(column)
    text = column.cast(pl.String)
    if dtype == pl.Boolean():
        text = text.str.strip_chars().str.to_lowercase()
        return text.replace_strict(_TRUTHS, default=None, return_dtype=pl.Boolean)
    return text.cast(dtype)


def _numbers(column: pl.Series) -> pl.Series:
    """Return finite floats, null where a cell is none."""
    number = column.str.strip_chars() if column.dtype == pl.String else column
    number = number.cast(pl.Float64, strict=False)
    if bool(number.is_finite().all()):
        return number
    return pl.select(pl.when(number.is_finite()).then(number)).to_series()


def _severities(column: pl.Series) -> pl.Series:
    text = column.cast(pl.String).str.strip_chars().str.to_lowercase()
    named = text.replace_strict(_LEVELS, default=None, return_dtype=pl.UInt8)
    number = text.cast(pl.Float64, strict=False).cast(pl.UInt8, strict=False)
    number = pl.select(pl.when(number.is_between(1, 24)).then(number)).to_series()
    return _coalesce(named, number)


def _fill(
    cells: dict[str, pl.Series], raw: pl.DataFrame, signal: str, shape: Shape, origin: Origin
) -> dict[str, pl.Series]:
    """Give the rows what they do not say: channel, number, resource, service, defaults."""
    height = raw.height
    filled = dict(cells)
    filled["source"] = categorical(origin.channel, height)
    filled["row"] = raw[LINE]
    filled["resource"] = _default(cells["resource"], origin.resource)
    filled["service"] = _services(cells["service"], filled["resource"])
    absent = {name for name in cells if shape.columns.get(name) not in raw.columns}
    if signal == "metrics" and "name" in absent:
        filled["name"] = categorical(origin.metric, height)
    for name, default in (("severity_number", 9), ("error", False)):
        if name in cells:
            told = None if name in absent else raw[shape.columns[name]]
            filled[name] = _unsaid(cells[name], told, default)
    return filled


def _unsaid(cells: pl.Series, told: pl.Series | None, default: int) -> pl.Series:
    """Put the default where the sender said nothing; what it said wrongly stays null."""
    if told is None:
        return cells.fill_null(default)
    silent = told.is_null()
    said = pl.when(silent).then(pl.lit(default, cells.dtype)).otherwise(cells)
    return pl.select(said).to_series() if silent.any() else cells


def _default(cells: pl.Series, text: str) -> pl.Series:
    if cells.null_count() == len(cells):
        return categorical(text, len(cells))
    return cells.fill_null(text) if cells.null_count() else cells


def _services(told: pl.Series, resources: pl.Series) -> pl.Series:
    if not told.null_count():
        return told
    names = resources.unique().cast(pl.String).to_list()
    guessed = resources.cast(pl.String).replace({name: service_of(name) for name in names})
    if told.null_count() == len(told):
        return guessed.cast(pl.Categorical())
    return _coalesce(told.cast(pl.String), guessed).cast(pl.Categorical())


def _split(
    typed: pl.DataFrame, raw: pl.DataFrame, signal: str, origin: Origin
) -> tuple[pl.DataFrame, pl.DataFrame]:
    required = _REQUIRED[signal]
    good = pl.all_horizontal(pl.col(name).is_not_null() for name in required)
    keep = typed.select(good).to_series()
    rejects = []
    left = typed.with_row_index("_at").filter(~keep)
    for name, reason in required.items():
        bad = left.filter(pl.col(name).is_null())
        left = left.filter(pl.col(name).is_not_null())
        if bad.height:
            rejects.append(_set_aside(raw[bad["_at"]], signal, name, reason, origin, bad["time"]))
    return typed.filter(keep), pl.concat(rejects)


def _set_aside(
    raw: pl.DataFrame,
    signal: str,
    field: str,
    reason: str,
    origin: Origin,
    time: pl.Series | None = None,
) -> pl.DataFrame:
    texts = [pl.col(name).cast(pl.String) for name in raw.columns if not name.startswith("_")]
    excerpt = raw.select(pl.concat_str(texts, separator=",", ignore_nulls=True)).to_series()
    columns = {
        "source": categorical(origin.channel, raw.height),
        "row": raw[LINE],
        LINE: raw[LINE],
        "excerpt": excerpt,
    }
    if time is not None:
        columns["time"] = time
    told = {"signal": pl.lit(signal), "field": pl.lit(field), "reason": pl.lit(f"{field} {reason}")}
    return rejects_of(pl.DataFrame(columns).with_columns(**told).to_dict())
