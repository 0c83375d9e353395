"""Compiled corroboration: who else saw something, here or in a neighbouring service."""

from tam_workbench.trust.arrays import Memory, Scale, Scratch
from tam_workbench.trust.compiled import borrowing

METRIC, LOG, SPAN, CHANGE = 0, 1, 2, 3


@borrowing()
def testify(m: Memory, service: int, tick: int, kind: int, said: float, source: int) -> None:
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


@borrowing()
def _heard(m: Memory, service: int, tick: int, kind: int) -> float:
    """Return the strongest evidence of other kinds within the window up to ``tick``."""
    best = 0.0
    for at in range(m.stamp.shape[1]):
        if 0 <= tick - m.stamp[service, at] < m.stamp.shape[1]:
            for other in range(4):
                if other != kind:
                    best = max(best, m.evidence[service, at, other])
    return best


@borrowing()
def corroboration(m: Memory, w: Scratch, service: int, tick: int, kind: int, k: Scale) -> float:
    """Return how far other signals, here and next door, support an anomaly; once a tick."""
    if w.memo_stamp[service, kind] == w.counts[3]:
        return float(w.memo[service, kind])
    own = min(_heard(m, service, tick, kind) / k.enough, 1.0)
    if own < 1.0:
        for other in range(m.links.shape[0]):
            if m.links[service, other] and other != service:
                near = min(_heard(m, other, tick, kind) / k.enough, 1.0)
                own = max(own, k.neighbour * near)
    w.memo_stamp[service, kind] = w.counts[3]
    w.memo[service, kind] = own
    return own


@borrowing()
def peers(m: Memory, service: int, tick: int, source: int, k: Scale) -> float:
    """Return how far metrics of the service from other channels support a metric."""
    best = 0.0
    for at in range(m.stamp.shape[1]):
        if 0 <= tick - m.stamp[service, at] < m.stamp.shape[1]:
            is_own = m.witness[service, at] == source
            best = max(best, m.evidence[service, at, 4 if is_own else METRIC])
    return min(best / k.enough, 1.0)
