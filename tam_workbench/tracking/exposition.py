"""Exposition: figures in the Prometheus text format."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tam_workbench.errors import BadInputError

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
_KINDS = ("counter", "gauge")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One figure: what it is called, what it means, and its value."""

    name: str
    kind: str  # counter | gauge
    about: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


def exposition(samples: Sequence[Sample]) -> str:
    r"""Return the samples as Prometheus reads them, one HELP and TYPE a name.

    Format: https://prometheus.io/docs/instrumenting/exposition_formats (text, 0.0.4).

    >>> print(exposition([Sample(name="tam_rows_total", kind="counter", about="Rows.", value=3)]))
    # HELP tam_rows_total Rows.
    # TYPE tam_rows_total counter
    tam_rows_total 3
    <BLANKLINE>
    """
    lines: list[str] = []
    told: set[str] = set()
    for sample in sorted(samples, key=lambda s: (s.name, sorted(s.labels.items()))):
        if not _NAME.match(sample.name) or sample.kind not in _KINDS:
            raise BadInputError(
                f"metric {sample.name!r} of kind {sample.kind!r}: not a Prometheus name or kind"
            )
        if sample.name not in told:
            told.add(sample.name)
            about = sample.about.replace("\\", r"\\").replace("\n", r"\n")
            lines += [f"# HELP {sample.name} {about}", f"# TYPE {sample.name} {sample.kind}"]
        lines.append(f"{sample.name}{_labels(sample.labels)} {_number(sample.value)}")
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    pairs = [f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items())]
    return "{" + ",".join(pairs) + "}"


def _number(value: float) -> str:
    """Return every digit: a counter of bytes soon has more than ten."""
    is_whole = abs(value) < 2**53 and value == int(value)
    return str(int(value)) if is_whole else repr(float(value))


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
