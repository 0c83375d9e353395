"""Compiled corroboration: who else saw something, here or in a service called from here.

Evidence is kept as claims: the strongest recent word of each (channel, kind of signal) about a
service. Claims of a row's own channel never support it, unless no other channel speaks of the
service at all; then its other kinds of signal do.
"""

from tam_workbench.trust.arrays import CLAIMS, Memory, Scale, Scratch
from tam_workbench.trust.compiled import borrowing

Asked = tuple[int, int, int, int]
"""What is asked of corroboration: service, tick, kind of signal, channel."""

METRIC, LOG, SPAN, CHANGE = 0, 1, 2, 3
KINDS = 4
WITNESS = 0.5
"""Trust from which a channel counts as one who would have seen something."""


@borrowing()
def testify(m: Memory, service: int, tick: int, kind: int, said: float, source: int) -> None:
    """Leave a claim; it takes the place of a weaker or older one of its channel and kind.

    Nothing is said with no force: an older claim stays.
    """
    if said <= 0.0:
        return
    who, place, oldest = source * KINDS + kind, -1, 0
    for n in range(CLAIMS):
        if m.claimant[service, n] == who:
            place = n
            break
        if m.claimed[service, n] < m.claimed[service, oldest]:
            oldest = n
    if place < 0:
        m.claimant[service, oldest] = who
        m.claimed[service, oldest] = tick
        m.claim[service, oldest] = said
    elif said >= m.claim[service, place] or m.claimed[service, place] < tick:
        m.claimed[service, place] = tick
        m.claim[service, place] = said


@borrowing()
def _is_best(m: Memory, service: int, place: int, oldest: int) -> bool:
    """Tell whether a claim is the strongest of its channel; of equals the first is."""
    source, said = m.claimant[service, place] // KINDS, m.claim[service, place]
    for n in range(CLAIMS):
        if n == place or m.claimed[service, n] < oldest:
            continue
        if m.claimant[service, n] // KINDS == source:
            other = m.claim[service, n]
            if other > said or (other == said and n < place):
                return False
    return True


@borrowing()
def _below(m: Memory, service: int, tick: int, source: int, k: Scale) -> float:
    """Return the strongest evidence in called services; metrics stay where they are."""
    best = 0.0
    for other in range(m.calls_to.shape[1]):
        if m.calls_to[service, other] and other != service:
            for n in range(CLAIMS):
                if tick - m.claimed[other, n] > k.window:
                    continue
                who = m.claimant[other, n]
                if who % KINDS != METRIC and who // KINDS != source:
                    best = max(best, min(m.claim[other, n] / k.enough, 1.0))
    return best


@borrowing()
def onlookers(m: Memory, w: Scratch, at: Asked, window: int) -> int:
    """Return how many other trusted channels spoke of a service lately."""
    service, tick, _, source = at
    count = 0
    for other in range(m.spoke.shape[1]):
        if other != source and tick - m.spoke[service, other] <= window:
            count += w.base[other] >= WITNESS
    return count


@borrowing()
def _votes(m: Memory, at: Asked, window: int, k: Scale) -> tuple[float, int, float]:
    """Return the votes of other channels, how many voted, and the channel's own other kinds."""
    service, tick, kind, source = at
    votes, voters, own = 0.0, 0, 0.0
    for n in range(CLAIMS):
        if m.claimed[service, n] < tick - window:
            continue
        who, said = m.claimant[service, n], min(m.claim[service, n] / k.enough, 1.0)
        if who // KINDS == source:
            if who % KINDS != kind:
                own = max(own, said)
        elif _is_best(m, service, n, tick - window):
            votes += said
            voters += 1
    return votes, voters, own


@borrowing()
def _heed(m: Memory, at: Asked, others: int, k: Scale) -> float:
    """Return how much silence means: nothing where nobody else could have seen anything.

    A channel's own other kinds of signal count as one who could. Every storm of errors leaves a
    trace elsewhere; not every odd metric does, so that it takes ``votes`` of them.
    """
    service, _, kind, source = at
    own = (m.kinds[service, source] & ~(1 << kind)) != 0
    witnesses = float(others) + own
    return float(min(witnesses / k.votes if kind == METRIC else witnesses, 1.0))


@borrowing()
def corroboration(m: Memory, w: Scratch, at: Asked, k: Scale) -> float:
    """Return how far others support an anomaly that a channel tells; worked out once a tick."""
    service, tick, kind, source = at
    if w.memo_stamp[service, source, kind] == w.counts[3]:
        return float(w.memo[service, source, kind])
    window = k.breach_window if kind == CHANGE else k.window
    votes, voters, support = _votes(m, at, window, k)
    others = max(onlookers(m, w, at, window), voters)
    if others > 0:
        support = min(votes / min(k.votes, 0.5 * (1.0 + others)), 1.0)
    if others < k.votes and support < 1.0:
        near = _below(m, service, tick, source if others > 0 else -1, k)
        support = max(support, k.neighbour * near)
    w.heed[service, source, kind] = _heed(m, at, others, k)
    w.memo_stamp[service, source, kind] = w.counts[3]
    w.memo[service, source, kind] = support
    return support
