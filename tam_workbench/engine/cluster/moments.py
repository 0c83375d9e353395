"""Moments: the times that people write."""

from datetime import UTC, datetime, timedelta
from typing import Final

from tam_workbench.errors import BadInputError

_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def moment_of(told: datetime | str) -> datetime:
    """Return a time with its zone; one without is UTC.

    Raises
    ------
    BadInputError
        If it is no time.

    >>> moment_of("2026-01-10T23:19:42Z").isoformat()
    '2026-01-10T23:19:42+00:00'
    """
    try:
        when = told if isinstance(told, datetime) else datetime.fromisoformat(told)
    except ValueError as error:
        raise BadInputError(f"time {told!r}: write it like 2026-01-10T23:19:42Z") from error
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def since(told: str, *, now: datetime) -> datetime:
    """Return a time that was written out, or how long ago it was.

    >>> since("90m", now=datetime(2026, 1, 1, 12, tzinfo=UTC)).isoformat()
    '2026-01-01T10:30:00+00:00'
    """
    unit = _UNITS.get(told[-1:])
    if unit is None or not told[:-1].replace(".", "", 1).isdigit():
        return moment_of(told)
    return now - timedelta(seconds=float(told[:-1]) * unit)
