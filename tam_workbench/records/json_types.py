"""Any record in the types that JSON has."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

Moment = Callable[[datetime], str]
"""Writes a time."""


def plain(value: Any, *, moment: Moment = datetime.isoformat) -> Any:  # noqa: ANN401 - JSON
    """Return a value as JSON can hold it.

    Examples
    --------
    >>> plain({"at": (1, None)})
    {'at': [1, None]}
    """
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value), moment=moment)
    if isinstance(value, Mapping):
        return {str(key): plain(item, moment=moment) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, moment=moment) for item in value]
    if isinstance(value, datetime):
        return moment(value)
    return value.value if isinstance(value, Enum) else value
