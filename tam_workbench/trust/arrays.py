"""The arrays that the kernels work on: what is remembered, and room to work in."""

import math
from typing import NamedTuple

import numpy as np

from tam_workbench.records import Bytes, Floats, Ints
from tam_workbench.trust.rules import TrustRules


class Memory(NamedTuple):
    """What trust remembers, indexed by the numbers of resources R, services S, channels C.

    A baseline is (points, recent mean, recent variance, long-term mean, long-term variance).
    """

    newest: Ints  # (4, C) newest time of a channel, per signal, in microseconds
    good: Floats  # (C,) decayed counts in favour
    bad: Floats  # (C,) decayed counts against
    rows: Floats  # (C,) rows seen
    prior: Floats  # (C,) by authentication
    series: Floats  # (R, M, 5) baseline of each metric of a resource
    first: Ints  # (S,) first tick of a service, -1 before
    usual: Floats  # (S, C, 4) errors a tick in logs, recent, lasting; tick after the last; habit
    calls: Floats  # (S, C, 7) baseline of mean log duration; failing share, recent and lasting
    links: Bytes  # (S, S) who calls whom
    stamp: Ints  # (S, W) the tick that each place of the evidence ring holds
    evidence: Floats  # (S, W, 5) by signal; last the second best metric of another channel
    witness: Ints  # (S, W) channel of the best metric


class Scratch(NamedTuple):
    """Room to work in during one batch; nothing in it outlives a tick but base and flags."""

    base: Floats  # (C,) prior times reputation
    flags: Bytes  # (C,) reasons that hold for all rows of a channel
    counts: Ints  # how many channels, log voices, span voices; and the turn's number
    channels: Ints
    channel_stamp: Ints
    rows: Floats
    doubt: Floats
    level: Floats  # (metric rows,)
    log_stamp: Ints
    log_voices: Ints
    log_level: Floats
    errors: Floats
    span_stamp: Ints
    span_voices: Ints
    calls: Floats
    memo: Floats
    memo_stamp: Ints


class Case(NamedTuple):
    """What is known of one row when it is judged."""

    kind: int
    source: int
    late: int  # 1 stale, 2 replayed
    level: float
    support: float


class Scale(NamedTuple):
    """The rules as plain numbers."""

    warmup: float
    fast: float
    slow: float
    quiet_z: float
    loud_z: float
    quiet_count_z: float
    loud_count_z: float
    enough: float
    neighbour: float
    credulity: float
    habit: float
    good: float
    bad: float
    forget: float
    blame: float
    full_reputation: float
    stale_factor: float
    replay_factor: float
    doubt: tuple[float, float, float, float]


def new_memory(rules: TrustRules) -> Memory:
    """Return an empty memory; zero pages cost nothing until they are written."""
    R, S, C, W = rules.max_resources, rules.max_services, rules.max_channels, rules.window + 1
    return Memory(
        newest=np.full((4, C), -(2**62), dtype=np.int64),
        good=np.zeros(C),
        bad=np.zeros(C),
        rows=np.zeros(C),
        prior=np.zeros(C),
        series=np.zeros((R, rules.max_metrics, 5)),
        first=np.full(S, -1, dtype=np.int64),
        usual=np.zeros((S, C, 4)),
        calls=np.zeros((S, C, 7)),
        links=np.zeros((S, S), dtype=np.uint8),
        stamp=np.full((S, W), -(2**62), dtype=np.int64),
        evidence=np.zeros((S, W, 5)),
        witness=np.full((S, W), -1, dtype=np.int64),
    )


def new_scratch(rules: TrustRules) -> Scratch:
    """Return room to work in."""
    S, C = rules.max_services, rules.max_channels
    return Scratch(
        base=np.zeros(C),
        flags=np.zeros(C, dtype=np.uint8),
        counts=np.array([0, 0, 0, 1]),
        channels=np.zeros(C, dtype=np.int64),
        channel_stamp=np.zeros(C, dtype=np.int64),
        rows=np.zeros(C),
        doubt=np.zeros(C),
        level=np.zeros(1024),
        log_stamp=np.zeros((S, C), dtype=np.int64),
        log_voices=np.zeros((S * C, 2), dtype=np.int64),
        log_level=np.zeros((S, C)),
        errors=np.zeros((S, C)),
        span_stamp=np.zeros((S, C), dtype=np.int64),
        span_voices=np.zeros((S * C, 2), dtype=np.int64),
        calls=np.zeros((S, C, 6)),
        memo=np.zeros((S, 4)),
        memo_stamp=np.zeros((S, 4), dtype=np.int64),
    )


def scale_of(rules: TrustRules) -> Scale:
    """Return the rules as the kernels take them."""
    return Scale(
        warmup=float(rules.warmup),
        fast=1.0 / rules.fast_ticks,
        slow=1.0 / rules.slow_ticks,
        quiet_z=rules.quiet_z,
        loud_z=rules.loud_z,
        quiet_count_z=rules.quiet_count_z,
        loud_count_z=rules.loud_count_z,
        enough=rules.enough,
        neighbour=rules.neighbour,
        credulity=rules.credulity,
        habit=rules.habit,
        good=rules.reputation_good,
        bad=rules.reputation_bad,
        forget=math.exp(-1.0 / rules.reputation_ticks),
        blame=rules.blame,
        full_reputation=rules.full_reputation,
        stale_factor=rules.stale_factor,
        replay_factor=rules.replay_factor,
        doubt=(rules.doubt_metrics, rules.doubt_logs, rules.doubt_spans, 0.0),
    )


def forget_resource(m: Memory, number: int) -> None:
    """Empty the place of a resource that made room."""
    m.series[number] = 0.0


def forget_metric(m: Memory, number: int) -> None:
    """Empty the place of a metric name that made room."""
    m.series[:, number] = 0.0


def forget_service(m: Memory, number: int) -> None:
    """Empty the place of a service that made room."""
    m.first[number] = -1
    m.usual[number] = 0.0
    m.calls[number] = 0.0
    m.links[number] = 0
    m.links[:, number] = 0
    m.stamp[number] = -(2**62)


def forget_channel(m: Memory, number: int) -> None:
    """Empty the place of a channel that made room."""
    m.newest[:, number] = -(2**62)
    for counts in (m.good, m.bad, m.rows, m.prior):
        counts[number] = 0.0
    m.usual[:, number] = 0.0
    m.calls[:, number] = 0.0
    m.witness[m.witness == number] = -1
