"""The arrays that the kernels work on, and where each feature's column lies."""

from typing import NamedTuple

import numpy as np

from tam_workbench.features.rules import FeatureRules
from tam_workbench.records import Bytes, Floats, Ints


class Memory(NamedTuple):
    """What features remember of resources R, metric slots K, services S and templates T."""

    last: Floats  # (R, K, 2) last value and its deviation
    seen: Ints  # (R, K, 2) values seen at all, and in the window
    ring: Floats  # (R, K, W) the last values, in order of arrival
    ranked: Floats  # (R, K, W) the same, sorted
    slowness: Floats  # (R, 2) last p50 and p95 of span durations
    change: Floats  # (S, 2) deploys and restarts, fading
    changed: Ints  # (S,) tick of the fading
    since: Ints  # (S,) first tick of a service, -1 before
    first: Ints  # (S, T+1) tick plus one that a service first wrote a template, 0 before


class Shape(NamedTuple):
    """Sizes and rules as plain numbers."""

    metrics: int
    buckets: int
    window: int
    min_window: int
    clip: float
    stride: int
    floor: float
    novel_ticks: int
    fade: float  # per tick
    tick_s: float


class Points(NamedTuple):
    """Metric points: the observation and slot each belongs to; slot -1 has no column."""

    seat: Ints
    slot: Ints
    value: Floats
    trust: Floats
    reasons: Bytes


class Lines(NamedTuple):
    """Log lines."""

    seat: Ints
    service: Ints
    severity: Bytes
    template: Ints  # -1 for lines that are not believed
    bucket: Ints  # of each template
    trust: Floats
    reasons: Bytes


class Calls(NamedTuple):
    """Spans."""

    seat: Ints
    duration: Floats
    error: Floats
    trust: Floats
    reasons: Bytes


class Shifts(NamedTuple):
    """Changes of services, sorted by tick: 0 deploy or config, 1 restart or kill."""

    tick: Ints
    service: Ints
    kind: Ints


class Seats(NamedTuple):
    """The observations: one a resource and tick."""

    tick: Ints
    resource: Ints
    service: Ints
    values: Floats  # (N, F)
    weight: Floats  # (N, K) trust gathered by each metric
    belief: Floats  # (N, 3, 6) sums and numbers of row trust: odd, believed, all; per signal
    trust: Floats


def new_memory(rules: FeatureRules) -> Memory:
    """Return an empty memory; zero pages cost nothing until they are written."""
    R, K, S = rules.max_resources, rules.max_metrics, rules.max_services
    return Memory(
        last=np.zeros((R, K, 2)),
        seen=np.zeros((R, K, 2), dtype=np.int64),
        ring=np.zeros((R, K, rules.window)),
        ranked=np.zeros((R, K, rules.window)),
        slowness=np.zeros((R, 2)),
        change=np.zeros((S, 2)),
        changed=np.zeros(S, dtype=np.int64),
        since=np.full(S, -1, dtype=np.int64),
        first=np.zeros((S, rules.max_templates + 1), dtype=np.int64),
    )


def forget_resource(m: Memory, number: int) -> None:
    """Empty the place of a resource that made room."""
    m.last[number] = 0.0
    m.seen[number] = 0
    m.slowness[number] = 0.0


def forget_service(m: Memory, number: int) -> None:
    """Empty the place of a service that made room."""
    m.change[number] = 0.0
    m.since[number] = -1
    m.first[number] = 0


def column_names(metrics: list[str], rules: FeatureRules) -> tuple[str, ...]:
    """Return the name of each column; those of metrics not yet met are empty.

    Examples
    --------
    >>> column_names(["cpu"], FeatureRules(max_metrics=2, buckets=1))[:7]
    ('cpu', 'cpu.delta', 'cpu.deviation', '', '', '', 'log.count')
    """
    slots = [*metrics, *[""] * rules.max_metrics][: rules.max_metrics]
    names = [n and f"{n}{part}" for n in slots for part in ("", ".delta", ".deviation")]
    names += ["log.count", "log.errors", "log.templates", "log.novelty"]
    names += [f"log.bucket.{n:02d}" for n in range(rules.buckets)]
    names += ["span.rate", "span.error_ratio", "span.p50", "span.p95"]
    names += ["change.deploy", "change.restart"]
    return tuple(names)
