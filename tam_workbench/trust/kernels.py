"""Compiled scoring: one pass over the ticks of a batch, in order.

`score_ticks` does for each tick what `ReferenceTrust` does row by row in plain Python: metrics,
then logs, spans and changes leave evidence; then every row is weighed against the evidence of
others; then baselines and reputations learn. The two agree to 1e-9 (tested).

numba's cache sees only the file of the function that is called from outside: after a change in
``compiled.py``, ``evidence.py``, ``likelihood.py``, ``settling.py`` or ``twins.py``, touch this
file too.
"""

import math

from tam_workbench.records import Floats, Ints
from tam_workbench.trust.arrays import Case, Doubted, Memory, Scale, Scratch
from tam_workbench.trust.compiled import borrowing
from tam_workbench.trust.evidence import (
    CHANGE,
    LOG,
    METRIC,
    SPAN,
    corroboration,
    onlookers,
    testify,
)
from tam_workbench.trust.likelihood import get_used, meet, settle_habit, surprise, weigh
from tam_workbench.trust.parting import PARTED, VALUE, part, sway, turn_tide
from tam_workbench.trust.rows import ChangeRows, LogRows, MetricRows, SpanRows
from tam_workbench.trust.settling import doubt_of, hold, is_new, refuse, settle, speak
from tam_workbench.trust.twins import (
    LAST,
    NEXT_TICK,
    OFF,
    ROUND,
    aloof,
    confirmation,
    enlist,
    excess,
    learn_noise,
    listen,
)

ERROR = 17

_UNAUTHENTICATED, _REPUTATION = 1, 128
_NEVER = 2**62


@borrowing(inline="always")
def _hear_metrics(m: Memory, w: Scratch, rows: MetricRows, start: int, end: int, k: Scale) -> None:
    for i in range(start, end):
        source, service = rows.source[i], rows.service[i]
        speak(m, w, service, source, rows.tick[i])
        w.level[i], w.said[i], w.parted[i] = 0.0, 0.0, 0.0
        if rows.late[i] == 0 and math.isfinite(rows.value[i]):
            resource, tick = rows.resource[i], rows.tick[i]
            m.spoke[service, source] = tick
            m.kinds[service, source] |= 1 << METRIC
            if m.home[resource] != tick // ROUND:
                enlist(m, resource, service, source, tick)
            series = m.series[resource, rows.name[i]]
            series[LAST] = tick
            series[OFF] = rows.value[i] - series[3]
            series[VALUE] = rows.value[i]
            held = hold(m, service, tick, k)
            if series[0] >= k.warmup:
                sway(w, series, rows.name[i], m.tide[rows.name[i], 0], k)
            weight = w.base[source] * (1.0 - (1.0 - k.credulity) * series[PARTED])
            w.level[i], w.said[i] = weigh(series, rows.value[i], weight, held, k)


@borrowing(inline="always")
def _compare(m: Memory, w: Scratch, rows: MetricRows, start: int, end: int, k: Scale) -> None:
    """Leave evidence of odd metrics, and note which have left their like in other channels."""
    for i in range(start, end):
        if rows.late[i] or not math.isfinite(rows.value[i]):
            continue
        source, service, tick = rows.source[i], rows.service[i], rows.tick[i]
        at = (service, rows.resource[i], rows.name[i], source, tick)
        w.parted[i] = part(m, w, at, w.base[source] * hold(m, service, tick, k), k)
        if w.said[i] > 0.0:
            shared = confirmation(m, w, at, k)
            said = w.said[i] * w.base[source]
            if shared >= 0.0:
                said *= k.alone + (1.0 - k.alone) * shared
            w.said[i] = shared
            testify(m, service, tick, METRIC, said * (1.0 - w.parted[i]), source)
    if end > start:
        turn_tide(m, w, rows.tick[start])


@borrowing(inline="always")
def _score_metrics(m: Memory, w: Scratch, rows: MetricRows, start: int, end: int, k: Scale) -> None:
    for i in range(start, end):
        source, service, support = rows.source[i], rows.service[i], 0.0
        if not math.isfinite(rows.value[i]):
            refuse(w, rows, i, source)
            continue
        if w.level[i] > 0.0:
            support = corroboration(m, w, (service, rows.tick[i], METRIC, source), k)
            support = max(support, w.said[i])
        heed = w.heed[service, source, METRIC]
        seen = Doubted(w.level[i], support, heed, w.parted[i])
        settle(w, rows, i, Case(METRIC, source, rows.late[i]), seen, k)


@borrowing(inline="always")
def _count_logs(m: Memory, w: Scratch, rows: LogRows, start: int, end: int) -> None:
    for i in range(start, end):
        source, service, tick = rows.source[i], rows.service[i], rows.tick[i]
        speak(m, w, service, source, tick)
        if rows.late[i]:
            continue
        m.spoke[service, source] = tick
        m.kinds[service, source] |= 1 << LOG
        if w.log_stamp[service, source] != w.counts[3]:
            w.log_stamp[service, source] = w.counts[3]
            w.errors[service, source] = 0.0
            w.lines[service, source] = 0.0
            w.log_voices[w.counts[1], 0] = service
            w.log_voices[w.counts[1], 1] = source
            w.counts[1] += 1
        if rows.severity[i] >= ERROR:
            w.errors[service, source] += 1.0
        else:
            w.lines[service, source] += 1.0


@borrowing(inline="always")
def _hear_logs(m: Memory, w: Scratch, rows: LogRows, start: int, end: int, k: Scale) -> None:
    """Leave evidence of more ERROR lines than usual, by channel."""
    _count_logs(m, w, rows, start, end)
    for n in range(w.counts[1]):
        service, source = w.log_voices[n, 0], w.log_voices[n, 1]
        tick, usual = rows.tick[start], m.usual[service, source]
        silent = tick - usual[NEXT_TICK]
        if usual[NEXT_TICK] > 0.0 and silent > 0.0:  # silent ticks had no error
            usual[0] *= math.pow(1.0 - k.fast, silent)
            usual[1] *= math.pow(1.0 - k.slow, silent)
        listen(usual, w.errors[service, source], w.lines[service, source], silent, k)
        usual[NEXT_TICK] = tick + 1.0
    for n in range(w.counts[1]):
        service, source = w.log_voices[n, 0], w.log_voices[n, 1]
        tick, usual = rows.tick[start], m.usual[service, source]
        heard = w.log_level[service, source]
        heard[0], heard[1], heard[2], said = 0.0, 0.0, -1.0, 0.0
        if is_new(m, service, tick, k):
            continue
        settle_habit(usual, k)
        errors = w.errors[service, source]
        heard[0], said = surprise(errors, 1.0, usual, 0.04, k)
        heard[1], heard[2] = excess(m, w, service, source, errors, k)
        if said > 0.0:
            said *= w.base[source] * (1.0 - (1.0 - k.alone) * aloof(errors, heard[2], k))
            said *= 1.0 - heard[1]
            testify(m, service, tick, LOG, said, source)


@borrowing(inline="always")
def _doubt_of_logs(
    m: Memory, w: Scratch, service: int, source: int, tick: int, k: Scale
) -> Doubted:
    """Return what speaks against a channel's errors; the worse of two tests will count.

    One asks whether others saw trouble where there are more errors than usual; the other whether
    there are more than other channels of the service let expect.
    """
    level, support = w.log_level[service, source, 0], 0.0
    if level > 0.0:
        support = corroboration(m, w, (service, tick, LOG, source), k)
    heed = w.heed[service, source, LOG]
    return Doubted(level, support, heed, w.log_level[service, source, 1])


@borrowing(inline="always")
def _score_logs(m: Memory, w: Scratch, rows: LogRows, start: int, end: int, k: Scale) -> None:
    for i in range(start, end):
        source, service = rows.source[i], rows.service[i]
        seen = Doubted(0.0, 0.0, 1.0, 0.0)
        if rows.late[i] == 0 and rows.severity[i] >= ERROR:
            seen = _doubt_of_logs(m, w, service, source, rows.tick[i], k)
        settle(w, rows, i, Case(LOG, source, rows.late[i]), seen, k)
    for n in range(w.counts[1]):
        service, source = w.log_voices[n, 0], w.log_voices[n, 1]
        tick, usual = rows.tick[start], m.usual[service, source]
        errors = w.errors[service, source]
        if is_new(m, service, tick, k):
            meet(usual, errors, tick - m.first[service])
            continue
        belief = 1.0 - doubt_of(_doubt_of_logs(m, w, service, source, tick, k))
        get_used(usual, errors, belief, hold(m, service, tick, k), k)
        learn_noise(usual, errors, w.log_level[service, source, 2], belief, k)


@borrowing(inline="always")
def _count_spans(m: Memory, w: Scratch, rows: SpanRows, start: int, end: int) -> None:
    for i in range(start, end):
        source, service, tick = rows.source[i], rows.service[i], rows.tick[i]
        speak(m, w, service, source, tick)
        if rows.parent[i] >= 0 and rows.late[i] == 0:
            m.calls_to[rows.parent[i], service] = True
        if rows.late[i] or not math.isfinite(rows.duration[i]):
            continue
        m.spoke[service, source] = tick
        m.kinds[service, source] |= 1 << SPAN
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


@borrowing(inline="always")
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
        seen[5], said = weigh(usual, seen[2], w.base[source], hold(m, service, tick, k), k)
        if not is_new(m, service, tick, k):
            seen[4], fails = surprise(seen[1], seen[0], usual[5:7], 0.25, k)
            said = max(said, fails)
        said *= w.base[source]
        if said > 0.0:
            testify(m, service, tick, SPAN, said, source)


@borrowing(inline="always")
def _span_level(seen: Floats, duration: float, failed: float) -> float:
    level = seen[4] if failed > 0.0 else 0.0
    if seen[5] > level:
        usual = seen[3]
        if (math.log(max(duration, 1e-9)) - usual) * (seen[2] - usual) > 0.0:
            level = seen[5]
    return level


@borrowing(inline="always")
def _score_spans(m: Memory, w: Scratch, rows: SpanRows, start: int, end: int, k: Scale) -> None:
    for i in range(start, end):
        source, service, level, support = rows.source[i], rows.service[i], 0.0, 0.0
        if not math.isfinite(rows.duration[i]):
            refuse(w, rows, i, source)
            continue
        if rows.late[i] == 0:
            level = _span_level(w.calls[service, source], rows.duration[i], rows.error[i])
            if level > 0.0:
                support = corroboration(m, w, (service, rows.tick[i], SPAN, source), k)
        heed = w.heed[service, source, SPAN]
        seen = Doubted(level, support, heed, 0.0)
        settle(w, rows, i, Case(SPAN, source, rows.late[i]), seen, k)
    for n in range(w.counts[2]):
        service, source = w.span_voices[n, 0], w.span_voices[n, 1]
        tick, seen, usual = rows.tick[start], w.calls[service, source], m.calls[service, source]
        support = 0.0
        if seen[4] > 0.0:
            support = corroboration(m, w, (service, tick, SPAN, source), k)
        belief = 1.0 - seen[4] * (1.0 - support) * w.heed[service, source, SPAN]
        get_used(usual[5:7], seen[1] / seen[0], belief, hold(m, service, tick, k), k)


@borrowing(inline="always")
def _bearing(
    m: Memory, w: Scratch, service: int, source: int, tick: int, k: Scale
) -> tuple[float, float]:
    """Return level and support of a claim that telemetry, where there is any, must bear out."""
    if is_new(m, service, tick, k) or not onlookers(
        m, w, (service, tick, CHANGE, source), k.window
    ):
        return 0.0, 0.0
    return 1.0, corroboration(m, w, (service, tick, CHANGE, source), k)


@borrowing(inline="always")
def _hear_changes(m: Memory, w: Scratch, rows: ChangeRows, start: int, end: int, k: Scale) -> None:
    for i in range(start, end):
        source, service, tick = rows.source[i], rows.service[i], rows.tick[i]
        speak(m, w, service, source, tick)
        if rows.evident[i] == 1 and rows.late[i] == 0 and w.base[source] > 0.0:
            testify(m, service, tick, CHANGE, w.base[source], source)
    for i in range(start, end):  # claims are weighed against everything else
        if rows.evident[i] == 2 and rows.late[i] == 0:
            source, service, tick = rows.source[i], rows.service[i], rows.tick[i]
            level, support = _bearing(m, w, service, source, tick, k)
            if level * support >= 0.5:
                m.ill[service] = tick
            said = w.base[source] * (1.0 - level * (1.0 - support))
            if said > 0.0:
                testify(m, service, tick, CHANGE, said, source)


@borrowing(inline="always")
def _score_changes(m: Memory, w: Scratch, rows: ChangeRows, start: int, end: int, k: Scale) -> None:
    for i in range(start, end):
        source, service, level, support = rows.source[i], rows.service[i], 0.0, 0.0
        if rows.evident[i] == 2 and rows.late[i] == 0:
            level, support = _bearing(m, w, service, source, rows.tick[i], k)
        seen = Doubted(level, support, 1.0, 0.0)
        settle(w, rows, i, Case(CHANGE, source, rows.late[i]), seen, k)


@borrowing(inline="always")
def _stand(m: Memory, w: Scratch, source: int, k: Scale) -> None:
    """Work out from prior and reputation how far a channel is trusted in the next tick."""
    good, bad = m.good[source] + k.good, m.bad[source] + k.bad
    mean = good / (good + bad)
    w.base[source] = m.prior[source] * min(mean / k.full_reputation, 1.0)
    w.flags[source] = (_UNAUTHENTICATED if m.prior[source] < 0.5 else 0) | (
        _REPUTATION if mean < k.full_reputation else 0
    )


@borrowing(inline="always")
def _judge_channels(m: Memory, w: Scratch, k: Scale) -> None:
    for n in range(w.counts[0]):
        c = w.channels[n]
        share = w.doubt[c] / w.rows[c]
        m.good[c] = m.good[c] * k.forget + (1.0 - share)
        m.bad[c] = m.bad[c] * k.forget + w.blame[c] / w.rows[c]
        m.rows[c] += w.rows[c]
        m.lean[c, 0] *= k.forget
        m.lean[c, 1] *= k.forget
        _stand(m, w, c, k)
    w.counts[0] = 0
    w.counts[3] += 1


@borrowing(inline="always")
def _next(ticks: Ints, at: int) -> int:
    return ticks[at] if at < ticks.size else _NEVER


@borrowing(inline="always")
def _reach(ticks: Ints, start: int, tick: int) -> int:
    end = start
    while end < ticks.size and ticks[end] == tick:
        end += 1
    return end


@borrowing()
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
        _compare(m, w, metrics, metric, metric_end, k)
        _hear_logs(m, w, logs, log, log_end, k)
        _hear_spans(m, w, spans, span, span_end, k)
        _hear_changes(m, w, changes, change, change_end, k)
        _score_metrics(m, w, metrics, metric, metric_end, k)
        _score_logs(m, w, logs, log, log_end, k)
        _score_spans(m, w, spans, span, span_end, k)
        _score_changes(m, w, changes, change, change_end, k)
        _judge_channels(m, w, k)
        metric, log, span, change = metric_end, log_end, span_end, change_end
