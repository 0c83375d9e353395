"""Blocks: a window of an incident as vectors, one a modality, that can be compared.

What stands out against the service's own quiet past is hashed by name into a block of fixed
size. A last coordinate holds quietness, so that noise under the threshold points nowhere and
two quiet blocks look alike. Nothing depends on absolute load or on which replica is ill.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from types import MappingProxyType
from typing import Final

import numpy as np

from tam_workbench.records import Floats

SIZES: Final[Mapping[str, int]] = MappingProxyType(
    {"metrics": 128, "templates": 128, "spans": 64, "changes": 32, "below": 128, "place": 32}
)
"""Numbers in each block, the last of them quietness; this order is the order of the matrix."""

QUIET: Final = 1.0
"""What quietness weighs: something that stands out by this much turns a block half way."""

_QUIET_BELOW: Final = 3.0  # many services are below, and each deviates a little now and then
_PROBES: Final = 4  # buckets that share a name, so that a collision of two costs little
_Z_LEAST, _Z_MOST = 3.0, 60.0
_Z_HALF: Final = 6.0
_COUNT_LEAST: Final = 2.5
_COUNT_HALF: Final = 8.0
_SLOPE: Final = 0.5
_SLOW_LEAST: Final = 1.3
_SEVERITY: Final = ((17, 1.5), (13, 1.0), (0, 0.5))
_FADE_S: Final = 120.0  # seconds until a change weighs 1/e


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One metric of a service: (R, T) values by replica and tick, before and in the window.

    NaN is what was not measured.
    """

    before: Floats
    now: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Lines of one log template: how many a tick, before and in the window; the severity."""

    before: float
    now: float
    severity: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Spans of one operation: how many, the shares that failed, and the middle durations.

    ``origin`` is the share of the spans in the window that failed though nothing below did.
    """

    count: int
    failed_before: float
    failed: float
    origin: float
    seconds_before: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of the service (``role`` own) or of one it calls, ``age_s`` before the end."""

    kind: str
    detail: str
    age_s: float
    role: str = "own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Below:
    """What a service that the ill one calls looks like: its metrics and its warnings."""

    metrics: Mapping[str, Series] = field(default_factory=dict)
    templates: Mapping[str, Lines] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """All that is known of [t0, t1) of a service; None where no such signal ever comes."""

    service: str
    ticks: int
    metrics: Mapping[str, Series] | None = None
    templates: Mapping[str, Lines] | None = None  # by masked text
    spans: Mapping[str, Calls] | None = None  # by operation, callees' included
    changes: Sequence[Change] | None = None
    below: Mapping[str, Below] | None = None  # by service that it calls, directly or not


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a window looked like: unit vectors by block, a missing modality left out; the text."""

    blocks: Mapping[str, tuple[float, ...]]
    text: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that stands out: the name it is hashed by, how much, and how it is said."""

    name: str
    weight: float
    said: str = field(compare=False, default="")


def findings(window: Window) -> dict[str, list[Finding]]:
    """Return what stands out in each modality that there is, strongest first."""
    found: dict[str, list[Finding]] = {}
    if window.metrics is not None:
        found["metrics"] = _metrics(window.metrics)
    if window.templates is not None:
        found["templates"] = _templates(window.templates, ticks=window.ticks)
    if window.spans is not None:
        found["spans"] = _spans(window.spans)
    if window.changes is not None:
        found["changes"] = _changes(window.changes)
    if window.below is not None:
        found["below"] = _below(window.below, ticks=window.ticks)
    return {
        block: sorted((f for f in said if f.weight > 0.0), key=lambda f: (-f.weight, f.name))
        for block, said in found.items()
    }


def pour(found: Iterable[Finding], size: int, *, quiet: float = QUIET) -> Floats:
    """Return a unit vector of ``size`` numbers: findings hashed by name, quietness last.

    Examples
    --------
    >>> calm = pour([], 8)
    >>> calm.tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    >>> hot, hotter = (pour([Finding(name="cpu+", weight=w)], 64) for w in (2.0, 3.0))
    >>> bool(hot @ hotter > 0.95), bool(hot @ pour([Finding(name="cpu-", weight=2.0)], 64) < 0.4)
    (True, True)
    """
    numbers = [0.0] * size
    numbers[-1] = quiet
    for finding in found:
        digest = blake2b(finding.name.encode("utf-8", "replace"), digest_size=4 * _PROBES).digest()
        for probe in range(_PROBES):
            number = int.from_bytes(digest[4 * probe : 4 * probe + 4], "big")
            sign = 1.0 if number & 1 else -1.0
            numbers[(number >> 1) % (size - 1)] += sign * finding.weight / math.sqrt(_PROBES)
    vector = np.array(numbers)
    norm = float(np.linalg.norm(vector))
    return vector / norm if norm > 0.0 else vector


def sign(window: Window) -> Signature:
    """Return the signature of a window.

    Examples
    --------
    >>> calls = {"/pay": Calls(count=90, failed_before=0.01, failed=0.6, origin=0.6,
    ...     seconds_before=0.05, seconds=0.16)}
    >>> seen = Window(service="checkout", ticks=40, spans=calls,
    ...     changes=[Change(kind="deploy", detail="v12", age_s=30.0)])
    >>> signature = sign(seen)
    >>> print(signature.text)
    checkout
    calls to /pay failing 60 %, beginning there; calls to /pay slow 3.2x
    deploy v<*> 30 s before
    >>> sorted(signature.blocks)
    ['changes', 'place', 'spans']
    """
    from tam_workbench.memory.signature import mask

    found = findings(window)
    place = [Finding(name=f"service {mask(window.service)}", weight=1.0)]
    blocks = {
        block: pour(said, SIZES[block], quiet=_QUIET_BELOW if block == "below" else QUIET)
        for block, said in found.items()
    }
    blocks["place"] = pour(place, SIZES["place"], quiet=0.0)
    lines = [window.service]
    lines += ["; ".join(f.said for f in said[:_SAID] if f.said) for said in found.values()]
    return Signature(
        blocks={block: tuple(vector.tolist()) for block, vector in blocks.items()},
        text="\n".join(line for line in lines if line),
        service=window.service,
    )


_SAID: Final = 6  # findings that are said of each modality


def _metrics(metrics: Mapping[str, Series]) -> list[Finding]:
    found = []
    for name, series in metrics.items():
        high, low, slope = _deviation(series)
        for z, part in ((high, "+"), (-low, "-")):
            if z > _Z_LEAST:
                weight = _saturated(z - _Z_LEAST, half=_Z_HALF)
                said = f"{name} {part}{min(z, _Z_MOST):.1f} z"
                found.append(Finding(name=f"{name}{part}", weight=weight, said=said))
        if abs(slope) > _Z_LEAST:
            way = "rises" if slope > 0.0 else "falls"
            weight = _SLOPE * _saturated(abs(slope) - _Z_LEAST, half=_Z_HALF)
            found.append(Finding(name=f"{name} {way}", weight=weight))
    return found


def _deviation(series: Series) -> tuple[float, float, float]:
    """Return how high and how low the most deviating replica goes, and how it moves, as z.

    z = (quantile of the window - median before) / scale; high is the 0.7 quantile, low the 0.3
    one. The scale is the largest of 1.4826 MAD (robust) and 0.886 mean step (a series of small
    whole numbers has no MAD), plus 2 % of the median, so that a metric that never moves needs
    more than a hair. The slope is the median of the last third less that of the first.
    """
    from tam_workbench.memory.block_kernels import deviation

    before, now = (np.ascontiguousarray(v, np.float64) for v in (series.before, series.now))
    high, low, slope = deviation(before, now, least_before=8, least_now=3)
    return float(high), float(low), float(slope)


def _templates(templates: Mapping[str, Lines], *, ticks: int) -> list[Finding]:
    found = []
    for text, lines in templates.items():
        expected = lines.before * ticks
        z = (lines.now * ticks - expected) / math.sqrt(expected + 1.0)
        if abs(z) <= _COUNT_LEAST:
            continue
        factor = next(factor for least, factor in _SEVERITY if lines.severity >= least)
        weight = factor * _saturated(abs(z) - _COUNT_LEAST, half=_COUNT_HALF)
        is_new = lines.before == 0.0
        said = f'new "{text}"' if is_new else f'{"more" if z > 0 else "fewer"} "{text}"'
        found.append(Finding(name=f"{text}{'+' if z > 0 else '-'}", weight=weight, said=said))
    return found


def _spans(spans: Mapping[str, Calls]) -> list[Finding]:
    found = []
    for name, calls in spans.items():
        doubt = 2.0 / np.sqrt(max(calls.count, 1))
        failing = max(0.0, calls.failed - calls.failed_before - 0.5 * doubt)
        begins = ", beginning there" if calls.origin > 0.5 * calls.failed else ""
        said = f"calls to {name} failing {100 * calls.failed:.0f} %{begins}"
        found.append(Finding(name=f"fails {name}", weight=_saturated(failing, half=0.3), said=said))
        origin = max(0.0, calls.origin - calls.failed_before - 0.5 * doubt)
        found.append(Finding(name=f"origin {name}", weight=_saturated(origin, half=0.3)))
        ratio = calls.seconds / calls.seconds_before if calls.seconds_before > 0.0 else 1.0
        slow = np.log(ratio / _SLOW_LEAST) - doubt if ratio > _SLOW_LEAST else 0.0
        said = f"calls to {name} slow {ratio:.1f}x"
        found.append(
            Finding(name=f"slow {name}", weight=_saturated(float(slow), half=1.5), said=said)
        )
    return found


def _below(below: Mapping[str, Below], *, ticks: int) -> list[Finding]:
    return [
        Finding(
            name=f"{name} {finding.name}",
            weight=finding.weight,
            said=f"below, {name}: {finding.said}" if finding.said else "",
        )
        for name, seen in below.items()
        for finding in (*_metrics(seen.metrics), *_templates(seen.templates, ticks=ticks))
        if finding.weight > 0.0
    ]


def _changes(changes: Sequence[Change]) -> list[Finding]:
    from tam_workbench.memory.signature import mask

    found: dict[str, Finding] = {}
    for change in changes:
        detail = mask(change.detail)
        weight = 3.0 * float(np.exp(-max(0.0, change.age_s) / _FADE_S))
        said = f"{change.kind} {detail} {change.age_s:.0f} s before".replace("  ", " ")
        for name, words in ((change.kind, said), (f"{change.kind} {detail}", "")):
            key = f"{change.role} {name}"
            if key not in found or found[key].weight < weight:
                found[key] = Finding(name=key, weight=weight, said=words)
    return list(found.values())


def _saturated(size: float, *, half: float) -> float:
    """Return 0 up to 0 and at most 2: what stands out says more than how far it does."""
    return 2.0 * math.tanh(max(0.0, size) / half)
