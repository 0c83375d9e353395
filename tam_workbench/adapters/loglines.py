"""Log lines: stamp, host, severity and body out of raw text, in columns.

Shared by the sources that read logs. Pure text work: no file, no clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from tam_workbench.records import TIME

__all__ = ["LAYOUTS", "LogLayout", "Stamps", "guess_layout", "guess_severity", "parse_lines"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLayout:
    """How a family of logs writes its lines; ``pattern`` has time, zone?, resource?, body."""

    name: str
    pattern: str
    formats: tuple[str, ...]
    has_year: bool = True


_ISO_FORMATS: Final = ("%Y-%m-%d %H:%M:%S%.f",)

LAYOUTS: Final = (
    LogLayout(
        name="iso",
        pattern=r"^\[?(?P<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)"
        r" ?(?P<zone>Z|[+-]\d\d:?\d\d)?\]?[ ,:-]*(?P<body>.*)$",
        formats=_ISO_FORMATS,
    ),
    LogLayout(
        name="syslog",
        pattern=r"^(?:<\d+>)?(?P<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) "
        r"(?P<resource>\S+) (?P<body>.*)$",
        formats=("%Y %b %e %H:%M:%S",),
        has_year=False,
    ),
    LogLayout(
        name="apache",
        pattern=r"^\[[A-Z][a-z]{2} (?P<time>[A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d(?:\.\d+)? \d{4})\] "
        r"(?P<body>.*)$",
        formats=("%b %d %H:%M:%S %Y", "%b %d %H:%M:%S%.f %Y"),
    ),
    LogLayout(
        name="access",
        pattern=r"^(?P<client>\S+ \S+ \S+) \[(?P<time>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d)"
        r" (?P<zone>[+-]\d{4})\] (?P<body>.*)$",
        formats=("%d/%b/%Y:%H:%M:%S",),
    ),
    LogLayout(
        name="openstack",
        pattern=r"^\S+\.log\S* (?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) (?P<body>.*)$",
        formats=_ISO_FORMATS,
    ),
    LogLayout(
        name="hdfs",
        pattern=r"^(?P<time>\d{6} \d{6}) (?P<body>.*)$",
        formats=("%y%m%d %H%M%S",),
    ),
    LogLayout(
        name="bgl",
        pattern=r"^\S+ \d{10} \d{4}\.\d\d\.\d\d (?P<resource>\S+) "
        r"(?P<time>\d{4}-\d\d-\d\d-\d\d\.\d\d\.\d\d\.\d+) \S+ (?P<body>.*)$",
        formats=("%Y-%m-%d-%H.%M.%S%.f",),
    ),
)
"""Known layouts, tried in this order; the one that fits most of the first lines wins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamps:
    """What a line without a stamp, or without a year, needs from the lines before it."""

    last_us: int | None = None
    year: int = 1970
    month: int = 0


_LEVELS: Final = (
    r"(?i)\b(fatal|critical|crit|emerg|panic|alert|severe|error|err|warning|warn|notice|info"
    r"|debug|trace)\b"
)
_NUMBERS: Final = {
    "fatal": 21, "critical": 21, "crit": 21, "emerg": 21, "panic": 21, "alert": 21,
    "severe": 17, "error": 17, "err": 17, "warning": 13, "warn": 13,
    "notice": 10, "info": 9, "debug": 5, "trace": 1,
}  # fmt: skip
_BAD_NEWS: Final = r"(?i)(?:traceback|exception|segfault|out of memory|oom-kill|core dumped)"
_TROUBLE: Final = (
    r"(?i)\b(?:fail|failed|failure|denied|refused|timed out|timeout|unreachable|invalid)\b"
)


def guess_severity(bodies: pl.Series) -> pl.Series:
    """Return OpenTelemetry severity numbers from the words in the first 200 characters.

    A level word decides; without one, words of bad news do; otherwise INFO (9).

    >>> guess_severity(pl.Series(["[error] mod_jk", "session opened", "login failed"])).to_list()
    [17, 9, 13]
    """
    head = bodies.str.slice(0, 200)
    level = head.str.extract(_LEVELS, 1).str.to_lowercase()
    numbers = level.replace_strict(_NUMBERS, default=None, return_dtype=pl.UInt8)
    if numbers.null_count():
        bad, trouble = head.str.contains(_BAD_NEWS), head.str.contains(_TROUBLE)
        frame = pl.DataFrame({"known": numbers, "bad": bad, "trouble": trouble})
        word = pl.when("bad").then(17).when("trouble").then(13).otherwise(9).cast(pl.UInt8)
        numbers = frame.select(pl.coalesce("known", word)).to_series()
    return numbers.rename("severity_number")


def guess_layout(lines: Sequence[str]) -> LogLayout | None:
    """Return the layout most of the lines are written in, None when they carry no stamp.

    >>> guess_layout(["081109 203615 148 INFO dfs.DataNode: up"]).name
    'hdfs'
    """
    texts = pl.Series("line", lines, dtype=pl.String)
    counts = [int(texts.str.contains(layout.pattern).sum()) for layout in LAYOUTS]
    best = max(range(len(LAYOUTS)), key=counts.__getitem__)
    return LAYOUTS[best] if counts[best] * 2 > len(lines) > 0 else None


def parse_lines(
    lines: pl.Series, layout: LogLayout | None, *, stamps: Stamps, utc_offset_s: int = 0
) -> tuple[pl.DataFrame, Stamps]:
    """Return columns ``time resource severity_number body`` and what the next lines need.

    A line without a stamp (a stack trace going on) has the time of the line before it; the
    time stays null where there is none. Naive stamps are ``utc_offset_s`` ahead of UTC.
    """
    groups = _groups(lines, layout)
    time, stamps = _times(groups, layout, stamps=stamps, utc_offset_s=utc_offset_s)
    time = time.forward_fill() if time.null_count() else time
    if time.null_count() and stamps.last_us is not None:
        time = time.fill_null(
            pl.Series([stamps.last_us]).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")[0]
        )
    body = groups["body"]
    last = time.to_physical()[-1] if len(time) else None
    frame = pl.DataFrame(
        {
            "time": time,
            "resource": groups["resource"],
            "severity_number": guess_severity(lines),
            "body": body,
        }
    )
    return frame, Stamps(
        last_us=stamps.last_us if last is None else int(last), year=stamps.year, month=stamps.month
    )


def _groups(lines: pl.Series, layout: LogLayout | None) -> pl.DataFrame:
    empty = pl.Series("none", [None], dtype=pl.String).new_from_index(0, len(lines))
    columns = {"time": empty, "zone": empty, "resource": empty, "body": lines}
    if layout is not None:
        found = lines.str.extract_groups(layout.pattern).struct.unnest()
        columns |= {n: found[n] for n in ("time", "zone", "resource", "body") if n in found.columns}
        if found["body"].null_count():
            matched = pl.DataFrame({"body": found["body"], "line": lines})
            columns["body"] = matched.select(pl.coalesce("body", "line")).to_series()
    return pl.DataFrame(columns)


def _times(
    groups: pl.DataFrame, layout: LogLayout | None, *, stamps: Stamps, utc_offset_s: int
) -> tuple[pl.Series, Stamps]:
    text = groups["time"]
    if layout is None or text.null_count() == len(text):
        return pl.Series("time", [None], dtype=TIME).new_from_index(0, len(text)), stamps
    text = text.str.replace("T", " ", literal=True) if layout.formats == _ISO_FORMATS else text
    text = text.str.replace(",", ".", literal=True)
    if not layout.has_year:
        text, stamps = _with_year(text, stamps)
    naive = pl.Series("time", [None], dtype=pl.Datetime("us")).new_from_index(0, len(text))
    for pattern in layout.formats:
        if naive.null_count():
            naive = _coalesce(naive, text.str.to_datetime(pattern, time_unit="us", strict=False))
    local = naive.dt.replace_time_zone("UTC")
    zone = groups["zone"]
    if zone.null_count() == len(zone) and not utc_offset_s:
        return local, stamps
    return local - _offsets(zone, default_s=utc_offset_s), stamps


def _coalesce(first: pl.Series, second: pl.Series) -> pl.Series:
    return pl.select(pl.coalesce(first, second)).to_series()


def _offsets(zone: pl.Series, *, default_s: int) -> pl.Series:
    digits = zone.str.replace(":", "", literal=True)
    hours = digits.str.slice(1, 2).cast(pl.Int64, strict=False)
    minutes = digits.str.slice(3, 2).cast(pl.Int64, strict=False)
    minus = digits.str.starts_with("-").cast(pl.Int64) * -2 + 1
    seconds = (hours * 3600 + minutes * 60) * minus
    frame = pl.DataFrame({"zone": zone, "seconds": seconds})
    chosen = pl.when(pl.col("zone").is_null()).then(default_s).otherwise("seconds").fill_null(0)
    return frame.select(pl.duration(seconds=chosen)).to_series()


def _with_year(text: pl.Series, stamps: Stamps) -> tuple[pl.Series, Stamps]:
    """Prepend the year: a step from late in the year to its beginning starts a new one."""
    month = text.str.slice(0, 3).replace_strict(_MONTHS, default=None, return_dtype=pl.Int64)
    month = month.forward_fill().fill_null(stamps.month)
    before = month.shift(1, fill_value=stamps.month)
    turned = ((before >= 10) & (month <= 3) & (month > 0)).cast(pl.Int64).cum_sum()
    year = turned + stamps.year
    joined = pl.select(pl.concat_str(year.cast(pl.String), text, separator=" ")).to_series()
    return joined, Stamps(last_us=stamps.last_us, year=int(year[-1]), month=int(month[-1]))


_MONTHS: Final = {
    "Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6,
    "Jul": 7, "Aug": 8, "Sep": 9, "Oct": 10, "Nov": 11, "Dec": 12,
}  # fmt: skip
