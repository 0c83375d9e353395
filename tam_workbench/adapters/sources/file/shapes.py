"""Shapes: which column of a table means what, guessed from the header."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tam_workbench.errors import BadInputError

__all__ = ["Origin", "Shape", "guess_shape", "service_of"]

_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "signal": ("signal",),
    "time": (
        "time", "timestamp", "@timestamp", "ts", "datetime", "date", "unix_timestamp",
        "timeunixnano", "time_unix_nano", "observed_at", "starttime",
    ),
    "resource": ("resource", "podname", "pod", "k8s.pod.name", "host", "hostname", "instance"),
    "service": ("service", "service.name", "service_name", "servicename"),
    "name": ("name", "metric", "metric_name", "operationname", "operation"),
    "value": ("value",),
    "severity_number": ("severity_number", "severity", "level", "severity_text"),
    "body": ("body", "message", "msg", "log"),
    "trace_id": ("trace_id", "traceid"),
    "span_id": ("span_id", "spanid"),
    "parent_service": ("parent_service",),
    "duration_s": ("duration_s",),
    "error": ("error",),
    "kind": ("kind",),
    "object": ("object",),
    "detail": ("detail",),
}  # fmt: skip

_TRUTH: Final = frozenset({"anomaly", "is_anomaly", "label", "changepoint", "phase", "is_attack"})
"""Columns that hold the answer. Ground truth never travels in the stream."""

_SAFE: Final = "[bcdfghjklmnpqrstvwxz2456789]"  # the alphabet of Kubernetes' generated names
_POD: Final = re.compile(rf"-(?:{_SAFE}{{6,10}}-)?{_SAFE}{{5}}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What rows get that do not say it themselves."""

    channel: str
    resource: str
    metric: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a table is read: ``signal`` is None when each row names its own.

    ``columns`` maps our names to theirs; ``wide`` lists the columns that are one metric each.
    """

    signal: str | None
    columns: Mapping[str, str]
    wide: tuple[str, ...] = field(default=())


def service_of(resource: str) -> str:
    """Return a pod's name without its generated suffixes.

    >>> service_of("ts-food-service-f5756978c-k8vqf"), service_of("ts-food-service")
    ('ts-food-service', 'ts-food-service')
    """
    return _POD.sub("", resource) or resource


def guess_shape(header: Sequence[str], *, numeric: Sequence[str], where: str) -> Shape:
    """Return the shape of a table from its header and the names of its numeric columns.

    >>> guess_shape(["timestamp", "value"], numeric=["value"], where="x.csv").signal
    'metrics'
    >>> guess_shape(["t", "x"], numeric=["x"], where="x.csv")
    Traceback (most recent call last):
    tam_workbench.errors.BadInputError: x.csv has no time column among: t, x; name one 'time'
    """
    lower = {name.strip().lower(): name for name in reversed(header)}
    columns = {
        ours: next(lower[alias] for alias in aliases if alias in lower)
        for ours, aliases in _ALIASES.items()
        if any(alias in lower for alias in aliases)
    }
    if "time" not in columns:
        names = ", ".join(header)[:200]
        raise BadInputError(f"{where} has no time column among: {names}; name one 'time'")
    if "signal" in columns:
        return Shape(signal=None, columns=columns)
    signal = _signal(columns)
    if signal is not None:
        return Shape(signal=signal, columns=columns)
    labels = {columns.get(name) for name in ("time", "resource", "service")}
    wide = tuple(
        name for name in numeric if name not in labels and name.strip().lower() not in _TRUTH
    )
    if not wide:
        raise BadInputError(f"{where} has no numeric column; add a 'value' or a column per metric")
    kept = {ours: name for ours, name in columns.items() if name in labels}
    return Shape(signal="metrics", columns=kept, wide=wide)


def _signal(columns: Mapping[str, str]) -> str | None:
    if "duration_s" in columns and "name" in columns:
        return "spans"
    if "kind" in columns and "object" in columns:
        return "changes"
    if "body" in columns:
        return "logs"
    return "metrics" if "value" in columns else None
