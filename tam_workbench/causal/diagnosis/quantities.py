"""Amounts as Kubernetes and logs write them, into numbers."""

import re
from typing import Final

_AMOUNT: Final = re.compile(r"^(?P<number>\d+(?:\.\d+)?)(?P<unit>[a-zA-Z]*)$")
_UNITS: Final = {
    "": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40,
}  # fmt: skip
_AGES: Final = {"y": 31_536_000.0, "d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_DURATION: Final = re.compile(
    r"(?P<number>\d+(?:\.\d+)?)\s?(?P<unit>ms|milliseconds?|msec|s|secs?|seconds?|m|min|minutes?|h|hours?)\b"
)


def amount(text: str) -> float | None:
    """Return a quantity of Kubernetes in its base unit (bytes, cores, pieces).

    >>> amount("500m"), amount("1Ki"), amount("17"), amount("<none>")
    (0.5, 1024.0, 17.0, None)
    """
    found = _AMOUNT.match(text.strip())
    if not found or found["unit"] not in _UNITS:
        return None
    return float(found["number"]) * _UNITS[found["unit"]]


def age(text: str) -> float | None:
    """Return an age as kubectl prints it, in seconds.

    >>> age("3m9s (x5 over 3m24s)"), age("2d4h"), age("<unknown>")
    (189.0, 187200.0, None)
    """
    found = re.match(r"(?:\d+[ydhms])+", text)
    parts = re.findall(r"(\d+)([ydhms])", found.group()) if found else []
    return sum((float(number) * _AGES[unit] for number, unit in parts), 0.0) if parts else None


def durations(text: str) -> list[tuple[str, float]]:
    """Return every duration in a text, as written and in seconds.

    >>> durations("query took 9.5 seconds, rendered in 12ms")
    [('9.5 seconds', 9.5), ('12ms', 0.012)]
    """
    return [
        (found.group(), float(found["number"]) * _seconds(found["unit"]))
        for found in _DURATION.finditer(text)
    ]


def _seconds(unit: str) -> float:
    if unit.startswith(("ms", "milli")):
        return 1e-3
    return {"s": 1.0, "m": 60.0, "h": 3600.0}[unit[0]]
