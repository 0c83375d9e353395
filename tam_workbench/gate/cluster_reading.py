"""Reading of cluster rules: each fault in one line, with where it is."""

from collections.abc import Collection, Mapping
from typing import Any

from tam_workbench.errors import BadInputError


def section(told: object, where: str, known: Collection[str] = ()) -> Mapping[str, Any]:
    """Return a part of a document that must be a mapping, with known fields only."""
    if not isinstance(told, Mapping):
        raise BadInputError(f"{where}: {str(told)[:40]!r} is no mapping; write 'field: value'")
    if known:
        no_others(told, known, where)
    return told


def no_others(row: Mapping[str, Any], known: Collection[str], where: str) -> None:
    """Refuse a field that means nothing."""
    for name in row:
        if name not in known:
            raise BadInputError(f"{where}: no field {name!r}; known: {', '.join(sorted(known))}")


def words(told: object) -> tuple[str, ...]:
    """Return one word or a list of them."""
    if told is None:
        return ()
    return tuple(str(one) for one in told) if isinstance(told, list | tuple) else (str(told),)


def one_of(told: object, known: Collection[str], where: str) -> str:
    """Return a word that must be among those known."""
    if told not in known:
        raise BadInputError(f"{where}: {told!r} is not one of: {', '.join(known)}")
    return str(told)


def number(row: Mapping[str, Any], name: str, default: float, where: str) -> float:
    """Return a number from 0 on."""
    value = row.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        raise BadInputError(f"{where}: {name} {value!r} is no number from 0 on")
    return float(value)


def clock(told: object, where: str) -> int:
    """Return the minute of the day of a time such as 23:30.

    >>> clock("23:30", "here"), clock("24:00", "here")
    (1410, 1440)
    """
    hours, _, minutes = str(told).partition(":")
    if not (hours.isdigit() and minutes.isdigit() and int(hours) * 60 + int(minutes) <= 1440):
        raise BadInputError(f"{where}: {told!r} is no time of day; write it like '23:30'")
    return int(hours) * 60 + int(minutes)
