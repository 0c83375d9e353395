"""Compiled scoring: one pass over the ticks of a batch, in order.

`score_ticks` does for each tick what `ReferenceTrust` does row by row in plain Python: metrics,
then logs, spans and changes leave evidence; then every row is weighed against the evidence of
others; then baselines and reputations learn. The two agree to 1e-9 (tested).
"""

import math

import numpy as np
from numba import njit

from tam_workbench.records import Bytes, Floats, Ints
from tam_workbench.trust.arrays import Case, Memory, Scale, Scratch
from tam_workbench.trust.rows import ChangeRows, LogRows, MetricRows, SpanRows

METRIC, LOG, SPAN, CHANGE = 0, 1, 2, 3
ERROR = 17

_NEVER = 2**62

Pair = tuple[float, float]
Rows = MetricRows | LogRows | SpanRows | ChangeRows

_UNAUTHENTICATED, _SCHEMA, _STALE, _REPLAYED = 1, 2, 4, 8
_ANOMALOUS, _UNCORROBORATED, _CORROBORATED, _REPUTATION = 16, 32, 64, 128


@njit(cache=True, nogil=True, error_model="numpy")
def arrive(time: Ints, source: Ints, newest: Ints, clock: Ints) -> tuple[Ints, Bytes]:
    """Return the tick each row counts in, and 1 for stale rows, 2 for replayed ones.

    ``clock`` = (ticks' microseconds, lateness, replay, first open tick). A late row counts in the
    tick of its channel's newest row: when it came, not when it says it was.
    """
    ticks = np.empty(time.size, dtype=np.int64)
    late = np.zeros(time.size, dtype=np.uint8)
    for i in range(time.size):
        c = source[i]
        behind = newest[c] - time[i]
        if behind > 0:
            late[i] = 2 if behind > clock[2] else (1 if behind > clock[1] else 0)
        else:
            newest[c] = time[i]
        ticks[i] = max(newest[c] // clock[0], clock[3])
    return ticks, late


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _ramp(z: float, quiet: float, loud: float) -> float:
    return min(max((z - quiet) / (loud - quiet), 0.0), 1.0)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _deviation(x: float, mean: float, var: float) -> float:
    return abs(x - mean) / (math.sqrt(var) + 0.01 * abs(mean) + 1e-6)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _follow(s: Floats, at: int, x: float, rate: float, clip: float, shrink: float) -> None:
    """Move mean and variance of a baseline towards x, by no more than ``clip`` deviations."""
    off = x - s[at]
    if clip > 0.0:
        bound = clip * (math.sqrt(s[at + 1]) + 0.01 * abs(s[at]) + 1e-6)
        off = min(max(off, -bound), bound)
    s[at] += rate * off
    s[at + 1] += rate * (off * off / shrink - s[at + 1])


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _weigh(s: Floats, x: float, weight: float, k: Scale) -> Pair:
    """Return (level against both baselines, level against either), then learn x.

    The clips 2.5 and 1.5 are Huber's; 0.9776 and 0.7785 make the variance right for a Gaussian.
    """
    if s[0] == 0.0:
        s[0], s[1], s[3] = 1.0, x, x
        return 0.0, 0.0
    low, high = 0.0, 0.0
    is_warm = s[0] >= k.warmup
    if is_warm:
        fast = _ramp(_deviation(x, s[1], s[2]), k.quiet_z, k.loud_z)
        slow = _ramp(_deviation(x, s[3], s[4]), k.quiet_z, k.loud_z)
        low, high = min(fast, slow), max(fast, slow)
    s[0] += 1.0
    plain = 1.0 / s[0]
    _follow(s, 1, x, max(k.fast, plain) * weight, 2.5 * is_warm, 0.9776 if is_warm else 1.0)
    _follow(s, 3, x, max(k.slow, plain) * weight, 1.5 * is_warm, 0.7785 if is_warm else 1.0)
    return low, high


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _testify(m: Memory, service: int, tick: int, kind: int, said: float, source: int) -> None:
    """Leave evidence; of metrics also the second best from another channel."""
    at = tick % m.stamp.shape[1]
    if m.stamp[service, at] != tick:
        m.stamp[service, at] = tick
        m.evidence[service, at] = 0.0
        m.witness[service, at] = -1
    seen = m.evidence[service, at]
    if kind == METRIC:
        if source == m.witness[service, at]:
            seen[METRIC] = max(seen[METRIC], said)
        elif said > seen[METRIC]:
            seen[4] = seen[METRIC]
            seen[METRIC] = said
            m.witness[service, at] = source
        else:
            seen[4] = max(seen[4], said)
    elif said > seen[kind]:
        seen[kind] = said


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _heard(m: Memory, service: int, tick: int, kind: int) -> float:
    """Return the strongest evidence of other kinds within the window up to ``tick``."""
    best = 0.0
    for at in range(m.stamp.shape[1]):
        if 0 <= tick - m.stamp[service, at] < m.stamp.shape[1]:
            for other in range(4):
                if other != kind:
                    best = max(best, m.evidence[service, at, other])
    return best


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _corroboration(m: Memory, w: Scratch, service: int, tick: int, kind: int, k: Scale) -> float:
    if w.memo_stamp[service, kind] == w.counts[3]:
        return w.memo[service, kind]
    own = min(_heard(m, service, tick, kind) / k.enough, 1.0)
    if own < 1.0:
        for other in range(m.links.shape[0]):
            if m.links[service, other] and other != service:
                near = min(_heard(m, other, tick, kind) / k.enough, 1.0)
                own = max(own, k.neighbour * near)
    w.memo_stamp[service, kind] = w.counts[3]
    w.memo[service, kind] = own
    return own


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _peers(m: Memory, service: int, tick: int, source: int, k: Scale) -> float:
    """Return how far metrics of the service from other channels support a metric."""
    best = 0.0
    for at in range(m.stamp.shape[1]):
        if 0 <= tick - m.stamp[service, at] < m.stamp.shape[1]:
            is_own = m.witness[service, at] == source
            best = max(best, m.evidence[service, at, 4 if is_own else METRIC])
    return min(best / k.enough, 1.0)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _speak(m: Memory, w: Scratch, service: int, source: int, tick: int) -> None:
    """Note that a channel speaks of a service in this tick."""
    if m.first[service] < 0:
        m.first[service] = tick
    if w.channel_stamp[source] != w.counts[3]:
        w.channel_stamp[source] = w.counts[3]
        w.channels[w.counts[0]] = source
        w.counts[0] += 1
        w.rows[source] = 0.0
        w.doubt[source] = 0.0
    w.rows[source] += 1.0


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _settle(w: Scratch, rows: Rows, i: int, case: Case, k: Scale) -> None:
    """Write one row's trust and reasons, and what it says about its channel."""
    kind, source, late, level, support = case
    reasons = w.flags[source]
    factor = 1.0
    doubt = level * (1.0 - support)
    if late:
        factor = k.replay_factor if late == 2 else k.stale_factor
        reasons |= _REPLAYED if late == 2 else _STALE
        if late == 2:
            doubt = 1.0
    if level >= 0.5:
        reasons |= _ANOMALOUS | (_CORROBORATED if support >= 0.5 else _UNCORROBORATED)
    w.doubt[source] += doubt
    rows.trust[i] = w.base[source] * factor * (1.0 - level * (1.0 - support) * k.doubt[kind])
    rows.reasons[i] = reasons


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _refuse(w: Scratch, rows: Rows, i: int, source: int) -> None:
    rows.trust[i] = 0.0
    rows.reasons[i] = w.flags[source] | _SCHEMA


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _hear_metrics(m: Memory, w: Scratch, rows: MetricRows, start: int, end: int, k: Scale) -> None:
    for i in range(start, end):
        source, service = rows.source[i], rows.service[i]
        _speak(m, w, service, source, rows.tick[i])
        w.level[i] = 0.0
        if rows.late[i] == 0 and math.isfinite(rows.value[i]):
            series = m.series[rows.resource[i], rows.name[i]]
            w.level[i], said = _weigh(series, rows.value[i], w.base[source], k)
            if said > 0.0:
                said *= w.base[source]
                _testify(m, service, rows.tick[i], METRIC, said, source)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _score_metrics(m: Memory, w: Scratch, rows: MetricRows, start: int, end: int, k: Scale) -> None:
    for i in range(start, end):
        source, service, support = rows.source[i], rows.service[i], 0.0
        if not math.isfinite(rows.value[i]):
            _refuse(w, rows, i, source)
            continue
        if w.level[i] > 0.0:
            support = _corroboration(m, w, service, rows.tick[i], METRIC, k)
            support = max(support, _peers(m, service, rows.tick[i], source, k))
        _settle(w, rows, i, Case(METRIC, source, rows.late[i], w.level[i], support), k)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _is_new(m: Memory, service: int, tick: int, k: Scale) -> bool:
    return tick - m.first[service] < k.warmup


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _surprise(count: float, scale: float, usual: Floats, slack: float, k: Scale) -> Pair:
    """Return the lower and the higher level of a count against usual shares of ``scale``."""
    recent, lasting = scale * usual[0], scale * usual[1]
    quiet, loud = k.quiet_count_z, k.loud_count_z
    fast = _ramp((count - recent) / math.sqrt(recent + slack), quiet, loud)
    slow = _ramp((count - lasting) / math.sqrt(lasting + slack), quiet, loud)
    return min(fast, slow), max(fast, slow)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _get_used(usual: Floats, share: float, level: float, support: float, k: Scale) -> None:
    """Move the usual shares; errors that nobody corroborates hardly move them."""
    weight = max(k.credulity, 1.0 - level * (1.0 - support))
    usual[0] += k.fast * weight * (share - usual[0])
    usual[1] += k.slow * weight * (share - usual[1])


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _hear_logs(m: Memory, w: Scratch, rows: LogRows, start: int, end: int, k: Scale) -> None:
    for i in range(start, end):
        source, service, tick = rows.source[i], rows.service[i], rows.tick[i]
        _speak(m, w, service, source, tick)
        if rows.late[i]:
            continue
        if w.log_stamp[service, source] != w.counts[3]:
            w.log_stamp[service, source] = w.counts[3]
            w.errors[service, source] = 0.0
            w.log_voices[w.counts[1], 0] = service
            w.log_voices[w.counts[1], 1] = source
            w.counts[1] += 1
        if rows.severity[i] >= ERROR:
            w.errors[service, source] += 1.0
    for n in range(w.counts[1]):
        service, source = w.log_voices[n, 0], w.log_voices[n, 1]
        tick, usual = rows.tick[start], m.usual[service, source]
        silent = tick - usual[2]
        if usual[2] > 0.0 and silent > 0.0:  # silent ticks had no error
            usual[0] *= math.pow(1.0 - k.fast, silent)
            usual[1] *= math.pow(1.0 - k.slow, silent)
        level, said = 0.0, 0.0
        if not _is_new(m, service, tick, k):
            level, said = _surprise(w.errors[service, source], 1.0, usual, 0.04, k)
        w.log_level[service, source] = level
        if said > 0.0:
            _testify(m, service, tick, LOG, said * w.base[source], source)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _score_logs(m: Memory, w: Scratch, rows: LogRows, start: int, end: int, k: Scale) -> None:
    for i in range(start, end):
        source, service, level, support = rows.source[i], rows.service[i], 0.0, 0.0
        if rows.late[i] == 0 and rows.severity[i] >= ERROR:
            level = w.log_level[service, source]
            if level > 0.0:
                support = _corroboration(m, w, service, rows.tick[i], LOG, k)
        _settle(w, rows, i, Case(LOG, source, rows.late[i], level, support), k)
    for n in range(w.counts[1]):
        service, source = w.log_voices[n, 0], w.log_voices[n, 1]
        tick, usual = rows.tick[start], m.usual[service, source]
        level, support = w.log_level[service, source], 0.0
        if level > 0.0:
            support = _corroboration(m, w, service, tick, LOG, k)
        _get_used(usual, w.errors[service, source], level, support, k)
        usual[2] = tick + 1.0


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _count_spans(m: Memory, w: Scratch, rows: SpanRows, start: int, end: int) -> None:
    for i in range(start, end):
        source, service, tick = rows.source[i], rows.service[i], rows.tick[i]
        _speak(m, w, service, source, tick)
        if rows.parent[i] >= 0 and rows.late[i] == 0:
            m.links[service, rows.parent[i]] = True
            m.links[rows.parent[i], service] = True
        if rows.late[i] or not math.isfinite(rows.duration[i]):
            continue
        seen = w.calls[service, source]
        if w.span_stamp[service, source] != w.counts[3]:
            w.span_stamp[service, source] = w.counts[3]
            seen[:] = 0.0
            w.span_voices[w.counts[2], 0] = service
            w.span_voices[w.counts[2], 1] = source
            w.counts[2] += 1
        seen[0] += 1.0
        seen[1] += rows.error[i]
        seen[2] += math.log(max(rows.duration[i], 1e-9))


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _hear_spans(m: Memory, w: Scratch, rows: SpanRows, start: int, end: int, k: Scale) -> None:
    """Leave evidence of failing and of slow calls; ``w.calls`` then holds what rows need.

    That is: calls, errors, mean log duration of the tick, usual one, level of failing, of slow.
    """
    _count_spans(m, w, rows, start, end)
    for n in range(w.counts[2]):
        service, source = w.span_voices[n, 0], w.span_voices[n, 1]
        tick, seen, usual = rows.tick[start], w.calls[service, source], m.calls[service, source]
        seen[2] /= seen[0]
        seen[3] = usual[1]  # the recent mean, before this tick
        seen[5], said = _weigh(usual, seen[2], w.base[source], k)
        if not _is_new(m, service, tick, k):
            seen[4], fails = _surprise(seen[1], seen[0], usual[5:7], 0.25, k)
            said = max(said, fails)
        said *= w.base[source]
        if said > 0.0:
            _testify(m, service, tick, SPAN, said, source)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _span_level(seen: Floats, duration: float, failed: float) -> float:
    level = seen[4] if failed > 0.0 else 0.0
    if seen[5] > level:
        usual = seen[3]
        if (math.log(max(duration, 1e-9)) - usual) * (seen[2] - usual) > 0.0:
            level = seen[5]
    return level


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _score_spans(m: Memory, w: Scratch, rows: SpanRows, start: int, end: int, k: Scale) -> None:
    for i in range(start, end):
        source, service, level, support = rows.source[i], rows.service[i], 0.0, 0.0
        if not math.isfinite(rows.duration[i]):
            _refuse(w, rows, i, source)
            continue
        if rows.late[i] == 0:
            level = _span_level(w.calls[service, source], rows.duration[i], rows.error[i])
            if level > 0.0:
                support = _corroboration(m, w, service, rows.tick[i], SPAN, k)
        _settle(w, rows, i, Case(SPAN, source, rows.late[i], level, support), k)
    for n in range(w.counts[2]):
        service, source = w.span_voices[n, 0], w.span_voices[n, 1]
        tick, seen, usual = rows.tick[start], w.calls[service, source], m.calls[service, source]
        support = 0.0
        if seen[4] > 0.0:
            support = _corroboration(m, w, service, tick, SPAN, k)
        _get_used(usual[5:7], seen[1] / seen[0], seen[4], support, k)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _hear_changes(m: Memory, w: Scratch, rows: ChangeRows, start: int, end: int) -> None:
    for i in range(start, end):
        source, service = rows.source[i], rows.service[i]
        _speak(m, w, service, source, rows.tick[i])
        if rows.evident[i] and rows.late[i] == 0:
            _testify(m, service, rows.tick[i], CHANGE, w.base[source], source)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _score_changes(w: Scratch, rows: ChangeRows, start: int, end: int, k: Scale) -> None:
    for i in range(start, end):
        _settle(w, rows, i, Case(CHANGE, rows.source[i], rows.late[i], 0.0, 0.0), k)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _stand(m: Memory, w: Scratch, source: int, k: Scale) -> None:
    """Work out from prior and reputation how far a channel is trusted in the next tick."""
    good, bad = m.good[source] + k.good, m.bad[source] + k.bad
    mean = good / (good + bad)
    w.base[source] = m.prior[source] * min(mean / k.full_reputation, 1.0)
    w.flags[source] = (_UNAUTHENTICATED if m.prior[source] < 0.5 else 0) | (
        _REPUTATION if mean < k.full_reputation else 0
    )


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _judge_channels(m: Memory, w: Scratch, k: Scale) -> None:
    for n in range(w.counts[0]):
        c = w.channels[n]
        share = w.doubt[c] / w.rows[c]
        m.good[c] = m.good[c] * k.forget + (1.0 - share)
        m.bad[c] = m.bad[c] * k.forget + k.blame * share
        m.rows[c] += w.rows[c]
        _stand(m, w, c, k)
    w.counts[0] = 0
    w.counts[3] += 1


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _next(ticks: Ints, at: int) -> int:
    return ticks[at] if at < ticks.size else _NEVER


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _reach(ticks: Ints, start: int, tick: int) -> int:
    end = start
    while end < ticks.size and ticks[end] == tick:
        end += 1
    return end


@njit(cache=True, nogil=True, error_model="numpy")
def score_ticks(
    m: Memory, w: Scratch, rows: tuple[MetricRows, LogRows, SpanRows, ChangeRows], k: Scale
) -> None:
    """Score all rows, sorted by tick: fills their trust and reasons, and changes ``m``."""
    metrics, logs, spans, changes = rows
    for source in range(m.prior.size):
        _stand(m, w, source, k)
    metric = log = span = change = 0
    while True:
        tick = min(_next(metrics.tick, metric), _next(logs.tick, log))
        tick = min(tick, _next(spans.tick, span), _next(changes.tick, change))
        if tick == _NEVER:
            return
        metric_end = _reach(metrics.tick, metric, tick)
        log_end = _reach(logs.tick, log, tick)
        span_end = _reach(spans.tick, span, tick)
        change_end = _reach(changes.tick, change, tick)
        w.counts[1] = 0
        w.counts[2] = 0
        _hear_metrics(m, w, metrics, metric, metric_end, k)
        _hear_logs(m, w, logs, log, log_end, k)
        _hear_spans(m, w, spans, span, span_end, k)
        _hear_changes(m, w, changes, change, change_end)
        _score_metrics(m, w, metrics, metric, metric_end, k)
        _score_logs(m, w, logs, log, log_end, k)
        _score_spans(m, w, spans, span, span_end, k)
        _score_changes(w, changes, change, change_end, k)
        _judge_channels(m, w, k)
        metric, log, span, change = metric_end, log_end, span_end, change_end
