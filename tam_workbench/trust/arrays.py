"""The arrays that the kernels work on: what is remembered, and room to work in."""

import math
from typing import NamedTuple

import numpy as np

from tam_workbench.records import Bytes, Floats, Ints
from tam_workbench.trust.rules import TrustRules

NEVER = -(2**62)
CLAIMS = 12
"""Claims kept of a service; the oldest makes room."""

TWINS = 4
"""Channels of whose metrics one resource is kept to compare with."""


class Memory(NamedTuple):
    """What trust remembers, indexed by the numbers of resources R, services S, channels C.

    A baseline is (points, recent mean, recent variance, long-term mean, long-term variance).
    """

    newest: Ints  # (4, C) newest time of a channel, per signal, in microseconds
    good: Floats  # (C,) decayed counts in favour
    bad: Floats  # (C,) decayed counts against
    rows: Floats  # (C,) rows seen
    prior: Floats  # (C,) by authentication
    series: Floats  # (R, M, 19) baseline of each metric of a resource, see `twins` and `parting`
    lean: Floats  # (C, 2) sum of shares beyond a half in pairs that part, and how many
    tide: Floats  # (M, 2) how far all of a metric stray from their long-term means; last tick
    home: Ints  # (R,) round in which a resource last came forward as a twin
    twins: Ints  # (S, TWINS, 3) channel, resource that speaks for it, round
    first: Ints  # (S,) first tick of a service, -1 before
    ill: Ints  # (S,) last tick of a corroborated breach
    kinds: Bytes  # (S, C) bits of the kinds of signal that a channel brought of a service
    spoke: Ints  # (S, C) last tick in which a channel's telemetry spoke of a service
    usual: Floats  # (S, C, 8) errors a tick in logs, see `twins` and `likelihood`
    calls: Floats  # (S, C, 7) baseline of mean log duration; failing share, recent and lasting
    calls_to: Bytes  # (S, S) caller, called
    claimant: Ints  # (S, CLAIMS) channel and kind of each claim, -1 for none
    claimed: Ints  # (S, CLAIMS) its tick
    claim: Floats  # (S, CLAIMS) its strength


class Scratch(NamedTuple):
    """Room to work in during one batch; nothing in it outlives a tick but base and flags."""

    base: Floats  # (C,) prior times reputation
    flags: Bytes  # (C,) reasons that hold for all rows of a channel
    counts: Ints  # how many channels, log voices, span voices; and the turn's number
    channels: Ints
    channel_stamp: Ints
    rows: Floats
    doubt: Floats
    blame: Floats
    level: Floats  # (metric rows,)
    said: Floats  # (metric rows,)
    parted: Floats  # (metric rows,)
    straying: Floats  # (M, 2) sum of how far values stray, and how many
    log_stamp: Ints
    log_voices: Ints
    log_level: Floats  # (S, C, 3) level, excess, expected number
    errors: Floats
    lines: Floats
    span_stamp: Ints
    span_voices: Ints
    calls: Floats
    memo: Floats
    memo_stamp: Ints
    heed: Floats  # (S, C, 4) how much the silence of others means, see `evidence`


class Case(NamedTuple):
    """What is known of one row when it is judged."""

    kind: int
    source: int
    late: int  # 1 stale, 2 replayed


class Doubted(NamedTuple):
    """What speaks against a row, each 0 to 1."""

    level: float  # how unusual it is
    support: float  # how far others saw something too
    heed: float  # how much the silence of others would mean
    against: float  # how surely another channel contradicts it


class Scale(NamedTuple):
    """The rules as plain numbers."""

    warmup: float
    fast: float
    slow: float
    patience: float
    quiet_z: float
    loud_z: float
    quiet_count_z: float
    loud_count_z: float
    window: int
    breach_window: int
    enough: float
    votes: float
    alone: float
    twin_share: float
    neighbour: float
    part_points: float
    part_floor: float
    part_slack: float
    part_quiet: float
    part_loud: float
    part_quiet_z: float
    part_loud_z: float
    surplus_slack: float
    surplus_quiet: float
    surplus_loud: float
    credulity: float
    habit: float
    good: float
    bad: float
    forget: float
    blame: tuple[float, float, float, float]
    full_reputation: float
    stale_factor: float
    replay_factor: float
    doubt: tuple[float, float, float, float]


def new_memory(rules: TrustRules) -> Memory:
    """Return an empty memory; zero pages cost nothing until they are written."""
    R, S, C = rules.max_resources, rules.max_services, rules.max_channels
    return Memory(
        newest=np.full((4, C), NEVER, dtype=np.int64),
        good=np.zeros(C),
        bad=np.zeros(C),
        rows=np.zeros(C),
        prior=np.zeros(C),
        series=np.zeros((R, rules.max_metrics, 19)),
        lean=np.zeros((C, 2)),
        tide=np.zeros((rules.max_metrics, 2)),
        home=np.full(R, -1, dtype=np.int64),
        twins=np.full((S, TWINS, 3), -1, dtype=np.int64),
        first=np.full(S, -1, dtype=np.int64),
        ill=np.full(S, NEVER, dtype=np.int64),
        kinds=np.zeros((S, C), dtype=np.uint8),
        spoke=np.full((S, C), NEVER, dtype=np.int64),
        usual=np.zeros((S, C, 8)),
        calls=np.zeros((S, C, 7)),
        calls_to=np.zeros((S, S), dtype=np.uint8),
        claimant=np.full((S, CLAIMS), -1, dtype=np.int64),
        claimed=np.full((S, CLAIMS), NEVER, dtype=np.int64),
        claim=np.zeros((S, CLAIMS)),
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
        blame=np.zeros(C),
        level=np.zeros(1024),
        said=np.zeros(1024),
        parted=np.zeros(1024),
        straying=np.zeros((rules.max_metrics, 2)),
        log_stamp=np.zeros((S, C), dtype=np.int64),
        log_voices=np.zeros((S * C, 2), dtype=np.int64),
        log_level=np.zeros((S, C, 3)),
        errors=np.zeros((S, C)),
        lines=np.zeros((S, C)),
        span_stamp=np.zeros((S, C), dtype=np.int64),
        span_voices=np.zeros((S * C, 2), dtype=np.int64),
        calls=np.zeros((S, C, 6)),
        memo=np.zeros((S, C, 4)),
        memo_stamp=np.zeros((S, C, 4), dtype=np.int64),
        heed=np.ones((S, C, 4)),
    )


def scale_of(rules: TrustRules) -> Scale:
    """Return the rules as the kernels take them."""
    return Scale(
        warmup=float(rules.warmup),
        fast=1.0 / rules.fast_ticks,
        slow=1.0 / rules.slow_ticks,
        patience=rules.patience,
        quiet_z=rules.quiet_z,
        loud_z=rules.loud_z,
        quiet_count_z=rules.quiet_count_z,
        loud_count_z=rules.loud_count_z,
        window=rules.window,
        breach_window=rules.breach_window,
        enough=rules.enough,
        votes=rules.votes,
        alone=rules.alone,
        twin_share=rules.twin_share,
        neighbour=rules.neighbour,
        part_points=float(rules.part_points),
        part_floor=rules.part_floor,
        part_slack=rules.part_slack,
        part_quiet=rules.part_quiet,
        part_loud=rules.part_loud,
        part_quiet_z=rules.part_quiet_z,
        part_loud_z=rules.part_loud_z,
        surplus_slack=rules.surplus_slack,
        surplus_quiet=rules.surplus_quiet,
        surplus_loud=rules.surplus_loud,
        credulity=rules.credulity,
        habit=rules.habit,
        good=rules.reputation_good,
        bad=rules.reputation_bad,
        forget=math.exp(-1.0 / rules.reputation_ticks),
        blame=(rules.blame, rules.blame, rules.blame, rules.blame_claims),
        full_reputation=rules.full_reputation,
        stale_factor=rules.stale_factor,
        replay_factor=rules.replay_factor,
        doubt=(rules.doubt_metrics, rules.doubt_logs, rules.doubt_spans, rules.doubt_changes),
    )


def forget_resource(m: Memory, number: int) -> None:
    """Empty the place of a resource that made room."""
    m.series[number] = 0.0
    m.home[number] = -1
    m.twins[m.twins[:, :, 1] == number] = -1


def forget_metric(m: Memory, number: int) -> None:
    """Empty the place of a metric name that made room."""
    m.series[:, number] = 0.0
    m.tide[number] = 0.0


def forget_service(m: Memory, number: int) -> None:
    """Empty the place of a service that made room."""
    m.first[number] = -1
    m.ill[number] = NEVER
    m.usual[number] = 0.0
    m.calls[number] = 0.0
    m.spoke[number] = NEVER
    m.kinds[number] = 0
    m.twins[number] = -1
    m.calls_to[number] = 0
    m.calls_to[:, number] = 0
    m.claimed[number] = NEVER
    m.claimant[number] = -1


def forget_channel(m: Memory, number: int) -> None:
    """Empty the place of a channel that made room."""
    m.newest[:, number] = NEVER
    for counts in (m.good, m.bad, m.rows, m.prior):
        counts[number] = 0.0
    m.lean[number] = 0.0
    m.usual[:, number] = 0.0
    m.calls[:, number] = 0.0
    m.spoke[:, number] = NEVER
    m.kinds[:, number] = 0
    m.twins[m.twins[:, :, 0] == number] = -1
    is_his = (m.claimant >= 0) & (m.claimant // 4 == number)
    m.claimed[is_his] = NEVER
    m.claimant[is_his] = -1
